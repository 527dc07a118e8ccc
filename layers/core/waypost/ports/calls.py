"""The port through which a cache makes a call of another port, so that its caller can limit the time of the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Caller(Protocol):
    """Makes a call to a table.

    `has_fallback` says that the caller can go on without the result. UnavailableError if the result does not come in time.
    """

    def __call__(self, call: Callable[[], T], *, has_fallback: bool) -> T:
        """The result of the call."""
