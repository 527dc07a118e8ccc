"""The events table: partition key `id`, sort key `at` (docs/architecture.md#events). This module: receipts and pages of the event log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.day_index import days_between, partitions_of_day, query_newest_of_day, shard_key
from waypost.adapters.dynamodb.items import Item, expiry
from waypost.adapters.dynamodb.json_attributes import json_from_attribute, json_to_attribute
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.transactions import MAX_ACTIONS, transact
from waypost.domain.intake.event_codec import event_from_wire, event_to_wire
from waypost.domain.intake.event_log import LoggedCounts, Page
from waypost.domain.intake.receipts import JourneyOutcome, Receipt, TakenBranch
from waypost.domain.reasons import Reason
from waypost.domain.values.chunks import chunked
from waypost.domain.values.generated_ids import digest, key_part
from waypost.domain.values.wire_time import instant, iso

COUNTED_PAGES: Final = 100
"""How many pages are read to count their events exactly: one batch."""

COUNTED_KEYS: Final = 2_500
"""How many keys of one index partition are read to count pages. A key has about 150 bytes, so these are some 46 read units."""

_RECEIPT_SORT_KEY: Final = "-"


@dataclass(frozen=True, slots=True)
class DynamoReceipts:
    """The receipts of events, each kept for the time `kept`. They detect duplicates, so a uuid is known for as long as its receipt."""

    table: Table
    kept: timedelta

    def read(self, workspace: str, uuids: Iterable[str], now: datetime) -> dict[str, Receipt]:
        """The receipts of these events by uuid, read with strong consistency. Events without a receipt are left out."""
        # DynamoDB deletes expired rows late. A receipt that has expired counts as absent here and in the condition of `put_actions`: if
        # one of the two still saw it, a new event with this uuid would be taken for a first delivery and then never be saved.
        items = self.table.get_many([receipt_key(workspace, uuid) for uuid in dict.fromkeys(uuids)])
        return {item["uuid"]: _receipt_from_item(item) for item in items if item["expires"] > now.timestamp()}

    def put_actions(self, workspace: str, receipts: Sequence[Receipt]) -> list[Item]:
        """The actions of a transaction that writes receipts only if none of their events has one yet."""
        return [self.table.put_action(self.to_item(workspace, receipt), **self._if_absent(receipt)) for receipt in receipts]

    def put_new(self, workspace: str, receipts: Sequence[Receipt]) -> set[str]:
        """Writes receipts of events that have none. Returns the uuids of those events that have a receipt of another signal."""
        others: set[str] = set()
        for chunk in chunked(receipts, MAX_ACTIONS):
            if transact(self.put_actions(workspace, chunk)) is not None:
                others |= {each.uuid for each in chunk if self._has_other(workspace, each)}
        return others

    def _has_other(self, workspace: str, receipt: Receipt) -> bool:
        """Writes a receipt if its event has none. True if the event has a receipt of another signal."""
        failed = self.table.put_if(self.to_item(workspace, receipt), **self._if_absent(receipt))
        stored = failed.item or {} if failed is not None else None
        return stored is not None and (stored.get("receivedAt"), stored.get("customer")) != (iso(receipt.received_at), receipt.customer)

    @staticmethod
    def _if_absent(receipt: Receipt) -> Item:
        return {
            "ConditionExpression": "attribute_not_exists(id) OR expires <= :now",
            "ExpressionAttributeValues": {":now": int(receipt.received_at.timestamp())},
        }

    def to_item(self, workspace: str, receipt: Receipt) -> Item:
        """A receipt as its row."""
        return {
            **receipt_key(workspace, receipt.uuid),
            "uuid": receipt.uuid,
            "event": receipt.event,
            "receivedAt": iso(receipt.received_at),
            "customer": receipt.customer,
            "moves": json_to_attribute([_outcome_to_wire(each) for each in receipt.journeys]) if receipt.journeys else None,
            "branches": _branches_to_attribute(receipt),
            "messages": list(receipt.messages) or None,
            "reason": receipt.reason and receipt.reason.value,
            "expires": expiry(receipt.received_at, self.kept),
        }


@dataclass(frozen=True, slots=True)
class DynamoLog:
    """The event log: one page for each signal. Pages are kept as long as receipts, unless they say otherwise."""

    receipts: DynamoReceipts

    def write(self, workspace: str, pages: Sequence[Page], receipts: Sequence[Receipt], contested: Sequence[Receipt] = ()) -> None:
        """Writes pages, and the receipts of events that had no effect. A repeat writes the same rows again.

        A contested receipt is only written if its event has none. If the event has the receipt of another signal, it is in no page.
        """
        # Where all receipts are contested, which is so for most signals that have any, the pages go into their transaction: one call less.
        rows = [*map(self._to_item, pages), *self._lists_of_silent(workspace, pages, contested)]
        if contested and not receipts and len(contested) + len(rows) <= MAX_ACTIONS:
            row_actions = [self._table.put_action(row) for row in rows]
            if transact([*self.receipts.put_actions(workspace, contested), *row_actions]) is None:
                return
        elsewhere = self.receipts.put_new(workspace, contested)
        remaining = [replace(page, events=tuple(event for event in page.events if event.uuid not in elsewhere)) for page in pages]
        # Neither condition nor transaction, which costs twice as much: these events changed nothing that their receipts must agree with. If
        # this write is lost, the signal is redelivered and the events are matched again.
        rows = [self._to_item(page) for page in remaining if page.events]
        rows += self._lists_of_silent(workspace, pages, [receipt for receipt in contested if receipt.uuid not in elsewhere])
        self._table.put_many([*rows, *(self.receipts.to_item(workspace, receipt) for receipt in receipts)])

    def _lists_of_silent(self, workspace: str, pages: Sequence[Page], receipts: Sequence[Receipt]) -> list[Item]:
        """A list for each customer of those receipts whose events are on no page that is kept as long."""
        # An erasure finds receipts by the pages that have their events. Without this list it would leave a receipt that names the customer.
        listed = {event.uuid for page in pages if page.kept is None for event in page.events}
        by_customer: dict[tuple[str, datetime], list[str]] = defaultdict(list)
        for receipt in receipts:
            if receipt.customer and receipt.uuid not in listed:
                by_customer[receipt.customer, receipt.received_at].append(receipt.uuid)
        return [
            {
                "id": silent_partition(workspace, customer),
                "at": f"{iso(received_at)}#{digest('silent', *uuids)}",
                "uuids": uuids,
                "expires": expiry(received_at, self.receipts.kept),
            }
            for (customer, received_at), uuids in by_customer.items()
        ]

    def counts(self, workspace: str, since: datetime, until: datetime) -> LoggedCounts:
        """How many events were logged between two times, both included, by their time of receipt.

        Up to `COUNTED_PAGES` pages are read for the number of their events. Where there are more, each page counts as one event, and only
        the newest `COUNTED_KEYS` keys of each partition of a day are read.
        """
        rows: list[Item] = []
        stopped: list[str] = []
        for day in days_between(since, until):
            for partition in partitions_of_day(workspace, day):
                found, last = self._table.query_newest(
                    ("day", partition), limit=COUNTED_KEYS, before=f"{iso(until)}$", since=iso(since), index="byDay"
                )
                rows += found
                stopped += [last["at"]] if last else []
        if stopped or len(rows) > COUNTED_PAGES:
            times = tuple((instant(row["at"].partition("#")[0]), 1) for row in rows)
            return LoggedCounts(times, is_exact=False, counted_from=max((instant(at.partition("#")[0]) for at in stopped), default=since))
        pages = [_page_from_item(workspace, item) for item in self._table.get_many([{"id": row["id"], "at": row["at"]} for row in rows])]
        return LoggedCounts(tuple((page.received_at, len(page.events)) for page in pages), is_exact=True, counted_from=since)

    @property
    def _table(self) -> Table:
        return self.receipts.table

    def _to_item(self, page: Page) -> Item:
        return {
            "id": page_partition(page.workspace, page.customer),
            "at": f"{iso(page.received_at)}#{page.name}",
            "day": shard_key(page.workspace, page.received_at, page.name),
            "customer": page.customer,
            "events": json_to_attribute([event_to_wire(event) for event in page.events]),
            "expires": expiry(page.received_at, page.kept or self.receipts.kept),
        }

    def between(self, workspace: str, customer: str, since: datetime, until: datetime) -> list[Page]:
        """The pages of a customer of signals that were received between two instants, both included, oldest first."""
        # Strongly consistent: the page of an event is written before the next signal of its message group is matched. Names of pages have
        # no "~", which is above all their letters.
        items = self._table.query_all(
            "id = :id AND #at BETWEEN :since AND :until",
            {":id": page_partition(workspace, customer), ":since": f"{iso(since)}#", ":until": f"{iso(until)}#~"},
            ExpressionAttributeNames={"#at": "at"},
            ConsistentRead=True,
        )
        return [_page_from_item(workspace, item) for item in items]

    def of_customer(
        self, workspace: str, customer: str, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[Page], str | None]:
        """At most `limit` pages of one customer at positions before this one (`<receivedAt>#<name>`), newest first.

        Also the position to go on from (None: no more): DynamoDB returns at most 1 MB, and three large pages may exceed that.
        """
        partition = ("id", page_partition(workspace, customer))
        items, last = self._table.query_newest(partition, limit=limit, before=before, since=iso(since) if since else None)
        return [_page_from_item(workspace, item) for item in items], last["at"] if last else None

    def of_day(
        self, workspace: str, day: date, *, limit: int, before: str | None = None, since: datetime | None = None
    ) -> tuple[list[Page], str | None]:
        """At most `limit` pages of one day (UTC) at positions before this one (`<receivedAt>#<name>`), newest first.

        Also the position to go on from (None: no more): the index may name pages that were deleted.
        """
        found = query_newest_of_day(self._table, workspace, day, limit=limit, before=before, since=since)
        pages = [
            _page_from_item(workspace, item) for item in self._table.get_many([{"id": each["id"], "at": each["at"]} for each in found])
        ]
        newest_first = sorted(pages, key=lambda page: (page.received_at, page.name), reverse=True)
        return newest_first, found[-1]["at"] if len(found) == limit else None


def receipt_key(workspace: str, uuid: str) -> Item:
    """The key of the receipt of an event."""
    return {"id": f"receipt#{workspace}#{key_part(uuid)}", "at": _RECEIPT_SORT_KEY}


def page_partition(workspace: str, customer: str) -> str:
    """The partition key of the pages of a customer."""
    return f"page#{workspace}#{customer}"


def silent_partition(workspace: str, customer: str) -> str:
    """The partition key of the lists of a customer's receipts without effect, where the event log has events with an effect only."""
    return f"silent#{workspace}#{customer}"


def _outcome_to_wire(entry: JourneyOutcome) -> tuple[str | None, ...]:
    return entry.journey, entry.outcome, entry.reason and entry.reason.value, entry.run


def _branches_to_attribute(receipt: Receipt) -> str | bytes | None:
    """The branches of all outcomes, each with the position of its outcome, in an attribute that an older release ignores."""
    wire = [[place, *branch] for place, outcome in enumerate(receipt.journeys) for branch in outcome.branches]
    return json_to_attribute(wire) if wire else None


def _receipt_from_item(item: Item) -> Receipt:
    moves = json_from_attribute(item["moves"]) if "moves" in item else []
    branches: dict[int, list[TakenBranch]] = defaultdict(list)
    for place, step, branch in json_from_attribute(item["branches"]) if "branches" in item else ():
        branches[place].append(TakenBranch(step, branch))
    return Receipt(
        uuid=item["uuid"],
        event=item["event"],
        received_at=instant(item["receivedAt"]),
        customer=item["customer"],
        journeys=tuple(
            JourneyOutcome(journey, outcome, Reason(reason) if reason else None, run, tuple(branches[place]))
            for place, (journey, outcome, reason, run) in enumerate(moves)
        ),
        messages=tuple(item.get("messages", ())),
        reason=Reason(item["reason"]) if "reason" in item else None,
    )


def _page_from_item(workspace: str, item: Item) -> Page:
    at, _, name = item["at"].partition("#")
    events = tuple(event_from_wire(each) for each in json_from_attribute(item["events"]))
    return Page(workspace, item["customer"], instant(at), name, events)
