"""The engine: who enters, where a run goes, what it owes, and where it stops."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.journeys import journey, message, messages_in_a_row
from tests.fakes.messages import NOW
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.receipts import Move
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.message import MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.entry_rules import enter
from waypost.domain.runs.run import Cause, Run, RunStatus, StepVisit
from waypost.domain.runs.transition import Transition, advance_on_message
from waypost.domain.values import generated_ids

ADA = Customer("w1", "c_1", Identifier("primary", "ada@example.com"), "Ada@example.com", (), {"city": "Paris", "visits": Decimal(2)}, {})
END = {"id": "end", "type": "exit"}


def event(uuid: str = "e1", **payload: Any) -> Event:
    """An event with this payload."""
    return Event(uuid, "signed_up", Kind.TRIGGER, Identifier("correlation", "device-1"), "custom", payload, NOW, {})


def entering(journey: Journey, *runs: Run, uuid: str = "e1", after: timedelta = timedelta(0), **payload: Any) -> Transition | Reason:
    """What an event with this payload does, that long after the first, for a customer with these runs."""
    came = event(uuid, **payload)
    return enter(JourneyVersion(journey, 3), runs, came, StepContext(ADA, event_snapshot(came), NOW + after, "UTC"))


def entered(journey: Journey, *runs: Run, uuid: str = "e1", after: timedelta = timedelta(0), **payload: Any) -> Transition:
    """The same where it opens a run."""
    done = entering(journey, *runs, uuid=uuid, after=after, **payload)
    assert isinstance(done, Transition), done
    return done


def customer_runs(name: str = "welcome", **entry: Any) -> Journey:
    """A journey whose runs stand on their message."""
    return journey(name, steps=[message("hello", "end", onFailure="sorry"), message("sorry", "end"), END], **entry)


def test_a_run_begins_at_the_first_step_and_ends_at_the_exit() -> None:
    """It remembers version, time and visits until it ends; having ended is no reason."""
    done = entered(journey(), plan="pro")
    assert done.run == Run(
        id=generated_ids.run_id("w1", "welcome", "", "e1"),
        journey="welcome",
        version=3,
        key="",
        step="end",
        entered_at=NOW,
        status=RunStatus.EXITED,
        reason=Reason.FINISHED,
        visits={"hello": 1, "end": 1},
        last_event_uuid="e1",
        history=(
            StepVisit(NOW, "hello", Cause.ENTERED),
            StepVisit(NOW, "end", Cause.NEXT),
            StepVisit(NOW, "end", Reason.FINISHED),
        ),
    )
    assert done.move == Move("welcome", "entered", None, done.run.id)


def test_a_message_is_owed_with_all_that_sending_it_needs() -> None:
    """Its id is made from workspace, journey, version, run, step and visit."""
    done = entered(journey(), plan="pro")
    [pending_effects] = done.messages
    assert pending_effects.id == generated_ids.message_id("w1", "welcome", 3, done.run.id, "hello", 1)
    assert (pending_effects.status, pending_effects.customer, pending_effects.lookup_id, pending_effects.channel) == (
        MessageStatus.PENDING,
        "c_1",
        ADA.lookup_id,
        "email",
    )
    assert pending_effects.event == {
        "name": "signed_up",
        "payload": {"plan": "pro"},
        "uuid": "e1",
        "timestamp": "2026-11-23T05:17:13.000Z",
        "source": "custom",
    }


def test_no_two_places_share_a_message_id() -> None:
    """Another workspace, journey, version, run, step or visit is another message."""
    place = ("w1", "welcome", 3, "r_1", "hello", 1)
    others = [("w2", *place[1:]), ("w1", "x", *place[2:]), (*place[:2], 4, *place[3:]), (*place[:3], "r_2", *place[4:])]
    others += [(*place[:4], "bye", 1), (*place[:5], 2)]
    assert len({generated_ids.message_id(*each) for each in [place, *others]}) == 7
    assert all(generated_ids.message_id(*each).replace("_", "").isalnum() for each in others)


@pytest.mark.parametrize(
    ("reentry", "first", "again"),
    [
        ({}, "active", Reason.ALREADY_ENTERED),
        ({}, "ended", Reason.ALREADY_ENTERED),
        ({"mode": "once"}, "ended", Reason.ALREADY_ENTERED),
        ({"mode": "afterExit"}, "active", Reason.ALREADY_ACTIVE),
        ({"mode": "afterExit"}, "ended", None),
        ({"mode": "always"}, "active", None),
        ({"mode": "always"}, "ended", None),
    ],
)
def test_reentry_is_once_after_exit_or_always(reentry: dict[str, str], first: str, again: Reason | None) -> None:
    """`once` is what a journey says that says nothing."""
    wanted = customer_runs(reentry=reentry) if first == "active" else journey(reentry=reentry)
    before = entered(wanted).run
    assert before.active is (first == "active")
    second = entering(wanted, before, uuid="e2")
    assert (second if isinstance(second, Reason) else None) is again


@pytest.mark.parametrize(("after", "outcome"), [(timedelta(minutes=59, seconds=59), Reason.COOLDOWN), (timedelta(hours=1), None)])
@pytest.mark.parametrize("mode", ["afterExit", "always"])
def test_a_cooldown_counts_from_the_last_entry(mode: str, after: timedelta, outcome: Reason | None) -> None:
    """Just before it is over nobody enters; when it is over, everybody does."""
    wanted = journey(reentry={"mode": mode, "cooldown": "PT1H"})
    second = entering(wanted, entered(wanted).run, uuid="e2", after=after)
    assert (second if isinstance(second, Reason) else None) is outcome


def test_a_key_keeps_runs_apart() -> None:
    """One run for each order; the same order again is the same."""
    wanted = customer_runs(reentry={"key": "order.id"})
    first = entered(wanted, order={"id": 7}).run
    second = entered(wanted, first, uuid="e2", order={"id": 8}).run
    assert (first.key, second.key) == ("7", "8")
    assert entering(wanted, first, second, uuid="e3", order={"id": Decimal("7.0")}) is Reason.ALREADY_ENTERED


@pytest.mark.parametrize("payload", [{}, {"order": {}}, {"order": 7}, {"order": {"id": None}}, {"order": {"id": ""}}])
def test_without_its_key_an_event_opens_nothing(payload: dict[str, Any]) -> None:
    """The reason is `no-key`."""
    assert entering(customer_runs(reentry={"key": "payload.order.id"}), **payload) is Reason.NO_KEY


def test_a_cooldown_is_each_keys_own() -> None:
    """A second order enters while the first one's cooldown runs."""
    wanted = journey(reentry={"mode": "always", "key": "order", "cooldown": "P1D"})
    first = entered(wanted, order="a").run
    assert isinstance(entering(wanted, first, uuid="e2", order="b"), Transition)
    assert entering(wanted, first, uuid="e3", order="a") is Reason.COOLDOWN


def test_at_most_a_hundred_runs_of_one_journey_are_active() -> None:
    """Whatever their keys; ended ones do not count."""
    wanted = customer_runs(reentry={"mode": "always", "key": "order"})
    runs = [entered(wanted, uuid=f"o{place}", order=place).run for place in range(100)]
    assert entering(wanted, *runs, order="one more") is Reason.TOO_MANY_RUNS
    assert isinstance(entering(wanted, *runs[1:], runs[0].exited(Reason.FINISHED), order="one more"), Transition)


def test_a_run_that_this_event_opened_before_is_saved_already() -> None:
    """Whatever the mode: a redelivery tells the same and owes nothing new."""
    wanted = journey(reentry={"mode": "always"})
    first = entered(wanted)
    again = entered(wanted, first.run)
    assert again.saved
    assert (again.run, again.messages, again.move) == (first.run, first.messages, first.move)


def test_conditions_that_do_not_hold_are_the_first_reason() -> None:
    """A customer who is not meant learns nothing of keys and cooldowns."""
    condition = {"property": "customer.city", "operator": "is equal to", "value": "Rome"}
    assert entering(customer_runs(conditions=condition, reentry={"key": "order"})) is Reason.CONDITIONS


SPLIT = {
    "id": "which",
    "type": "multisplit",
    "branches": [
        {"conditions": {"property": "payload.total", "operator": "is greater than", "value": 100}, "next": "big"},
        {"conditions": {"property": "customer.city", "operator": "is equal to", "value": "Paris"}, "next": "paris"},
    ],
    "otherwise": "rest",
}


@pytest.mark.parametrize(
    ("payload", "branch"), [({"total": 101}, "big"), ({"total": 100}, "paris"), ({"total": "many"}, "paris"), ({}, "paris")]
)
def test_a_multisplit_takes_the_first_branch_that_holds(payload: dict[str, Any], branch: str) -> None:
    """In the order written, on payload and customer alike."""
    steps = [SPLIT, *(message(name, "end") for name in ("big", "paris", "rest")), END]
    assert [pending_effects.step for pending_effects in entered(journey(steps=steps), **payload).messages] == [branch]


def test_a_multisplit_has_a_way_for_everybody_else() -> None:
    """`otherwise` is taken where no branch holds."""
    split = {**SPLIT, "branches": SPLIT["branches"][:1]}
    steps = [split, message("big", "end"), message("rest", "end"), END]
    assert [pending_effects.step for pending_effects in entered(journey(steps=steps), total=1).messages] == ["rest"]


def test_a_jump_goes_on_elsewhere() -> None:
    """Steps in between are left out."""
    steps = [{"id": "jump", "type": "jumpTo", "next": "last"}, message("skipped", "last"), message("last", "end"), END]
    assert [pending_effects.step for pending_effects in entered(journey(steps=steps)).messages] == ["last"]


def test_a_run_that_goes_in_circles_ends_after_a_hundred_steps() -> None:
    """It exits with `loop`, and the receipt says so; each visit's message has an id of its own."""
    done = entered(journey(steps=[message("again", "back"), {"id": "back", "type": "jumpTo", "next": "again"}]))
    assert (done.run.status, done.run.reason, sum(done.run.visits.values())) == (RunStatus.EXITED, Reason.LOOP, 100)
    assert len({pending_effects.id for pending_effects in done.messages}) == 50
    assert done.move.reason is Reason.LOOP


@pytest.mark.parametrize(("number", "reason"), [(99, Reason.FINISHED), (100, Reason.LOOP)])
def test_a_hundred_steps_are_no_loop(number: int, reason: Reason) -> None:
    """Ninety-nine messages and the exit are a hundred; one more is one too many."""
    done = entered(messages_in_a_row(number))
    assert (done.run.reason, len(done.messages)) == (reason, number)


def test_a_run_stands_on_a_message_whose_failure_has_a_way() -> None:
    """It remembers the event, and owes just this message."""
    done = entered(customer_runs(), plan="pro")
    assert (done.run.active, done.run.step, [(pending_effects.step, pending_effects.awaited) for pending_effects in done.messages]) == (
        True,
        "hello",
        [("hello", True)],
    )
    assert done.run.moved_by == event_snapshot(event(plan="pro"))


@pytest.mark.parametrize(
    ("status", "steps"),
    [(status, []) for status in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.OPENED, MessageStatus.CLICKED)]
    + [(status, ["sorry"]) for status in (MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED)],
)
def test_an_outcome_takes_the_run_on(status: MessageStatus, steps: list[str]) -> None:
    """By `next` if it went out, by `onFailure` if not; either way it comes to its journey's end."""
    run = entered(customer_runs(), plan="pro").run
    done = advance_on_message(JourneyVersion(customer_runs(), 3), run, "hello", 1, status, StepContext(ADA, run.moved_by or {}, NOW, "UTC"))
    assert done is not None
    assert [pending_effects.step for pending_effects in done.messages] == steps
    assert all(pending_effects.event["payload"] == {"plan": "pro"} for pending_effects in done.messages)
    assert done.move == Move("welcome", "advanced", None, run.id)


def test_an_outcome_of_another_stay_moves_nothing() -> None:
    """Another step, another visit, or a run that has ended."""
    run, context = entered(customer_runs()).run, StepContext(ADA, event_snapshot(event()), NOW, "UTC")
    journey_version = JourneyVersion(customer_runs(), 3)
    assert advance_on_message(journey_version, run, "sorry", 1, MessageStatus.SENT, context) is None
    assert advance_on_message(journey_version, run, "hello", 2, MessageStatus.SENT, context) is None
    assert advance_on_message(journey_version, run.exited(Reason.STOPPED), "hello", 1, MessageStatus.SENT, context) is None


def test_the_same_signals_give_the_same_run() -> None:
    """Time and chance are arguments; nothing else gets in."""
    assert entered(customer_runs(), plan="pro") == entered(customer_runs(), plan="pro")
