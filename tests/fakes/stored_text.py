"""Reads all rows of DynamoDB tables as text, with compressed attributes decompressed, so that a test can search them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from waypost.adapters.dynamodb.json_attributes import decompress


def rows_with(dynamodb: Any, tables: Iterable[str], *markers: str) -> list[str]:
    """Every row of these tables that contains one of the texts, in whatever case, in its key or anywhere else: its table and its text."""
    return [
        f"{table}: {text}"
        for table in tables
        for text in _texts(dynamodb, table)
        if any(marker.lower() in text.lower() for marker in markers)
    ]


def _texts(dynamodb: Any, table: str) -> Iterator[str]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            yield json.dumps({name: _readable(value) for name, value in item.items()}, ensure_ascii=False, default=str)


def _readable(value: dict[str, Any]) -> Any:
    if "B" not in value:
        return value
    try:
        return decompress(bytes(value["B"]))
    except zlib.error:  # a secret key is not compressed
        return value
