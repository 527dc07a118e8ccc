"""The history of consents: rows of the events table that are kept until their customer is erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.consents import ConsentChange, RecordedConsent
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import instant, iso


@dataclass(frozen=True, slots=True)
class DynamoConsentHistory:
    """The changes of consent of all customers."""

    table: Table

    def add(self, workspace: str, customer: str, changes: Sequence[ConsentChange], received_at: datetime) -> None:
        """Stores changes. Storing a change again writes the same row."""
        self.table.put_many([_to_item(workspace, customer, each, received_at) for each in changes])

    def page(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> tuple[list[RecordedConsent], str | None]:
        """At most `limit` changes of a customer before a position, newest first, and the position to go on from (None: no more)."""
        items, last = self.table.query_newest(("id", consent_partition(workspace, customer)), limit=limit, before=before)
        return [_from_item(item) for item in items], last["at"] if last else None


def consent_partition(workspace: str, customer: str) -> str:
    """The partition key of the changes of consent of a customer."""
    return f"consent#{workspace}#{customer}"


def _to_item(workspace: str, customer: str, change: ConsentChange, received_at: datetime) -> Item:
    # Without `expires`: who agreed to what, and when, has to be known for as long as messages are sent. Without `day`: no index has them.
    return {
        "id": consent_partition(workspace, customer),
        "at": f"{iso(change.at)}#{digest('consent', change.uuid)}",
        "uuid": change.uuid,
        "state": change.state,
        "topic": change.topic,
        "channel": change.channel,
        "source": change.source,
        "textVersion": change.text_version,
        "confirmed": change.confirmed or None,
        "receivedAt": iso(received_at),
    }


def _from_item(item: Item) -> RecordedConsent:
    change = ConsentChange(
        state=item["state"],
        topic=item["topic"],
        channel=item["channel"],
        at=instant(item["at"].partition("#")[0]),
        uuid=item["uuid"],
        source=item["source"],
        text_version=item.get("textVersion"),
        confirmed=item.get("confirmed", False),
    )
    return RecordedConsent(change, instant(item["receivedAt"]), item["at"])
