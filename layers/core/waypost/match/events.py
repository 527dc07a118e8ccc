"""Matches the events of a signal: attributes first, then each event in order, then the effects of that, then the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from waypost.domain.customers.rows import Tombstones
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Kind, identifiers_of
from waypost.domain.intake.receipts import Receipt
from waypost.domain.reasons import Reason
from waypost.domain.signals import EventsArrived
from waypost.match.customers import apply_attributes, resolve_again, rows_of
from waypost.match.dependencies import MatchDependencies, unit_of_work_for
from waypost.match.event_matcher import EventMatcher
from waypost.match.merge import finish_merges


def match_events(signal: EventsArrived, now: datetime, dependencies: MatchDependencies, *, redelivered: bool) -> list[Receipt]:
    """Matches the events of a signal that have no receipt yet, and returns their receipts in order.

    `redelivered` says that an earlier delivery may have begun the work.
    """
    tombstones_future = dependencies.executor.submit(_tombstones_of, signal, dependencies)
    known = dependencies.receipts.read(signal.workspace, [event.uuid for event in signal.events], signal.received_at)
    if redelivered:
        _execute_effects_of(signal, known.values(), now, dependencies)
    tombstones = tombstones_future.result()
    events = [event for event in _distinct(signal.events) if event.uuid not in known]
    refused = {event.uuid: Reason.ERASED for event in events if _is_erased(event, tombstones)}
    remaining = [event for event in events if event.uuid not in refused]
    if tombstones:
        signal = resolve_again(dependencies.customers, signal, remaining)
    # The attributes of all events come first: a condition sees what a later event of the same batch sets, and an `$identify` anywhere in
    # the batch names the customer for the events before it as well.
    refused |= apply_attributes(dependencies.customers, signal, remaining)
    _finish_merges(signal, remaining, dependencies)
    matcher = EventMatcher(signal, dependencies.snapshots.get(signal.workspace, now), now, dependencies)
    receipts = [matcher.match(event, refused.get(event.uuid)) for event in events]
    matcher.execute_effects()
    _write_log(signal, receipts, known, dependencies, redelivered=redelivered)
    return receipts


def _tombstones_of(signal: EventsArrived, dependencies: MatchDependencies) -> Tombstones:
    """When customers whom these events name were erased, by identifier, for those that were."""
    identifiers = {identifier for event in signal.events for identifier in identifiers_of(event)}
    return dependencies.customers.tombstones(signal.workspace, list(identifiers))


def _execute_effects_of(signal: EventsArrived, receipts: Iterable[Receipt], now: datetime, dependencies: MatchDependencies) -> None:
    """Executes what an earlier delivery has saved and not executed."""
    # That delivery may have died between its save and the send queue. Its events have receipts, so they are not matched again, and without
    # this the messages and timers would wait for the customer's next signal. The receipts name every customer that it may have changed.
    for customer in sorted({signal.customer, *(receipt.customer for receipt in receipts)}):
        unit_of_work_for(dependencies, signal.workspace, customer, now).execute_effects()


def _finish_merges(signal: EventsArrived, events: Sequence[Event], dependencies: MatchDependencies) -> None:
    """Completes the merge that an `$identify` of these events began, at the intake or just now."""
    # Events that concern no journey do not read the customer: without this, the runs of the merged customer would stay behind.
    identifying = next((event for event in events if event.kind is Kind.IDENTIFY), None)
    if identifying is not None:
        finish_merges(dependencies.customers, dependencies.runs, rows_of(dependencies.customers, signal, identifying))


def _write_log(
    signal: EventsArrived, receipts: Sequence[Receipt], known: Mapping[str, Receipt], dependencies: MatchDependencies, *, redelivered: bool
) -> None:
    """Writes the receipts that no transaction wrote, and the signal's page of the log."""
    logged = {receipt.uuid for receipt in receipts if dependencies.log_all or receipt.had_effect}
    logged -= {receipt.uuid for receipt in receipts if receipt.reason is Reason.ERASED}
    # An earlier delivery of this signal may have died before it wrote the page. Its events have the same time of receipt; those of another
    # signal with the same uuid are on the page of that signal.
    logged |= {receipt.uuid for receipt in known.values() if receipt.received_at == signal.received_at}
    events = tuple(replace(event, facts={}, identification=None) for event in _distinct(signal.events) if event.uuid in logged)
    unsaved = [receipt for receipt in receipts if not receipt.had_effect] if dependencies.log_all else []
    if unsaved or (events and (receipts or redelivered)):
        dependencies.log.write(Page(signal.workspace, signal.customer, signal.received_at, signal.name, events), unsaved)


def _is_erased(event: Event, tombstones: Tombstones) -> bool:
    """Whether an event happened before a customer of one of its identifiers was erased, or at that moment."""
    return any(event.at <= tombstones[identifier] for identifier in identifiers_of(event) if identifier in tombstones)


def _distinct(events: Sequence[Event]) -> list[Event]:
    """The events without those whose uuid came before."""
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.uuid, event)
    return list(first.values())
