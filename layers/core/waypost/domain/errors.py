"""The kinds of failure: wrong input is refused, an unavailable dependency is retried later."""

from __future__ import annotations

from typing import ClassVar


class WaypostError(Exception):
    """The base of every error that Waypost raises on purpose.

    `holds_values`: whether its text may quote a value of a request, a customer or a row. If not, the log shows the text.
    """

    holds_values: ClassVar[bool] = True


class RefusedError(WaypostError):
    """The caller's input is wrong. An HTTP handler turns it into a problem response (RFC 9457); it is never retried.

    `status` is the HTTP status, `code` a stable word, `detail` a sentence for a person, and `extra` holds further members of the
    problem object; `allow` and `retry_after` among them are headers of the response.
    """

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


class UnavailableError(WaypostError):
    """A dependency is throttled, times out or refuses the connection. The caller retries the whole operation later."""

    holds_values = False


class TransactionRefusedError(WaypostError, ValueError):
    """DynamoDB refuses a transaction and will always refuse it. The text holds the codes of its reasons."""

    holds_values = False


class StaleError(WaypostError):
    """A conditional write found a newer state than the one it was computed from. Load the state again and decide again."""


class NewerFormatError(WaypostError):
    """A newer version of Waypost wrote this queue message, and this version cannot read it. The message stays on its queue."""

    holds_values = False
