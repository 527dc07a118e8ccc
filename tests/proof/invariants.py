"""What holds at the end of every execution, whatever went wrong in it. The docstring of each function is the promise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from tests.proof.observations import Observation
from tests.proof.scripts import State
from tests.proof.system import QUEUES, TABLES
from waypost.domain.messages.message import MessageStatus

WENT_OUT: Final = {"sent", "delivered", "bounced", "opened", "clicked", "unknown"}
"""The statuses that a message may have after its provider has accepted it."""


class Violation(AssertionError):  # noqa: N818 - it is no error of the test
    """A promise that does not hold."""


def each_event_is_in_the_timeline_of_its_customer(state: State, seen: Observation) -> None:
    """Every accepted event is in exactly one customer's timeline, once, the one that its ids lead to at the end."""
    entries = Counter(
        (entry["uuid"], customer) for customer, found in seen.customers.items() for entry in found["timeline"] if entry["kind"] == "event"
    )
    for uuid in sorted(state.accepted):
        receipt = seen.receipts[uuid]
        if receipt is None or receipt["reason"] == "erased":
            continue  # `erased_events_leave_nothing` looks at those
        owners = {customer: count for (each, customer), count in entries.items() if each == uuid}
        if sum(owners.values()) != 1:
            raise Violation(f"event {uuid} is in the timelines {owners}")
        owner = state.owner_of(uuid, seen.owners)
        if receipt["reason"] is None and owner is not None and owner not in owners:
            raise Violation(f"event {uuid} is in the timeline {owners}, and its ids lead to {owner}")


def each_event_has_a_receipt(state: State, seen: Observation) -> None:
    """Every accepted event has a receipt, unless its customer was erased."""
    missing = [uuid for uuid, receipt in seen.receipts.items() if receipt is None]
    if missing and not state.erases:
        raise Violation(f"no receipt of {missing}")


def each_id_in_a_receipt_resolves(state: State, seen: Observation) -> None:
    """Every customer id in a receipt leads to a customer."""
    named = {receipt["customer"] for receipt in seen.receipts.values() if receipt and receipt["customer"]}
    if named - seen.resolving:
        raise Violation(f"receipts name {sorted(named - seen.resolving)}, which lead to no customer")


def no_run_waits_for_a_settled_message(state: State, seen: Observation) -> None:
    """No run stands at a message step whose message has a final state."""
    for customer in seen.customers.values():
        active_runs = {(run["id"], run["step"]) for run in customer.get("runs", ()) if run["status"] == "active"}
        for message in customer["messages"]:
            if (message["run"], message["step"]) in active_runs and MessageStatus(message["status"]) not in (
                MessageStatus.PENDING,
                MessageStatus.SENDING,
            ):
                raise Violation(f"run {message['run']} stands at {message['step']}, whose message is {message['status']}")


def no_message_goes_out_twice(state: State, seen: Observation) -> None:
    """No e-mail and no SMS goes out twice; one that went out is never shown as unsent, and one that did not is never shown as sent."""
    delivered = Counter(each.message for each in (*state.system.ses.delivered, *state.system.sms.delivered))
    if twice := [message for message, count in delivered.items() if count > 1]:
        raise Violation(f"sent twice: {twice}")
    for customer in seen.customers.values():
        for message in customer["messages"]:
            is_out = bool(delivered[message["id"]])
            if message["channel"] != "webhook" and is_out and message["status"] not in WENT_OUT:
                raise Violation(f"message {message['id']} went out and is {message['status']}")
            # SES accepts an e-mail to an address on its suppression list, does not send it, and reports a bounce.
            if message["channel"] != "webhook" and not is_out and message["status"] in WENT_OUT - {"unknown", "bounced"}:
                raise Violation(f"message {message['id']} is {message['status']} and did not go out")


def no_message_is_left_in_work(state: State, seen: Observation) -> None:
    """No message is `pending` or `sending` without a record on a queue that goes on with it."""
    stuck = [
        (message["id"], message["status"], message["reason"])
        for customer in seen.customers.values()
        for message in customer["messages"]
        if message["status"] in ("pending", "sending")
    ]
    if stuck:
        raise Violation(f"left in work: {stuck}")


def every_record_is_done(state: State, seen: Observation) -> None:
    """Every record is processed or parked in the end: queues are empty, and nothing was moved to their dead-letter queues."""
    system = state.system
    left = {name: len(system.sqs.stored(name)) for name in QUEUES if system.sqs.stored(name)}
    if left:
        raise Violation(f"left on queues: {left}")
    parked = [each for each in seen.dead_letters if each["kind"] == "signal" or each["reason"] in ("poison", "process-ended", "unreadable")]
    if parked:
        raise Violation(f"parked: {[(each['kind'], each['reason']) for each in parked]}")


def nothing_raises_what_is_no_outage(state: State, seen: Observation) -> None:
    """An outage is logged as an outage: no handler meets an exception that it does not expect."""
    if state.system.errors:
        raise Violation(state.system.errors[0])


def no_published_journey_holds_anything(state: State, seen: Observation) -> None:
    """What a paused journey held back goes on when the journey is resumed: neither a run nor a message stays held."""
    tables = state.system.dynamodb
    statuses = {
        item["row"]["S"].removeprefix("journey#"): item["status"]["S"] for item in tables.items("JourneysTable") if "status" in item
    }
    published = {journey for journey, status in statuses.items() if status == "published"}
    for item in tables.items("RunsTable"):
        if item.get("stands", {"S": ""})["S"].startswith("held#") and item["live"]["S"].partition("#")[2] in published:
            raise Violation(f"a published journey holds the run {item['row']['S']}")
    for item in tables.items("MessagesTable"):
        if item.get("heldBy", {"S": ""})["S"].partition("#")[2] in published:
            raise Violation(f"a published journey holds the message {item['id']['S']}")


def erased_events_leave_nothing(state: State, seen: Observation) -> None:
    """After an erasure that says `complete`, no table holds anything of the customer but keyed hashes."""
    if not state.erases:
        return
    status = state.answers["erasure"]
    if not status["complete"]:
        raise Violation(f"the erasure is not complete: {status}")
    for table in TABLES:
        for item in state.system.dynamodb.items(table):
            text = json.dumps(item, default=str)
            if "marker-" in text:
                raise Violation(f"{table} holds {text}")


INVARIANTS: Final[tuple[Callable[[State, Observation], None], ...]] = (
    each_event_is_in_the_timeline_of_its_customer,
    each_event_has_a_receipt,
    each_id_in_a_receipt_resolves,
    no_run_waits_for_a_settled_message,
    no_message_goes_out_twice,
    no_message_is_left_in_work,
    every_record_is_done,
    nothing_raises_what_is_no_outage,
    no_published_journey_holds_anything,
    erased_events_leave_nothing,
)


def check(state: State, seen: Observation) -> None:
    """Raises Violation for the first promise that does not hold."""
    for invariant in INVARIANTS:
        invariant(state, seen)


def nothing_is_sent_to_the_erased(state: State) -> None:
    """After the erasure of the only customer, no provider is called."""
    if not state.erases:
        return
    erased_at = datetime.fromisoformat(state.answers["erasure"]["erasedAt"])
    system = state.system
    late = [each.message for each in (*system.ses.delivered, *system.sms.delivered, *system.receivers.delivered) if each.at > erased_at]
    if late:
        raise Violation(f"sent after the erasure: {late}")


def metrics_balance(state: State) -> None:
    """Without faults, every accepted event is counted as recorded, duplicate, dropped or parked."""
    counts = _counted(state)
    ends = counts["EventsRecorded"] + counts["EventsDuplicate"] + counts["EventsDropped"] + counts["EventsParked"]
    if counts["EventsAccepted"] != ends:
        raise Violation(f"{counts['EventsAccepted']} events were accepted, and {ends} were processed: {dict(counts)}")


def message_metrics_balance(state: State, before: Observation, after: Observation) -> None:
    """Without faults, every message that ended is counted once: as sent, skipped, failed or unknown."""
    counts = _counted(state)
    counted = sum(counts[f"Messages{end}"] for end in ("Sent", "Skipped", "Failed", "Unknown"))
    earlier = _messages(before)
    ended = [name for name, status in _messages(after).items() if status not in ("pending", "sending") and earlier.get(name) != status]
    if not state.erases and counted != len(ended):
        raise Violation(f"{len(ended)} messages ended, and {counted} were counted: {dict(counts)}")


def _counted(state: State) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (name, _), number in state.system.metrics.items():
        counts[name] += number
    return counts


def _messages(seen: Observation) -> dict[str, str]:
    """The status of each message by its id."""
    return {message["id"]: message["status"] for customer in seen.customers.values() for message in customer["messages"]}
