"""The rules, pure: no AWS, no clock, no dice, no environment, no logging."""
