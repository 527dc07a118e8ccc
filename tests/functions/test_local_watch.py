"""The lines that `make run` prints for the log records of the functions."""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import Any

import pytest

from functions.local.cloud import Cloud
from functions.local.watch import EVENTS_AT_A_TIME, LogWatcher, line

RECORD = {"level": "INFO", "location": "_log:61", "message": "accepted", "timestamp": "2026-11-23 07:29:25,120+0000", "service": "ingest"}


def test_a_line_shows_time_function_message_and_fields() -> None:
    """A structured log record becomes one readable line, without empty fields and without fields that only programs need."""
    text = json.dumps(RECORD | {"events": ["$identify", "joined"], "rejected": [], "request_id": "r-1", "workspace": "ws_1"})
    assert line(text) == "07:29:25  ingest  accepted     events=$identify,joined  workspace=ws_1"


def test_an_error_shows_its_level() -> None:
    """The level of a record stands before its message unless it is INFO or DEBUG."""
    assert "ERROR unavailable" in str(line(json.dumps(RECORD | {"level": "ERROR", "message": "unavailable"})))


@pytest.mark.parametrize(
    "text",
    ["START RequestId: 1", "", "[1, 2]", '{"_aws": {"Timestamp": 1}, "EventsAccepted": [1.0]}'],
    ids=["a line of Lambda's own", "an empty line", "JSON that is no object", "metrics"],
)
def test_lines_that_are_no_log_records_are_hidden(text: str) -> None:
    """Lambda's own lines and metrics are not printed."""
    assert line(text) is None


def test_plain_text_is_printed_unchanged() -> None:
    """A traceback of a function that fails before it can log is printed as it is."""
    assert line("ImportError: no such module\n") == "ImportError: no such module"


class EmulatedLogs(Cloud):
    """The logs of MiniStack, which returns the oldest 10,000 events from a time on, and no token for the rest."""

    def __init__(self) -> None:
        super().__init__("http://emulator")
        self.events: dict[str, list[dict[str, Any]]] = {}

    def client(self, service: str) -> Any:
        """The logs are their own client."""
        assert service == "logs"
        return self

    def write(self, group: str, numbers: range, at: int, per_millisecond: int) -> None:
        """Writes an event for each number, from a time on."""
        self.events.setdefault(group, []).extend(
            {"timestamp": at + n // per_millisecond, "message": f"{group} {number}"} for n, number in enumerate(numbers)
        )

    def filter_log_events(self, logGroupName: str, startTime: int, limit: int) -> dict[str, Any]:  # noqa: N803 - the names of AWS
        """One page of events."""
        events = self.events.get(logGroupName, [])
        start = bisect_left(events, startTime, key=lambda event: event["timestamp"])
        return {"events": events[start : start + min(limit, 10_000)]}


@pytest.mark.parametrize("per_millisecond", [1, 7, 9_999])
def test_every_record_is_shown_once_however_many_there_are(per_millisecond: int) -> None:
    """After 10,000 records, and also when more than that come between two readings, each new record of each group is returned once."""
    logs = EmulatedLogs()
    watcher = LogWatcher(logs, ["a", "b", "quiet"])
    written, at = 0, 2_000_000_000_000
    for more in (1, EVENTS_AT_A_TIME - 1, 3, 2 * EVENTS_AT_A_TIME + 7, 0, 5):
        for group in ("a", "b"):
            logs.write(group, range(written, written + more), at, per_millisecond)
        expected = [f"{group} {number}" for number in range(written, written + more) for group in ("a", "b")]
        assert sorted(watcher.new_lines()) == sorted(expected)
        written, at = written + more, at + more // per_millisecond + 1


def test_a_record_that_arrives_late_is_shown() -> None:
    """A record of a slow worker, a second older than what was read already, is not lost."""
    logs = EmulatedLogs()
    watcher = LogWatcher(logs, ["a"])
    logs.write("a", range(1), 2_000_000_001_000, 1)
    assert list(watcher.new_lines()) == ["a 0"]
    logs.events["a"].insert(0, {"timestamp": 2_000_000_000_000, "message": "late"})
    assert list(watcher.new_lines()) == ["late"]
