"""The signals queue: what AWS is asked, and what it may refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.ingest_harness import NOW, event_of, wire
from tests.fakes.tables import aws
from waypost.adapters.aws import client
from waypost.adapters.sqs import SqsSignals
from waypost.domain.signal_codec import packed, to_queue_message, unpacked
from waypost.domain.signals import EventsArrived, QueueMessage


@pytest.fixture
def queue() -> Iterator[SqsSignals]:
    """A FIFO queue in moto."""
    with aws():
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        yield SqsSignals(client("sqs").create_queue(QueueName="signals.fifo", Attributes=attributes)["QueueUrl"])


def received(queue: SqsSignals) -> list[dict[str, Any]]:
    """The messages on the queue."""
    return list(client("sqs").receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", []))


def a_parcel(customer: str = "c_1", text: str = "x") -> QueueMessage:
    """A signal with one event, ready for the queue."""
    event = event_of(wire(uuid=customer, payload={"text": text}))
    return to_queue_message(EventsArrived("w1", customer, None, known=False, received_at=NOW, historical=False, events=(event,)))


def test_parcels_arrive_in_their_groups(queue: SqsSignals) -> None:
    """One group for each customer, and a name by which the queue knows a repetition."""
    queue_messages = [a_parcel(f"c_{number}") for number in range(10)]
    assert queue.send(queue_messages) == []
    assert queue.send(queue_messages[:3]) == []
    messages = received(queue)
    assert {(m["Attributes"]["MessageGroupId"], m["Attributes"]["MessageDeduplicationId"], unpacked(m["Body"])) for m in messages} == set(
        queue_messages
    )
    assert len(messages) == 10


def test_names_are_of_the_alphabet_that_the_queue_takes() -> None:
    """At most 128 letters, digits and some signs; the emulators would take anything."""
    made = a_parcel()
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", made.group)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", made.name)


def test_what_the_queue_refuses_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its place in the call."""

    class Half:
        def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            assert {entry["MessageGroupId"] for entry in Entries} == {"c_0", "c_1", "c_2"}
            return {"Failed": [{"Id": entry["Id"]} for entry in Entries if entry["MessageGroupId"] != "c_1"]}

    monkeypatch.setattr("waypost.adapters.sqs.client", lambda *_, **__: Half())
    queue_messages = [a_parcel(f"c_{number}") for number in range(3)]
    assert SqsSignals("url").send(queue_messages) == [queue_messages[0], queue_messages[2]]


@pytest.mark.parametrize("text", ["short", "x" * 60_000, "\ufffe\u0000é🎉" * 4_000])
def test_a_body_comes_out_as_it_went_in(text: str) -> None:
    """Small ones as they are, for a person to read; large ones packed, for less money; always plain ASCII."""
    body = a_parcel(text=text).body
    assert unpacked(packed(body)) == body
    assert packed(body).isascii()
    assert (packed(body) == body) is (text == "short")
    assert len(packed(body)) <= 48 * 1024


def test_received_signals_can_come_again_later(queue: SqsSignals) -> None:
    """More than one call holds; a message that is delayed is not to be seen until then."""
    queue.send([a_parcel(f"c_{number}") for number in range(3)])
    handles = [message["ReceiptHandle"] for message in received(queue)]
    queue.delay([(handle, 0) for handle in handles])
    assert len(received(queue)) == 3
