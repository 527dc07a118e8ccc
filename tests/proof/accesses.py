"""What a call of AWS reads and writes, which decides whether the order of two calls matters."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.proof.aws.calls import Call
from tests.proof.system import TABLES

Item = tuple[str, str | None, str | None]
"""A table, a partition and an item of it, or a queue and a message group; None stands for all."""

EVERYTHING: Final = ("", None, None)


@dataclass(frozen=True)
class Access:
    """The items that a call reads, and those that it writes."""

    reads: frozenset[Item] = frozenset()
    writes: frozenset[Item] = frozenset()

    def conflicts_with(self, other: Access) -> bool:
        """Whether the order of two calls may matter: one of them writes what the other one reads or writes."""
        return _overlap(self.writes, other.reads | other.writes) or _overlap(other.writes, self.reads)


def _overlap(some: Iterable[Item], others: Iterable[Item]) -> bool:
    return any(_is_same(one, other) for one in some for other in others)


def _is_same(one: Item, other: Item) -> bool:
    if EVERYTHING in (one, other):
        return True
    return one[0] == other[0] and all(None in (a, b) or a == b for a, b in zip(one[1:], other[1:], strict=True))


def access_of(call: Call) -> Access:
    """The access of a call. What is not known of it counts as everything: a provider also takes time and reports."""
    match call.service:
        case "dynamodb":
            return _access_of_tables(call.operation, call.arguments)
        case "sqs":
            url = call.resources[0]
            entries = call.arguments.get("Entries") or [call.arguments]
            return Access(writes=frozenset((url, each.get("MessageGroupId"), None) for each in entries))
        case "scheduler":
            return Access(writes=frozenset({("scheduler", call.arguments["Name"], None)}))
        case _:
            return Access(writes=frozenset({EVERYTHING}))


def _access_of_tables(operation: str, arguments: Mapping[str, Any]) -> Access:  # noqa: PLR0911 - one return for each kind of call
    match operation:
        case "get_item":
            return Access(reads=frozenset({_item(arguments["TableName"], arguments["Key"])}))
        case "query":
            return Access(reads=frozenset({_queried(arguments)}))
        case "batch_get_item":
            requests = arguments["RequestItems"].items()
            return Access(reads=frozenset(_item(table, key) for table, each in requests for key in each["Keys"]))
        case "batch_write_item":
            writes = [(table, next(iter(each.values()))) for table, several in arguments["RequestItems"].items() for each in several]
            return Access(writes=frozenset(_item(table, each.get("Key") or each["Item"]) for table, each in writes))
        case "transact_write_items":
            actions = [next(iter(each.items())) for each in arguments["TransactItems"]]
            keyed = [(kind, _item(each["TableName"], each.get("Key") or each["Item"])) for kind, each in actions]
            checked = frozenset(each for kind, each in keyed if kind == "ConditionCheck")
            return Access(checked, frozenset(each for kind, each in keyed if kind != "ConditionCheck"))
        case "put_item" | "update_item" | "delete_item":
            return Access(writes=frozenset({_item(arguments["TableName"], arguments.get("Key") or arguments["Item"])}))
        case _:
            return Access(writes=frozenset({EVERYTHING}))


def _item(table: str, item: Mapping[str, Any]) -> Item:
    key = TABLES[table].key
    return table, json.dumps(item[key.hash]), json.dumps(item[key.sort]) if key.sort else ""


def _queried(arguments: Mapping[str, Any]) -> Item:
    """The partition that a query reads. One of an index reads any item of the table."""
    table = arguments["TableName"]
    if "IndexName" in arguments:
        return table, None, None
    names = arguments.get("ExpressionAttributeNames", {})
    for name, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", arguments["KeyConditionExpression"]):
        if names.get(name, name) == TABLES[table].key.hash:
            return table, json.dumps(arguments["ExpressionAttributeValues"][value]), None
    return table, None, None
