"""The numbers of a journey through the management function, and the calls that they need."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call
from tests.fakes.messages import pending_message
from waypost.adapters.aws import client
from waypost.adapters.dynamodb import message_items
from waypost.adapters.dynamodb.journey_counters import DynamoJourneyCounters
from waypost.adapters.dynamodb.table import Table
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.message import MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.journey_counts import ConversionCounts, CountedVersion, ExperimentBranchPlace, JourneyCounts

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(microsecond=0)
STEPS: list[dict[str, Any]] = [
    {
        "id": "draw",
        "type": "experiment",
        "branches": [{"id": "short", "weight": 50, "next": "wait"}, {"id": "long", "weight": 50, "next": "mail"}],
    },
    {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"id": "bought", "event": "purchase", "next": "end"}, {"event": "opened", "next": "end"}],
        "timeout": {"after": "P3D", "next": "end"},
    },
    {
        "id": "mail",
        "type": "message",
        "channel": "email",
        "template": {"subject": "Hi", "text": "Hello"},
        "next": "end",
        "onFailure": "end",
    },
    {"id": "end", "type": "exit"},
]
DEFINITION: dict[str, Any] = {"entry": {"event": "go"}, "steps": STEPS}
GOALS = Journey.model_validate({"id": "welcome", **DEFINITION}).goals


@pytest.fixture
def version(workspace: str) -> CountedVersion:
    """Version 1 of a journey of which yesterday and today have numbers; its draft, version 2, has none."""
    call("PUT", "/api/journeys/welcome", DEFINITION)
    call("POST", "/api/journeys/welcome/publish")
    call("PUT", "/api/journeys/welcome", DEFINITION)
    version, counters = CountedVersion(workspace, "welcome", 1), DynamoJourneyCounters(Table("RunsTable"))
    edges = Counter({EdgePlace(0, 0): 6, EdgePlace(0, 1): 4, EdgePlace(1, 0): 3, EdgePlace(1, 2): 1, EdgePlace(2, 1): 2})
    counters.add(version, JourneyCounts(10, 6, exited=Counter({Reason.EXIT_EVENT: 1}), edges=edges), TODAY - DAY)
    counters.add(version, JourneyCounts(2, ignored=Counter({Reason.ALREADY_ENTERED: 3}), edges=Counter({EdgePlace(0, 1): 2})), TODAY)
    reached = Counter({GOALS["wait", None]: 6, GOALS["wait", 0]: 3, GOALS["end", None]: 4})
    counters.add_conversions(version, ExperimentBranchPlace(0, 0), ConversionCounts(6, reached), TODAY - DAY)
    for number, status in enumerate((MessageStatus.SENT, MessageStatus.SENT, MessageStatus.FAILED)):
        named: dict[str, Any] = {"id": f"{workspace}{number}", "workspace": workspace, "version": 1, "step": "mail"}
        message = pending_message(**named, status=status, created_at=TODAY - number * DAY)
        Table("MessagesTable").put(message_items.to_item(message))
        Table("MessagesTable").put(message_items.to_item(replace(message, id=f"{message.id}-2", version=2, step="wait")))
    return version


def test_the_numbers_of_a_version(version: CountedVersion) -> None:
    """All steps and edges are there in the order of the definition, with the days added up. Edges to one step have different names."""
    status, stats = call("GET", "/api/journeys/welcome/stats")
    assert status == 200
    assert (stats["version"], stats["since"], stats["countedFrom"]) == (1, None, (TODAY - DAY).isoformat().replace("+00:00", ".000Z"))
    assert (stats["entered"], stats["finished"]) == (12, 6)
    assert stats["exited"] == [{"reason": "exit-event", "count": 1}]
    assert stats["ignored"] == [{"reason": "already-entered", "count": 3}]
    assert [(each["step"], each["came"]) for each in stats["steps"]] == [("draw", 12), ("wait", 6), ("mail", 6), ("end", 6)]
    assert [(each["from"], each["to"], each["branch"], each["label"], each["count"]) for each in stats["edges"]] == [
        ("draw", "wait", "short", "short: 50 %", 6),
        ("draw", "mail", "long", "long: 50 %", 6),
        ("wait", "end", "bought", "purchase", 3),
        ("wait", "end", "2", "opened", 0),
        ("wait", "end", "timeout", "after P3D", 1),
        ("mail", "end", None, "", 0),
        ("mail", "end", "onFailure", "not sent", 2),
    ]
    assert stats["messages"] == [{"step": "mail", "status": "failed", "count": 1}, {"step": "mail", "status": "sent", "count": 2}]
    assert (stats["isLowerBound"], stats["messagesAreLowerBound"]) == (False, False)


def test_the_edges_are_those_of_the_layout(version: CountedVersion) -> None:
    """Edges and steps have the order, the ends and the labels of the picture, so that a program can put the numbers on it."""
    stats, drawn = (call("GET", f"/api/journeys/welcome/{name}")[1] for name in ("stats", "picture"))
    names = ("from", "to", "label")
    assert [[each[name] for name in names] for each in stats["edges"]] == [[each[name] for name in names] for each in drawn["edges"]]
    assert [each["step"] for each in stats["steps"]] == [each["id"] for each in drawn["steps"]]


def test_the_numbers_since_a_day(version: CountedVersion) -> None:
    """Only the numbers and messages of that day and later are added up; when counting began stays the same."""
    stats = call("GET", "/api/journeys/welcome/stats", query={"since": TODAY.date().isoformat()})[1]
    assert (stats["since"], stats["entered"], stats["finished"], stats["exited"]) == (TODAY.date().isoformat(), 2, 0, [])
    assert stats["countedFrom"] is not None
    assert sum(each["count"] for each in stats["messages"]) == 1


def test_another_version_has_its_own_numbers(version: CountedVersion) -> None:
    """A draft has no runs, and its messages are its own. A version, journey or step that does not exist is 404, and a wrong day 400."""
    stats = call("GET", "/api/journeys/welcome/stats", query={"version": "2"})[1]
    assert (stats["version"], stats["entered"], stats["countedFrom"]) == (2, 0, None)
    assert {each["step"] for each in stats["messages"]} == {"wait"}
    for path, query in [
        ("/api/journeys/welcome/stats", {"version": "3"}),
        ("/api/journeys/nothing/stats", None),
        ("/api/journeys/welcome/experiments/wait", {"goal": "end"}),
        ("/api/journeys/welcome/experiments/nothing", {"goal": "end"}),
    ]:
        assert call("GET", path, query=query)[0] == 404
    for day in ("2026-02-30", "yesterday", "1795411033", "2026-11-23T00:00:00Z"):
        status, error = call("GET", "/api/journeys/welcome/stats", query={"since": day})
        assert (status, error["code"], error["errors"][0]["parameter"]) == (400, "bad-parameter", "since")


def test_a_version_that_was_deleted_meanwhile_has_no_numbers(workspace: str, version: CountedVersion) -> None:
    """The deletion of a draft removes the older versions first. Where it ended after that, or is going on, such a version is 404."""
    Table("JourneysTable").delete({"workspace": workspace, "row": "version#welcome#000001"})
    assert call("GET", "/api/journeys/welcome/stats")[0] == 404
    assert call("GET", "/api/journeys/welcome/experiments/draw", query={"goal": "end"})[0] == 404


def test_an_incomplete_draft_has_no_numbers(version: CountedVersion) -> None:
    """A version that is no graph of steps is 422 with its faults, as its picture is."""
    call("PUT", "/api/journeys/sketch", {"steps": {}})
    assert call("GET", "/api/journeys/sketch/stats")[0] == 422


def test_a_failed_write_makes_the_numbers_lower_bounds(version: CountedVersion) -> None:
    """Once a write is known to have failed, the numbers of the days of that, and those of the experiments, say that they are too low."""
    DynamoJourneyCounters(Table("RunsTable")).add(version, JourneyCounts(failed_writes=1), TODAY - DAY)
    assert call("GET", "/api/journeys/welcome/stats")[1]["isLowerBound"]
    assert not call("GET", "/api/journeys/welcome/stats", query={"since": TODAY.date().isoformat()})[1]["isLowerBound"]
    assert call("GET", "/api/journeys/welcome/experiments/draw", query={"goal": "end"})[1]["isLowerBound"]


def test_the_conversion_of_an_experiment(version: CountedVersion) -> None:
    """Each branch has its runs and those that reached the goal, with the interval; a branch without runs has no rate."""
    status, found = call("GET", "/api/journeys/welcome/experiments/draw", query={"goal": "wait", "branch": "bought"})
    assert status == 200
    assert found == {
        "step": "draw",
        "goal": "wait",
        "branch": "bought",
        "version": 1,
        "countedFrom": (TODAY - DAY).isoformat().replace("+00:00", ".000Z"),
        "branches": [
            {"branch": "short", "entered": 6, "came": 3, "rate": 0.5, "low": 0.1876, "high": 0.8124},
            {"branch": "long", "entered": 0, "came": 0, "rate": None, "low": None, "high": None},
        ],
        "isLowerBound": False,
    }
    to_step = call("GET", "/api/journeys/welcome/experiments/draw", query={"goal": "end"})[1]
    assert [(each["came"], each["rate"]) for each in to_step["branches"]] == [(4, 0.6667), (0, None)]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"goal": "draw"}, "goal"),
        ({"goal": "nothing"}, "goal"),
        ({"goal": "wait", "branch": "timeout"}, "branch"),
        ({"goal": "mail", "branch": "1"}, "branch"),
        ({}, "goal"),
    ],
    ids=["before the experiment", "no step", "no branch", "no wait", "no goal"],
)
def test_a_wrong_goal_is_refused(version: CountedVersion, query: dict[str, str], parameter: str) -> None:
    """Only a step behind the experiment, or a branch of a wait behind it, is a goal; the error names the parameter."""
    status, error = call("GET", "/api/journeys/welcome/experiments/draw", query=query)
    assert (status, error["code"], error["errors"][0]["parameter"]) == (400, "bad-parameter", parameter)


def test_a_lost_write_makes_no_share_above_one(version: CountedVersion) -> None:
    """Where more runs came to the goal than are known to have taken the branch, those that came are the least that took it."""
    counters = DynamoJourneyCounters(Table("RunsTable"))
    counters.add_conversions(version, ExperimentBranchPlace(0, 1), ConversionCounts(1, Counter({GOALS["end", None]: 2})), TODAY)
    found = call("GET", "/api/journeys/welcome/experiments/draw", query={"goal": "end"})[1]["branches"][1]
    assert (found["entered"], found["came"], found["rate"], found["high"]) == (2, 2, 1.0, 1.0)


@pytest.mark.parametrize("days", [1, 400])
def test_the_numbers_are_a_bounded_number_of_calls(version: CountedVersion, days: int) -> None:
    """A year of numbers is read with the calls of one day: journey, definition, days, two for a page of messages, and the first day."""
    counters = DynamoJourneyCounters(Table("RunsTable"))
    for number in range(1, days):
        counters.add(version, JourneyCounts(1), TODAY - (number + 1) * DAY)
    calls: list[str] = []
    events = client("dynamodb").meta.events
    events.register("before-call", record := lambda model, **_: calls.append(model.name))
    try:
        call("GET", "/api/journeys/welcome/stats")
        assert [name for name in calls if name != "UpdateItem"] == ["GetItem", "GetItem", "Query", "Query", "BatchGetItem", "Query"]
        calls.clear()
        call("GET", "/api/journeys/welcome/experiments/draw", query={"goal": "end"})
        assert calls == ["GetItem", "GetItem", "Query", "Query"]
    finally:
        events.unregister("before-call", record)
