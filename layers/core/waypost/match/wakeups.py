"""Signals without events: a timer is due, a message has an outcome or a report, a paused journey was resumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.journeys.published import Snapshot
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import NO_EVENT, StepContext
from waypost.domain.runs.message_knowledge import RunReport
from waypost.domain.runs.reactions import Reaction, Rules, apply_time
from waypost.domain.runs.run import Run
from waypost.domain.runs.timers import Timer
from waypost.domain.runs.transition import Transition, advance_on_message, advance_on_report, timer_of
from waypost.domain.signals import CustomerReleased, MessageReported, MessageSettled, TimerDue
from waypost.match.dependencies import MATCH_ATTEMPTS, MatchDependencies
from waypost.match.merge import finish_merges
from waypost.match.rules import rules_of
from waypost.match.unit_of_work import RunUnitOfWork, unit_of_work_for

UNREADABLE_PAUSE: Final = timedelta(minutes=15)
"""When a timer comes again whose run has a version that cannot be read."""

WakeUp = TimerDue | MessageSettled | MessageReported | CustomerReleased


def wake(signal: WakeUp, now: datetime, dependencies: MatchDependencies, accepted_at: datetime) -> list[Receipt]:
    """Applies the time that had passed when the queue accepted the signal, and the outcome or a report of a message, to a customer's runs.

    Returns a receipt of that for the log. A signal that comes twice, early, or after its step was left changes nothing. UnavailableError if
    a dependency is down, or if other workers change the customer again and again; a later delivery of the signal then continues.
    """
    # These signals have no receipts: the run itself says whether a timeout or an outcome still applies to it, and which reports it knows.
    #
    # A journey that was just resumed may still be paused in the snapshot of a warm function. Its run would be held again, and nothing would
    # release it: so the signal carries the revision by which the journey was resumed, and an older snapshot is read again.
    counts_from = _counts_from(signal, now, accepted_at)
    snapshot = dependencies.snapshots.get(signal.workspace, now, signal.revision if isinstance(signal, CustomerReleased) else 0)
    for _ in range(MATCH_ATTEMPTS):
        rows = identify.find_rows(dependencies.customers, signal.workspace, signal.lookup_id)
        finish_merges(dependencies.customers, dependencies.runs, rows, dependencies.counted)
        customer = assemble(rows, snapshot.schema.primary_key)
        # The identifier decides whose runs these are, not the id in the signal, which may be that of a merged or erased customer. Otherwise
        # the messages of one customer's runs could be written with the attributes of another one, and sent to that one's address.
        unit_of_work = unit_of_work_for(dependencies, signal.workspace, customer.id if customer else signal.customer, now)
        # The rows of a customer are the last thing that an erasure removes. Until then only the version row says that it was erased.
        if customer is None or unit_of_work.customer_runs.version_row.erased:
            unit_of_work.execute_effects()
            return []
        if unit_of_work.customer != customer.id:  # merged between the two reads
            continue
        rules = rules_of(dependencies, signal.workspace, unit_of_work.customer_runs, snapshot, now)
        transitions = _transitions(signal, customer, unit_of_work, snapshot, rules, counts_from)
        if not transitions or unit_of_work.save(transitions, []):
            # Also without a transition: an earlier delivery may have saved it and died before its effects.
            unit_of_work.execute_effects()
            if isinstance(signal, TimerDue):
                _rearm_timer(signal.timer, customer, unit_of_work, rules, (counts_from, now), dependencies)
            if isinstance(signal, MessageSettled | MessageReported) and signal.run in rules.unreadable:
                # The outcome comes once, and so does a report. As a dead letter it can be sent again when the version can be read.
                raise LookupError("the version of a run that waits for a message cannot be read")
            outcomes = [each.journey_outcome for each in transitions]
            unreadable = [run for run in unit_of_work.customer_runs.runs if run.id in rules.unreadable]
            outcomes += [JourneyOutcome(run.journey, "ignored", Reason.UNREADABLE, run.id) for run in unreadable]
            return [Receipt(signal.name, "", now, customer.id, tuple(outcomes))] if outcomes else []
    raise UnavailableError("a customer's runs changed too often")


def _counts_from(signal: WakeUp, now: datetime, accepted_at: datetime) -> datetime:
    """The time up to which the waits of the customer end. A wait that ends later is not over for this signal, although it may be by now."""
    # The signal may be processed long after the queue accepted it. Events that were accepted meanwhile are behind it, and a timeout that
    # was due after one of them must not be taken before it. A report counts from the time at which it was received. A timer that is due
    # ends its own wait, whatever the clock of the queue says.
    if isinstance(signal, MessageReported):
        return min(now, signal.at)
    earliest = signal.timer.due if isinstance(signal, TimerDue) else accepted_at
    return min(now, max(accepted_at, earliest))


def _transitions(
    signal: WakeUp, customer: Customer, unit_of_work: RunUnitOfWork, snapshot: Snapshot, rules: Rules, counts_from: datetime
) -> list[Transition]:
    """What the time that has passed does to the customer's runs, and after that the outcome or the report of a message."""
    context = StepContext(customer, NO_EVENT, counts_from, snapshot.schema.timezone)
    reaction = apply_time(unit_of_work.customer_runs.runs, rules, context)
    if isinstance(signal, MessageSettled):
        _apply_outcome(signal, reaction, rules, context)
    elif isinstance(signal, MessageReported):
        _apply_report(signal, reaction, rules, context)
    return list(reaction.transitions.values())


def _apply_outcome(signal: MessageSettled, reaction: Reaction, rules: Rules, context: StepContext) -> None:
    """Moves the run that waits for the message. A run that has left that visit of the step stays as it is."""
    run, journey_version = reaction.runs.get(signal.run), rules.versions.get(signal.run)
    if run is not None and journey_version is not None:
        paused = run.journey in rules.paused
        context = _after_history(run, context)
        transition = advance_on_message(journey_version, run, signal.step, signal.visit, signal.status, context, paused=paused)
        if transition is not None:
            reaction.add(transition)


def _apply_report(signal: MessageReported, reaction: Reaction, rules: Rules, context: StepContext) -> None:
    """Applies the report to the run that has sent the message. A run that knows it already stays as it is."""
    run, journey_version = reaction.runs.get(signal.run), rules.versions.get(signal.run)
    if run is not None and journey_version is not None:
        context = _after_history(run, context)
        report = RunReport(signal.step, signal.visit, signal.status, signal.link)
        transition = advance_on_report(journey_version, run, report, context, paused=run.journey in rules.paused)
        if transition is not None:
            reaction.add(transition)


def _after_history(run: Run, context: StepContext) -> StepContext:
    """The context of a move that is later than all moves of the run."""
    # A report or an outcome may have been received before the time at which the run came to its step, if the signal of that was processed
    # first. The millisecond keeps the two moves apart in the history of the run.
    last = run.history[-1].at if run.history else None
    return context if last is None or context.now > last else replace(context, now=last + timedelta(milliseconds=1))


def _rearm_timer(
    timer: Timer,
    customer: Customer,
    unit_of_work: RunUnitOfWork,
    rules: Rules,
    times: tuple[datetime, datetime],
    dependencies: MatchDependencies,
) -> None:
    """Arms a timer once more if its run is still in the visit that it was armed for: it came early, or the run's version is unreadable."""
    counted_from, now = times
    # A timer comes once, and clocks differ. Without this the run would wait until the customer does something. The new timer has another
    # number, and with it another name: under the same name the queue would drop it as a repetition.
    run = unit_of_work.customer_runs.find(timer.run)
    current = timer_of(run, customer) if run is not None and run.active else None
    if current is None or current.name != replace(timer, rearm_count=0).name:
        return
    if timer.run in rules.unreadable:
        dependencies.timers.arm(replace(timer, rearm_count=timer.rearm_count + 1, due=max(current.due, now + UNREADABLE_PAUSE)), now)
    elif current.due > counted_from:
        dependencies.timers.arm(replace(timer, rearm_count=timer.rearm_count + 1, due=current.due), now)
