"""Messages in their table: a row each, and the rendered body beside it for 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from waypost.adapters.dynamodb.packing import compressed, expanded, packed, unpacked
from waypost.adapters.dynamodb.table import Item, Refused, Table
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus, PreparedMessage
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest, is_message_id
from waypost.domain.values.wire_time import instant, iso

RENDERED_KEPT: Final = timedelta(days=30)
SHARDS: Final = 4
_HELD_AT_ONCE: Final = 100


def key(workspace: str, message: str) -> Item:
    """The key of a message's row."""
    return {"id": f"{workspace}#{message}"}


def rendered_key(workspace: str, message: str) -> Item:
    """The key of a message's rendered body."""
    return {"id": f"{workspace}#{message}#rendered"}


def day_keys(workspace: str, day: date) -> list[str]:
    """The keys of one day in the index by day, which is spread so that one busy workspace is not one hot key."""
    return [f"{workspace}#{day.isoformat()}#{shard}" for shard in range(SHARDS)]


def item(message: Message) -> Item:
    """A message as its row. Attributes that are None are left out when it is written."""
    shard = int(digest("shard", message.id, length=4), 36) % SHARDS
    return {
        **key(message.workspace, message.id),
        "customer": f"{message.workspace}#{message.customer}",
        "journey": f"{message.workspace}#{message.journey}",
        "day": f"{message.workspace}#{iso(message.created_at)[:10]}#{shard}",
        "at": f"{iso(message.created_at)}#{message.id}",
        "workspace": message.workspace,
        "version": message.version,
        "run": message.run,
        "step": message.step,
        "channel": message.channel,
        "knownAs": list(message.lookup_id),
        "event": packed(message.event),
        "due": iso(message.due),
        "onUnknown": message.on_unknown,
        "visit": message.visit,
        "awaited": message.awaited or None,
        "status": message.status.value,
        "reason": message.reason.value if message.reason else None,
        "to": message.to,
        "attempts": packed([[iso(attempt.at), attempt.outcome, attempt.detail] for attempt in message.attempts]),
        "token": message.token,
        "lease": iso(message.lease) if message.lease else None,
        "tries": message.attempt_count,
        "heldBy": f"{message.workspace}#{message.journey}" if message.held else None,
    }


def message_of(row: Mapping[str, Any]) -> Message:
    """The reverse of `item`."""
    workspace = row["workspace"]
    created_at, _, name = row["at"].partition("#")
    return Message(
        id=name,
        workspace=workspace,
        journey=row["journey"].removeprefix(f"{workspace}#"),
        version=row["version"],
        run=row["run"],
        step=row["step"],
        channel=row["channel"],
        customer=row["customer"].removeprefix(f"{workspace}#"),
        lookup_id=Identifier(*row["knownAs"]),
        event=unpacked(row["event"]),
        created_at=instant(created_at),
        due=instant(row["due"]),
        on_unknown=row["onUnknown"],
        visit=row["visit"],
        awaited=row.get("awaited", False),
        status=MessageStatus(row["status"]),
        reason=MessageReason(row["reason"]) if "reason" in row else None,
        to=row.get("to"),
        attempts=tuple(Attempt(instant(at), outcome, detail) for at, outcome, detail in unpacked(row["attempts"])),
        token=row.get("token"),
        lease=instant(row["lease"]) if "lease" in row else None,
        attempt_count=row["tries"],
        held="heldBy" in row,
    )


@dataclass(frozen=True, slots=True)
class DynamoMessages:
    """The messages of all workspaces."""

    table: Table

    def get(self, workspace: str, message: str) -> Message | None:
        """The message, read strongly, or None. Other texts are not asked for: they may be too long for a key, or name another row."""
        row = self.table.get(key(workspace, message)) if is_message_id(message) else None
        return message_of(row) if row else None

    def save(self, message: Message, was: Message) -> bool:
        """Writes a message over the one that it was made from; False if another worker changed it meanwhile, or it was erased."""
        # The lease is compared too: a report keeps it and the record of the call removes it. Without it, a second report that was read
        # before that record and written after it would remove the attempt.
        as_read = {"#status": was.status.value, "#token": was.token, "#lease": was.lease and iso(was.lease)}
        conditions = [f"{name} = {name.replace('#', ':')}" if value else f"attribute_not_exists({name})" for name, value in as_read.items()]
        met = self.table.put(
            item(message),
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeNames={name: name.removeprefix("#") for name in as_read},
            ExpressionAttributeValues={name.replace("#", ":"): value for name, value in as_read.items()},
        )
        return met is None or self._is_own_write(met, message)

    @staticmethod
    def _is_own_write(met: Refused, message: Message) -> bool:
        # botocore repeats a write whose answer was lost; the repeat then fails on the first one's row.
        return met.item == {name: value for name, value in item(message).items() if value is not None}

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[str], str | None]:
        """Some messages that a journey has held, in the order of their making, and the place to go on from (None: that was all)."""
        rows, last = self.table.query(
            "heldBy = :journey AND #at > :after",
            {":journey": f"{workspace}#{journey}", ":after": after or "0"},
            IndexName="byHeld",
            ExpressionAttributeNames={"#at": "at"},
            Limit=_HELD_AT_ONCE,
        )
        return [row["at"].partition("#")[2] for row in rows], rows[-1]["at"] if last else None

    def rendered(self, workspace: str, message: str) -> PreparedMessage | None:
        """The message as it was rendered for its first attempt, or None."""
        row = self.table.get(rendered_key(workspace, message))
        return _addressed(row) if row else None

    def all_rendered(self, workspace: str, messages: Sequence[str]) -> dict[str, PreparedMessage]:
        """What is kept of the rendering of these messages, by their ids."""
        rows = self.table.get_many([rendered_key(workspace, each) for each in messages])
        return {row["id"].split("#")[1]: _addressed(row) for row in rows}

    def keep_rendered(self, message: Message, made: PreparedMessage, now: datetime) -> PreparedMessage:
        """Keeps the rendered message unless one is kept already; returns the one that is kept."""
        row = {
            **rendered_key(message.workspace, message.id),
            "body": compressed(exact_json.dumps([made.to, made.rendered])),
            "expires": int((now + RENDERED_KEPT).timestamp()),
        }
        met = self.table.put(row, ConditionExpression="attribute_not_exists(id)")
        return made if met is None or met.item is None else _addressed(met.item)

    def page(
        self,
        workspace: str,
        *,
        limit: int,
        before: str | None = None,
        customer: str | None = None,
        journey: str | None = None,
        day: date | None = None,
    ) -> tuple[list[Message], str | None]:
        """At most `limit` messages of one customer, one journey or one day, newest first, and the position to go on from."""
        if customer is not None:
            names = self._index("byCustomer", "customer", f"{workspace}#{customer}", limit, before)
        elif journey is not None:
            names = self._index("byJourney", "journey", f"{workspace}#{journey}", limit, before)
        else:
            days = day_keys(workspace, day) if day else []
            shards = [position for shard in days for position in self._index("byDay", "day", shard, limit, before)]
            names = sorted(shards, reverse=True)[:limit]
        return self._messages(workspace, names), names[-1] if len(names) == limit else None

    def _index(self, index: str, attribute: str, value: str, limit: int, before: str | None) -> list[str]:
        older = " AND #at < :before" if before else ""
        rows, _ = self.table.query(
            f"#key = :key{older}",
            {":key": value, ":before": before},
            IndexName=index,
            ExpressionAttributeNames={"#key": attribute} | ({"#at": "at"} if before else {}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [row["at"] for row in rows]

    def _messages(self, workspace: str, positions: list[str]) -> list[Message]:
        rows = self.table.get_many([key(workspace, position.partition("#")[2]) for position in positions])
        return sorted((message_of(row) for row in rows), key=lambda message: (message.created_at, message.id), reverse=True)


def _addressed(row: Mapping[str, Any]) -> PreparedMessage:
    to, rendered = exact_json.loads(expanded(row["body"]))
    return PreparedMessage(to, rendered)
