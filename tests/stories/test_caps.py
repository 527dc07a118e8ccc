"""Caps over HTTP: a message that waits over midnight and over a change of the clocks, and one that is skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.local.stack import Stack
from tests.stories.test_time import advance_to, clock, join, journey, mail, sent_at, subjects
from tests.stories.workspace import Workspace, trigger

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def stack(advancing: Stack) -> Stack:
    """The stack whose clock tests advance."""
    return advancing


def eve_of_clock_change(now: datetime) -> datetime:
    """22:30 in Berlin on the last evening before clocks change there next."""
    day = now.astimezone(BERLIN).replace(hour=22, minute=30, second=0, microsecond=0, fold=0) + timedelta(days=1)
    while day.utcoffset() == (day + timedelta(days=1)).utcoffset():
        day += timedelta(days=1)
    return day.astimezone(UTC)


def message(workspace: Workspace, step: str) -> dict[str, Any]:
    """The message of a step."""
    [found] = [each for each in workspace.get("/api/messages")["items"] if each["step"] == step]
    return dict(found)


def test_a_cap_defers_over_midnight_and_over_a_change_of_the_clocks(workspace: Workspace) -> None:
    """The second message of a day waits past midnight, and is sent at the local time of the first, 23 or 25 hours later."""
    workspace.put("/api/settings", {"caps": [{"messages": 1, "per": "P1D"}]})
    workspace.publish(journey("first", mail("one")))
    workspace.publish(journey("second", mail("two"), entry={"event": "returned"}))
    eve = eve_of_clock_change(clock(workspace))
    advance_to(workspace, eve)
    join(workspace, timezone="Europe/Berlin")
    first = sent_at(workspace, "one")
    advance_to(workspace, eve + timedelta(hours=2))
    workspace.send(trigger("ada", "returned"))
    assert workspace.stack.settle()
    waiting = message(workspace, "two")
    assert (waiting["status"], waiting["reason"], waiting["attempts"]) == ("pending", "cap", [])
    due = datetime.fromisoformat(waiting["due"])
    on_clocks = due.astimezone(BERLIN).replace(tzinfo=None) - first.astimezone(BERLIN).replace(tzinfo=None)
    assert abs(on_clocks - timedelta(days=1)) < timedelta(minutes=1)
    assert round((due - first) / timedelta(hours=1)) in (23, 25)
    advance_to(workspace, due - timedelta(minutes=1))
    assert subjects(workspace) == ["one"]
    advance_to(workspace, due + timedelta(minutes=1))
    assert subjects(workspace) == ["one", "two"]
    assert timedelta(0) <= sent_at(workspace, "two") - due < timedelta(minutes=1)
    assert message(workspace, "two")["reason"] is None


def test_a_cap_of_a_topic_skips(workspace: Workspace) -> None:
    """With `skip`, the message of a topic that comes second is skipped with the cap as its reason; another topic and a receipt are sent."""
    cap = {"id": "weekly-news", "messages": 1, "per": "P7D", "topic": "news", "otherwise": "skip"}
    workspace.put("/api/settings", {"topics": [{"id": "news"}], "caps": [cap]})
    steps = [mail("one", "two") | {"topic": "news"}, mail("two", "three") | {"topic": "news"}]
    workspace.publish(journey("news", *steps, mail("three", "four"), mail("four") | {"transactional": True}))
    join(workspace)
    # The two messages of the topic are due at the same moment, and either of them may take the only place.
    [capped] = {"one", "two"} - set(subjects(workspace))
    assert sorted([*subjects(workspace), capped]) == ["four", "one", "three", "two"]
    skipped = message(workspace, capped)
    assert (skipped["status"], skipped["reason"]) == ("skipped", "cap")
    assert skipped["attempts"][-1]["detail"] == "the cap is reached: 1 in P7D of the topic news (weekly-news)"
