"""A fake AWS that counts: moto keeps the rows, queues and SES accept everything, and the units of each request are those of its effect."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.models import dynamodb_backends

from tests.costs.fake_network import AwsRequest, success_body
from tests.costs.prices import Units
from tests.costs.tables import Item, TableShape, Write, reads, sqs_requests, write_units, writes


@dataclass(slots=True)
class CountingCloud:
    """A responder that counts units. It records responses for a replay, and queued messages for the next function."""

    shapes: Mapping[str, TableShape]
    units: Units = field(default_factory=Units)
    responses: dict[str, str] = field(default_factory=dict)
    queued: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    backend: Any = None

    def create_tables(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Starts moto and creates the template's tables.

        The fake network must be installed before. Moto's own hook in the default session is removed, because otherwise it would respond to
        requests a second time.
        """
        mock_aws(config={"core": {"reset_boto3_session": False}}).start()
        boto3.DEFAULT_SESSION.events.unregister("before-send", botocore_stubber)
        self.backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][os.environ["AWS_DEFAULT_REGION"]]
        client = boto3.session.Session().client("dynamodb")  # a session of its own, which the fake network does not intercept
        kept = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        for name, properties in tables.items():
            client.create_table(TableName=name, **{each: properties[each] for each in kept if each in properties})

    def take_units(self) -> Units:
        """Returns what was counted since the last call."""
        counted, self.units = self.units, Units()
        return counted

    def take_messages(self, queue: str) -> list[Mapping[str, Any]]:
        """Removes and returns all messages of a queue, by its URL."""
        return self.queued.pop(queue, [])

    def __call__(self, request: AwsRequest, prepared: AWSPreparedRequest) -> tuple[int, bytes]:
        with self.lock:  # the functions use threads; moto is not thread-safe
            if request.service == "dynamodb":
                return self._dynamodb(request, prepared)
            self.units += self._accept(request)
            return 200, success_body(request)

    def _accept(self, request: AwsRequest) -> Units:
        if request.service == "ses":
            return Units(calls=1, mails=1)
        self.queued.setdefault(request.body["QueueUrl"], []).extend(request.body["Entries"])
        kind = "fifo" if request.body["QueueUrl"].endswith(".fifo") else "standard"
        return Units(**{"calls": 1, kind: sqs_requests(request.body)})

    def _dynamodb(self, request: AwsRequest, prepared: AWSPreparedRequest) -> tuple[int, bytes]:
        """Passes a request to moto. The write units come from the rows before and after it, so they are exact."""
        updated = list(writes(request.operation, request.body, self.shapes))
        before = [self._row(each) for each in updated]
        response = botocore_stubber("before-send", prepared)
        if response is None:
            raise RuntimeError("moto is not active")
        body = json.loads(response.content)
        after = [self._row(each) for each in updated]
        done = response.status_code == 200
        write = sum(self._write_units(*each, done=done) for each in zip(updated, before, after, strict=True))
        self.units += Units(calls=1, write=write, read=reads(request.operation, request.body, body) if done else 0)
        if done:
            self.responses[request.identity] = response.content.decode()
        return response.status_code, response.content

    def _write_units(self, write: Write, before: Item | None, after: Item | None, *, done: bool) -> int:
        """The units of one row. DynamoDB updates indexes after the transaction, so the factor of a transaction does not apply to them."""
        indexes = self.shapes[write.table].index_units(before, after) if done else 0
        return write.times * write_units(before, after) + indexes

    def _row(self, write: Write) -> Item | None:
        found = self.backend.get_item(write.table, write.key)
        return None if found is None else found.to_json()["Attributes"]


def in_tens(messages: Sequence[Mapping[str, Any]]) -> list[Sequence[Mapping[str, Any]]]:
    """Messages as Lambda receives them from a busy queue: at most ten for one invocation."""
    return [messages[start : start + 10] for start in range(0, len(messages), 10)]
