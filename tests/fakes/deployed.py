"""The template's tables and queues in this process, with the environment variables that name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from functions.local import template
from waypost import wiring
from waypost.adapters import aws

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables and queues, and nothing remembered from another test."""
    with mock_aws():
        _forget()
        for name, properties in template.resources(template.load(TEMPLATE), "AWS::DynamoDB::Table").items():
            shape = {part: properties[part] for part in KEPT if part in properties}
            boto3.client("dynamodb").create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **shape)
            monkeypatch.setenv(f"{name.removesuffix('Table').upper()}_TABLE", name)
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        monkeypatch.setenv("SIGNALS_QUEUE_URL", boto3.client("sqs").create_queue(QueueName="signals.fifo", Attributes=fifo)["QueueUrl"])
        for name in ("SIGNALS_QUEUE_ARN", "SCHEDULE_GROUP", "SCHEDULER_ROLE_ARN", "SCHEDULER_DEAD_LETTERS_ARN"):
            monkeypatch.setenv(name, name.lower())
        monkeypatch.setenv("DELAYS_QUEUE_URL", boto3.client("sqs").create_queue(QueueName="delays")["QueueUrl"])
        monkeypatch.setenv("SEND_QUEUE_URL", boto3.client("sqs").create_queue(QueueName="send")["QueueUrl"])
        yield
        _forget()


def _forget() -> None:
    """Empties what a warm function remembers."""
    for part in (*vars(wiring).values(), *vars(aws).values()):
        if isinstance(part, _lru_cache_wrapper):
            part.cache_clear()
