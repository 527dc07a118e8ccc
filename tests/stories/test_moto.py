"""What is special about the local run on moto."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from functions.local import containers
from functions.local.cloud import Cloud
from functions.local.moto_backend.consumer import Consumer
from functions.local.moto_backend.deployment import event_source
from functions.local.moto_backend.process import READY, Moto, running_moto
from functions.local.moto_backend.stack import MotoStack
from tests.stories.http_client import http

BRIDGE = "127.0.0.2"  # stands for the address of Docker's bridge
TABLE: dict[str, Any] = {
    "TableName": "numbers",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}


@pytest.fixture(scope="module")
def server() -> Iterator[Moto]:
    """The server of moto alone, which listens at a second address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(containers, "bridge_address", lambda: BRIDGE if sys.platform == "linux" else None)
        with running_moto() as server:
            yield server


def test_the_clock_cannot_be_advanced(moto: MotoStack) -> None:
    """On moto, a request that advances the clock is answered with 501 and the reason, and a request that reads the time is answered."""
    response = http.post(f"{moto.url}/_local/clock", json={"advance": "P3D"}, timeout=30)
    assert (response.status_code, response.json()["code"]) == (501, "not-implemented")
    assert "clock cannot be advanced" in response.json()["detail"]
    assert http.get(f"{moto.url}/_local/clock", timeout=30).json().keys() == {"now"}


def test_a_failed_transaction_takes_no_other_write_back(server: Moto) -> None:
    """Rows that one client writes while the transactions of another one fail are all there afterwards."""
    dynamodb = Cloud(server.url).client("dynamodb")
    dynamodb.create_table(**TABLE)
    dynamodb.put_item(TableName="numbers", Item={"id": {"S": "there"}})

    def fail(_: int) -> None:
        put = {"TableName": "numbers", "Item": {"id": {"S": "there"}}, "ConditionExpression": "attribute_not_exists(id)"}
        with pytest.raises(ClientError, match="TransactionCanceled"):
            dynamodb.transact_write_items(TransactItems=[{"Put": put}])

    def write(number: int) -> None:
        dynamodb.put_item(TableName="numbers", Item={"id": {"S": str(number)}})

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda number: (fail if number % 2 else write)(number), range(400)))
    assert dynamodb.scan(TableName="numbers", Select="COUNT")["Count"] == 201


def test_messages_of_a_group_come_back_in_their_order(server: Moto) -> None:
    """A message that failed is delivered again before the next one of its group."""
    cloud = Cloud(server.url)
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="order.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    for body in ("first", "second"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="group")
    delivered: list[str] = []

    def invoke(event: dict[str, Any]) -> Any:
        delivered.extend(record["body"] for record in event["Records"])
        if len(delivered) > len(event["Records"]):
            return None
        for record in event["Records"]:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}

    mapping = {"FunctionName": {"Ref": "MatchFunction"}, "BatchSize": 10}
    consumer = Consumer(sqs, event_source(cloud, mapping, "arn:aws:sqs:us-east-1:000000000000:order.fifo"), invoke)
    while consumer.consume():
        pass
    assert delivered == ["first", "first", "second"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers at all addresses of 127.0.0.0/8")
@pytest.mark.parametrize(("host", "status"), [("host.docker.internal", 200), ("127.0.0.2", 403), ("waypost.example.com", 403)])
def test_the_bridge_is_for_the_containers_of_sam_local(server: Moto, host: str, status: int) -> None:
    """At the address of Docker's bridge, only requests to the host name that containers know are answered."""
    port = httpx.URL(server.url).port
    response = http.get(f"http://{BRIDGE}:{port}{READY}", headers={"Host": f"{host}:{port}"}, timeout=30)
    assert response.status_code == status
