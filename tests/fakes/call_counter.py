"""The calls of DynamoDB on one table, counted where boto3 sends them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from waypost.adapters.aws import client


@contextmanager
def count_table_calls(table: str, *parameters: str) -> Iterator[Counter[str]]:
    """Counts the calls that name the table by their actions, such as `query`, with the values of these parameters behind them."""
    calls: Counter[str] = Counter()

    def count(params: dict[str, Any], model: Any, **_: Any) -> None:
        if params.get("TableName") == table or table in params.get("RequestItems", {}):
            action = re.sub(r"(?<!^)(?=[A-Z])", "_", model.name).lower()
            calls[" ".join([action, *(str(params.get(each)) for each in parameters)])] += 1

    events = client("dynamodb").meta.events
    handler = f"call-counter-{id(calls)}"
    events.register("before-parameter-build.dynamodb", count, unique_id=handler)
    try:
        yield calls
    finally:
        events.unregister("before-parameter-build.dynamodb", unique_id=handler)
