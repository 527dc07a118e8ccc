"""What DynamoDB and SQS bill: sizes of rows, entries of indexes, and the units of a request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Item = Mapping[str, Any]
"""A row in DynamoDB's JSON: `{"id": {"S": "x"}}`."""

WRITE_UNIT: Final = 1024
READ_UNIT: Final = 4096
SQS_CHUNK: Final = 65_536


@dataclass(frozen=True, slots=True)
class SecondaryIndex:
    """A global secondary index: the names of its key, and whether it projects all attributes."""

    keys: tuple[str, ...]
    projects_all: bool


@dataclass(frozen=True, slots=True)
class TableShape:
    """The names of a table's key, and its indexes."""

    keys: tuple[str, ...]
    indexes: tuple[SecondaryIndex, ...]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> TableShape:
        """The shape of a table from its properties in the template."""
        found = properties.get("GlobalSecondaryIndexes", [])
        return cls(_names(properties), tuple(SecondaryIndex(_names(each), each["Projection"]["ProjectionType"] == "ALL") for each in found))

    def key(self, item: Item) -> dict[str, Any]:
        """The key of a row."""
        return {name: item[name] for name in self.keys}

    def index_units(self, before: Item | None, after: Item | None) -> int:
        """The write units of all indexes when a row changes."""
        return sum(_entry_units(index, self._entry(index, before), self._entry(index, after)) for index in self.indexes)

    def _entry(self, index: SecondaryIndex, item: Item | None) -> Item | None:
        if item is None or not all(name in item for name in index.keys):
            return None
        return item if index.projects_all else {name: item[name] for name in {*index.keys, *self.keys}}


def _names(properties: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["AttributeName"] for each in properties["KeySchema"])


def _entry_units(index: SecondaryIndex, before: Item | None, after: Item | None) -> int:
    if before == after:
        return 0
    if before and after and all(before[name] == after[name] for name in index.keys):
        return write_units(before, after)
    return sum(write_units(each) for each in (before, after) if each)


def size(item: Item | None) -> int:
    """The size of a row in bytes, as DynamoDB counts them; 0 if there is none."""
    return sum(len(name.encode("utf-8", "surrogatepass")) + _value_size(value) for name, value in (item or {}).items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode("utf-8", "surrogatepass"))
        case "N":
            return len(content.strip("-").replace(".", "")) // 2 + 2
        case "B":
            return len(content) * 3 // 4
        case "L":
            return 3 + sum(1 + _value_size(each) for each in content)
        case "M":
            return 3 + size(content) + len(content)
        case _:
            return 1


def write_units(*items: Item | None) -> int:
    """The units of a write: one for each KB of the larger of the row before and after, at least one."""
    return max(1, *(math.ceil(size(each) / WRITE_UNIT) for each in items))


def read_units(items: list[Item], *, strong: bool) -> float:
    """The units of one read of these rows together: one for each 4 KB, at least one; half of it without strong consistency."""
    return max(1, math.ceil(sum(map(size, items)) / READ_UNIT)) * (1.0 if strong else 0.5)


class Write(NamedTuple):
    """A row that a request writes or checks; `times` is the factor of its units, which is 2 in a transaction."""

    table: str
    key: Item
    times: int


def writes(operation: str, request: Mapping[str, Any], shapes: Mapping[str, TableShape]) -> Iterator[Write]:
    """The rows that a request of this operation writes or checks."""
    match operation:
        case "PutItem":
            yield Write(request["TableName"], shapes[request["TableName"]].key(request["Item"]), 1)
        case "UpdateItem" | "DeleteItem":
            yield Write(request["TableName"], request["Key"], 1)
        case "BatchWriteItem":
            for table, each in ((table, each) for table, those in request["RequestItems"].items() for each in those):
                key = each["DeleteRequest"]["Key"] if "DeleteRequest" in each else shapes[table].key(each["PutRequest"]["Item"])
                yield Write(table, key, 1)
        case "TransactWriteItems":
            for action in (part for each in request["TransactItems"] for part in each.values()):
                yield Write(action["TableName"], action.get("Key") or shapes[action["TableName"]].key(action["Item"]), 2)


def reads(operation: str, request: Mapping[str, Any], response: Mapping[str, Any]) -> float:
    """The read units of a request with this response."""
    match operation:
        case "GetItem":
            return read_units([response["Item"]] if "Item" in response else [], strong=request.get("ConsistentRead", False))
        case "Query":
            return read_units(response["Items"], strong=request.get("ConsistentRead", False))
        case "BatchGetItem":
            return sum(_batch_reads(each, response["Responses"].get(table, [])) for table, each in request["RequestItems"].items())
        case _:
            return 0


def _batch_reads(request: Mapping[str, Any], found: list[Item]) -> float:
    strong = request.get("ConsistentRead", False)
    missing = len(request["Keys"]) - len(found)
    return sum(read_units([each], strong=strong) for each in found) + missing * read_units([], strong=strong)


def sqs_requests(request: Mapping[str, Any]) -> int:
    """The number of requests for which a call to SQS is billed: one for each 64 KB."""
    return max(1, math.ceil(sum(len(each.get("MessageBody", "")) for each in request.get("Entries", [])) / SQS_CHUNK))
