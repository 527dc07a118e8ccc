"""Reads what the functions log and turns each record into one readable line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from functions.local.cloud import Cloud

EVENTS_AT_A_TIME: Final = 10_000
OVERLAP: Final = 10_000  # milliseconds

Identity = tuple[str, int, str]

NOT_FIELDS: Final = frozenset({"level", "message", "timestamp", "service"})  # they stand at the start of the line
LAMBDA_LINES: Final = ("START ", "END ", "REPORT ", "INIT_START ")
LAMBDA_FIELDS: Final = frozenset(
    {"cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id", "xray_trace_id"}
)
HIDDEN_FIELDS: Final = LAMBDA_FIELDS | {"location", "run", "request_id", "exception", "stack_trace"}


def line(text: str) -> str | None:
    """A log record as one line: time, function, level unless INFO or DEBUG, message, and fields. None for lines that Lambda writes itself.

    A text that is not JSON, such as a traceback, stays as it is.
    """
    try:
        record = json.loads(text)
    except ValueError:
        return None if text.startswith(LAMBDA_LINES) or not text.strip() else text.rstrip()
    if not isinstance(record, dict) or "message" not in record or "level" not in record:
        return None
    level_prefix = "" if record["level"] in {"INFO", "DEBUG"} else f"{record['level']} "
    clock = str(record.get("timestamp", ""))[11:19]
    return f"{clock}  {record.get('service', ''):<7} {level_prefix}{record['message']:<12} {_fields(record)}".rstrip()


def _fields(record: dict[str, Any]) -> str:
    """The fields that identify what the record is about, without the empty ones."""
    shown = {name: value for name, value in record.items() if name not in NOT_FIELDS | HIDDEN_FIELDS and value not in (None, "", [], 0)}
    return "  ".join(f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}" for name, value in shown.items())


class LogWatcher:
    """Reads the log groups of the functions, each record once."""

    def __init__(self, cloud: Cloud, groups: list[str]) -> None:
        self._logs = cloud.client("logs")
        self._since = {group: int(datetime.now(UTC).timestamp() * 1000) for group in groups}
        self._seen: dict[Identity, int] = {}

    def new_lines(self) -> Iterator[str]:
        """What was logged since the last call, oldest first."""
        events = [event for group in self._since for event in self._new_events(group)]
        for event in sorted(events, key=lambda event: event["timestamp"]):
            if readable := line(event["message"]):
                yield readable

    def _new_events(self, group: str) -> list[dict[str, Any]]:
        """The events of a group that were not read before. The next reading begins shortly before the newest of them."""
        # A reading from the start of the run would return the same first 10,000 events for ever: MiniStack returns no more at a time, and
        # no token for the rest. The overlap is for workers whose records arrive a little later than newer ones of others.
        events = {_identity(group, event): event for event in self._events(group)}
        new = [event for identity, event in events.items() if identity not in self._seen]
        self._seen |= {identity: event["timestamp"] for identity, event in events.items()}
        if new:
            self._since[group] = max(self._since[group], new[-1]["timestamp"] - OVERLAP)
            self._seen = {identity: at for identity, at in self._seen.items() if at >= self._since[identity[0]]}
        return new

    def _events(self, group: str) -> Iterator[dict[str, Any]]:
        start = self._since[group]
        while True:
            found = self._logs.filter_log_events(logGroupName=group, startTime=start, limit=EVENTS_AT_A_TIME)["events"]
            yield from found
            if len(found) < EVENTS_AT_A_TIME:
                return
            start = max(found[-1]["timestamp"], start + 1)  # at least one more: so many events of one millisecond have no order


def _identity(group: str, event: dict[str, Any]) -> Identity:
    """What distinguishes an event from all others: MiniStack gives it no id."""
    return group, event["timestamp"], event["message"]
