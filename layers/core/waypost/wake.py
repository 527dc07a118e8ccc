"""Signals that are no events: a timer's time has come, a message has an outcome, a journey goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from waypost import absorb, identify
from waypost.domain.customers import Customer, assemble
from waypost.domain.errors import UnavailableError
from waypost.domain.reactions import Reaction, Rules, passed
from waypost.domain.receipts import Receipt
from waypost.domain.scenes import NOTHING, Scene
from waypost.domain.signals import CustomerReleased, JourneyResumed, MessageSettled, TimerDue, parcel
from waypost.domain.snapshots import Snapshot
from waypost.domain.timers import Timer
from waypost.domain.transition import Transition, settle, timer_of
from waypost.ledger import Ledger
from waypost.matching import ATTEMPTS, World, ledger_of, rules_of

PARCELS_AT_ONCE: Final = 10


def wake(signal: TimerDue | MessageSettled | CustomerReleased, now: datetime, world: World) -> list[Receipt]:
    """Brings all runs of a customer up to date and answers what that was. A timer of a step that was left, early or twice, changes nothing.

    UnavailableError at any point: the same signal later goes on where this one stopped.
    """
    snap = world.snapshots.get(signal.workspace, now, signal.rev if isinstance(signal, CustomerReleased) else 0)
    for _ in range(ATTEMPTS):
        rows = identify.find(world.customers, signal.workspace, signal.known_as)
        absorb.finish(world.customers, world.runs, rows)
        customer = assemble(rows, snap.schema.primary_key)
        ledger = ledger_of(world, signal.workspace, signal.customer, now)
        if customer is None:
            ledger.pay()
            return []
        transitions = _react(signal, customer, ledger, snap, now, world)
        if not transitions or ledger.save(transitions, []):
            ledger.pay()
            if isinstance(signal, TimerDue):
                _arm_again(signal.timer, customer, ledger, now, world)
            moves = tuple(each.move for each in transitions)
            return [Receipt(signal.name, "", now, customer.id, moves)] if moves else []
    raise UnavailableError("a customer's runs changed too often")


def _react(
    signal: TimerDue | MessageSettled | CustomerReleased, customer: Customer, ledger: Ledger, snap: Snapshot, now: datetime, world: World
) -> list[Transition]:
    """What the time that has passed does to the customer's runs, and on top of that the outcome of a message."""
    rules = rules_of(world, signal.workspace, ledger.standing, snap, now)
    scene = Scene(customer, NOTHING, now, snap.schema.timezone)
    reaction = passed(ledger.standing.runs, rules, scene)
    if isinstance(signal, MessageSettled):
        _settle(signal, reaction, rules, scene)
    return list(reaction.transitions.values())


def _settle(signal: MessageSettled, reaction: Reaction, rules: Rules, scene: Scene) -> None:
    """Moves the run that stood on a message until its outcome was known; a run that stands there no more stays as it is."""
    run, released = reaction.runs.get(signal.run), rules.released.get(signal.run)
    if run is not None and released is not None:
        done = settle(released, run, signal.step, signal.visit, signal.status, scene, paused=run.journey in rules.paused)
        if done is not None:
            reaction.changed(done)


def _arm_again(timer: Timer, customer: Customer, ledger: Ledger, now: datetime, world: World) -> None:
    """A timer that came early while its run stands where it stood is armed once more, under another name."""
    run = ledger.standing.find(timer.run)
    stay = timer_of(run, customer) if run is not None and run.active else None
    if stay is not None and stay.due > now and stay.name == replace(timer, arm=0).name:
        world.timers.arm(replace(timer, arm=timer.arm + 1), now)


def resume(signal: JourneyResumed, world: World) -> None:
    """Wakes a part of what a journey held while it was paused, and asks for the next part."""
    after = _wake_runs(signal, world) if signal.stage == "runs" else _wake_messages(signal, world)
    if after is not None:
        _send_on(replace(signal, after=after), world)
    elif signal.stage == "runs":
        _send_on(replace(signal, stage="messages", after=None), world)


def _wake_runs(signal: JourneyResumed, world: World) -> str | None:
    held, after = world.runs.held(signal.workspace, signal.journey, signal.after)
    wanted = {each.customer: each for each in held}
    parcels = [
        parcel(CustomerReleased(signal.workspace, each.customer, each.known_as, signal.journey, signal.rev, signal.sweep))
        for each in wanted.values()
    ]
    for start in range(0, len(parcels), PARCELS_AT_ONCE):
        if world.signals.send(parcels[start : start + PARCELS_AT_ONCE]):
            raise UnavailableError("the signals queue did not take all that a journey held")
    return after


def _wake_messages(signal: JourneyResumed, world: World) -> str | None:
    held, after = world.messages.held(signal.workspace, signal.journey, signal.after)
    if held:
        world.send_queue.put(signal.workspace, [(message, timedelta(0)) for message in held])
    return after


def _send_on(signal: JourneyResumed, world: World) -> None:
    if world.signals.send([parcel(signal)]):
        raise UnavailableError("the signals queue did not take the rest of a resumed journey")
