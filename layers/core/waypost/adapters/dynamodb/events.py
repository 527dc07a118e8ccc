"""The events table: a receipt for each event, known by its uuid, and a page of the log for each signal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.packing import packed, unpacked
from waypost.adapters.dynamodb.table import Item, Table
from waypost.domain.intake.event_codec import event_from_wire, event_to_wire
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.reasons import Reason
from waypost.domain.values.generated_ids import digest, key_part
from waypost.domain.values.wire_time import instant, iso

RECEIPT: Final = "-"
SHARDS: Final = 4


@dataclass(frozen=True, slots=True)
class Receipts:
    """Receipts. They are the duplicate filter, so an event is known for as long as its receipt is kept."""

    table: Table
    kept: timedelta

    def read(self, workspace: str, uuids: Iterable[str], now: datetime) -> dict[str, Receipt]:
        """The receipts that there are, by uuid, read strongly. One that has expired is absent, though DynamoDB deletes late."""
        items = self.table.get_many([key(workspace, uuid) for uuid in dict.fromkeys(uuids)])
        return {item["uuid"]: _receipt(item) for item in items if item["expires"] > now.timestamp()}

    def put_action(self, workspace: str, receipts: Sequence[Receipt]) -> list[Item]:
        """The actions of a transaction that writes receipts if there are none."""
        return [
            self.table.put_action(
                self.item(workspace, receipt),
                ConditionExpression="attribute_not_exists(id) OR expires <= :now",
                ExpressionAttributeValues={":now": int(receipt.received_at.timestamp())},
            )
            for receipt in receipts
        ]

    def item(self, workspace: str, receipt: Receipt) -> Item:
        """A receipt as its row."""
        return {
            **key(workspace, receipt.uuid),
            "uuid": receipt.uuid,
            "event": receipt.event,
            "receivedAt": iso(receipt.received_at),
            "customer": receipt.customer,
            "moves": packed([_plain(each) for each in receipt.journeys]) if receipt.journeys else None,
            "messages": list(receipt.messages) or None,
            "reason": receipt.reason and receipt.reason.value,
            "expires": int((receipt.received_at + self.kept).timestamp()),
        }


@dataclass(frozen=True, slots=True)
class Log:
    """Pages of the log; an index by workspace and day, spread over a few keys, serves the live tracker."""

    receipts: Receipts

    def write(self, page: Page, receipts: Sequence[Receipt]) -> None:
        """Writes a page, unless it is empty, and receipts of events that had no effect; the same again changes nothing."""
        pages = [self._item(page)] if page.events else []
        self._table.put_many([*pages, *(self.receipts.item(page.workspace, receipt) for receipt in receipts)])

    @property
    def _table(self) -> Table:
        return self.receipts.table

    def _item(self, page: Page) -> Item:
        shard = int(digest("shard", page.name, length=4), 36) % SHARDS
        return {
            "id": page_id(page.workspace, page.customer),
            "at": f"{iso(page.received_at)}#{page.name}",
            "day": _day(page.workspace, page.received_at.date(), shard),
            "customer": page.customer,
            "events": packed([event_to_wire(event) for event in page.events]),
            "expires": int((page.received_at + self.receipts.kept).timestamp()),
        }

    def of_customer(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> list[Page]:
        """At most `limit` pages of one customer, newest first, at positions before this one (`<receivedAt>#<name>`)."""
        items, _ = self._table.query(
            "id = :id" + (" AND #at < :before" if before else ""),
            {":id": page_id(workspace, customer), ":before": before},
            **({"ExpressionAttributeNames": {"#at": "at"}} if before else {}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_page(workspace, item) for item in items]

    def of_day(self, workspace: str, day: date, *, limit: int, before: str | None = None) -> list[Page]:
        """At most `limit` pages of one day (UTC), newest first, at positions before this one (`<receivedAt>#<name>`)."""
        names = {"#day": "day"} | ({"#at": "at"} if before else {})
        older = " AND #at < :before" if before else ""
        keys: list[Item] = []
        for shard in range(SHARDS):
            found, _ = self._table.query(
                f"#day = :day{older}",
                {":day": _day(workspace, day, shard), ":before": before},
                IndexName="byDay",
                ExpressionAttributeNames=names,
                ScanIndexForward=False,
                Limit=limit,
            )
            keys += [{"id": item["id"], "at": item["at"]} for item in found]
        newest = sorted(keys, key=lambda key: str(key["at"]), reverse=True)[:limit]
        pages = [_page(workspace, item) for item in self._table.get_many(newest)]
        return sorted(pages, key=lambda page: (page.received_at, page.name), reverse=True)


def key(workspace: str, uuid: str) -> Item:
    """The key of an event's receipt."""
    return {"id": f"receipt#{workspace}#{key_part(uuid)}", "at": RECEIPT}


def page_id(workspace: str, customer: str) -> str:
    """The partition of a customer's pages."""
    return f"page#{workspace}#{customer}"


def _day(workspace: str, day: date, shard: int) -> str:
    return f"{workspace}#{day.isoformat()}#{shard}"


def _plain(entry: JourneyOutcome) -> tuple[str | None, ...]:
    return entry.journey, entry.outcome, entry.reason and entry.reason.value, entry.run


def _receipt(item: Item) -> Receipt:
    moves = unpacked(item["moves"]) if "moves" in item else []
    return Receipt(
        uuid=item["uuid"],
        event=item["event"],
        received_at=instant(item["receivedAt"]),
        customer=item["customer"],
        journeys=tuple(
            JourneyOutcome(journey, outcome, Reason(reason) if reason else None, run) for journey, outcome, reason, run in moves
        ),
        messages=tuple(item.get("messages", ())),
        reason=Reason(item["reason"]) if "reason" in item else None,
    )


def _page(workspace: str, item: Item) -> Page:
    at, _, name = item["at"].partition("#")
    events = tuple(event_from_wire(each) for each in unpacked(item["events"]))
    return Page(workspace, item["customer"], instant(at), name, events)
