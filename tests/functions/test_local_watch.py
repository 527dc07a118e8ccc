"""The lines that `make run` prints while events move."""

from __future__ import annotations

import json

import pytest

from functions.local.watch import line

RECORD = {"level": "INFO", "location": "_tell:61", "message": "accepted", "timestamp": "2026-11-23 07:29:25,120+0000", "service": "ingest"}


def test_a_line_says_when_who_what_and_to_what() -> None:
    """A structured log line becomes one that a person reads, without what only machines need and without what is empty."""
    text = json.dumps(RECORD | {"events": ["$identify", "joined"], "rejected": [], "request_id": "r-1", "workspace": "ws_1"})
    assert line(text) == "07:29:25  ingest  accepted     events=$identify,joined  workspace=ws_1"


def test_what_went_wrong_is_loud() -> None:
    """An error shows its level."""
    assert "ERROR unavailable" in str(line(json.dumps(RECORD | {"level": "ERROR", "message": "unavailable"})))


@pytest.mark.parametrize("text", ["START RequestId: 1", "", "[1, 2]", '{"_aws": {"Timestamp": 1}, "EventsAccepted": [1.0]}'])
def test_what_is_not_ours_is_not_shown(text: str) -> None:
    """Lambda's own lines and metrics are left out."""
    assert line(text) is None


def test_what_broke_is_shown_as_it_is() -> None:
    """A function that cannot even log leaves a plain text, such as a traceback."""
    assert line("ImportError: no such module\n") == "ImportError: no such module"
