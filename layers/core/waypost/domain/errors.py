"""The two kinds of failure: wrong input is an answer, a world that is down is a raise."""

from __future__ import annotations


class WaypostError(Exception):
    """Anything that Waypost raises on purpose."""


class RefusedError(WaypostError):
    """Wrong input. A door turns it into a problem answer (RFC 9457); it is never retried.

    `status` is the HTTP status, `code` is stable, `detail` is for a person, `extra` holds further members of the problem object.
    """

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


class UnavailableError(WaypostError):
    """The world is down: throttled, timed out, refused a connection. Whoever called is called again later."""


class StaleError(WaypostError):
    """A conditional write met a newer state than the one it was computed from. Load again and decide again."""
