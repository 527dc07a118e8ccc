"""The rows of one simulated table of DynamoDB, and of its indexes, which lag the table."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, Self

from functions.local.template import resources
from tests.proof.aws.attribute_values import Value, order_of, size_of_item

Item = dict[str, Value]
Part = Any
"""The value of a key attribute, comparable with others of its type: a text, bytes or a number."""

NO_SORT_KEY: Final = ""
KEPT_HISTORY: Final = 5.0
"""For how many seconds a table remembers what a write replaced: the longest lag of an eventually consistent read."""


@dataclass(frozen=True, slots=True)
class KeyShape:
    """The attributes of a key, with their types."""

    hash: str
    sort: str | None
    types: Mapping[str, str]

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it never changes

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the attributes."""
        return (self.hash, self.sort) if self.sort else (self.hash,)


@dataclass(frozen=True, slots=True)
class IndexShape:
    """A global secondary index: its name, its key, and the attributes that it holds beside keys (None: all)."""

    name: str
    key: KeyShape
    attributes: frozenset[str] | None

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it never changes


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table: its key, its indexes, and the attribute with the time of expiry."""

    key: KeyShape
    indexes: Mapping[str, IndexShape] = field(default_factory=dict)
    ttl: str | None = None

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it never changes


def shape_of(properties: Mapping[str, Any]) -> TableShape:
    """The shape of a table from its properties in CloudFormation, or from the arguments of `create_table`."""
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    key = _key_shape(properties["KeySchema"], types)
    indexes = {}
    for each in properties.get("GlobalSecondaryIndexes", ()):
        index_key, projection = _key_shape(each["KeySchema"], types), each["Projection"]
        attributes = frozenset({*key.names, *index_key.names, *projection.get("NonKeyAttributes", ())})
        everything = projection["ProjectionType"] == "ALL"
        indexes[each["IndexName"]] = IndexShape(each["IndexName"], index_key, None if everything else attributes)
    ttl = properties.get("TimeToLiveSpecification", {})
    return TableShape(key, indexes, ttl.get("AttributeName") if ttl.get("Enabled") else None)


def _key_shape(schema: list[Mapping[str, str]], types: Mapping[str, str]) -> KeyShape:
    names = {each["KeyType"]: each["AttributeName"] for each in schema}
    return KeyShape(names["HASH"], names.get("RANGE"), {name: types[name] for name in names.values()})


def tables_of(template: Mapping[str, Any]) -> dict[str, TableShape]:
    """The shapes of all tables of a template, as `functions.local.template.load` reads it, by logical id."""
    return {name: shape_of(properties) for name, properties in resources(dict(template), "AWS::DynamoDB::Table").items()}


@dataclass(eq=False)
class Row:
    """A stored item, which is never changed, with its size in bytes. Copies of a system share it, and with it its text."""

    item: Item
    size: int

    @cached_property
    def text(self) -> str:
        """The item as a text, by which states are compared."""
        return repr(self.item)

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it never changes


class RowKey(NamedTuple):
    """The key of a row."""

    hash: Part
    sort: Part


class SortedRows:
    """Rows in the order of their sort keys."""

    __slots__ = ("order", "rows")

    def __init__(self) -> None:
        self.rows: dict[Part, Row] = {}
        self.order: list[Part] = []

    def put(self, key: Part, row: Row) -> None:
        """Adds or replaces a row."""
        if key not in self.rows:
            insort(self.order, key)
        self.rows[key] = row

    def remove(self, key: Part) -> None:
        """Removes a row, if there is one."""
        if self.rows.pop(key, None) is not None:
            del self.order[bisect_left(self.order, key)]

    def copy(self) -> SortedRows:
        """A copy that shares the stored rows with the original, because a row never changes."""
        twice = SortedRows()
        twice.rows, twice.order = dict(self.rows), list(self.order)
        return twice


class Range(NamedTuple):
    """The sort keys of a query: those between two, each included or not (None: no bound)."""

    low: Part | None = None
    low_included: bool = True
    high: Part | None = None
    high_included: bool = True


class StoredIndex:
    """An index: what has reached it, and the changes that are on their way."""

    def __init__(self, shape: IndexShape, table_key: KeyShape, *, ordered: bool = False) -> None:
        self.shape = shape
        self._ordered = ordered
        self._table_key = table_key
        self._partitions: dict[Part, SortedRows] = {}
        self._entries: dict[RowKey, tuple[Part, Part]] = {}
        self._pending: list[tuple[float, int, RowKey, Item | None]] = []
        self._due: dict[RowKey, float] = {}
        self._writes = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredIndex:
        """A copy that shares the stored rows with the original, because a row never changes."""
        copy = StoredIndex(self.shape, self._table_key, ordered=self._ordered)
        copy._partitions = {value: rows.copy() for value, rows in self._partitions.items()}
        copy._entries, copy._pending, copy._due = dict(self._entries), list(self._pending), dict(self._due)
        copy._writes = self._writes
        return copy

    def entry_of(self, item: Item | None) -> Item | None:
        """What the index holds of an item; None without an item, and if the item lacks an attribute of the index key."""
        if item is None or any(name not in item for name in self.shape.key.names):
            return None
        wanted = self.shape.attributes
        return item if wanted is None else {name: value for name, value in item.items() if name in wanted}

    def write(self, key: RowKey, old: Item | None, new: Item | None, now: float, lag: Callable[[], float]) -> None:
        """Sends the change of an item to the index, where it arrives after a lag, and after the earlier changes of this item."""
        entry = self.entry_of(new)
        if self.entry_of(old) == entry:
            return
        due = max(now + lag(), self._due.get(key, 0.0))
        self._due[key] = due
        self._writes += 1
        heappush(self._pending, (due, self._writes, key, entry))

    def settle(self, now: float) -> None:
        """Applies the changes that have arrived."""
        while self._pending and self._pending[0][0] <= now:
            due, _, key, entry = heappop(self._pending)
            self._apply(key, entry)
            if self._due.get(key) == due:
                del self._due[key]

    def _apply(self, key: RowKey, entry: Item | None) -> None:
        if key in self._entries:
            partition, place = self._entries.pop(key)
            self._partitions[partition].remove(place)
        if entry is not None:
            partition, place = self.place(entry)
            self._entries[key] = (partition, place)
            self._partitions.setdefault(partition, SortedRows()).put(place, Row(entry, size_of_item(entry)))

    def place(self, entry: Item) -> tuple[Part, Part]:
        """The partition of an entry, and its place there: its sort key, and for entries with one sort key an order without a meaning."""
        key = self.shape.key
        mixed = repr([next(iter(entry[name].values())) for name in self._table_key.names]).encode()
        if not self._ordered:
            mixed = hashlib.md5(mixed, usedforsecurity=False).digest()
        return order_of(entry[key.hash]), (order_of(entry[key.sort]) if key.sort else NO_SORT_KEY, mixed)

    def partition(self, value: Part) -> SortedRows:
        """The rows of a partition."""
        return self._partitions.get(value) or SortedRows()


class StoredTable:
    """A table: its rows, its indexes, and what recent writes replaced."""

    def __init__(self, name: str, shape: TableShape, *, ordered: bool = False) -> None:
        self.name = name
        self.shape = shape
        self.indexes = {each: StoredIndex(index, shape.key, ordered=ordered) for each, index in shape.indexes.items()}
        self._partitions: dict[Part, SortedRows] = {}
        self._replaced: dict[Part, deque[tuple[float, Part, Row | None]]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredTable:
        """A copy that shares the stored rows with the original, because a row never changes."""
        copy = StoredTable(self.name, self.shape)
        copy.indexes = {name: deepcopy(index, memo) for name, index in self.indexes.items()}
        copy._partitions = {value: rows.copy() for value, rows in self._partitions.items()}
        copy._replaced = {value: replaced.copy() for value, replaced in self._replaced.items()}
        return copy

    def get(self, key: RowKey) -> Row | None:
        """The row under a key."""
        partition = self._partitions.get(key.hash)
        return partition.rows.get(key.sort) if partition else None

    def get_as_of(self, key: RowKey, time: float) -> Row | None:
        """The row under a key as of an earlier time."""
        row = self.get(key)
        for written, sort, before in reversed(self._replaced.get(key.hash, ())):
            if written <= time:
                break
            if sort == key.sort:
                row = before
        return row

    def partition(self, value: Part) -> SortedRows:
        """The rows of a partition."""
        return self._partitions.get(value) or SortedRows()

    def partition_as_of(self, value: Part, time: float) -> SortedRows:
        """The rows of a partition as of an earlier time."""
        rows = self.partition(value)
        changed = False
        for written, sort, before in reversed(self._replaced.get(value, ())):
            if written <= time:
                break
            rows = rows if changed else rows.copy()
            changed = True
            if before is None:
                rows.remove(sort)
            else:
                rows.put(sort, before)
        return rows

    def has_changed_since(self, value: Part, time: float) -> bool:
        """Whether a row of a partition was written after a time."""
        replaced = self._replaced.get(value)
        return bool(replaced) and replaced[-1][0] > time  # type: ignore[index]

    def write(self, key: RowKey, row: Row | None, now: float, index_lag: Callable[[], float]) -> None:
        """Replaces the row under a key; None deletes it. The change reaches each index after a lag of its own."""
        old = self.get(key)
        if old is row or (old and row and old.item is row.item):  # nothing to delete, or a mere check
            return
        partition = self._partitions.setdefault(key.hash, SortedRows())
        if row is None:
            partition.remove(key.sort)
            if not partition.rows:
                del self._partitions[key.hash]
        else:
            partition.put(key.sort, row)
        replaced = self._replaced.setdefault(key.hash, deque())
        while replaced and replaced[0][0] < now - KEPT_HISTORY:
            replaced.popleft()
        replaced.append((now, key.sort, old))
        for index in self.indexes.values():
            index.write(key, old.item if old else None, row.item if row else None, now, index_lag)

    def partitions(self) -> list[Part]:
        """The values of the partition keys, in an order that has no meaning."""
        return sorted(self._partitions, key=lambda value: hashlib.md5(repr(value).encode(), usedforsecurity=False).digest())

    def rows(self) -> Iterator[tuple[RowKey, Row]]:
        """All rows."""
        for value, partition in list(self._partitions.items()):
            for sort in list(partition.order):
                yield RowKey(value, sort), partition.rows[sort]


def within(order: list[Part], bounds: Range) -> tuple[int, int]:
    """The positions, the second one excluded, of the sort keys within a range."""
    start = 0 if bounds.low is None else (bisect_left if bounds.low_included else bisect_right)(order, bounds.low)
    end = len(order) if bounds.high is None else (bisect_right if bounds.high_included else bisect_left)(order, bounds.high)
    return start, max(start, end)
