"""The only reader of the environment. Each function has the variables that it needs and no others."""

from __future__ import annotations

import os


def required(name: str) -> str:
    """The value of an environment variable that the template sets; KeyError names a missing one."""
    return os.environ[name]


def optional(name: str, default: str = "") -> str:
    """The value of an environment variable that may be absent or empty."""
    return os.environ.get(name) or default


def whole(name: str, default: int) -> int:
    """A whole number from the environment; ValueError for any other text."""
    return int(os.environ.get(name) or default)
