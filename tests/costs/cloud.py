"""The cloud that counts: rows are kept by moto, queues and mail take everything; each request is billed from what it really did."""

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

from tests.costs.prices import Units
from tests.costs.tables import Item, TableShape, Write, reads, sqs_requests, write_units, writes
from tests.costs.wire import Asked, delivered


@dataclass(slots=True)
class Cloud:
    """Counts what is asked of it, and remembers answers for a replay and messages for the next function."""

    shapes: Mapping[str, TableShape]
    units: Units = field(default_factory=Units)
    answers: dict[str, str] = field(default_factory=dict)
    queued: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    backend: Any = None

    def open(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes the template's tables. To be called once a wire is connected: botocore would ask moto as well as the wire."""
        mock_aws(config={"core": {"reset_boto3_session": False}}).start()
        boto3.DEFAULT_SESSION.events.unregister("before-send", botocore_stubber)
        self.backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][os.environ["AWS_DEFAULT_REGION"]]
        client = boto3.session.Session().client("dynamodb")  # not behind the wire
        wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        for name, properties in tables.items():
            client.create_table(TableName=name, **{each: properties[each] for each in wanted if each in properties})

    def take(self) -> Units:
        """What was counted since the last time."""
        counted, self.units = self.units, Units()
        return counted

    def taken_from(self, queue: str) -> list[Mapping[str, Any]]:
        """The messages that wait in a queue, which is then empty."""
        return self.queued.pop(queue, [])

    def __call__(self, asked: Asked, request: AWSPreparedRequest) -> tuple[int, bytes]:
        with self.lock:  # moto has one thread
            if asked.service == "dynamodb":
                return self._rows(asked, request)
            self.units += self._taken(asked)
            return 200, delivered(asked)

    def _taken(self, asked: Asked) -> Units:
        if asked.service == "ses":
            return Units(calls=1, mails=1)
        self.queued.setdefault(asked.body["QueueUrl"], []).extend(asked.body["Entries"])
        kind = "fifo" if asked.body["QueueUrl"].endswith(".fifo") else "standard"
        return Units(**{"calls": 1, kind: sqs_requests(asked.body)})

    def _rows(self, asked: Asked, request: AWSPreparedRequest) -> tuple[int, bytes]:
        updated = list(writes(asked.operation, asked.body, self.shapes))
        before = [self._row(each) for each in updated]
        response = botocore_stubber("before-send", request)
        if response is None:
            raise RuntimeError("moto is asleep")
        body = json.loads(response.content)
        after = [self._row(each) for each in updated]
        done = response.status_code == 200
        write = sum(self._write_units(*each, done=done) for each in zip(updated, before, after, strict=True))
        self.units += Units(calls=1, write=write, read=reads(asked.operation, asked.body, body) if done else 0)
        if done:
            self.answers[asked.identity] = response.content.decode()
        return response.status_code, response.content

    def _write_units(self, write: Write, before: Item | None, after: Item | None, *, done: bool) -> int:
        """Units of one row. Indexes follow by themselves and later, so a transaction does not make them dearer."""
        indexes = self.shapes[write.table].index_units(before, after) if done else 0
        return write.times * write_units(before, after) + indexes

    def _row(self, write: Write) -> Item | None:
        found = self.backend.get_item(write.table, write.key)
        return None if found is None else found.to_json()["Attributes"]


def in_tens(messages: Sequence[Mapping[str, Any]]) -> list[Sequence[Mapping[str, Any]]]:
    """Messages as Lambda fetches them from a busy queue: at most ten to an invocation."""
    return [messages[start : start + 10] for start in range(0, len(messages), 10)]
