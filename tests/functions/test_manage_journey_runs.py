"""The active runs of a journey through the management function, and the calls that a page of them costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call, new_workspace
from tests.fakes.ingest_harness import event_of, identify
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.dynamodb.events import DynamoReceipts
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit
from waypost.domain.runs.run import Cause, PendingTransition, Run
from waypost.domain.values.cursors import cursor_of

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
JOURNEY = {
    "entry": {"event": "go"},
    "steps": [{"id": "wait", "type": "timeDelay", "delay": "P1D", "next": "end"}, {"id": "end", "type": "exit"}],
}
RUN = Run("r_0", "welcome", 2, "", "wait", NOW, due=NOW + timedelta(days=1))
HELD = replace(RUN, due=None, pending_transition=PendingTransition(NOW, Identifier("correlation", "d"), "end", Cause.ELAPSED))


@pytest.fixture(autouse=True)
def journey(tables: None) -> str:
    """The id of a new workspace with the journey `welcome`."""
    workspace = new_workspace()
    call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})
    call("PUT", "/api/journeys/welcome", JOURNEY)
    call("POST", "/api/journeys/welcome/publish")
    return workspace


def save(workspace: str, customer: str, *runs: Run) -> None:
    """Saves runs of a customer."""
    stored = DynamoRuns(Table("RunsTable"), DynamoReceipts(Table("EventsTable"), timedelta(days=90)), Table("MessagesTable"))
    stored.commit(Commit(workspace, customer, stored.get(workspace, customer).version_row, (), runs))


def listed(**query: str) -> Any:
    """The JSON of the response with the runs of the journey."""
    status, body = call("GET", "/api/journeys/welcome/runs", query=query)
    assert status == 200
    return body


def test_the_active_runs_of_a_journey_are_listed(journey: str) -> None:
    """Each has its customer with the primary key value, its step and version, since when, until when, and whether a pause holds it."""
    identifying.identify_customer(wiring.managing().customers, journey, event_of(identify("Ada@Example.com")))
    ada = call("GET", "/api/customers", query={"primaryKey": "ada@example.com"})[1]["id"]
    save(journey, ada, replace(RUN, id="r_1"))
    save(journey, "c_nobody", replace(HELD, id="r_2"))
    save(journey, "c_ended", replace(RUN, id="r_3").exited(Reason.FINISHED, NOW))
    common = {"step": "wait", "version": 2, "enteredAt": "2026-11-23T05:17:13.000Z"}
    of_ada = {"run": "r_1", "customer": ada, "primaryKey": "ada@example.com", **common, "due": "2026-11-24T05:17:13.000Z", "held": False}
    of_nobody = {"run": "r_2", "customer": "c_nobody", "primaryKey": None, **common, "due": None, "held": True}
    assert listed() == {"items": [of_nobody, of_ada], "next": None}
    assert listed(step="wait") == {"items": [of_ada, of_nobody], "next": None}
    assert listed(step="end") == {"items": [], "next": None}
    assert call("GET", "/api/journeys/nothing/runs")[0] == 404
    assert call("GET", "/api/journeys/welcome/runs", query={"steps": "wait"})[0] == 400


def test_the_runs_are_listed_in_parts(journey: str) -> None:
    """Each run is in one part, also those of one step and at one time; a cursor of another step or journey is 400."""
    for number in range(5):
        save(journey, f"c_{number}", replace(RUN if number < 3 else HELD, id=f"r_{number}"))
    for query in ({}, {"step": "wait"}):
        found: list[str] = []
        cursor = None
        while cursor is not None or not found:
            page = listed(limit="2", **query, **({"cursor": cursor} if cursor else {}))
            assert len(page["items"]) <= 2
            found += [each["run"] for each in page["items"]]
            cursor = page["next"]
        assert sorted(found) == [f"r_{number}" for number in range(5)]
    cursor = listed(limit="1", step="wait")["next"]
    call("PUT", "/api/journeys/other", JOURNEY)
    for path, step in (("welcome", "end"), ("other", "wait")):
        assert call("GET", f"/api/journeys/{path}/runs", query={"step": step, "cursor": cursor})[1]["code"] == "bad-cursor"


@pytest.mark.parametrize("position", ["x", "live#end\nc_1\nrun/x", "live#wait\n\nrun/x"])
def test_a_forged_cursor_of_runs_is_refused(journey: str, position: str) -> None:
    """A cursor whose position is none of the runs of the step is 400, although its digest is right."""
    forged = cursor_of(position, journey, {"list": "JourneyRunQuery", "step": "wait", "journey": "welcome"})
    status, problem = call("GET", "/api/journeys/welcome/runs", query={"step": "wait", "cursor": forged})
    assert (status, problem["code"]) == (400, "bad-cursor")


def test_a_run_that_has_moved_since_the_index_is_left_out(journey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index lags the table: a run that has ended, or is in another step than the requested one, is not listed."""
    save(journey, "c_1", replace(RUN, id="r_1"))
    save(journey, "c_2", replace(RUN, id="r_2"))
    active = DynamoRuns.active

    def and_then_they_move(*arguments: Any, **options: Any) -> Any:
        found = active(*arguments, **options)
        monkeypatch.setattr(DynamoRuns, "active", active)
        save(journey, "c_1", replace(RUN, id="r_1").exited(Reason.FINISHED, NOW))
        save(journey, "c_2", replace(RUN, id="r_2", step="end"))
        return found

    monkeypatch.setattr(DynamoRuns, "active", and_then_they_move)
    assert listed(step="wait")["items"] == []


def counted() -> list[int]:
    """How many runs the picture shows in each step."""
    steps = call("GET", "/api/journeys/welcome/picture", query={"counts": "true"})[1]["steps"]
    return [step["here"] for step in steps]


def test_a_stopped_journey_has_no_active_runs(journey: str) -> None:
    """Stopping touches no run, so the index still has them; neither list nor picture show them."""
    save(journey, "c_1", RUN)
    assert len(listed()["items"]) == 1
    assert counted() == [1, 0]
    call("POST", "/api/journeys/welcome/stop")
    assert listed() == {"items": [], "next": None}
    assert counted() == [0, 0]


def test_a_page_of_runs_costs_a_bounded_number_of_calls(journey: str, aws_calls: list[str]) -> None:
    """Reads of the journey and the schema, one of the index, a batch of runs, and a query for each customer of the page."""
    for number in range(12):
        save(journey, f"c_{number}", replace(RUN, id=f"r_{number:02}"))
    listed()
    aws_calls.clear()
    page = listed(limit="4")
    assert len(page["items"]) == 4
    assert page["next"] is not None
    assert Counter(aws_calls) == {"GetItem": 2, "Query": 1 + 4, "BatchGetItem": 1}
    aws_calls.clear()
    listed(step="end")
    assert Counter(aws_calls) == {"GetItem": 2, "Query": 2}


def test_held_runs_of_other_steps_do_not_make_a_page_unbounded(journey: str, aws_calls: list[str]) -> None:
    """Of 29 held runs in another step, a request looks at a bounded part and returns a cursor behind it; the last part has the run."""
    for number in range(30):
        save(journey, f"c_{number:02}", replace(HELD, id=f"r_{number:02}", step="end" if number < 29 else "wait"))
    aws_calls.clear()
    first = listed(step="wait", limit="1")
    assert first["next"] is not None
    assert Counter(aws_calls)["Query"] == 10
    found, cursor = first["items"], first["next"]
    while cursor is not None:
        page = listed(step="wait", limit="1", cursor=cursor)
        found += page["items"]
        cursor = page["next"]
    assert [each["run"] for each in found] == ["r_29"]
