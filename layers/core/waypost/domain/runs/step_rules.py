"""The rules of each step type: where a run goes when it enters a step, when its wait is over, and when an event or an outcome comes.

A new step type needs a case in each `match` here; mypy lists them through `assert_never`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, assert_never

from waypost.domain.journeys import steps
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.journeys.waits import AllBranch, DateWindow, DayWindow, MessageBranch, TimeDelay, WaitUntil, WeekWindow
from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext
from waypost.domain.runs.message_knowledge import known_branch, statuses_for_conditions
from waypost.domain.runs.run import Cause, Run
from waypost.domain.values import generated_ids


class Wait(NamedTuple):
    """The run waits in this step: until `due` (UTC) unless something else advances it before, without a limit if that is None.

    `hold` is the reason if the step itself takes no time.
    """

    due: datetime | None = None
    hold: Cause | None = None


class ExitRun(NamedTuple):
    """The run exits."""

    reason: Reason


class GoTo(NamedTuple):
    """The run advances to this step, along the branch with this id (or position, counted from 1) if it takes a branch."""

    step: str
    cause: Cause
    branch: str | None = None


class StepResult(NamedTuple):
    """What a run does in a step that it has entered, and the message that the step creates, if any."""

    decision: Wait | ExitRun | GoTo
    message: Message | None = None


def on_enter(journey_version: JourneyVersion, run: Run, context: StepContext) -> StepResult:
    """What the step decides that the run has just entered."""
    step = journey_version.journey.step(run.step)
    match step:
        case MessageStep():
            return _enter_message_step(step, journey_version, run, context)
        case TimeDelay() | DateWindow() | DayWindow() | WeekWindow() | WaitUntil():
            return StepResult(_enter_waiting_step(step, context))
        case steps.Multisplit() | steps.Experiment() | steps.JumpTo():
            return StepResult(_choose_next(step, journey_version.journey, run, context))
        case steps.Exit():
            return StepResult(ExitRun(Reason.FINISHED))
        case _:
            assert_never(step)


# A due time is calculated once, when the run enters the step, and stored as an instant in UTC. Days, windows and quiet hours are counted in
# the customer's zone at that moment, so `P1D` over the night in which clocks change is 23 or 25 hours. A `timezone` attribute that changes
# later does not move the wait: a timer whose due time depended on what is read when it fires could fire twice, or never.
def _enter_waiting_step(step: TimeDelay | DateWindow | DayWindow | WeekWindow | WaitUntil, context: StepContext) -> Wait | ExitRun | GoTo:
    match step:
        case TimeDelay():
            return _wait_until(step.delay.after(context.now, context.zone), GoTo(step.next, Cause.ELAPSED), context)
        case DateWindow() | DayWindow() | WeekWindow():
            opening = step.opening(context.now, context.zone)
            return ExitRun(Reason.WINDOW_OVER) if opening is None else _wait_until(opening, GoTo(step.next, Cause.OPENED), context)
        case WaitUntil():
            return Wait(step.timeout.after.after(context.now, context.zone) if step.timeout else None)
        case _:
            assert_never(step)


def _wait_until(due: datetime, otherwise: GoTo, context: StepContext) -> Wait | GoTo:
    """A wait until `due`, or `otherwise` if that is not in the future: a delay of zero and an open window take no time."""
    return Wait(due) if due > context.now else otherwise


def _choose_next(step: steps.Multisplit | steps.Experiment | steps.JumpTo, journey: Journey, run: Run, context: StepContext) -> GoTo:
    match step:
        case steps.Multisplit():
            messages = statuses_for_conditions(run)
            for place, branch in enumerate(step.branches):
                if context.holds(branch.conditions, messages):
                    return GoTo(branch.next, Cause.BRANCH, branch_name(branch.id, place))
            return GoTo(step.otherwise, Cause.OTHERWISE)
        case steps.Experiment():
            taken = _experiment_branch(step, journey, context)
            return GoTo(taken.next, Cause.EXPERIMENT, taken.id)
        case steps.JumpTo():
            return GoTo(step.next, Cause.JUMP)
        case _:
            assert_never(step)


# The branch is a hash and not a random number. A signal that is redelivered after a crash must take the same branch again, or the retry
# would create messages of the other branch beside those that were saved. It also gives a customer who enters again the same variant. The
# step is part of the hash, so that two experiments of one journey divide customers independently.
def _experiment_branch(step: steps.Experiment, journey: Journey, context: StepContext) -> steps.ExperimentBranch:
    """The customer's branch of an experiment. Each branch gets its weight's share of the numbers 0 to 99."""
    number = int(generated_ids.digest("experiment", journey.id, step.id, context.customer.id), 36) % 100
    for branch in step.branches:
        number -= branch.weight
        if number < 0:
            return branch
    raise ValueError("the weights of an experiment add up to less than 100")


def on_timeout(journey_version: JourneyVersion, run: Run) -> GoTo:
    """Where a run goes when the wait in its step is over. Raises TypeError for a step whose wait has no end."""
    step = journey_version.journey.step(run.step)
    match step:
        case TimeDelay():
            return GoTo(step.next, Cause.ELAPSED)
        case DateWindow() | DayWindow() | WeekWindow():
            return GoTo(step.next, Cause.OPENED)
        case WaitUntil():
            if step.timeout is not None:
                return GoTo(step.timeout.next, Cause.TIMEOUT)
        case MessageStep():
            # Only quiet hours give a message step a due time. The run enters the same step again, and the message is created now.
            return GoTo(step.id, Cause.QUIET_HOURS)
        case steps.Multisplit() | steps.Experiment() | steps.JumpTo() | steps.Exit():
            pass
        case _:
            assert_never(step)
    raise TypeError(f"step {step.id!r} of type {step.type} has no timeout")


def on_event(step: WaitUntil, run: Run, context: StepContext, unsubscribed: Collection[str] = ()) -> GoTo | Run:
    """Where an event takes a run that waits in `step`: to the first branch, in the order written, that the event completes.

    If it completes none, the run itself, changed where an `all` branch remembers the event. `unsubscribed` are the steps with the messages
    whose topic the event ends.
    """
    branch, matched_events = match_branches(step, run.matched_events, context, unsubscribed)
    return replace(run, matched_events=matched_events) if branch is None else take_branch(step, branch)


def take_branch(step: WaitUntil, branch: int, cause: Cause = Cause.EVENT) -> GoTo:
    """Where the branch at this position leads a run for which it is taken."""
    taken = step.branches[branch]
    return GoTo(taken.next, cause, branch_name(taken.id, branch))


def take_known_branch(step: WaitUntil, run: Run) -> GoTo | None:
    """Where a wait leads a run at once because of what it knows of its messages; None if that takes no branch."""
    branch = known_branch(step, run)
    return None if branch is None else take_branch(step, branch, Cause.REPORT)


def branch_name(branch_id: str | None, place: int) -> str:
    """What histories and receipts call a branch: its id, or its position counted from 1."""
    return branch_id or str(place + 1)


def match_branches(
    step: WaitUntil, matched_events: Iterable[tuple[int, int]], context: StepContext, unsubscribed: Collection[str] = ()
) -> tuple[int | None, tuple[tuple[int, int], ...]]:
    """The position of the branch that an event completes, if any, and the events of `all` branches that have come by then."""
    remembered = set(matched_events)
    for place, branch in enumerate(step.branches):
        if isinstance(branch, MessageBranch):
            if branch.status == "unsubscribed" and branch.message in unsubscribed:
                return place, tuple(sorted(remembered))
            continue
        matching = {index for index, trigger in enumerate(branch.triggers) if context.satisfies(trigger)}
        if not matching:
            continue
        if isinstance(branch, AllBranch):
            remembered |= {(place, index) for index in matching}
            if any((place, index) not in remembered for index in range(len(branch.all))):
                continue
        return place, tuple(sorted(remembered))
    return None, tuple(sorted(remembered))


def on_message_outcome(step: MessageStep, status: MessageStatus) -> GoTo:
    """Where a run goes whose message has this outcome: to `onFailure` if the step has it and the message was not sent, else to `next`."""
    failed = status in (MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED)
    return GoTo(step.on_failure, Cause.FAILED) if failed and step.on_failure else GoTo(step.next, Cause.NEXT)


def _enter_message_step(step: MessageStep, journey_version: JourneyVersion, run: Run, context: StepContext) -> StepResult:
    """Creates the message. The run goes on at once, or with `onFailure` waits for the outcome. In quiet hours it waits or skips."""
    quiet_hours = journey_version.journey.quiet_hours
    quiet_until = quiet_hours.over(context.now, context.zone) if quiet_hours else None
    message = _new_message(step, journey_version, run, context)
    if quiet_hours is None or quiet_until is None:
        return StepResult(Wait() if step.on_failure else GoTo(step.next, Cause.NEXT), message)
    if quiet_hours.otherwise == "wait":
        # The message is dropped here and created when the quiet hours end. If it were created now and sent later, an exit event during
        # the night would end the run and the message would still arrive in the morning.
        return StepResult(Wait(quiet_until, Cause.QUIET_HOURS))
    attempt = Attempt(context.now, "skipped", MessageReason.QUIET_HOURS.value)
    skipped = replace(message, status=MessageStatus.SKIPPED, reason=MessageReason.QUIET_HOURS, attempts=(attempt,), awaited=False)
    return StepResult(on_message_outcome(step, MessageStatus.SKIPPED), skipped)


# The id is a function of the place, not a random one: a signal that is processed again after a crash creates the same message again, which
# is saved and sent once. The number of the visit is part of it, because a run that comes back to a step in a loop sends another message;
# without it the second message would pass for a repetition of the first and never be sent.
def _new_message(step: MessageStep, journey_version: JourneyVersion, run: Run, context: StepContext) -> Message:
    """The message of this visit to a message step, pending and due at once."""
    customer, (journey, version), visit = context.customer, journey_version, run.visits[step.id]
    return Message(
        id=generated_ids.message_id(customer.workspace, journey.id, version, run.id, step.id, visit),
        workspace=customer.workspace,
        journey=journey.id,
        version=version,
        run=run.id,
        step=step.id,
        channel=step.channel,
        customer=customer.id,
        lookup_id=customer.lookup_id,
        event=context.event,
        created_at=context.now,
        due=context.now,
        on_unknown=step.on_unknown,
        visit=visit,
        awaited=step.on_failure is not None,
        listened=step.id in journey.named_statuses,
    )
