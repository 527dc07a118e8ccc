"""The journey engine: a run and what happens to it make the run as it is then, and what is owed for it. Nothing is done here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.receipts import Move, Outcome
from waypost.domain.journeys import steps
from waypost.domain.journeys.waits import WaitUntil
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs import step_rules
from waypost.domain.runs.context import JourneyVersion, StepContext
from waypost.domain.runs.effects import Arm, Disarm, Effect, Send
from waypost.domain.runs.run import Cause, PendingTransition, Run
from waypost.domain.runs.step_rules import GoTo, Wait
from waypost.domain.runs.timers import Timer

STEPS_AT_ONCE: Final = 100
STAYS_AT_ONCE: Final = 20
"""How many stays that are over a run leaves for one signal; it comes back at once for the rest of them."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A run after a signal, its messages, and what to tell. `was`: the run before, None for a new one. `saved`: an earlier attempt did."""

    was: Run | None
    run: Run
    customer: Customer
    now: datetime
    messages: tuple[Message, ...] = ()
    outcome: Outcome = "advanced"
    saved: bool = False

    @property
    def move(self) -> Move:
        """The line of the receipt. That a run has come to its end is no reason why something did not happen."""
        reason = None if self.run.reason is Reason.FINISHED else self.run.reason
        if self.outcome == "advanced" and self.was is not None and self.run.visits == self.was.visits:
            reason = Reason.REMEMBERED if self.run.pending_transition is None else Reason.PAUSED
        return Move(self.run.journey, self.outcome, reason, self.run.id)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the world owes: messages to send, the timer of the step where the run stands now, an end to the timer of the one it left."""
        sends = [Send(message.id) for message in self.messages if message.status is MessageStatus.PENDING]
        old, new = timer_of(self.was, self.customer) if self.was else None, timer_of(self.run, self.customer)
        if (old and old.name) == (new and new.name):
            return tuple(sends)
        armed = [Arm(new)] if new else []
        return (*sends, *armed, *([Disarm(old.name)] if old and old.due > self.now else []))

    def then(self, later: Transition) -> Transition:
        """Both, one after the other, as one."""
        outcome = later.outcome if self.was is not None else self.outcome
        return replace(later, was=self.was, messages=self.messages + later.messages, outcome=outcome)


def timer_of(run: Run, customer: Customer) -> Timer | None:
    """The timer of a run's stay in its step, if the stay has an end."""
    if run.due is None:
        return None
    return Timer(customer.workspace, customer.id, customer.lookup_id, run.id, run.step, run.visits.get(run.step, 0), 0, run.due)


def start_run(journey_version: JourneyVersion, run: Run, context: StepContext) -> Transition:
    """A new run on its way from its first step."""
    return _walk(journey_version, None, run, GoTo(run.step, Cause.ENTERED), context)


def advance_on_event(journey_version: JourneyVersion, run: Run, context: StepContext, *, paused: bool) -> Transition | Reason | None:
    """What an event does to a run that waits for events; None where that is nothing. While paused, the way that it opens is held.

    PAUSED: another way is held already.
    """
    step = journey_version.journey.step(run.step)
    if not isinstance(step, WaitUntil):
        return None
    answer = step_rules.on_event(step, run, context)
    if run.pending_transition is not None:
        return Reason.PAUSED if isinstance(answer, GoTo) else None
    if isinstance(answer, Run):
        return None if answer == run else _moved(run, answer, (), context)
    return _go(journey_version, run, answer, context, paused=paused)


def advance_on_message(
    journey_version: JourneyVersion,
    run: Run,
    step_id: str,
    visit: int,
    status: MessageStatus,
    context: StepContext,
    *,
    paused: bool = False,
) -> Transition | None:
    """The run once the message that it stands on has an outcome; None where it stands there no more."""
    step = journey_version.journey.step(run.step)
    if (
        not run.active
        or run.pending_transition
        or run.step != step_id
        or run.visits.get(step_id) != visit
        or not isinstance(step, steps.Message)
    ):
        return None
    return _go(journey_version, run, step_rules.on_message_outcome(step, status), context.after(run.moved_by, context.now), paused=paused)


def exit_run(run: Run, reason: Reason, context: StepContext) -> Transition:
    """The run, ended where it stands."""
    return _moved(run, run.exited(reason, context.now), (), context)


def apply_elapsed(journey_version: JourneyVersion | None, run: Run, context: StepContext, *, paused: bool) -> Transition | None:
    """The run as time has left it: what it was held back from while paused, and every stay whose time is up, each at its own instant.

    None where nothing has changed. No version: its journey is stopped.
    """
    if journey_version is None:
        return exit_run(run, Reason.STOPPED, context.after(run.moved_by, context.now))
    done: Transition | None = None
    for _ in range(STAYS_AT_ONCE):
        fresh = _next_stay(journey_version, run, context, paused=paused)
        if fresh is None:
            break
        done, run = done.then(fresh) if done else fresh, fresh.run
    return done


def _next_stay(journey_version: JourneyVersion, run: Run, context: StepContext, *, paused: bool) -> Transition | None:
    if not run.active:
        return None
    if run.pending_transition is not None:
        at_once = context.after(run.pending_transition.event or run.moved_by, context.now)
        return (
            None if paused else _walk(journey_version, run, run, GoTo(run.pending_transition.step, run.pending_transition.cause), at_once)
        )
    if run.due is None or run.due > context.now:
        return None
    return _go(journey_version, run, step_rules.on_timeout(journey_version, run), context.after(run.moved_by, run.due), paused=paused)


def _go(journey_version: JourneyVersion, run: Run, way: GoTo, context: StepContext, *, paused: bool) -> Transition:
    """The run on this way, or held back from it while its journey is paused."""
    if paused:
        return _moved(
            run,
            replace(run, pending_transition=PendingTransition(context.now, context.customer.lookup_id, way.step, way.cause, context.event)),
            (),
            context,
        )
    return _walk(journey_version, run, run, way, context)


def _walk(journey_version: JourneyVersion, was: Run | None, run: Run, way: GoTo, context: StepContext) -> Transition:
    """Takes a run from step to step until it stands or ends."""
    messages: list[Message] = []
    for _ in range(STEPS_AT_ONCE):
        run = run.at(way.step, context.now, way.cause)
        then, message = step_rules.on_enter(journey_version, run, context)
        if message is not None:
            messages.append(message)
        if isinstance(then, GoTo):
            way = then
            continue
        if isinstance(then, Wait):
            return _moved(was, replace(run, moved_by=context.event, due=then.due), messages, context)
        return _moved(was, run.exited(then.reason, context.now), messages, context)
    return _moved(was, run.exited(Reason.LOOP, context.now), messages, context)


def _moved(was: Run | None, run: Run, messages: Sequence[Message], context: StepContext) -> Transition:
    outcome: Outcome = "entered" if was is None else "advanced" if run.active_or_finished else "exited"
    updated = replace(run, last_event_uuid=context.event["uuid"] or run.last_event_uuid)
    return Transition(was, updated, context.customer, context.now, tuple(messages), outcome)
