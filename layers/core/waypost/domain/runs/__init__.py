"""How runs move: entry rules, step rules, transitions, timers, effects and simulation."""
