"""Signals that are no events: a timer's time has come, a message has an outcome, a journey goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.receipts import Receipt
from waypost.domain.journeys.published import Snapshot
from waypost.domain.runs.context import NO_EVENT, StepContext
from waypost.domain.runs.reactions import Reaction, Rules, apply_time
from waypost.domain.runs.timers import Timer
from waypost.domain.runs.transition import Transition, advance_on_message, timer_of
from waypost.domain.signals import CustomerReleased, MessageSettled, TimerDue
from waypost.match import merge
from waypost.match.dependencies import ATTEMPTS, MatchDependencies, rules_of, unit_of_work_for
from waypost.match.unit_of_work import RunUnitOfWork


def wake(signal: TimerDue | MessageSettled | CustomerReleased, now: datetime, dependencies: MatchDependencies) -> list[Receipt]:
    """Brings all runs of a customer up to date and answers what that was. A timer of a step that was left, early or twice, changes nothing.

    UnavailableError at any point: the same signal later goes on where this one stopped.
    """
    snap = dependencies.snapshots.get(signal.workspace, now, signal.revision if isinstance(signal, CustomerReleased) else 0)
    for _ in range(ATTEMPTS):
        rows = identify.find_rows(dependencies.customers, signal.workspace, signal.lookup_id)
        merge.finish(dependencies.customers, dependencies.runs, rows)
        customer = assemble(rows, snap.schema.primary_key)
        unit_of_work = unit_of_work_for(dependencies, signal.workspace, signal.customer, now)
        if customer is None:
            unit_of_work.execute_effects()
            return []
        transitions = _react(signal, customer, unit_of_work, snap, now, dependencies)
        if not transitions or unit_of_work.save(transitions, []):
            unit_of_work.execute_effects()
            if isinstance(signal, TimerDue):
                _arm_again(signal.timer, customer, unit_of_work, now, dependencies)
            outcomes = tuple(each.journey_outcome for each in transitions)
            return [Receipt(signal.name, "", now, customer.id, outcomes)] if outcomes else []
    raise UnavailableError("a customer's runs changed too often")


def _react(
    signal: TimerDue | MessageSettled | CustomerReleased,
    customer: Customer,
    unit_of_work: RunUnitOfWork,
    snap: Snapshot,
    now: datetime,
    dependencies: MatchDependencies,
) -> list[Transition]:
    """What the time that has passed does to the customer's runs, and on top of that the outcome of a message."""
    rules = rules_of(dependencies, signal.workspace, unit_of_work.customer_runs, snap, now)
    context = StepContext(customer, NO_EVENT, now, snap.schema.timezone)
    reaction = apply_time(unit_of_work.customer_runs.runs, rules, context)
    if isinstance(signal, MessageSettled):
        _settle(signal, reaction, rules, context)
    return list(reaction.transitions.values())


def _settle(signal: MessageSettled, reaction: Reaction, rules: Rules, context: StepContext) -> None:
    """Moves the run that stood on a message until its outcome was known; a run that stands there no more stays as it is."""
    run, journey_version = reaction.runs.get(signal.run), rules.versions.get(signal.run)
    if run is not None and journey_version is not None:
        done = advance_on_message(
            journey_version, run, signal.step, signal.visit, signal.status, context, paused=run.journey in rules.paused
        )
        if done is not None:
            reaction.add(done)


def _arm_again(timer: Timer, customer: Customer, unit_of_work: RunUnitOfWork, now: datetime, dependencies: MatchDependencies) -> None:
    """A timer that came early while its run stands where it stood is armed once more, under another name."""
    run = unit_of_work.customer_runs.find(timer.run)
    stay = timer_of(run, customer) if run is not None and run.active else None
    if stay is not None and stay.due > now and stay.name == replace(timer, rearm_count=0).name:
        dependencies.timers.arm(replace(timer, rearm_count=timer.rearm_count + 1), now)
