"""One table of the template in moto: a test of one adapter need not wait for all the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from moto import mock_aws

from functions.local import template
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.table import Table

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
KEPT = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
_numbers = count()


@contextmanager
def aws() -> Iterator[None]:
    """AWS in this process."""
    with mock_aws():
        client.cache_clear()
        yield
        client.cache_clear()


def fresh(name: str) -> Table:
    """An empty table of the shape that the template gives to the one of this name."""
    unique = f"{name}{next(_numbers)}"
    client("dynamodb").create_table(TableName=unique, BillingMode="PAY_PER_REQUEST", **_shape(name))
    return Table(unique)


@cache
def _shape(name: str) -> dict[str, Any]:
    properties = template.resources(template.load(TEMPLATE), "AWS::DynamoDB::Table")[name]
    return {part: properties[part] for part in KEPT if part in properties}
