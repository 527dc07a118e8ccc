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
from waypost.domain.messages.message import Message, Status
from waypost.domain.reasons import Reason
from waypost.domain.runs import step_rules
from waypost.domain.runs.context import Released, Scene
from waypost.domain.runs.effects import Arm, Disarm, Effect, Send
from waypost.domain.runs.run import Cause, Held, Run
from waypost.domain.runs.step_rules import Go, Stand
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
            reason = Reason.REMEMBERED if self.run.held is None else Reason.PAUSED
        return Move(self.run.journey, self.outcome, reason, self.run.id)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the world owes: messages to send, the timer of the step where the run stands now, an end to the timer of the one it left."""
        sends = [Send(message.id) for message in self.messages if message.status is Status.PENDING]
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
    return Timer(customer.workspace, customer.id, customer.known_as, run.id, run.step, run.visits.get(run.step, 0), 0, run.due)


def begin(released: Released, run: Run, scene: Scene) -> Transition:
    """A new run on its way from its first step."""
    return _walk(released, None, run, Go(run.step, Cause.ENTERED), scene)


def hear(released: Released, run: Run, scene: Scene, *, paused: bool) -> Transition | Reason | None:
    """What an event does to a run that waits for events; None where that is nothing. While paused, the way that it opens is held.

    PAUSED: another way is held already.
    """
    step = released.journey.step(run.step)
    if not isinstance(step, WaitUntil):
        return None
    answer = step_rules.hear(step, run, scene)
    if run.held is not None:
        return Reason.PAUSED if isinstance(answer, Go) else None
    if isinstance(answer, Run):
        return None if answer == run else _moved(run, answer, (), scene)
    return _go(released, run, answer, scene, paused=paused)


def settle(
    released: Released, run: Run, step_id: str, visit: int, status: Status, scene: Scene, *, paused: bool = False
) -> Transition | None:
    """The run once the message that it stands on has an outcome; None where it stands there no more."""
    step = released.journey.step(run.step)
    if not run.active or run.held or run.step != step_id or run.visits.get(step_id) != visit or not isinstance(step, steps.Message):
        return None
    return _go(released, run, step_rules.settled(step, status), scene.after(run.moved_by, scene.now), paused=paused)


def leave(run: Run, reason: Reason, scene: Scene) -> Transition:
    """The run, ended where it stands."""
    return _moved(run, run.exited(reason, scene.now), (), scene)


def catch_up(released: Released | None, run: Run, scene: Scene, *, paused: bool) -> Transition | None:
    """The run as time has left it: what it was held back from while paused, and every stay whose time is up, each at its own instant.

    None where nothing has changed. No version: its journey is stopped.
    """
    if released is None:
        return leave(run, Reason.STOPPED, scene.after(run.moved_by, scene.now))
    done: Transition | None = None
    for _ in range(STAYS_AT_ONCE):
        fresh = _next_stay(released, run, scene, paused=paused)
        if fresh is None:
            break
        done, run = done.then(fresh) if done else fresh, fresh.run
    return done


def _next_stay(released: Released, run: Run, scene: Scene, *, paused: bool) -> Transition | None:
    if not run.active:
        return None
    if run.held is not None:
        at_once = scene.after(run.held.event or run.moved_by, scene.now)
        return None if paused else _walk(released, run, run, Go(run.held.step, run.held.cause), at_once)
    if run.due is None or run.due > scene.now:
        return None
    return _go(released, run, step_rules.time_is_up(released, run), scene.after(run.moved_by, run.due), paused=paused)


def _go(released: Released, run: Run, way: Go, scene: Scene, *, paused: bool) -> Transition:
    """The run on this way, or held back from it while its journey is paused."""
    if paused:
        return _moved(run, replace(run, held=Held(scene.now, scene.customer.known_as, way.step, way.cause, scene.event)), (), scene)
    return _walk(released, run, run, way, scene)


def _walk(released: Released, was: Run | None, run: Run, way: Go, scene: Scene) -> Transition:
    """Takes a run from step to step until it stands or ends."""
    messages: list[Message] = []
    for _ in range(STEPS_AT_ONCE):
        run = run.at(way.step, scene.now, way.cause)
        then, message = step_rules.arrive(released, run, scene)
        if message is not None:
            messages.append(message)
        if isinstance(then, Go):
            way = then
            continue
        if isinstance(then, Stand):
            return _moved(was, replace(run, moved_by=scene.event, due=then.due), messages, scene)
        return _moved(was, run.exited(then.reason, scene.now), messages, scene)
    return _moved(was, run.exited(Reason.LOOP, scene.now), messages, scene)


def _moved(was: Run | None, run: Run, messages: Sequence[Message], scene: Scene) -> Transition:
    outcome: Outcome = "entered" if was is None else "advanced" if run.on_its_way else "exited"
    touched = replace(run, touched_by=scene.event["uuid"] or run.touched_by)
    return Transition(was, touched, scene.customer, scene.now, tuple(messages), outcome)
