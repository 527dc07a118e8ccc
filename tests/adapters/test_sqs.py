"""The queues: what is requested of SQS, and what it may refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.fakes.ingest_harness import NOW, event_of, wire
from tests.fakes.tables import aws
from waypost.adapters.aws import client
from waypost.adapters.sqs import SqsDelays, SqsSendQueue, SqsSignals
from waypost.domain.errors import UnavailableError
from waypost.domain.signal_codec import packed, to_queue_message, unpacked
from waypost.domain.signals import EventsArrived, QueueMessage

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/send"


@pytest.fixture
def signals_queue() -> Iterator[SqsSignals]:
    """An empty FIFO queue in moto."""
    with aws():
        attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        yield SqsSignals(client("sqs").create_queue(QueueName="signals.fifo", Attributes=attributes)["QueueUrl"])


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """SQS with the responses that a test adds."""
    client.cache_clear()
    with Stubber(client("sqs")) as stubber:
        yield stubber
    client.cache_clear()


def received(queue: SqsSignals) -> list[dict[str, Any]]:
    """The records that a consumer receives."""
    return list(client("sqs").receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", []))


def signal_message(customer: str = "c_1", text: str = "x") -> QueueMessage:
    """The queue message of a signal with one event."""
    event = event_of(wire(uuid=customer, payload={"text": text}))
    return to_queue_message(EventsArrived("w1", customer, None, known=False, received_at=NOW, historical=False, events=(event,)))


def test_signals_are_sent_in_the_group_of_their_customer_and_deduplicated(signals_queue: SqsSignals) -> None:
    """Each record has the group, the deduplication id and the body of its queue message, and a repeated one is not there twice."""
    queue_messages = [signal_message(f"c_{number}") for number in range(10)]
    assert signals_queue.send(queue_messages) == []
    assert signals_queue.send(queue_messages[:3]) == []
    records = received(signals_queue)
    found = {
        (each["Attributes"]["MessageGroupId"], each["Attributes"]["MessageDeduplicationId"], unpacked(each["Body"])) for each in records
    }
    assert found == set(queue_messages)
    assert len(records) == 10


def test_group_and_deduplication_id_are_within_the_alphabet_of_sqs() -> None:
    """Both have at most 128 letters, digits, underscores and hyphens. SQS refuses other characters; emulators accept them."""
    queue_message = signal_message()
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", queue_message.group)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", queue_message.name)


def test_refused_signals_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """If SQS takes one of three queue messages, the other two are returned, and in their order."""

    class Sqs:
        def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            assert {entry["MessageGroupId"] for entry in Entries} == {"c_0", "c_1", "c_2"}
            return {"Failed": [{"Id": entry["Id"]} for entry in Entries if entry["MessageGroupId"] != "c_1"]}

    monkeypatch.setattr("waypost.adapters.sqs.client", lambda *_, **__: Sqs())
    queue_messages = [signal_message(f"c_{number}") for number in range(3)]
    assert SqsSignals("url").send(queue_messages) == [queue_messages[0], queue_messages[2]]


@pytest.mark.parametrize("text", ["short", "x" * 60_000, "\ufffe\u0000é🎉" * 4_000], ids=["short", "long", "characters that SQS refuses"])
def test_a_body_is_decoded_as_it_was_encoded(text: str) -> None:
    """A short body is sent as it is and a long one compressed to at most 48 KiB, both in ASCII, and both are decoded equal."""
    body = signal_message(text=text).body
    assert unpacked(packed(body)) == body
    assert packed(body).isascii()
    assert (packed(body) == body) is (text == "short")
    assert len(packed(body)) <= 48 * 1024


def test_received_signals_can_be_made_visible_again(signals_queue: SqsSignals) -> None:
    """Records whose visibility timeout is set to 0 seconds are received again at once."""
    signals_queue.send([signal_message(f"c_{number}") for number in range(3)])
    handles = [record["ReceiptHandle"] for record in received(signals_queue)]
    assert received(signals_queue) == []
    signals_queue.delay([(handle, 0) for handle in handles])
    assert len(received(signals_queue)) == 3


def test_more_records_than_one_call_takes_are_made_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """25 records take three calls of at most ten, and the ids of the entries are unique in each call."""
    calls: list[list[dict[str, Any]]] = []

    class Sqs:
        def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803
            calls.append(Entries)

    monkeypatch.setattr("waypost.adapters.sqs.client", lambda *_, **__: Sqs())
    SqsSignals("url").delay([(f"handle {number}", 4) for number in range(25)])
    assert [len(entries) for entries in calls] == [10, 10, 5]
    assert all(len({entry["Id"] for entry in entries}) == len(entries) for entries in calls)
    assert [entry["ReceiptHandle"] for entries in calls for entry in entries] == [f"handle {number}" for number in range(25)]


def send_entry(number: int, message: str, seconds: int) -> dict[str, Any]:
    """An entry of the call that sends records to the send queue."""
    body = f'{{"workspace":"w1","message":"{message}"}}'
    return {"Id": str(number), "MessageBody": body, "DelaySeconds": seconds, "MessageGroupId": "w1"}


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (timedelta(0), 0),
        (timedelta(seconds=-5), 0),
        (timedelta(milliseconds=1), 1),
        (timedelta(seconds=59.2), 60),
        (timedelta(minutes=15), 900),
        (timedelta(hours=12), 900),
    ],
    ids=["none", "negative", "a millisecond", "rounded up", "15 minutes", "12 hours"],
)
def test_the_delay_of_a_message_is_in_whole_seconds_up_to_15_minutes(stub: Stubber, delay: timedelta, seconds: int) -> None:
    """The delay is rounded up to the second, is never negative, and is 15 minutes for all that is later."""
    request = {"QueueUrl": URL, "Entries": [send_entry(0, "msg_1", seconds)]}
    stub.add_response("send_message_batch", {"Successful": [], "Failed": []}, request)
    SqsSendQueue(URL).put("w1", [("msg_1", delay)])
    stub.assert_no_pending_responses()


def test_a_record_that_releases_a_claim_names_its_token(stub: Stubber) -> None:
    """The record comes after five seconds, in the group of its workspace, and has the token of the claim."""
    body = '{"workspace":"w1","message":"msg_1","released":"t1"}'
    request = {"QueueUrl": URL, "Entries": [{**send_entry(0, "msg_1", 5), "MessageBody": body}]}
    stub.add_response("send_message_batch", {"Successful": [], "Failed": []}, request)
    SqsSendQueue(URL).put_released("w1", "msg_1", "t1")
    stub.assert_no_pending_responses()


def test_more_messages_than_one_call_takes_are_all_sent() -> None:
    """25 messages, of which one call takes ten, are all on the queue."""
    with aws():
        url = client("sqs").create_queue(QueueName="send")["QueueUrl"]
        SqsSendQueue(url).put("w1", [(f"msg_{index}", timedelta(0)) for index in range(25)])
        attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "25"


def partly_failed(*ids: str) -> dict[str, Any]:
    """The response of SQS when it did not take the entries with these ids."""
    return {"Successful": [], "Failed": [{"Id": each, "Code": "InternalError", "SenderFault": False} for each in ids]}


def test_only_the_refused_entry_is_sent_again(stub: Stubber) -> None:
    """If SQS refuses one of two entries, the second call holds that entry alone, so that the other one is not on the queue twice."""
    both = [send_entry(0, "msg_1", 0), send_entry(1, "msg_2", 0)]
    stub.add_response("send_message_batch", partly_failed("1"), {"QueueUrl": URL, "Entries": both})
    stub.add_response("send_message_batch", partly_failed(), {"QueueUrl": URL, "Entries": both[1:]})
    SqsSendQueue(URL).put("w1", [("msg_1", timedelta(0)), ("msg_2", timedelta(0))])
    stub.assert_no_pending_responses()


def test_an_entry_that_is_refused_three_times_is_an_unavailable_error(stub: Stubber) -> None:
    """After three calls that SQS refused, the caller gets UnavailableError: no message is lost silently."""
    for _ in range(3):
        stub.add_response("send_message_batch", partly_failed("0"))
    with pytest.raises(UnavailableError):
        SqsSendQueue(URL).put("w1", [("msg_1", timedelta(0))])
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("queue", [SqsSendQueue(URL), SqsDelays(URL)], ids=["send queue", "delays queue"])
def test_a_received_record_can_be_postponed(stub: Stubber, queue: SqsSendQueue | SqsDelays) -> None:
    """The visibility timeout of the one record becomes these seconds, in place of the queue's six minutes."""
    stub.add_response("change_message_visibility", {}, {"QueueUrl": URL, "ReceiptHandle": "r", "VisibilityTimeout": 4})
    queue.postpone("r", 4)
    stub.assert_no_pending_responses()
