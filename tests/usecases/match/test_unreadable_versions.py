"""A published version that is missing or does not parse: it stops its own journey, and nothing else of the workspace."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.journeys import journey, message
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.receipts import JourneyOutcome
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.message import MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.signals import MessageSettled, TimerDue

DAY = timedelta(days=1)
END = {"id": "end", "type": "exit"}
WAIT = {
    "id": "wait",
    "type": "waitUntil",
    "branches": [{"event": "purchase", "next": "end"}],
    "timeout": {"after": "P1D", "next": "end"},
}
SIGN_UP = {"event": "signed_up", "uuid": "e1"}
PURCHASE = {"event": "purchase", "uuid": "e2"}


def harness_with(*journeys: Journey) -> MatchHarness:
    """A workspace with these journeys, of which `broken` can be made unreadable."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(*journeys)
    return made


def break_journey(harness: MatchHarness) -> Journey:
    """Removes the version of the journey `broken`, which it returns, and lets the functions start again."""
    definition = harness.journeys.published.pop(("w1", "broken", 1))
    harness.clear_caches()
    return definition


def repair_journey(harness: MatchHarness, definition: Journey) -> None:
    """Puts the version of the journey `broken` back. No function has to start again."""
    harness.journeys.published["w1", "broken", 1] = definition


def test_an_unreadable_version_stops_no_other_journey() -> None:
    """The event starts a run of the other journey, and nobody enters the unreadable one until it can be read again."""
    harness = harness_with(journey("broken", reentry={"mode": "always"}), journey("other", reentry={"mode": "always"}))
    definition = break_journey(harness)
    harness.match(arrived(SIGN_UP))
    assert [run.journey for run in harness.runs.all] == ["other"]
    assert harness.snapshots.unreadable("w1") == {("broken", 1)}
    repair_journey(harness, definition)
    later = NOW + timedelta(seconds=6)
    harness.match(arrived(SIGN_UP | {"uuid": "e3"}, at=later), later)
    assert sorted(run.journey for run in harness.runs.all) == ["broken", "other", "other"]
    assert harness.snapshots.unreadable("w1") == set()


def test_a_run_of_an_unreadable_version_stays_until_it_can_be_read() -> None:
    """Events do not move it, and the receipt says `unreadable`; the runs of other journeys go on with the same event."""
    harness = harness_with(journey("broken", steps=[WAIT, END]), journey("other", steps=[WAIT, END]))
    harness.match(arrived(SIGN_UP))
    definition = break_journey(harness)
    harness.match(arrived(PURCHASE))
    runs = {run.journey: run for run in harness.runs.all}
    assert [runs[name].active for name in ("broken", "other")] == [True, False]
    assert JourneyOutcome("broken", "ignored", Reason.UNREADABLE, runs["broken"].id) in harness.receipt("e2").journeys
    repair_journey(harness, definition)
    harness.match(arrived(PURCHASE | {"uuid": "e3"}))
    assert not any(run.active for run in harness.runs.all)


def test_the_timer_of_an_unreadable_version_comes_again() -> None:
    """The timeout is taken once the version can be read, without an event of the customer."""
    harness = harness_with(journey("broken", steps=[WAIT, END]))
    harness.match(arrived(SIGN_UP))
    definition = break_journey(harness)
    [timer] = harness.timers.armed.values()
    [receipt] = harness.match(TimerDue(timer), timer.due)
    assert [outcome.reason for outcome in receipt.journeys] == [Reason.UNREADABLE]
    again = max(harness.timers.armed.values(), key=lambda each: each.due)
    assert again.due == timer.due + timedelta(minutes=15)
    repair_journey(harness, definition)
    harness.match(TimerDue(again), again.due)
    assert not any(run.active for run in harness.runs.all)


def test_the_outcome_of_a_message_of_an_unreadable_version_is_not_lost() -> None:
    """The signal fails, so that it becomes a dead letter; sent again when the version can be read, it moves the run."""
    harness = harness_with(journey("broken", steps=[message("hello", "end", onFailure="end"), END]))
    harness.match(arrived(SIGN_UP))
    definition = break_journey(harness)
    [run] = harness.runs.all
    settled = MessageSettled("w1", CUSTOMER, Identifier("correlation", "device-1"), run.id, "hello", 1, "msg", MessageStatus.SENT)
    with pytest.raises(LookupError):
        harness.match(settled)
    repair_journey(harness, definition)
    harness.match(settled)
    assert not any(run.active for run in harness.runs.all)
