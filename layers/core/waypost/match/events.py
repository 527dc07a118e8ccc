"""Matches the events of a signal: attributes first, then each event in order, then the effects of that, then the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from waypost.domain.customers.rows import Tombstones
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.event_log import SHORT_LIVED, Page
from waypost.domain.intake.events import Event, Kind, identifiers_of
from waypost.domain.intake.receipts import Receipt
from waypost.domain.journeys.published import Snapshot
from waypost.domain.reasons import Reason
from waypost.domain.runs.journey_counts import CountedVersion
from waypost.domain.signal_codec import to_text
from waypost.domain.signals import EventsArrived, QueueMessage
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import iso
from waypost.match.customers import apply_attributes, consents_by_customer, rows_of
from waypost.match.dependencies import MatchDependencies
from waypost.match.event_matcher import EventMatcher
from waypost.match.merge import finish_merges
from waypost.match.unit_of_work import unit_of_work_for


def match_events(
    signal: EventsArrived,
    now: datetime,
    dependencies: MatchDependencies,
    *,
    redelivered: bool,
    group: str | None = None,
    on_moved: Callable[[int], None] | None = None,
) -> list[Receipt]:
    """Matches the events of a signal that have no receipt yet, and returns their receipts in order.

    `redelivered` says that an earlier delivery may have begun the work. `group` is the message group of this delivery, None for the one of
    the signal's customer. Events that concern the journeys of another customer are sent to the message group of that customer;
    `on_moved` gets their number.
    """
    tombstones_future = dependencies.executor.submit(_tombstones_of, signal, dependencies)
    known = dependencies.receipts.read(signal.workspace, [event.uuid for event in signal.events], signal.received_at)
    if redelivered:
        _execute_effects_of(signal, known.values(), now, dependencies)
    tombstones = tombstones_future.result()
    left_behind = _receipts_left_behind(signal, known, tombstones, dependencies)
    known = {uuid: receipt for uuid, receipt in known.items() if uuid not in left_behind}
    events = [event for event in _distinct(signal.events) if event.uuid not in known]
    refused = {event.uuid: Reason.ERASED for event in events if _is_erased(event, tombstones)}
    remaining = [event for event in events if event.uuid not in refused]
    if tombstones:
        # The intake may have looked the customer up before the erasure. Under that id the events would write runs and log pages of the
        # erased customer. What happened after the erasure belongs to new customers, one for each identifier. With `known` unset, each
        # identifier's row is written, which fails as long as the row is the erased customer's.
        signal = replace(signal, primary=None, known=False)
    # The attributes of all events come first: a condition sees what a later event of the same batch sets, and an `$identify` anywhere in
    # the batch names the customer for the events before it as well.
    applied = apply_attributes(dependencies.customers, signal, remaining, tombstones)
    refused |= applied.refused
    # Before the receipts: an event that has one is not looked at again.
    for customer, changes in consents_by_customer(remaining, applied).items():
        dependencies.consents.add(signal.workspace, customer, changes, signal.received_at)
    _finish_merges(signal, remaining, dependencies)
    snapshot = dependencies.snapshots.get(signal.workspace, now)
    matcher = EventMatcher(signal, applied.customers, group or signal.customer, snapshot, now, dependencies, tombstones)
    moved = _send_to_other_groups(matcher, [event for event in remaining if event.uuid not in refused])
    if moved and on_moved is not None:
        on_moved(len(moved))
    receipts = [matcher.match(event, refused.get(event.uuid)) for event in events if event.uuid not in moved]
    matcher.execute_effects()
    # What happened before an erasure goes on no page, although an earlier delivery may have saved its receipt for another customer.
    logged = {event.uuid: known[event.uuid] for event in signal.events if event.uuid in known and not _is_erased(event, tombstones)}
    _write_log(signal, receipts, logged, left_behind, snapshot, dependencies, redelivered=redelivered)
    # After the log: until the receipts are written, a redelivery matches the events again.
    _count_ignored(signal.workspace, receipts, snapshot, now, dependencies)
    return receipts


def _count_ignored(workspace: str, receipts: Iterable[Receipt], snapshot: Snapshot, now: datetime, dependencies: MatchDependencies) -> None:
    """Counts the events that could have done something in a journey and did nothing, under the version that customers enter now."""
    for journey, reason in (each for receipt in receipts for each in _ignored_by_journey(receipt).items()):
        version = snapshot.version_at(journey, now)
        if version is not None:
            dependencies.counted.add_ignored(CountedVersion(workspace, journey, version), reason)


def _ignored_by_journey(receipt: Receipt) -> dict[str, Reason]:
    """The first reason why an event did nothing, for each journey in which it did nothing.

    A receipt may have several outcomes for one journey: the event that advances a run may also be the entry, which is refused then.
    """
    moved = {each.journey for each in receipt.journeys if each.outcome != "ignored"}
    ignored: dict[str, Reason] = {}
    for outcome in receipt.journeys:
        if outcome.journey not in moved and outcome.reason is not None:
            ignored.setdefault(outcome.journey, outcome.reason)
    return ignored


def _send_to_other_groups(matcher: EventMatcher, events: Sequence[Event]) -> set[str]:
    """Sends the events of customers of other message groups there, if they concern journeys. Returns the uuids of the sent events."""
    # The id in a signal is what the intake knew. A device that has just been linked, or a customers table that was down for the intake,
    # makes it another one than the customer's. Two workers would then match events of one customer at the same time, and an event that
    # changes nothing has no transaction in which they would notice: a purchase that is matched while another worker saves the run that
    # waits for it would be lost to that run. Behind each other in one message group, the second one sees what the first one did.
    by_customer: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_customer[matcher.customer_of(event)].append(event)
    moved: set[str] = set()
    for customer, theirs in by_customer.items():
        if customer != matcher.group and any(matcher.concerns_journeys(event) for event in theirs):
            _send(replace(matcher.signal, events=tuple(theirs)), customer, matcher)
            moved |= {event.uuid for event in theirs}
    return moved


def _send(signal: EventsArrived, group: str, matcher: EventMatcher) -> None:
    # The body keeps the customer id of the intake: it says there that the signal was moved. The time makes the deduplication id a new one.
    # With the old one the queue would drop the signal if it came here again within five minutes, as after a redrive.
    name = digest("moved", group, signal.name, iso(matcher.now))
    if matcher.dependencies.signals.send([QueueMessage(group, name, to_text(signal))]):
        raise UnavailableError("the signals queue did not take events of another customer")


def _tombstones_of(signal: EventsArrived, dependencies: MatchDependencies) -> Tombstones:
    """When customers whom these events name were erased, by identifier, for those that were."""
    identifiers = {identifier for event in signal.events for identifier in identifiers_of(event)}
    return dependencies.customers.tombstones(signal.workspace, list(identifiers))


def _receipts_left_behind(
    signal: EventsArrived, known: Mapping[str, Receipt], tombstones: Tombstones, dependencies: MatchDependencies
) -> set[str]:
    """The uuids of events whose receipts still name a customer that was erased since."""
    # A delivery that saved a receipt and died before it wrote its page leaves a receipt that no page lists, so that the erasure does not
    # find it. This delivery drops the event, and the receipt that it writes over the old one names nobody.
    erased = [event.uuid for event in signal.events if event.uuid in known and _is_erased(event, tombstones)]
    named = {known[uuid].customer for uuid in erased} - {""}
    gone = {each for each in named if dependencies.runs.get(signal.workspace, each).version_row.erased}
    return {uuid for uuid in erased if known[uuid].customer in gone}


def _execute_effects_of(signal: EventsArrived, receipts: Iterable[Receipt], now: datetime, dependencies: MatchDependencies) -> None:
    """Executes what an earlier delivery has saved and not executed."""
    # That delivery may have died between its save and the send queue. Its events have receipts, so they are not matched again, and without
    # this the messages and timers would wait for the customer's next signal. The receipts name every customer that it may have changed.
    for customer in sorted({signal.customer, *(receipt.customer for receipt in receipts if receipt.customer)}):
        unit_of_work_for(dependencies, signal.workspace, customer, now).execute_effects()


def _finish_merges(signal: EventsArrived, events: Sequence[Event], dependencies: MatchDependencies) -> None:
    """Completes the merge that an `$identify` of these events began, at the intake or just now."""
    # Events that concern no journey do not read the customer: without this, the runs of the merged customer would stay behind.
    identifying = next((event for event in events if event.kind is Kind.IDENTIFY), None)
    if identifying is not None:
        rows = rows_of(dependencies.customers, signal, identifying)
        finish_merges(dependencies.customers, dependencies.runs, rows, dependencies.counted)


def _write_log(
    signal: EventsArrived,
    receipts: Sequence[Receipt],
    known: Mapping[str, Receipt],
    left_behind: Collection[str],
    snapshot: Snapshot,
    dependencies: MatchDependencies,
    *,
    redelivered: bool,
) -> None:
    """Writes the receipts that no transaction wrote, those in the place of receipts left behind, and the signal's pages of the log."""
    # An earlier delivery of this signal may have died before it wrote the page. Its events have the same time of receipt; those of another
    # signal with the same uuid are on the page of that signal.
    logged = [*receipts, *(receipt for receipt in known.values() if receipt.received_at == signal.received_at)]
    pages = _pages(signal, logged, snapshot, dependencies) if receipts or redelivered else []
    # Another signal may bring the same event under another identifier and move runs of another customer with it. Only an event that a
    # journey names can, so only the receipts of those need a conditional write, which costs twice as much.
    silent = [receipt for receipt in receipts if not receipt.had_effect]
    contested = [receipt for receipt in silent if receipt.uuid not in left_behind and snapshot.names(receipt.event)]
    others = [receipt for receipt in silent if receipt.uuid in left_behind or (dependencies.log_all and not snapshot.names(receipt.event))]
    if pages or others or contested:
        dependencies.log.write(signal.workspace, pages, others, contested)


def _pages(signal: EventsArrived, logged: Sequence[Receipt], snapshot: Snapshot, dependencies: MatchDependencies) -> list[Page]:
    """The pages of a signal: one for each customer of its events, and one for those that are kept for an hour only."""
    # The receipt names the customer to whom the event belonged when it was matched. A page under the id that the intake guessed would be in
    # nobody's timeline, and no erasure would find it. An event that was erased has no customer, and no page.
    receipts = {receipt.uuid: receipt for receipt in logged if receipt.customer}
    events: dict[tuple[str, timedelta | None], list[Event]] = defaultdict(list)
    for event in _distinct(signal.events):
        receipt = receipts.get(event.uuid)
        if receipt is not None and (dependencies.log_all or receipt.had_effect):
            events[receipt.customer, None].append(replace(event, facts={}, identification=None))
        elif receipt is not None and event.name in snapshot.listened_events:
            events[receipt.customer, SHORT_LIVED].append(replace(event, facts={}, identification=None))
    # The pages of one signal need different names, which are a part of their positions in lists; the same delivered again needs the same.
    parts = {key: signal if key == (signal.customer, None) else replace(signal, events=tuple(theirs)) for key, theirs in events.items()}
    return [
        Page(signal.workspace, customer, signal.received_at, parts[customer, kept].name, tuple(theirs), kept)
        for (customer, kept), theirs in events.items()
    ]


def _is_erased(event: Event, tombstones: Tombstones) -> bool:
    """Whether an event happened before a customer of one of its identifiers was erased, or at that moment."""
    return any(event.at <= tombstones[identifier] for identifier in identifiers_of(event) if identifier in tombstones)


def _distinct(events: Sequence[Event]) -> list[Event]:
    """The events without those whose uuid came before."""
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.uuid, event)
    return list(first.values())
