"""Values without an identity of their own: durations, time windows, times, exact JSON, comparison, limits, generated ids, chunks."""
