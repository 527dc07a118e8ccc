"""The diagram of a journey as Mermaid text."""

from __future__ import annotations

from tests.fakes.journeys import EVERY_STEP, message
from waypost.domain.journeys.diagram import mermaid
from waypost.domain.journeys.journey import Journey

JOURNEY = Journey.model_validate(EVERY_STEP)


def test_every_step_and_every_edge_is_drawn() -> None:
    """Each step has its shape and a short text, each edge its condition; nodes have names that are not Mermaid's own words."""
    expected = """flowchart TD
  entry(["say #quot;hi#quot;"]) --> s0
  s0["hello<br/>email"]
  s0 --> s1
  s0 -->|"not sent"| s11
  s1["hook<br/>webhook"]
  s1 --> s2
  s2["text<br/>sms"]
  s2 --> s3
  s3[/"wait<br/>wait for"/]
  s3 -->|"a and b"| s4
  s3 -->|"c or d if ..."| s4
  s3 -->|"e"| s11
  s3 -->|"after P3D"| s5
  s4[/"rest<br/>wait PT1H30M"/]
  s4 --> s11
  s5{"draw<br/>experiment"}
  s5 -->|"x: 60 %"| s6
  s5 -->|"y: 40 %"| s11
  s6{"split<br/>multisplit"}
  s6 -->|"branch 1"| s7
  s6 -->|"otherwise"| s11
  s7[/"days<br/>monday from 09:00 to 17:00"/]
  s7 --> s8
  s8[/"hours<br/>from 22:00 to 06:00"/]
  s8 --> s9
  s9[/"dates<br/>from 2026-12-01 to 2026-12-24T18:00"/]
  s9 --> s10
  s10["jump<br/>jumpTo"]
  s10 --> s11
  s11(["end<br/>exit"])
  exit0(["exit on gone"])
"""
    assert mermaid(JOURNEY) == expected


def test_counts_of_a_part_say_so() -> None:
    """Where there are more runs, each number has a plus sign, and the last line is a comment with the cursor."""
    text = mermaid(JOURNEY, {"wait": 12}, "abc")
    assert 's3[/"wait<br/>wait for<br/>12+ here"/]' in text
    assert text.endswith("\n%% next: abc\n")


def test_counts_of_customers_are_drawn_at_their_steps() -> None:
    """With counts every step shows how many customers are at it, also where there are none."""
    text = mermaid(JOURNEY, {"wait": 12})
    assert 's3[/"wait<br/>wait for<br/>12 here"/]' in text
    assert 's0["hello<br/>email<br/>0 here"]' in text


def test_what_a_wait_asks_of_a_message_is_drawn() -> None:
    """The edge of a branch on a message names its step and the status; a link is mentioned, not shown."""
    branches = [
        {"message": "hello", "status": "clicked", "link": "https://example.com/", "next": "end"},
        {"message": "hello", "status": "bounced", "next": "end"},
    ]
    steps = [message("hello", "wait"), {"id": "wait", "type": "waitUntil", "branches": branches}, {"id": "end", "type": "exit"}]
    text = mermaid(Journey.model_validate({"id": "j", "entry": {"event": "go"}, "steps": steps}))
    assert 's1 -->|"hello clicked a link"| s2' in text
    assert 's1 -->|"hello bounced"| s2' in text
