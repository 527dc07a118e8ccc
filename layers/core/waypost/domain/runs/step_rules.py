"""What each type of step answers a run that reaches it, that stands in it when its time is up, or that hears an event there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from waypost.domain.journeys import steps
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.journeys.waits import AllBranch, DateWindow, DayWindow, TimeDelay, WaitUntil, WeekWindow
from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext
from waypost.domain.runs.run import Cause, Run
from waypost.domain.values import generated_ids


class Wait(NamedTuple):
    """The run stays here, until this instant if nothing else moves it before."""

    due: datetime | None = None


class Exit(NamedTuple):
    """The run ends."""

    reason: Reason


class GoTo(NamedTuple):
    """The run goes on at this step."""

    step: str
    cause: Cause


class StepResult(NamedTuple):
    """Where a step sends a run, and the message that it makes, if any."""

    then: Wait | Exit | GoTo
    message: Message | None = None


def on_enter(journey_version: JourneyVersion, run: Run, context: StepContext) -> StepResult:
    """What the step that a run has reached answers."""
    match journey_version.journey.step(run.step):
        case steps.Message() as step:
            return _message(step, journey_version, run, context)
        case TimeDelay() | DateWindow() | DayWindow() | WeekWindow() | WaitUntil() as step:
            return StepResult(_rest(step, context))
        case steps.Multisplit() | steps.Experiment() | steps.JumpTo() as step:
            return StepResult(_turn(step, journey_version, context))
        case steps.Exit():
            return StepResult(Exit(Reason.FINISHED))
        case other:
            raise TypeError(f"no rule for a step of type {type(other).__name__}")


def _rest(step: TimeDelay | DateWindow | DayWindow | WeekWindow | WaitUntil, context: StepContext) -> Wait | Exit | GoTo:
    """How long a run stays in a step in which time passes, if it does."""
    match step:
        case TimeDelay():
            return _until(step.delay.after(context.now, context.zone), GoTo(step.next, Cause.ELAPSED), context)
        case WaitUntil():
            return Wait(step.timeout.after.after(context.now, context.zone) if step.timeout else None)
        case _:
            opening = step.opening(context.now, context.zone)
            return Exit(Reason.WINDOW_OVER) if opening is None else _until(opening, GoTo(step.next, Cause.OPENED), context)


def _turn(step: steps.Multisplit | steps.Experiment | steps.JumpTo, journey_version: JourneyVersion, context: StepContext) -> GoTo:
    """Which way a step points that no run stays in."""
    match step:
        case steps.Multisplit():
            taken = next((branch.next for branch in step.branches if context.holds(branch.conditions)), None)
            return GoTo(step.otherwise, Cause.OTHERWISE) if taken is None else GoTo(taken, Cause.BRANCH)
        case steps.Experiment():
            return GoTo(_drawn(step, journey_version, context), Cause.EXPERIMENT)
        case steps.JumpTo():
            return GoTo(step.next, Cause.JUMP)


def on_timeout(journey_version: JourneyVersion, run: Run) -> GoTo:
    """Where a run goes whose step's time is up."""
    match journey_version.journey.step(run.step):
        case TimeDelay() as step:
            return GoTo(step.next, Cause.ELAPSED)
        case DateWindow() | DayWindow() | WeekWindow() as step:
            return GoTo(step.next, Cause.OPENED)
        case WaitUntil(timeout=timeout) if timeout is not None:
            return GoTo(timeout.next, Cause.TIMEOUT)
        case steps.Message() as step:
            return GoTo(step.id, Cause.QUIET_HOURS)
        case other:
            raise TypeError(f"a step of type {type(other).__name__} has no time that could be up")


def on_event(step: WaitUntil, run: Run, context: StepContext) -> GoTo | Run:
    """Where an event takes a run that waits, or the run that has heard it: changed if the event was one of several to come."""
    matched_events = set(run.matched_events)
    for place, branch in enumerate(step.branches):
        fits = {index for index, trigger in enumerate(branch.triggers) if _fits(trigger, context)}
        if not fits:
            continue
        if isinstance(branch, AllBranch):
            matched_events |= {(place, index) for index in fits}
            if any((place, index) not in matched_events for index in range(len(branch.all))):
                continue
        return GoTo(branch.next, Cause.EVENT)
    return replace(run, matched_events=tuple(sorted(matched_events)))


def on_message_outcome(step: steps.AnyMessage, status: MessageStatus) -> GoTo:
    """Where a run goes that stood on a message with this outcome."""
    failed = status in (MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED)
    return GoTo(step.on_failure, Cause.FAILED) if failed and step.on_failure else GoTo(step.next, Cause.NEXT)


def _fits(trigger: Trigger, context: StepContext) -> bool:
    return trigger.matches(context.event["name"], context.event["source"]) and context.holds(trigger.conditions)


def _until(due: datetime, then: GoTo, context: StepContext) -> Wait | GoTo:
    return Wait(due) if due > context.now else then


def _drawn(step: steps.Experiment, journey_version: JourneyVersion, context: StepContext) -> str:
    """The branch that a hash of journey, step and customer draws."""
    drawn = int(generated_ids.digest("experiment", journey_version.journey.id, step.id, context.customer.id), 36) % 100
    for branch in step.branches:
        drawn -= branch.weight
        if drawn < 0:
            return branch.next
    raise ValueError("weights add up to 100")


def _message(step: steps.AnyMessage, journey_version: JourneyVersion, run: Run, context: StepContext) -> StepResult:
    """The run goes on when its message is owed; with `onFailure` it stands until the outcome. Quiet hours it waits out, or skips."""
    quiet = journey_version.journey.quiet_hours
    over = quiet.over(context.now, context.zone) if quiet else None
    message = _owed(step, journey_version, run, context)
    if quiet is None or over is None:
        return StepResult(Wait() if step.on_failure else GoTo(step.next, Cause.NEXT), message)
    if quiet.otherwise == "wait":
        return StepResult(Wait(over))
    told = Attempt(context.now, "skipped", MessageReason.QUIET_HOURS.value)
    skipped = replace(message, status=MessageStatus.SKIPPED, reason=MessageReason.QUIET_HOURS, attempts=(told,), awaited=False)
    return StepResult(on_message_outcome(step, MessageStatus.SKIPPED), skipped)


def _owed(step: steps.AnyMessage, journey_version: JourneyVersion, run: Run, context: StepContext) -> Message:
    customer = context.customer
    place = (customer.workspace, journey_version.journey.id, journey_version.version, run.id, step.id, run.visits[step.id])
    return Message(
        id=generated_ids.message_id(*place),
        workspace=customer.workspace,
        journey=journey_version.journey.id,
        version=journey_version.version,
        run=run.id,
        step=step.id,
        channel=step.channel,
        customer=customer.id,
        lookup_id=customer.lookup_id,
        event=context.event,
        created_at=context.now,
        due=context.now,
        on_unknown=step.on_unknown,
        visit=run.visits[step.id],
        awaited=step.on_failure is not None,
    )
