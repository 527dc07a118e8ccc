"""Rows as Python dictionaries, and their form in the requests and responses of DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

Item = dict[str, Any]
"""A row, a key, or the values of an expression: text, whole numbers, booleans, bytes, lists and maps by attribute name."""

_serialize_value = TypeSerializer().serialize
_deserialize_value = TypeDeserializer().deserialize


def serialize(item: Mapping[str, Any]) -> Item:
    """A row in the form that DynamoDB takes. Attributes that are None are left out.

    DynamoDB's own NULL would be an attribute that exists: `attribute_not_exists` would be false for it, and the key of an index may not be
    NULL. The indexes that hold only some of the rows rely on an attribute that is absent from the others.
    """
    return {name: _serialize_value(value) for name, value in item.items() if value is not None}


def deserialize(item: Mapping[str, Any]) -> Item:
    """A row in the form that DynamoDB returned, as plain Python values."""
    return {name: _plain(_deserialize_value(value)) for name, value in item.items()}


def expiry(at: datetime, kept: timedelta) -> int:
    """The value of the TTL attribute `expires` for a row that is kept for this long: epoch seconds.

    DynamoDB deletes expired rows late, by days at worst. Where an expired row would be wrong, its reader compares `expires` with the time.
    """
    return int((at + kept).timestamp())


def _plain(value: Any) -> Any:
    if isinstance(value, Binary):
        return bytes(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return int(value) if isinstance(value, Decimal) else value  # rows hold whole numbers only; other numbers are stored as JSON text
