"""The port of a function's log and metrics, for use cases that decide what becomes of a queue record."""

from __future__ import annotations

from typing import Any, Literal, Protocol

Count = Literal[
    "EventsRecorded",
    "EventsDuplicate",
    "EventsDropped",
    "EventsParked",
    "MessagesSent",
    "MessagesFailed",
    "MessagesUnknown",
    "MessagesSkipped",
    "EmailQuotaLow",
    "Parked",
]
"""The metrics of what became of events and messages (docs/operate.md#logs-and-metrics). `Parked` counts dead letters,
and `EmailQuotaLow` the reads by which most of the daily quota of SES is used up."""


class Telemetry(Protocol):
    """The log of a function, and its metrics with an alarm.

    A line of the log is a short text with fields. No field names or describes a customer, except for the customer id.
    """

    def log_line(self, text: str, /, **fields: Any) -> None:
        """Logs what a function does as a rule."""

    def log_warning(self, text: str, /, **fields: Any) -> None:
        """Logs what repairs itself."""

    def log_error(self, text: str, /, **fields: Any) -> None:
        """Logs what a person has to repair."""

    def log_exception(self, text: str, /, **fields: Any) -> None:
        """Logs an unexpected error, with the traceback of the exception that is being handled."""

    def count(self, name: Count, number: int = 1, *, reason: str = "") -> None:
        """Adds to a metric of this invocation; with a reason, to its value for this reason."""

    def count_newer_format(self) -> None:
        """Counts a queue message that a newer version wrote."""

    def count_unreadable_journey(self) -> None:
        """Counts a signal that met a version of a journey that cannot be read."""
