"""Messages and rendered messages as items of the messages table. See docs/architecture.md#messages for the rows."""

from __future__ import annotations

from waypost.adapters.dynamodb.day_index import shard_key
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.json_attributes import compress, decompress, json_from_attribute, json_to_attribute
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.messages.message import WHOLE_WORKSPACE, Attempt, Message, MessageReason, MessageStatus, PreparedMessage
from waypost.domain.values import exact_json
from waypost.domain.values.wire_time import instant, iso


def key_of(workspace: str, message: str) -> Item:
    """The key of the row of a message."""
    return {"id": f"{workspace}#{message}"}


def rendered_key(workspace: str, message: str) -> Item:
    """The key of the row of a rendered message."""
    return {"id": f"{workspace}#{message}#rendered"}


def id_in(position: str) -> str:
    """The message id in a value of the attribute `at` (`<created at>#<message id>`), the sort key of the indexes."""
    return position.partition("#")[2]


def to_item(message: Message) -> Item:
    """A message as its row; attributes that are None are not written."""
    return {
        **key_of(message.workspace, message.id),
        "customer": f"{message.workspace}#{message.customer}",
        "journey": f"{message.workspace}#{message.journey}",
        "day": shard_key(message.workspace, message.created_at, message.id),
        "at": f"{iso(message.created_at)}#{message.id}",
        "workspace": message.workspace,
        "version": message.version,
        "run": message.run,
        "step": message.step,
        "channel": message.channel,
        "knownAs": list(message.lookup_id),
        "event": json_to_attribute(message.event),
        "due": iso(message.due),
        "onUnknown": message.on_unknown,
        "visit": message.visit,
        "awaited": message.awaited or None,
        "listened": message.listened or None,
        "status": message.status.value,
        "reason": message.reason.value if message.reason else None,
        "to": message.to,
        "attempts": json_to_attribute([[iso(attempt.at), attempt.outcome, attempt.detail] for attempt in message.attempts]),
        "token": message.token,
        "lease": iso(message.lease) if message.lease else None,
        "tries": message.attempt_count,
        "heldBy": _held_by(message),  # absent: the index by this attribute is sparse
        "counted": message.counted,
        "toOther": message.is_to_other or None,
        "report": message.report_detail,
    }


def held_key(workspace: str, journey: str) -> str:
    """The value by which the index `byHeld` finds what a journey holds; with an empty journey, what the workspace itself holds."""
    return f"{workspace}#{journey}"


def _held_by(message: Message) -> str | None:
    if not message.held:
        return None
    return held_key(message.workspace, WHOLE_WORKSPACE if message.is_held_by_workspace else message.journey)


def from_item(item: Item) -> Message:
    """The message in a row."""
    workspace = item["workspace"]
    return Message(
        id=id_in(item["at"]),
        workspace=workspace,
        journey=item["journey"].removeprefix(f"{workspace}#"),
        version=item["version"],
        run=item["run"],
        step=item["step"],
        channel=item["channel"],
        customer=item["customer"].removeprefix(f"{workspace}#"),
        lookup_id=Identifier(*item["knownAs"]),
        event=json_from_attribute(item["event"]),
        created_at=instant(item["at"].partition("#")[0]),
        due=instant(item["due"]),
        on_unknown=item["onUnknown"],
        visit=item["visit"],
        awaited=item.get("awaited", False),
        listened=item.get("listened", False),
        status=MessageStatus(item["status"]),
        reason=MessageReason(item["reason"]) if "reason" in item else None,
        to=item.get("to"),
        attempts=tuple(Attempt(instant(at), outcome, detail) for at, outcome, detail in json_from_attribute(item["attempts"])),
        token=item.get("token"),
        lease=instant(item["lease"]) if "lease" in item else None,
        attempt_count=item["tries"],
        held="heldBy" in item,
        counted=item.get("counted"),
        is_to_other=item.get("toOther", False),
        report_detail=item.get("report"),
    )


def rendered_to_body(prepared: PreparedMessage) -> bytes:
    """The attribute `body` of the row of a rendered message."""
    return compress(exact_json.dumps([prepared.to, prepared.rendered]))


def rendered_from_item(item: Item) -> PreparedMessage:
    """The rendered message in a row."""
    to, rendered = exact_json.loads(decompress(item["body"]))
    return PreparedMessage(to, rendered)
