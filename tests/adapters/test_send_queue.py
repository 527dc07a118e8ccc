"""The send queue: standard, fair between workspaces, with the retry schedule as delays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from waypost.adapters.aws import client
from waypost.adapters.send_queue import SqsSendQueue
from waypost.domain.errors import UnavailableError

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/send"


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """SQS, answering as each test says."""
    client.cache_clear()
    with Stubber(client("sqs")) as stubber:
        yield stubber
    client.cache_clear()


def entry(number: int, message: str, seconds: int) -> dict[str, Any]:
    """One record as SQS is asked to take it."""
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
)
def test_a_delay_is_whole_seconds_up_to_15_minutes(stub: Stubber, delay: timedelta, seconds: int) -> None:
    """Rounded up, so that nothing comes early for a fraction; what is later than SQS can wait comes back on the way."""
    stub.add_response("send_message_batch", {"Successful": [], "Failed": []}, {"QueueUrl": URL, "Entries": [entry(0, "msg_1", seconds)]})
    SqsSendQueue(URL).put("w1", [("msg_1", delay)])
    stub.assert_no_pending_responses()


def test_ten_at_a_time() -> None:
    """25 messages are three calls, and all of them arrive, each in its workspace's group."""
    with mock_aws():
        client.cache_clear()
        url = boto3.client("sqs").create_queue(QueueName="send")["QueueUrl"]
        SqsSendQueue(url).put("w1", [(f"msg_{index}", timedelta(0)) for index in range(25)])
        attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        client.cache_clear()
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "25"


def failed(*ids: str) -> dict[str, Any]:
    """SQS's answer when it did not take these."""
    return {"Successful": [], "Failed": [{"Id": each, "Code": "InternalError", "SenderFault": False} for each in ids]}


def test_what_the_queue_did_not_take_is_offered_again(stub: Stubber) -> None:
    """Only the refused record, so that the others are not there twice."""
    both = [entry(0, "msg_1", 0), entry(1, "msg_2", 0)]
    stub.add_response("send_message_batch", failed("1"), {"QueueUrl": URL, "Entries": both})
    stub.add_response("send_message_batch", failed(), {"QueueUrl": URL, "Entries": both[1:]})
    SqsSendQueue(URL).put("w1", [("msg_1", timedelta(0)), ("msg_2", timedelta(0))])
    stub.assert_no_pending_responses()


def test_a_queue_that_goes_on_refusing_is_a_world_that_is_down(stub: Stubber) -> None:
    """After three offers the caller hears of it; nothing is swallowed."""
    for _ in range(3):
        stub.add_response("send_message_batch", failed("0"))
    with pytest.raises(UnavailableError):
        SqsSendQueue(URL).put("w1", [("msg_1", timedelta(0))])


def test_a_record_can_be_put_off(stub: Stubber) -> None:
    """A throttled table must not cost the queue's whole visibility timeout."""
    stub.add_response("change_message_visibility", {}, {"QueueUrl": URL, "ReceiptHandle": "r", "VisibilityTimeout": 4})
    SqsSendQueue(URL).postpone("r", 4)
    stub.assert_no_pending_responses()
