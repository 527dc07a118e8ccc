"""Values without identity: durations, time windows, times, exact JSON, comparison, limits, generated ids."""
