"""Signals that are no events: a timer's time has come, a message has an outcome, a journey goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.receipts import Receipt
from waypost.domain.journeys.published import Snapshot
from waypost.domain.runs.context import NOTHING, Scene
from waypost.domain.runs.reactions import Reaction, Rules, passed
from waypost.domain.runs.timers import Timer
from waypost.domain.runs.transition import Transition, settle, timer_of
from waypost.domain.signals import CustomerReleased, MessageSettled, TimerDue
from waypost.match import merge
from waypost.match.dependencies import ATTEMPTS, World, ledger_of, rules_of
from waypost.match.unit_of_work import Ledger


def wake(signal: TimerDue | MessageSettled | CustomerReleased, now: datetime, world: World) -> list[Receipt]:
    """Brings all runs of a customer up to date and answers what that was. A timer of a step that was left, early or twice, changes nothing.

    UnavailableError at any point: the same signal later goes on where this one stopped.
    """
    snap = world.snapshots.get(signal.workspace, now, signal.rev if isinstance(signal, CustomerReleased) else 0)
    for _ in range(ATTEMPTS):
        rows = identify.find(world.customers, signal.workspace, signal.known_as)
        merge.finish(world.customers, world.runs, rows)
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
