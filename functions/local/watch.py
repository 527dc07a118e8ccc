"""Reads what the functions log and turns each record into one readable line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from functions.local.cloud import Cloud

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
        self._seen: set[Identity] = set()

    def new_lines(self) -> Iterator[str]:
        """What was logged since the last call, oldest first."""
        events = [event for group in self._since for event in self._new_events(group)]
        for event in sorted(events, key=lambda event: event["timestamp"]):
            if readable := line(event["message"]):
                yield readable

    def _new_events(self, group: str) -> list[dict[str, Any]]:
        found = self._logs.filter_log_events(logGroupName=group, startTime=self._since[group])["events"]
        new = [event for event in found if _identity(group, event) not in self._seen]
        self._seen |= {_identity(group, event) for event in new}
        return new


def _identity(group: str, event: dict[str, Any]) -> Identity:
    """What distinguishes an event from all others: MiniStack gives it no id."""
    return group, event["timestamp"], event["message"]
