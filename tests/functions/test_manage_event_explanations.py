"""Why an event did what it did in a journey, through the management function on the template's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call, identify_in
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.run_items import to_item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import JourneyOutcome, Receipt, TakenBranch
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Cause, Run, StepVisit
from waypost.domain.values.wire_time import iso

NOW = datetime.now(UTC).replace(microsecond=0)
LOG = DynamoLog(DynamoReceipts(Table("EventsTable"), timedelta(days=90)))
RICH = {"property": "payload.total", "operator": "is greater than", "value": 10}
GOLD = {"property": "customer.plan", "operator": "is equal to", "value": "gold"}
NAMED = {"not": {"property": "customer.name", "operator": "not exist"}}
END = {"id": "end", "type": "exit"}
WELCOME = {
    "entry": {"event": "bought", "conditions": {"all": [RICH, {"any": [GOLD, NAMED]}]}, "reentry": {"mode": "always"}},
    "exit": [{"event": "gone"}],
    "steps": [
        {"id": "hello", "type": "timeDelay", "delay": "PT1H", "next": "wait"},
        {
            "id": "wait",
            "type": "waitUntil",
            "branches": [{"id": "again", "event": "bought", "conditions": RICH, "next": "end"}],
            "timeout": {"after": "P3D", "next": "end"},
        },
        END,
    ],
}


@pytest.fixture
def customer(workspace: str) -> str:
    """The id of Ada, who has the plan `silver` and no name, in a workspace with the published journey `welcome`."""
    identify_in(workspace, identify(ADA, "phone-1", plan="silver"))
    call("PUT", "/api/journeys/welcome", WELCOME)
    assert call("POST", "/api/journeys/welcome/publish")[0] == 200
    found: str = call("GET", "/api/customers", query={"primaryKey": ADA})[1]["id"]
    return found


def log(workspace: str, owner: str, payload: Mapping[str, Any], *outcomes: JourneyOutcome, reason: Reason | None = None) -> None:
    """Logs the event `e1` of the phone, received an hour from now, with this payload and outcomes."""
    event = replace(event_of(wire("bought", uuid="e1", correlationValue="phone-1", payload=dict(payload))), facts={})
    at = NOW + timedelta(hours=1)
    LOG.write(workspace, [Page(workspace, owner, at, "s1", (event,))], [Receipt("e1", "bought", at, owner, outcomes, reason=reason)])


def why(journey: str = "welcome", **query: str) -> Any:
    """The explanation."""
    status, found = call("GET", "/api/events/e1/why", query={"journey": journey, **query})
    assert status == 200, found
    return found


def store_run(workspace: str, owner: str, version: int, **changes: Any) -> None:
    """A run of the customer that waits in the step `wait` since before the event."""
    visits = (StepVisit(NOW, "hello", Cause.ENTERED), StepVisit(NOW + timedelta(minutes=30), "wait", Cause.ELAPSED))
    run = Run("r_1", "welcome", version, "", "wait", NOW, history=visits, visits={"hello": 1, "wait": 1})
    Table("RunsTable").put(to_item(f"{workspace}#{owner}", replace(run, **changes)))


def test_each_condition_is_shown_with_what_it_found(workspace: str, customer: str) -> None:
    """The tree of the entry has the operators, the values, and what the payload and the customer hold, missing properties too."""
    log(workspace, customer, {"total": 12}, JourneyOutcome("welcome", "ignored", Reason.CONDITIONS))
    found = why()
    entry, branch, exit_check = found["checks"]
    shown = {"holds", "items", "kind", "property", "operator", "value", "found", "missing", "isCut"}
    rich, group = entry["condition"]["items"]
    gold, negated = group["items"]
    assert set(rich) == shown
    assert (entry["kind"], entry["names"], entry["holds"], entry["condition"]["kind"], group["kind"], negated["kind"]) == (
        "entry",
        True,
        False,
        "all",
        "any",
        "not",
    )
    assert (rich["property"], rich["operator"], rich["value"], rich["found"], rich["holds"]) == (
        "payload.total",
        "is greater than",
        10,
        12,
        True,
    )
    assert (gold["value"], gold["found"], gold["holds"], gold["missing"]) == ("gold", "silver", False, False)
    assert (negated["items"][0]["found"], negated["items"][0]["missing"], negated["items"][0]["holds"]) == (None, True, True)
    assert (branch["step"], branch["branch"], branch["holds"], branch["waiting"], branch["needsAll"]) == (
        "wait",
        "again",
        True,
        False,
        False,
    )
    assert (exit_check["event"], exit_check["names"], exit_check["holds"], exit_check["condition"]) == ("gone", False, False, None)
    assert (found["uuid"], found["event"], found["journey"], found["version"], found["customer"], found["customerIsAsNow"]) == (
        "e1",
        "bought",
        "welcome",
        1,
        customer,
        True,
    )
    assert found["outcome"]["reason"] == "conditions"
    assert found["note"] is None


def test_the_version_is_that_of_the_run_that_was_there(workspace: str, customer: str) -> None:
    """A run of version 1 that waited when the event came makes version 1 the explained one, although 2 is published; one can ask for 2."""
    call("PUT", "/api/journeys/welcome", {**WELCOME, "steps": [END]})
    call("POST", "/api/journeys/welcome/publish")
    ended = StepVisit(NOW + timedelta(hours=1), "end", Cause.EVENT, "again")
    log(workspace, customer, {"total": 12}, JourneyOutcome("welcome", "advanced", None, "r_1"))
    store_run(workspace, customer, 1)
    assert (why()["version"], [each["waiting"] for each in why()["checks"]]) == (1, [None, True, True])
    store_run(workspace, customer, 1, step="end", history=(StepVisit(NOW, "wait", Cause.ENTERED), ended))
    assert [each["waiting"] for each in why()["checks"]] == [None, True, True]
    assert [each["kind"] for each in why(version="2")["checks"]] == ["entry", "exit"]
    store_run(
        workspace, customer, 1, entered_at=NOW + timedelta(hours=2), history=(StepVisit(NOW + timedelta(hours=2), "wait", Cause.ENTERED),)
    )
    assert [each["waiting"] for each in why()["checks"]] == [None, False, False]


def test_a_run_that_an_event_of_the_same_batch_started_waited(workspace: str, customer: str) -> None:
    """The events of a batch have one time of receipt: the receipt shows that the second one found the run of the first one in its wait."""
    at = NOW + timedelta(hours=1)
    visits = (StepVisit(at, "wait", Cause.ENTERED), StepVisit(at, "end", Cause.EVENT, "again"))
    store_run(workspace, customer, 1, step="end", entered_at=at, history=visits)
    log(workspace, customer, {"total": 12}, JourneyOutcome("welcome", "advanced", None, "r_1", (TakenBranch("wait", "again"),)))
    assert [each["waiting"] for each in why()["checks"]] == [None, True, True]
    store_run(workspace, customer, 1, entered_at=at, history=visits[:1])
    log(workspace, customer, {"total": 12}, JourneyOutcome("welcome", "exited", Reason.EXIT_EVENT, "r_1"))
    assert [each["waiting"] for each in why()["checks"]] == [None, True, True]


def test_a_run_that_had_ended_did_not_wait(workspace: str, customer: str) -> None:
    """A run that exited before the event came neither waits nor decides the version."""
    log(workspace, customer, {"total": 1})
    ended = StepVisit(NOW + timedelta(minutes=40), "wait", Reason.EXIT_EVENT)
    run = Run("r_1", "welcome", 7, "", "wait", NOW, history=(StepVisit(NOW, "wait", Cause.ENTERED), ended)).exited(Reason.EXIT_EVENT)
    Table("RunsTable").put(to_item(f"{workspace}#{customer}", run))
    found = why()
    assert (found["version"], [each["waiting"] for each in found["checks"]]) == (1, [None, False, False])


def test_a_large_value_is_cut(workspace: str, customer: str) -> None:
    """Of a value with more than 500 characters, the beginning of its JSON is shown, whatever its type, and marked."""
    log(workspace, customer, {"total": ["x" * 1_000]})
    rich = why()["checks"][0]["condition"]["items"][0]
    assert (rich["isCut"], len(rich["found"]), rich["found"][:4], rich["holds"]) == (True, 500, '["xx', False)


def test_notes_say_what_the_checks_do_not_show(workspace: str, customer: str) -> None:
    """A historical event, a draft, a journey for other events, a paused one and an unknown customer have a sentence each."""
    log(workspace, customer, {"total": 12, "name": "Ada"}, reason=Reason.HISTORICAL)
    assert "historical" in why()["note"]
    call("PUT", "/api/journeys/draft", {"entry": {"event": "other"}, "steps": [END]})
    note = why("draft")["note"]
    assert "never published" in note
    assert "takes an event of this name" in note
    call("POST", "/api/journeys/welcome/pause")
    assert "paused" in why()["note"]
    log(workspace, "c_unknown", {"total": 12})
    event = replace(event_of(wire("bought", uuid="e1", correlationValue="phone-9")), facts={})
    LOG.write(workspace, [Page(workspace, "c_unknown", NOW + timedelta(hours=1), "s1", (event,))], [])
    assert "does not exist" in why()["note"]


def test_an_event_before_the_version_has_a_note(workspace: str, customer: str) -> None:
    """The entry of a version that is entered later than the event came is explained, with the time from which it is entered."""
    event = replace(event_of(wire("bought", uuid="e1", correlationValue="phone-1", payload={"total": 12})), facts={})
    at = NOW - timedelta(hours=1)
    LOG.write(workspace, [Page(workspace, customer, at, "s1", (event,))], [Receipt("e1", "bought", at, customer)])
    assert call("GET", "/api/journeys/welcome")[1]["entriesFrom"] in why()["note"]


def test_what_cannot_be_explained_is_refused(workspace: str, customer: str) -> None:
    """An unknown event, journey or version, an event that the log does not have, and an incomplete draft each get an error."""
    assert call("GET", "/api/events/e1/why", query={"journey": "welcome"})[1]["code"] == "not-found"
    LOG.write(workspace, [], [Receipt("e1", "bought", NOW, customer)])
    assert call("GET", "/api/events/e1/why", query={"journey": "welcome"})[0] == 404
    log(workspace, customer, {})
    assert call("GET", "/api/events/e1/why", query={"journey": "nothing"})[0] == 404
    assert call("GET", "/api/events/e1/why", query={"journey": "welcome", "version": "2"})[0] == 404
    assert call("GET", "/api/events/e1/why")[0] == 400
    Table("JourneysTable").delete({"workspace": workspace, "row": "version#welcome#000001"})
    assert call("GET", "/api/events/e1/why", query={"journey": "welcome"})[0] == 404
    call("PUT", "/api/journeys/sketch", {"entry": {"event": "x"}, "steps": {}})
    assert call("GET", "/api/events/e1/why", query={"journey": "sketch"})[0] == 422


def test_an_explanation_makes_a_bounded_number_of_calls(workspace: str, customer: str) -> None:
    """With 300 events of the customer and 150 runs in other journeys, an explanation takes eight reads, and no row more than it needs."""
    for number in range(300):
        at = NOW + timedelta(hours=1, milliseconds=number - 150)
        other = replace(event_of(wire("seen", uuid=f"o{number}")), facts={})
        LOG.write(workspace, [Page(workspace, customer, at, f"o{number}", (other,))], [])
    for number in range(150):
        run = Run(f"r_{number}", f"other-{number}", 1, "", "wait", NOW)
        Table("RunsTable").put(to_item(f"{workspace}#{customer}", run))
    log(workspace, customer, {"total": 12}, JourneyOutcome("welcome", "ignored", Reason.CONDITIONS))
    made: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        made[model.name] += 1

    hooks = client("dynamodb").meta.events
    hooks.register("before-call", count, unique_id="explanations")
    try:
        found = why()
    finally:
        hooks.unregister("before-call", count, unique_id="explanations")
    assert found["at"] == iso(NOW + timedelta(hours=1))
    assert made == {"BatchGetItem": 2, "Query": 3, "GetItem": 3}
