"""The lines that `make run` prints for the log records of the functions."""

from __future__ import annotations

import json

import pytest

from functions.local.watch import line

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
