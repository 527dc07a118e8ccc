"""The journey engine. A step never does anything; it answers: the run as it is then, and the messages that are owed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain import identifiers, steps
from waypost.domain.conditions import Scope, holds
from waypost.domain.customers import Customer
from waypost.domain.durations import Duration
from waypost.domain.events import Event
from waypost.domain.journeys import Journey, Reentry
from waypost.domain.messages import Message, Status
from waypost.domain.reasons import Reason
from waypost.domain.receipts import Move, Outcome
from waypost.domain.runs import Run
from waypost.domain.times import iso

STEPS_AT_ONCE: Final = 100
ACTIVE_RUNS: Final = 100


class Released(NamedTuple):
    """A version of a journey that runs follow."""

    journey: Journey
    version: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What a run sees when it moves: its customer, the event that moves it, the time, and the workspace's zone."""

    customer: Customer
    event: Mapping[str, Any]
    now: datetime
    timezone: str

    def holds(self, condition: Any) -> bool:
        """Whether a condition holds for this customer and event; no condition always does."""
        scope = Scope(self.event["payload"], self.customer.attributes, self.timezone)
        return condition is None or holds(condition, scope) is True


@dataclass(frozen=True, slots=True)
class Transition:
    """A run after a signal, what the world owes for it, and what to tell. `saved`: an earlier attempt has saved it already."""

    run: Run
    messages: tuple[Message, ...]
    outcome: Outcome
    saved: bool = False

    @property
    def move(self) -> Move:
        """The line of the receipt. That a run has come to its end is no reason why something did not happen."""
        reason = None if self.run.reason is Reason.FINISHED else self.run.reason
        return Move(self.run.journey, self.outcome, reason, self.run.id)


def moving(event: Event) -> dict[str, Any]:
    """An event as runs, templates and messages keep it."""
    return {"name": event.name, "payload": event.payload, "uuid": event.uuid, "timestamp": iso(event.at), "source": event.source}


def enter(released: Released, runs: Sequence[Run], event: Event, scene: Scene) -> Transition | Reason:
    """The run that an event opens in a journey, or why it opens none; `runs` are the customer's through this journey."""
    entry = released.journey.entry
    if not scene.holds(entry.conditions):
        return Reason.CONDITIONS
    key = entry.reentry.key_of(event.payload)
    if key is None:
        return Reason.NO_KEY
    customer = scene.customer
    run = Run(
        id=identifiers.run_id(customer.workspace, released.journey.id, key, event.uuid),
        journey=released.journey.id,
        version=released.version,
        key=key,
        step=released.journey.first.id,
        entered_at=scene.now,
    )
    if any(each.id == run.id for each in runs):
        return replace(_walk(released, run, run.step, scene, "entered"), saved=True)
    refused = _refusal(entry.reentry, [each for each in runs if each.key == key], runs, scene)
    return refused or _walk(released, run, run.step, scene, "entered")


def _refusal(reentry: Reentry, same: Sequence[Run], runs: Sequence[Run], scene: Scene) -> Reason | None:
    """Why the rules of re-entry refuse a run, given the runs with its key and all runs through its journey."""
    if reentry.mode == "once" and same:
        return Reason.ALREADY_ENTERED
    if reentry.mode == "afterExit" and any(run.active for run in same):
        return Reason.ALREADY_ACTIVE
    if reentry.cooldown is not None and any(_cooling(run, reentry.cooldown, scene) for run in same):
        return Reason.COOLDOWN
    return Reason.TOO_MANY_RUNS if sum(run.active for run in runs) >= ACTIVE_RUNS else None


def _cooling(run: Run, cooldown: Duration, scene: Scene) -> bool:
    return scene.now < cooldown.after(run.entered_at, scene.timezone)


def settle(released: Released, run: Run, step_id: str, visit: int, status: Status, scene: Scene) -> Transition | None:
    """The run once the message that it stands on has an outcome; None where it stands there no more."""
    step = released.journey.step(run.step)
    if not run.active or run.step != step_id or run.visits.get(step_id) != visit or not isinstance(step, steps.Message):
        return None
    failed = status in (Status.FAILED, Status.UNKNOWN, Status.SKIPPED)
    return _walk(released, run, step.on_failure if failed and step.on_failure else step.next, scene, "advanced")


class _Stand(NamedTuple):
    """A step's answer: the run stays here."""


class _End(NamedTuple):
    """A step's answer: the run ends."""

    reason: Reason


class _Go(NamedTuple):
    """A step's answer: the run goes on at this step."""

    step: str


class _Answer(NamedTuple):
    """Where a step sends a run, and the message that it owes, if any."""

    then: _Stand | _End | _Go
    message: Message | None = None


def _walk(released: Released, run: Run, step: str, scene: Scene, outcome: Outcome) -> Transition:
    """Takes a run from step to step until it stands or ends."""
    messages: list[Message] = []
    for _ in range(STEPS_AT_ONCE):
        run = run.at(step)
        then, message = _arrive(released, run, scene)
        if message is not None:
            messages.append(message)
        if isinstance(then, _Go):
            step = then.step
            continue
        if isinstance(then, _Stand):
            return Transition(replace(run, moved_by=scene.event), tuple(messages), outcome)
        return _ended(run, then.reason, messages, outcome)
    return _ended(run, Reason.LOOP, messages, outcome)


def _ended(run: Run, reason: Reason, messages: Sequence[Message], outcome: Outcome) -> Transition:
    return Transition(run.exited(reason), tuple(messages), "exited" if outcome == "advanced" else outcome)


def _arrive(released: Released, run: Run, scene: Scene) -> _Answer:
    """What the step that a run has reached answers."""
    match released.journey.step(run.step):
        case steps.Message() as step:
            return _message(step, released, run, scene)
        case steps.Multisplit() as step:
            return _Answer(_Go(next((branch.next for branch in step.branches if scene.holds(branch.conditions)), step.otherwise)))
        case steps.JumpTo() as step:
            return _Answer(_Go(step.next))
        case steps.Exit():
            return _Answer(_End(Reason.FINISHED))
        case other:
            raise TypeError(f"no rule for a step of type {type(other).__name__}")


def _message(step: steps.EmailMessage | steps.WebhookMessage, released: Released, run: Run, scene: Scene) -> _Answer:
    """The run goes on when its message is owed; with `onFailure` it stands until the outcome."""
    customer = scene.customer
    place = (customer.workspace, released.journey.id, released.version, run.id, step.id, run.visits[step.id])
    message = Message(
        id=identifiers.message_id(*place),
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
    return _Answer(_Stand() if step.on_failure else _Go(step.next), message)
