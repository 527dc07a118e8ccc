"""The rules, pure: no AWS, no clock, no randomness, no environment, no logging."""
