"""Steps that take no time, and messages: where a run goes, which messages it creates, and where it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.journey_harness import CUSTOMER, END, entered, journey_that_waits_for_its_message, signed_up
from tests.fakes.journeys import journey, jump, message
from tests.fakes.messages import NOW
from waypost.domain.intake.receipts import JourneyOutcome
from waypost.domain.messages.message import MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.run import Cause, Run, RunStatus, StepVisit
from waypost.domain.runs.transition import advance_on_message
from waypost.domain.values import generated_ids

SPLIT = {
    "id": "which",
    "type": "multisplit",
    "branches": [
        {"conditions": {"property": "payload.total", "operator": "is greater than", "value": 100}, "next": "big"},
        {"conditions": {"property": "customer.city", "operator": "is equal to", "value": "Paris"}, "next": "paris"},
    ],
    "otherwise": "rest",
}


def test_a_run_begins_at_the_first_step_and_ends_at_the_exit() -> None:
    """A run that meets no wait is finished at once, with all its visits, and the receipt shows `entered` without a reason."""
    transition = entered(journey(), plan="pro")
    assert transition.run == Run(
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
    assert transition.journey_outcome == JourneyOutcome("welcome", "entered", None, transition.run.id)


def test_a_message_holds_all_that_sending_it_needs() -> None:
    """A message step creates a pending message with the customer, an identifier of the customer, the channel and the event."""
    transition = entered(journey(), plan="pro")
    [made] = transition.messages
    assert made.id == generated_ids.message_id("w1", "welcome", 3, transition.run.id, "hello", 1)
    assert (made.status, made.channel) == (MessageStatus.PENDING, "email")
    assert (made.customer, made.lookup_id) == ("c_1", CUSTOMER.lookup_id)
    assert made.event == {
        "name": "signed_up",
        "payload": {"plan": "pro"},
        "uuid": "e1",
        "timestamp": "2026-11-23T05:17:13.000Z",
        "source": "custom",
    }


def test_no_two_places_share_a_message_id() -> None:
    """Another workspace, journey, version, run, step or visit gives another message id, and each id consists of letters and digits."""
    place = ("w1", "welcome", 3, "r_1", "hello", 1)
    others = [("w2", *place[1:]), ("w1", "x", *place[2:]), (*place[:2], 4, *place[3:]), (*place[:3], "r_2", *place[4:])]
    others += [(*place[:4], "bye", 1), (*place[:5], 2)]
    assert len({generated_ids.message_id(*each) for each in [place, *others]}) == 7
    assert all(generated_ids.message_id(*each).replace("_", "").isalnum() for each in others)


@pytest.mark.parametrize(
    ("payload", "branch"),
    [
        pytest.param({"total": 101}, "big", id="both hold"),
        pytest.param({"total": 100}, "paris", id="only the second holds"),
        pytest.param({"total": "many"}, "paris", id="a type that does not fit"),
        pytest.param({}, "paris", id="a missing property"),
    ],
)
def test_a_multisplit_takes_the_first_branch_that_holds(payload: dict[str, Any], branch: str) -> None:
    """A multisplit tries its branches in the order written, with conditions on the payload and on the customer."""
    steps = [SPLIT, *(message(name, "end") for name in ("big", "paris", "rest")), END]
    assert [made.step for made in entered(journey(steps=steps), **payload).messages] == [branch]


def test_a_multisplit_without_a_branch_that_holds_goes_to_otherwise() -> None:
    """A run for which no branch of a multisplit holds goes to `otherwise`."""
    split = {**SPLIT, "branches": SPLIT["branches"][:1]}
    steps = [split, message("big", "end"), message("rest", "end"), END]
    assert [made.step for made in entered(journey(steps=steps), total=1).messages] == ["rest"]


def test_a_jump_skips_the_steps_in_between() -> None:
    """A run that reaches a `jumpTo` goes on at its target, and the steps between the two send nothing."""
    steps = [{"id": "jump", "type": "jumpTo", "next": "last"}, message("skipped", "last"), message("last", "end"), END]
    assert [made.step for made in entered(journey(steps=steps)).messages] == ["last"]


def test_a_run_in_a_loop_without_a_wait_exits_after_a_hundred_steps() -> None:
    """The run exits with `loop`, and the receipt shows that."""
    transition = entered(journey(steps=[jump("again", "back"), jump("back", "again")]))
    assert (transition.run.status, transition.run.reason, sum(transition.run.visits.values())) == (RunStatus.EXITED, Reason.LOOP, 100)
    assert transition.journey_outcome.reason is Reason.LOOP


def test_a_run_that_would_send_more_than_twenty_messages_in_an_hour_exits() -> None:
    """The run exits with `too-many-messages` in the step of the 21st message. Each message of a visit before has an id of its own."""
    transition = entered(journey(steps=[message("again", "back"), jump("back", "again")]))
    assert (transition.run.reason, transition.run.step, transition.run.visits["again"]) == (Reason.TOO_MANY_MESSAGES, "again", 21)
    assert len({made.id for made in transition.messages}) == 20
    assert transition.journey_outcome.reason is Reason.TOO_MANY_MESSAGES


@pytest.mark.parametrize(
    ("number", "reason"), [pytest.param(99, Reason.FINISHED, id="a hundred steps"), pytest.param(100, Reason.LOOP, id="a hundred and one")]
)
def test_a_run_may_enter_a_hundred_steps_without_a_wait(number: int, reason: Reason) -> None:
    """A run through 99 jumps and the exit finishes; with one jump more it exits with `loop`."""
    steps = [*(jump(f"j{place}", f"j{place + 1}") for place in range(number)), {"id": f"j{number}", "type": "exit"}]
    assert entered(journey(steps=steps)).run.reason is reason


def test_a_run_waits_for_the_outcome_of_a_message_with_on_failure() -> None:
    """The run stays in the step, keeps the event that advanced it, and has created this message only, marked as awaited."""
    transition = entered(journey_that_waits_for_its_message(), plan="pro")
    assert (transition.run.active, transition.run.step) == (True, "hello")
    assert [(made.step, made.awaited) for made in transition.messages] == [("hello", True)]
    assert transition.run.trigger_event == event_snapshot(signed_up(plan="pro"))


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        (status, [])
        for status in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.OPENED, MessageStatus.CLICKED)
    ]
    + [(status, ["sorry"]) for status in (MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED)],
)
def test_the_outcome_of_a_message_advances_its_run(status: MessageStatus, steps: list[str]) -> None:
    """A message that went out leads to `next`, one that did not to `onFailure`, whose message sees the event of the entry."""
    definition = journey_that_waits_for_its_message()
    run = entered(definition, plan="pro").run
    context = StepContext(CUSTOMER, run.trigger_event or {}, NOW, "UTC")
    transition = advance_on_message(JourneyVersion(definition, 3), run, "hello", 1, status, context)
    assert transition is not None
    assert [made.step for made in transition.messages] == steps
    assert all(made.event["payload"] == {"plan": "pro"} for made in transition.messages)
    assert transition.journey_outcome == JourneyOutcome("welcome", "advanced", None, run.id)


def test_the_outcome_of_another_visit_changes_nothing() -> None:
    """An outcome for another step, for another visit of the step, or for a run that has exited has no effect."""
    definition = journey_that_waits_for_its_message()
    run, context = entered(definition).run, StepContext(CUSTOMER, event_snapshot(signed_up()), NOW, "UTC")
    journey_version = JourneyVersion(definition, 3)
    assert advance_on_message(journey_version, run, "sorry", 1, MessageStatus.SENT, context) is None
    assert advance_on_message(journey_version, run, "hello", 2, MessageStatus.SENT, context) is None
    assert advance_on_message(journey_version, run.exited(Reason.STOPPED), "hello", 1, MessageStatus.SENT, context) is None


def test_the_same_event_gives_the_same_transition() -> None:
    """Two evaluations of one event with the same time are equal, ids and messages included: nothing depends on a clock or on chance."""
    definition = journey_that_waits_for_its_message()
    assert entered(definition, plan="pro") == entered(definition, plan="pro")
