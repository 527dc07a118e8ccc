"""Keys in requests to the simulated DynamoDB, and the ranges of keys that queries read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.proof.aws import expressions
from tests.proof.aws.attribute_values import canonical, canonical_item, kind_of, order_of, size_of_key
from tests.proof.aws.dynamodb_errors import schema_error, validation_error
from tests.proof.aws.dynamodb_requests import Request, RequestExpressions
from tests.proof.aws.tables import NO_SORT_KEY, Item, KeyShape, Part, Range, RowKey, StoredIndex, StoredTable

MAX_HASH_BYTES: Final = 2_048
MAX_SORT_BYTES: Final = 1_024


def key_of(table: StoredTable, key: Request) -> RowKey:
    """The key in a request. ValidationException if it does not fit the table."""
    shape = table.shape.key
    if key.keys() != set(shape.names):
        raise schema_error("The provided key element does not match the schema")
    for name in shape.names:
        if kind_of(key[name]) != shape.types[name]:
            raise schema_error("The provided key element does not match the schema")
    return _checked_key(shape, {name: canonical(key[name]) for name in shape.names})


def _checked_key(shape: KeyShape, item: Item) -> RowKey:
    for name in shape.names:
        _check_key_value(name, item[name], MAX_HASH_BYTES if name == shape.hash else MAX_SORT_BYTES)
    return RowKey(order_of(item[shape.hash]), order_of(item[shape.sort]) if shape.sort else NO_SORT_KEY)


def _check_key_value(name: str, value: Mapping[str, Any], most: int) -> None:
    if 0 < len(value.get("S", "")) <= most // 4:  # at most four bytes for each character
        return
    if not value[kind_of(value)]:
        kind = {"S": "string", "B": "binary"}[kind_of(value)]
        text = f"The AttributeValue for a key attribute cannot contain an empty {kind} value. Key: {name}"
        raise validation_error(f"One or more parameter values are not valid. {text}")
    if size_of_key(value) > most:
        text = f"Size of {'hashkey' if most == MAX_HASH_BYTES else 'rangekey'} has exceeded the maximum size limit of {most} bytes"
        raise validation_error(f"One or more parameter values were invalid: {text}")


def key_in_item(table: StoredTable, item: Item) -> RowKey:
    """The key of an item that is written, with its values for the indexes checked."""
    shape = table.shape.key
    for name in shape.names:
        if name not in item:
            raise schema_error(f"One or more parameter values were invalid: Missing the key {name} in the item")
        if kind_of(item[name]) != shape.types[name]:
            text = f"Type mismatch for key {name} expected: {shape.types[name]} actual: {kind_of(item[name])}"
            raise schema_error(f"One or more parameter values were invalid: {text}")
    check_index_keys(table, item)
    return _checked_key(shape, item)


def check_index_keys(table: StoredTable, item: Item) -> None:
    """ValidationException if an attribute of an item is part of the key of an index and does not fit there."""
    for index in table.shape.indexes.values():
        for name in index.key.names:
            if name not in item:
                continue
            expected, kind = index.key.types[name], kind_of(item[name])
            if kind != expected:
                text = f"Type mismatch for Index Key {name} Expected: {expected} Actual: {kind} IndexName: {index.name}"
                raise schema_error(f"One or more parameter values were invalid: {text}")
            _check_key_value(name, item[name], MAX_HASH_BYTES if name == index.key.hash else MAX_SORT_BYTES)


def refuse_key_attributes(condition: expressions.Condition | None, shape: KeyShape) -> None:
    """ValidationException if a filter names an attribute of the key."""
    for path in condition.usage.paths if condition else ():
        if path[0] in shape.names:
            text = "Filter Expression can only contain non-primary key attributes: Primary key attribute"
            raise validation_error(f"{text}: {path[0]}")


def range_of(shape: KeyShape, parsed: RequestExpressions) -> tuple[Part, Range]:
    """The partition and the range of sort keys of a key condition."""
    tests = dict(parsed.key.tests) if parsed.key else {}
    test = tests.pop(shape.hash, None)
    if test is None:
        raise validation_error(f"Query condition missed key schema element: {shape.hash}")
    if test.operator != "=":
        raise validation_error("Query key condition not supported")
    partition = _key_operand(shape, shape.hash, parsed.values[test.placeholders[0]])
    if not tests:
        return partition, Range()
    if shape.sort is None or set(tests) != {shape.sort}:
        raise validation_error(f"Query condition missed key schema element: {shape.sort}")
    operands = [_key_operand(shape, shape.sort, parsed.values[each]) for each in tests[shape.sort].placeholders]
    return partition, _RANGES[tests[shape.sort].operator](*operands)


def _key_operand(shape: KeyShape, name: str, value: Mapping[str, Any]) -> Part:
    if kind_of(value) != shape.types[name]:
        raise validation_error("One or more parameter values were invalid: Condition parameter type does not match schema type")
    _check_key_value(name, value, MAX_HASH_BYTES if name == shape.hash else MAX_SORT_BYTES)
    return order_of(value)


def _prefix(prefix: Any) -> Range:
    """The texts or bytes that begin with a prefix: those up to the first one above all of them, if there is one."""
    shortened = prefix.rstrip(b"\xff") if isinstance(prefix, bytes) else prefix.rstrip("\U0010ffff")
    if not shortened:
        return Range(low=prefix)
    if isinstance(shortened, bytes):
        return Range(prefix, True, shortened[:-1] + bytes([shortened[-1] + 1]), False)
    following = ord(shortened[-1]) + 1
    return Range(prefix, True, shortened[:-1] + chr(0xE000 if following == 0xD800 else following), False)


_RANGES: Final[dict[str, Callable[..., Range]]] = {
    "=": lambda value: Range(value, True, value, True),
    "<": lambda value: Range(high=value, high_included=False),
    "<=": lambda value: Range(high=value),
    ">": lambda value: Range(low=value, low_included=False),
    ">=": lambda value: Range(low=value),
    "BETWEEN": lambda low, high: Range(low, True, high, True),
    "begins_with": _prefix,
}

_BEFORE_ALL: Final = b""
_AFTER_ALL: Final = b"\xff" * 17


def of_index(bounds: Range) -> Range:
    """A range of sort keys as a range of the places of an index, which hold more than the sort key."""
    low = None if bounds.low is None else (bounds.low, _BEFORE_ALL if bounds.low_included else _AFTER_ALL)
    high = None if bounds.high is None else (bounds.high, _AFTER_ALL if bounds.high_included else _BEFORE_ALL)
    return Range(low, True, high, True)


def contains(bounds: Range, place: Part) -> bool:
    """Whether a place is within a range."""
    above = bounds.low is None or place > bounds.low or (bounds.low_included and place == bounds.low)
    return above and (bounds.high is None or place < bounds.high or (bounds.high_included and place == bounds.high))


def place_after(table: StoredTable, index: StoredIndex | None, key: Request, partition: Part) -> Part:
    """The place that ExclusiveStartKey names. ValidationException if it is none of the query's partition."""
    names = {*table.shape.key.names, *(index.shape.key.names if index else ())}
    if key.keys() != names:
        raise validation_error("The provided starting key is invalid")
    item = canonical_item(key)
    types = {**table.shape.key.types, **(index.shape.key.types if index else {})}
    if any(kind_of(item[name]) != types[name] for name in names):
        raise validation_error("The provided starting key is invalid: The provided key element does not match the schema")
    if index:
        value, place = index.place(item)
    else:
        value, place = _checked_key(table.shape.key, item)
    if value != partition:
        raise validation_error("The provided starting key is outside query boundaries based on provided conditions")
    return place
