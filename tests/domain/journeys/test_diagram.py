"""A journey as Mermaid text."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.journeys import message
from waypost.domain.journeys.diagram import mermaid
from waypost.domain.journeys.journey import Journey
from waypost.domain.values.durations import parse

JOURNEY = Journey.model_validate(
    {
        "id": "j",
        "entry": {"event": 'say "hi"'},
        "exit": [{"event": "gone"}],
        "steps": [
            message("hello", "wait", onFailure="end"),
            {
                "id": "wait",
                "type": "waitUntil",
                "branches": [{"all": ["a", "b"], "next": "rest"}, {"event": "c", "next": "end"}],
                "timeout": {"after": "P3D", "next": "draw"},
            },
            {"id": "rest", "type": "timeDelay", "delay": "PT1H30M", "next": "end"},
            {"id": "draw", "type": "experiment", "branches": [{"id": "x", "weight": 100, "next": "split"}]},
            {
                "id": "split",
                "type": "multisplit",
                "branches": [{"conditions": {"property": "customer.x", "operator": "exist"}, "next": "window"}],
                "otherwise": "end",
            },
            {"id": "window", "type": "timeWindow", "onDays": ["monday"], "fromTime": "09:00", "toTime": "17:00", "next": "end"},
            {"id": "end", "type": "exit"},
        ],
    }
)


def test_every_step_and_every_way_is_drawn() -> None:
    """With names of our own, because a step may be called `end`, which Mermaid keeps for itself."""
    text = mermaid(JOURNEY)
    assert text.startswith("flowchart TD\n")
    assert 'entry(["say #quot;hi#quot;"]) --> s0' in text
    for line in (
        's0["hello<br/>email"]',
        "s0 --> s1",
        's0 -->|"not sent"| s6',
        's1 -->|"a and b"| s2',
        's1 -->|"after P3D"| s3',
        's2[/"rest<br/>wait PT1H30M"/]',
        's3 -->|"x: 100 %"| s4',
        's4 -->|"otherwise"| s6',
        's5[/"window<br/>monday from 09:00 to 17:00"/]',
        's6(["end<br/>exit"])',
        'exit0(["exit on gone"])',
    ):
        assert f"  {line}\n" in text


def test_counts_show_who_stands_where() -> None:
    """Steps where nobody stands show nought."""
    text = mermaid(JOURNEY, {"wait": 12})
    assert 's1[/"wait<br/>wait for<br/>12 here"/]' in text
    assert 's0["hello<br/>email<br/>0 here"]' in text


@pytest.mark.parametrize("text", ["P3D", "PT1H30M", "PT0.5S", "P1M", "P1MT1S", "PT0S", "P10DT36H"])
def test_a_duration_is_written_as_it_was_read(text: str) -> None:
    """Parts that are none are left out."""
    assert parse(text).text == text
    assert parse("P1Y").text == "P12M"
    assert parse("P1W").text == "P7D"
    assert parse("PT90S").elapsed == timedelta(seconds=90)
    assert parse("PT90S").text == "PT1M30S"
