"""How runs advance: entry rules, step rules, transitions, timers, effects and the dry run."""
