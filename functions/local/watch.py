"""One readable line for each thing that happens, made from what the functions log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from functions.local.cloud import Cloud

Identity = tuple[str, int, str]

SHOWN_ALREADY: Final = frozenset({"level", "message", "timestamp", "service"})
LAMBDAS_OWN: Final = ("START ", "END ", "REPORT ", "INIT_START ")
LAMBDA: Final = frozenset({"cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id", "xray_trace_id"})
FOR_MACHINES: Final = LAMBDA | {"location", "run", "request_id", "exception", "stack_trace"}


def line(text: str) -> str | None:
    """A log line as a person reads it: time, function, what happened and the fields that say to what. None for Lambda's own lines."""
    try:
        record = json.loads(text)
    except ValueError:
        return None if text.startswith(LAMBDAS_OWN) or not text.strip() else text.rstrip()
    if not isinstance(record, dict) or "message" not in record or "level" not in record:
        return None
    loud = "" if record["level"] in {"INFO", "DEBUG"} else f"{record['level']} "
    clock = str(record.get("timestamp", ""))[11:19]
    return f"{clock}  {record.get('service', ''):<7} {loud}{record['message']:<12} {_fields(record)}".rstrip()


def _fields(record: dict[str, Any]) -> str:
    shown = {name: value for name, value in record.items() if name not in SHOWN_ALREADY | FOR_MACHINES and value not in (None, "", [], 0)}
    return "  ".join(f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}" for name, value in shown.items())


class Watch:
    """Reads the functions' log groups from where it stopped."""

    def __init__(self, cloud: Cloud, groups: list[str]) -> None:
        self._logs = cloud.client("logs")
        self._since = {group: int(datetime.now(UTC).timestamp() * 1000) for group in groups}
        self._seen: set[Identity] = set()

    def lines(self) -> Iterator[str]:
        """What was logged since the last call, oldest first."""
        events = [event for group in self._since for event in self._new(group)]
        for event in sorted(events, key=lambda event: event["timestamp"]):
            if readable := line(event["message"]):
                yield readable

    def _new(self, group: str) -> list[dict[str, Any]]:
        found = self._logs.filter_log_events(logGroupName=group, startTime=self._since[group])["events"]
        new = [event for event in found if _identity(group, event) not in self._seen]
        self._seen |= {_identity(group, event) for event in new}
        return new


def _identity(group: str, event: dict[str, Any]) -> Identity:
    """MiniStack's events have no id of their own."""
    return group, event["timestamp"], event["message"]
