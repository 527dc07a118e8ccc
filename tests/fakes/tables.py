"""Tables of the template in moto, one at a time: a test of one adapter need not create all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from functions.local import template
from tests.fakes.moto_in_process import moto_aws
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.table import Table

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
_SHAPE = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
_numbers = count()


@contextmanager
def aws() -> Iterator[None]:
    """AWS in this process, without anything in it."""
    with moto_aws():
        client.cache_clear()
        yield
        client.cache_clear()


def empty_table(name: str) -> Table:
    """A new table with the keys and indexes of the template's table of this name. Its own name is unique."""
    unique = f"{name}{next(_numbers)}"
    create_table(unique, shapes()[name])
    return Table(unique)


def create_table(name: str, shape: dict[str, Any]) -> None:
    """Creates a table of this shape in moto."""
    client("dynamodb").create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **shape)


@cache
def shapes() -> dict[str, dict[str, Any]]:
    """Keys and indexes of each of the template's tables, as arguments of `create_table`."""
    found = template.resources(template.load(TEMPLATE), "AWS::DynamoDB::Table")
    return {name: {part: properties[part] for part in _SHAPE if part in properties} for name, properties in found.items()}
