"""What DynamoDB bills for a row: its size, its place in the indexes, and the rows of a request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Item = Mapping[str, Any]
"""A row as the wire has it: `{"id": {"S": "x"}}`."""

WRITE_UNIT: Final = 1024
READ_UNIT: Final = 4096
SQS_CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its key, and whether it keeps whole rows."""

    keys: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table's key and indexes."""

    keys: tuple[str, ...]
    indexes: tuple[Index, ...]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> TableShape:
        """The shape that a template's properties describe."""
        found = properties.get("GlobalSecondaryIndexes", [])
        return cls(_names(properties), tuple(Index(_names(each), each["Projection"]["ProjectionType"] == "ALL") for each in found))

    def key(self, item: Item) -> dict[str, Any]:
        """The key of a row."""
        return {name: item[name] for name in self.keys}

    def index_units(self, before: Item | None, after: Item | None) -> int:
        """Write units that the indexes take when a row changes."""
        return sum(_entry_units(index, self._entry(index, before), self._entry(index, after)) for index in self.indexes)

    def _entry(self, index: Index, item: Item | None) -> Item | None:
        if item is None or not all(name in item for name in index.keys):
            return None
        return item if index.whole else {name: item[name] for name in {*index.keys, *self.keys}}


def _names(properties: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["AttributeName"] for each in properties["KeySchema"])


def _entry_units(index: Index, before: Item | None, after: Item | None) -> int:
    if before == after:
        return 0
    if before and after and all(before[name] == after[name] for name in index.keys):
        return write_units(before, after)
    return sum(write_units(each) for each in (before, after) if each)


def size(item: Item | None) -> int:
    """Bytes of a row as DynamoDB counts them; 0 where there is none."""
    return sum(len(name.encode("utf-8", "surrogatepass")) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, held)] = value.items()
    match kind:
        case "S":
            return len(held.encode("utf-8", "surrogatepass"))
        case "N":
            return len(held.strip("-").replace(".", "")) // 2 + 2
        case "B":
            return len(held) * 3 // 4
        case "L":
            return 3 + sum(1 + _value_size(each) for each in held)
        case "M":
            return 3 + size(held) + len(held)
        case _:
            return 1


def write_units(*items: Item | None) -> int:
    """Units of a write: by the larger of the row before and after, at least one."""
    return max(1, *(math.ceil(size(each) / WRITE_UNIT) for each in items))


def read_units(items: list[Item], *, strong: bool) -> float:
    """Units of one read of these rows together, at least one of 4 KB."""
    return max(1, math.ceil(sum(map(size, items)) / READ_UNIT)) * (1.0 if strong else 0.5)


class Write(NamedTuple):
    """A row that a request writes or checks; `times` is 2 in a transaction."""

    table: str
    key: Item
    times: int


def writes(operation: str, asked: Mapping[str, Any], shapes: Mapping[str, TableShape]) -> Iterator[Write]:
    """The rows that a request of this operation writes or checks."""
    match operation:
        case "PutItem":
            yield Write(asked["TableName"], shapes[asked["TableName"]].key(asked["Item"]), 1)
        case "UpdateItem" | "DeleteItem":
            yield Write(asked["TableName"], asked["Key"], 1)
        case "BatchWriteItem":
            for table, each in ((table, each) for table, those in asked["RequestItems"].items() for each in those):
                key = each["DeleteRequest"]["Key"] if "DeleteRequest" in each else shapes[table].key(each["PutRequest"]["Item"])
                yield Write(table, key, 1)
        case "TransactWriteItems":
            for action in (part for each in asked["TransactItems"] for part in each.values()):
                yield Write(action["TableName"], action.get("Key") or shapes[action["TableName"]].key(action["Item"]), 2)


def reads(operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Read units of a request that got this answer."""
    match operation:
        case "GetItem":
            return read_units([answer["Item"]] if "Item" in answer else [], strong=asked.get("ConsistentRead", False))
        case "Query":
            return read_units(answer["Items"], strong=asked.get("ConsistentRead", False))
        case "BatchGetItem":
            return sum(_batch_reads(each, answer["Responses"].get(table, [])) for table, each in asked["RequestItems"].items())
        case _:
            return 0


def _batch_reads(asked: Mapping[str, Any], found: list[Item]) -> float:
    strong = asked.get("ConsistentRead", False)
    missing = len(asked["Keys"]) - len(found)
    return sum(read_units([each], strong=strong) for each in found) + missing * read_units([], strong=strong)


def sqs_requests(asked: Mapping[str, Any]) -> int:
    """Requests that a call to SQS is billed as: one for each 64 KB."""
    return max(1, math.ceil(sum(len(each.get("MessageBody", "")) for each in asked.get("Entries", [])) / SQS_CHUNK))
