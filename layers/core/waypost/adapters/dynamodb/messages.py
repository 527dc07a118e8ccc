"""The messages table: partition key `id` (docs/architecture.md#messages)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from waypost.adapters.dynamodb.conditions import FailedCondition, if_absent
from waypost.adapters.dynamodb.day_index import query_newest_of_day
from waypost.adapters.dynamodb.items import expiry
from waypost.adapters.dynamodb.message_items import (
    from_item,
    held_key,
    id_in,
    key_of,
    rendered_from_item,
    rendered_key,
    rendered_to_body,
    to_item,
)
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.domain.values.generated_ids import is_message_id
from waypost.domain.values.wire_time import iso

RENDERED_KEPT: Final = timedelta(days=30)
_HELD_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class DynamoMessages:
    """The messages of all workspaces. The rendered content has a row of its own, or every change of a status would write it again."""

    table: Table

    def get(self, workspace: str, message: str) -> Message | None:
        """The message, or None. A text that does not have the form of a message id is not looked up.

        It may come from a delivery report, and be too long for a key or name the row of a rendered message.
        """
        item = self.table.get(key_of(workspace, message)) if is_message_id(message) else None
        return from_item(item) if item else None

    def save(self, message: Message, was: Message) -> bool:
        """Writes a message over `was`, from which it was made. False if another worker has changed it meanwhile, or it was erased."""
        # Status, token and lease together identify a state. The status alone does not: a message that was refused is pending again, and a
        # worker that read it before the first claim must not claim it now. A report keeps the
        # lease and the record of the call removes it: a second report that was read before that record cannot remove the attempt again.
        as_read = {"status": was.status.value, "token": was.token, "lease": was.lease and iso(was.lease)}
        same = [f"#{name} = :{name}" if value else f"attribute_not_exists(#{name})" for name, value in as_read.items()]
        failed = self.table.put_if(
            to_item(message),
            ConditionExpression=" AND ".join(same),
            ExpressionAttributeNames={f"#{name}": name for name in as_read},
            ExpressionAttributeValues={f":{name}": value for name, value in as_read.items()},
        )
        return failed is None or _is_own_write(failed, message)

    def held(self, workspace: str, journey: str, after: str | None) -> tuple[list[str], str | None]:
        """At most 100 ids of messages that a paused journey holds, the oldest message first, and the position to go on from.

        With `WHOLE_WORKSPACE` for the journey, those that the workspace holds because it sends nothing.

        The position is None where these were the last. The index lags: a resume reads it a second time after some seconds.
        """
        items, last = self.table.query(
            "heldBy = :journey AND #at > :after",
            {":journey": held_key(workspace, journey), ":after": after or "0"},  # all positions begin with a year, and so are above "0"
            IndexName="byHeld",
            ExpressionAttributeNames={"#at": "at"},
            Limit=_HELD_PAGE,
        )
        return [id_in(item["at"]) for item in items], last["at"] if last else None

    def rendered(self, workspace: str, message: str) -> PreparedMessage | None:
        """The message as it was rendered for its first attempt, or None if that is not stored (any more)."""
        item = self.table.get(rendered_key(workspace, message))
        return rendered_from_item(item) if item else None

    def all_rendered(self, workspace: str, messages: Sequence[str]) -> dict[str, PreparedMessage]:
        """The rendered messages of these ids, by id; those that are not stored are left out."""
        items = self.table.get_many([rendered_key(workspace, each) for each in messages])
        return {item["id"].split("#")[1]: rendered_from_item(item) for item in items}

    def receivers(self, workspace: str, messages: Sequence[str]) -> dict[str, str]:
        """The addresses of these messages, by message id; those of messages that were erased or have no address are left out."""
        items = self.table.get_many([key_of(workspace, each) for each in dict.fromkeys(messages)])
        return {id_in(item["at"]): item["to"] for item in items if "to" in item}

    def keep_rendered(self, message: Message, made: PreparedMessage, now: datetime) -> PreparedMessage:
        """Stores a rendered message for 30 days, unless one is stored already; returns the stored one."""
        # Put if absent: a retry must send the bytes of the first attempt, although attributes or the template's clock have changed since.
        # The receiver of a webhook recognises a repeat by its id and would otherwise see two bodies under one id.
        item = {
            **rendered_key(message.workspace, message.id),
            "body": rendered_to_body(made),
            "expires": expiry(now, RENDERED_KEPT),
        }
        failed = self.table.put_if(item, **if_absent("id"))
        return made if failed is None or failed.item is None else rendered_from_item(failed.item)

    def page(
        self,
        workspace: str,
        *,
        limit: int,
        before: str | None = None,
        customer: str | None = None,
        journey: str | None = None,
        day: date | None = None,
        since: datetime | None = None,
    ) -> tuple[list[Message], str | None]:
        """At most `limit` messages before a position (`<created at>#<id>`), newest first, and the position to go on from.

        They are those of one customer, of one journey or of one day (UTC): exactly one of the three is given. With `since`, only those of
        this time or later are read. The position is None where these were the last. The indexes lag the table, so that the messages of the
        last moments may be missing.
        """
        if customer is not None:
            positions = self._positions("customer", f"{workspace}#{customer}", limit, before, since)
        elif journey is not None:
            positions = self._positions("journey", f"{workspace}#{journey}", limit, before, since)
        else:
            items = query_newest_of_day(self.table, workspace, day, limit=limit, before=before, since=since) if day else []
            positions = [item["at"] for item in items]
        return self._in_order(workspace, positions), positions[-1] if len(positions) == limit else None

    def _positions(self, attribute: str, value: str, limit: int, before: str | None, since: datetime | None) -> list[str]:
        index = {"customer": "byCustomer", "journey": "byJourney"}[attribute]
        oldest = iso(since) if since else None
        items = self.table.query_newest_keys((attribute, value), index=index, limit=limit, before=before, since=oldest)
        return [item["at"] for item in items]

    def _in_order(self, workspace: str, positions: Sequence[str]) -> list[Message]:
        """The messages at these positions, newest first. A batch read returns them in no order, and without those that were erased."""
        items = self.table.get_many([key_of(workspace, id_in(position)) for position in positions])
        return sorted((from_item(item) for item in items), key=lambda message: (message.created_at, message.id), reverse=True)


def _is_own_write(failed: FailedCondition, message: Message) -> bool:
    """Whether the stored row is the one that was to be written.

    botocore repeats a write whose answer was lost, and the repeat fails on the row of the first one. Taken for a lost race, it would leave
    the message in the state `sending` with a claim that no worker holds, until the lease ends: an e-mail would end as `unknown`.
    """
    return failed.item == {name: value for name, value in to_item(message).items() if value is not None}
