"""What each type of step answers a run that reaches it, that stands in it when its time is up, or that hears an event there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from waypost.domain.journeys import steps
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.journeys.waits import AllBranch, DateWindow, DayWindow, TimeDelay, WaitUntil, WeekWindow
from waypost.domain.messages.message import Attempt, Message, Status
from waypost.domain.messages.message import Reason as MessageReason
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import Released, Scene
from waypost.domain.runs.run import Cause, Run
from waypost.domain.values import generated_ids


class Stand(NamedTuple):
    """The run stays here, until this instant if nothing else moves it before."""

    due: datetime | None = None


class End(NamedTuple):
    """The run ends."""

    reason: Reason


class Go(NamedTuple):
    """The run goes on at this step."""

    step: str
    cause: Cause


class Answer(NamedTuple):
    """Where a step sends a run, and the message that it makes, if any."""

    then: Stand | End | Go
    message: Message | None = None


def arrive(released: Released, run: Run, scene: Scene) -> Answer:
    """What the step that a run has reached answers."""
    match released.journey.step(run.step):
        case steps.Message() as step:
            return _message(step, released, run, scene)
        case TimeDelay() | DateWindow() | DayWindow() | WeekWindow() | WaitUntil() as step:
            return Answer(_rest(step, scene))
        case steps.Multisplit() | steps.Experiment() | steps.JumpTo() as step:
            return Answer(_turn(step, released, scene))
        case steps.Exit():
            return Answer(End(Reason.FINISHED))
        case other:
            raise TypeError(f"no rule for a step of type {type(other).__name__}")


def _rest(step: TimeDelay | DateWindow | DayWindow | WeekWindow | WaitUntil, scene: Scene) -> Stand | End | Go:
    """How long a run stays in a step in which time passes, if it does."""
    match step:
        case TimeDelay():
            return _until(step.delay.after(scene.now, scene.zone), Go(step.next, Cause.ELAPSED), scene)
        case WaitUntil():
            return Stand(step.timeout.after.after(scene.now, scene.zone) if step.timeout else None)
        case _:
            opening = step.opening(scene.now, scene.zone)
            return End(Reason.WINDOW_OVER) if opening is None else _until(opening, Go(step.next, Cause.OPENED), scene)


def _turn(step: steps.Multisplit | steps.Experiment | steps.JumpTo, released: Released, scene: Scene) -> Go:
    """Which way a step points that no run stays in."""
    match step:
        case steps.Multisplit():
            taken = next((branch.next for branch in step.branches if scene.holds(branch.conditions)), None)
            return Go(step.otherwise, Cause.OTHERWISE) if taken is None else Go(taken, Cause.BRANCH)
        case steps.Experiment():
            return Go(_drawn(step, released, scene), Cause.EXPERIMENT)
        case steps.JumpTo():
            return Go(step.next, Cause.JUMP)


def time_is_up(released: Released, run: Run) -> Go:
    """Where a run goes whose step's time is up."""
    match released.journey.step(run.step):
        case TimeDelay() as step:
            return Go(step.next, Cause.ELAPSED)
        case DateWindow() | DayWindow() | WeekWindow() as step:
            return Go(step.next, Cause.OPENED)
        case WaitUntil(timeout=timeout) if timeout is not None:
            return Go(timeout.next, Cause.TIMEOUT)
        case steps.Message() as step:
            return Go(step.id, Cause.QUIET_HOURS)
        case other:
            raise TypeError(f"a step of type {type(other).__name__} has no time that could be up")


def hear(step: WaitUntil, run: Run, scene: Scene) -> Go | Run:
    """Where an event takes a run that waits, or the run that has heard it: changed if the event was one of several to come."""
    heard = set(run.heard)
    for place, branch in enumerate(step.branches):
        fits = {index for index, trigger in enumerate(branch.triggers) if _fits(trigger, scene)}
        if not fits:
            continue
        if isinstance(branch, AllBranch):
            heard |= {(place, index) for index in fits}
            if any((place, index) not in heard for index in range(len(branch.all))):
                continue
        return Go(branch.next, Cause.EVENT)
    return replace(run, heard=tuple(sorted(heard)))


def settled(step: steps.AnyMessage, status: Status) -> Go:
    """Where a run goes that stood on a message with this outcome."""
    failed = status in (Status.FAILED, Status.UNKNOWN, Status.SKIPPED)
    return Go(step.on_failure, Cause.FAILED) if failed and step.on_failure else Go(step.next, Cause.NEXT)


def _fits(trigger: Trigger, scene: Scene) -> bool:
    return trigger.hears(scene.event["name"], scene.event["source"]) and scene.holds(trigger.conditions)


def _until(due: datetime, then: Go, scene: Scene) -> Stand | Go:
    return Stand(due) if due > scene.now else then


def _drawn(step: steps.Experiment, released: Released, scene: Scene) -> str:
    """The branch that a hash of journey, step and customer draws."""
    drawn = int(generated_ids.digest("experiment", released.journey.id, step.id, scene.customer.id), 36) % 100
    for branch in step.branches:
        drawn -= branch.weight
        if drawn < 0:
            return branch.next
    raise ValueError("weights add up to 100")


def _message(step: steps.AnyMessage, released: Released, run: Run, scene: Scene) -> Answer:
    """The run goes on when its message is owed; with `onFailure` it stands until the outcome. Quiet hours it waits out, or skips."""
    quiet = released.journey.quiet_hours
    over = quiet.over(scene.now, scene.zone) if quiet else None
    message = _owed(step, released, run, scene)
    if quiet is None or over is None:
        return Answer(Stand() if step.on_failure else Go(step.next, Cause.NEXT), message)
    if quiet.otherwise == "wait":
        return Answer(Stand(over))
    told = Attempt(scene.now, "skipped", MessageReason.QUIET_HOURS.value)
    skipped = replace(message, status=Status.SKIPPED, reason=MessageReason.QUIET_HOURS, attempts=(told,), awaited=False)
    return Answer(settled(step, Status.SKIPPED), skipped)


def _owed(step: steps.AnyMessage, released: Released, run: Run, scene: Scene) -> Message:
    customer = scene.customer
    place = (customer.workspace, released.journey.id, released.version, run.id, step.id, run.visits[step.id])
    return Message(
        id=generated_ids.message_id(*place),
        workspace=customer.workspace,
        journey=released.journey.id,
        version=released.version,
        run=run.id,
        step=step.id,
        channel=step.channel,
        customer=customer.id,
        known_as=customer.known_as,
        event=scene.event,
        created_at=scene.now,
        due=scene.now,
        on_unknown=step.on_unknown,
        visit=run.visits[step.id],
        awaited=step.on_failure is not None,
    )
