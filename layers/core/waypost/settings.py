"""The only reader of environment variables. template.yaml gives each function the variables that it needs and no others."""

from __future__ import annotations

import os


def required(name: str) -> str:
    """The value of a variable that the template sets. KeyError, which names it, if it is missing."""
    return os.environ[name]


def optional(name: str, default: str = "") -> str:
    """The value of a variable, or the default if it is missing or empty."""
    return os.environ.get(name) or default


def integer(name: str, default: int) -> int:
    """The whole number in a variable, or the default if it is missing or empty. ValueError for any other text."""
    return int(os.environ.get(name) or default)
