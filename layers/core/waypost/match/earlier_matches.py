"""Reads what was matched earlier and is not read with every customer: events of the log, and ended runs of re-entry keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from heapq import merge

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.event_log import SHORT_LIVED
from waypost.domain.intake.events import Event, Kind
from waypost.domain.journeys.trigger_index import Published
from waypost.domain.runs.run import CustomerRuns, Run
from waypost.domain.signals import EventsArrived
from waypost.match.dependencies import MatchDependencies


def ended_runs(
    event: Event, workspace: str, customer: Customer, stored: CustomerRuns, candidates: Sequence[Published], dependencies: MatchDependencies
) -> list[Run]:
    """The ended runs with the re-entry keys of the event that are not among the `stored` ones and that the re-entry rules need."""
    ids, found = (customer.id, *customer.merged_ids), []
    for journey, _ in candidates:
        reentry, key = journey.entry.reentry, journey.entry.reentry.key_of(event.payload)
        spent = reentry.mode == "once" and key is not None and stored.in_journey(journey.id, key)
        if key and not spent and (reentry.mode == "once" or reentry.cooldown is not None):
            found += [dependencies.runs.last_ended(workspace, each, journey.id, key) for each in ids]
    return [run for run in found if run is not None]


def missed_events(entry: Event, signal: EventsArrived, customer: Customer, dependencies: MatchDependencies) -> list[tuple[Event, datetime]]:
    """The events of the customer that were accepted within an hour after `entry` and are matched already, in this order, with their times.

    `entry` is the event of `signal` that starts a run.
    """
    # A signal that the intake sent to the message group of another customer id is matched late: what was accepted after it in the
    # customer's own group may be matched by now. A run that starts this late would wait for an event that never comes again.
    workspace, accepted_at = signal.workspace, signal.received_at
    ids = (customer.id, *customer.merged_ids)
    pages = [page for each in ids for page in dependencies.log.between(workspace, each, accepted_at, accepted_at + SHORT_LIVED)]
    # The events of one page stay in the order of their batch. Pages that were accepted at one time are parts of one batch, as a rule, and
    # between them the times of the events decide.
    on_pages = [[(event, page.received_at) for event in page.events] for page in pages]
    in_order = merge(*on_pages, key=lambda each: (each[1], each[0].at))
    later = [(event, at) for event, at in in_order if event.kind is not Kind.REPORT and (at > accepted_at or _is_later(event, entry))]
    receipts = dependencies.receipts.read(workspace, [event.uuid for event, _ in later], accepted_at) if later else {}
    # An event without a receipt is still to be matched, and one with a reason, such as a historical one, moves no run.
    return [(event, at) for event, at in later if event.uuid in receipts and receipts[event.uuid].reason is None]


def _is_later(event: Event, entry: Event) -> bool:
    """Whether an event counts as later than one that was accepted at the same time."""
    # The place in the batch is not stored. Two events of one identifier are in one message group, so the one that is matched already was
    # before. Of two identifiers with the same time nothing says which event came first, and it counts as later: a wait that ends early is
    # a smaller fault than one that never ends.
    if event.uuid == entry.uuid:
        return False
    return event.at > entry.at or (event.at == entry.at and event.identifier != entry.identifier)
