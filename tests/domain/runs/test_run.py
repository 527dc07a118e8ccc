"""Small values of the matcher: where a customer stands, what a receipt says, what is in force."""

from __future__ import annotations

import pytest

from tests.fakes.journeys import journey
from tests.fakes.messages import NOW
from waypost.domain.customers.schema import Schema
from waypost.domain.intake.receipts import Move, Outcome, Receipt
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion, snapshot
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Cause, CustomerRuns, Run, RunStatus, VersionRow

RUN = Run("r_1", "welcome", 1, "", "hello", NOW, visits={"hello": 1}, moved_by={"uuid": "e1"}, due=NOW)


def test_every_visit_of_a_step_counts() -> None:
    """A run that comes back to a step is there a second time."""
    again = RUN.at("other", NOW, Cause.NEXT).at("hello", NOW, Cause.JUMP)
    assert (again.step, again.visits) == ("hello", {"hello": 2, "other": 1})
    assert RUN.visits == {"hello": 1}


def test_an_ended_run_waits_for_nothing() -> None:
    """Neither the event that moved it nor a due time is kept."""
    ended = RUN.exited(Reason.STOPPED)
    assert (ended.status, ended.active, ended.reason) == (RunStatus.EXITED, False, Reason.STOPPED)
    assert (ended.moved_by, ended.due) == (None, None)


def test_a_standing_knows_runs_by_journey_and_key_and_by_id() -> None:
    """A run in the place of its earlier self is there once."""
    other = Run("r_2", "welcome", 1, "7", "hello", NOW)
    customer_runs = CustomerRuns(VersionRow(), (RUN, other))
    assert (customer_runs.of("welcome", ""), customer_runs.of("welcome", "7"), customer_runs.of("else", "")) == ([RUN], [other], [])
    assert (customer_runs.find("r_2"), customer_runs.find("r_3")) == (other, None)
    moved = customer_runs.with_run(RUN.at("next", NOW, Cause.NEXT))
    assert [run.step for run in moved.of("welcome", "")] == ["next"]
    assert len(moved.runs) == 2


@pytest.mark.parametrize(
    ("outcomes", "effect"),
    [([], False), (["ignored"], False), (["ignored", "entered"], True), (["advanced"], True), (["exited"], True)],
)
def test_an_event_had_an_effect_if_it_moved_a_run(outcomes: list[Outcome], effect: bool) -> None:
    """Being ignored with a reason is none."""
    receipt = Receipt("e1", "signed_up", NOW, "c_1", tuple(Move("j", outcome) for outcome in outcomes))
    assert receipt.had_effect is effect


def test_a_snapshot_holds_what_the_pointer_names() -> None:
    """Each journey in its version and in the order of publishing; paused ones take part, and are known to be paused."""
    pointer = ActiveJourneys(7, (ActiveVersion("b", 2, "paused"), ActiveVersion("a", 1, "published")))
    versions = {("a", 1): journey("a"), ("b", 2): journey("b"), ("b", 1): journey("b", event="other")}
    snap = snapshot(pointer, Schema(timezone="Europe/Paris"), versions)
    found = snap.index.candidates("signed_up", "custom", {}, "UTC")
    assert [(each.id, version) for each, version in found] == [("b", 2), ("a", 1)]
    assert (snap.revision, snap.paused, snap.schema.timezone) == (7, frozenset({"b"}), "Europe/Paris")
    assert "other" not in snap.index
