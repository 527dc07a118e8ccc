"""DynamoDB in memory: the methods of boto3's client that Waypost uses, on a clock and with random numbers that the test gives.

It follows the documentation of DynamoDB in what the adapters could get wrong: eventually consistent reads and indexes lag, pages end at
1 MB, a batch is answered in no order, and expired items stay until `expire` deletes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from botocore.exceptions import ClientError

from tests.proof.aws import expressions, updates
from tests.proof.aws.attribute_values import canonical, canonical_item, copied, number, size_of_item
from tests.proof.aws.dynamodb_errors import aws_error, is_schema_error, validation_error
from tests.proof.aws.dynamodb_keys import (
    check_index_keys,
    contains,
    key_in_item,
    key_of,
    of_index,
    place_after,
    range_of,
    refuse_key_attributes,
)
from tests.proof.aws.dynamodb_requests import Request, RequestExpressions, parsed_expressions
from tests.proof.aws.tables import (
    KEPT_HISTORY,
    Item,
    Part,
    Range,
    Row,
    RowKey,
    SortedRows,
    StoredIndex,
    StoredTable,
    TableShape,
    within,
)

Answer = dict[str, Any]

MAX_ITEM_BYTES: Final = 400 * 1024
PAGE_BYTES: Final = 1024 * 1024
BATCH_READ_BYTES: Final = 16 * 1024 * 1024
TRANSACTION_BYTES: Final = 4 * 1024 * 1024
MAX_READ_KEYS: Final = 100
MAX_WRITES: Final = 25
MAX_ACTIONS: Final = 100
TOKEN_KEPT: Final = 600.0
"""For how many seconds a ClientRequestToken is remembered."""

INDEX_LAG: Final = 3.0
TABLE_LAG: Final = 1.0
FIVE_YEARS: Final = 5 * 365 * 86_400
_COUNTED: Final = "COUNT"


class ServiceClock(Protocol):
    """The clock of the simulated services."""

    @property
    def now(self) -> datetime:
        """The time, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some moment. They go back where threads are simulated one after the other."""


class _Write(NamedTuple):
    """A write of one item: its table, its key, its condition, and the item that it makes of the stored one (None: none)."""

    table: StoredTable
    key: RowKey
    expressions: RequestExpressions
    returns_stored: bool
    changed: Callable[[Item | None], Item | None]


class DynamoDb:
    """The client. `index_lag` and `table_lag` are seconds, or functions that return them; by default half of the changes arrive late.

    `page_bytes` ends the pages of queries, which have at least one item each. Entries of an index with one sort key come in an order that
    has no meaning, or, if `ordered`, in that of their keys, as in the emulator.
    """

    def __init__(
        self,
        clock: ServiceClock,
        random: Random,
        tables: Mapping[str, TableShape],
        *,
        index_lag: float | Callable[[], float] | None = None,
        table_lag: float | Callable[[], float] | None = None,
        page_bytes: int = PAGE_BYTES,
        ordered: bool = False,
    ) -> None:
        self.clock = clock
        self.random = random
        self.index_lag = index_lag
        self.table_lag = table_lag
        self.page_bytes = page_bytes
        self._tables = {name: StoredTable(name, shape, ordered=ordered) for name, shape in tables.items()}
        self._tokens: dict[str, tuple[float, str]] = {}
        self._latest = 0.0

    # Methods, and no functions that are kept: a copy of this client must not draw from the random numbers of the original.
    def _index_lag(self) -> float:
        return self._seconds(self.index_lag, INDEX_LAG)

    def _table_lag(self) -> float:
        return self._seconds(self.table_lag, TABLE_LAG)

    def _seconds(self, lag: float | Callable[[], float] | None, longest: float) -> float:
        if lag is None:
            return self.random.uniform(0, longest) if self.random.random() < 0.5 else 0.0
        return lag() if callable(lag) else lag

    def _time(self) -> float:
        """The seconds of the clock, which never go back here.

        Threads that work at the same time are simulated one after the other, each from the same time on. A change has to be later than
        the changes that it came after, or the history of an item would not be in its order.
        """
        self._latest = max(self._latest, self.clock.monotonic())
        return self._latest

    # ------------------------------------------------------------- for tests

    def items(self, table: str) -> Iterator[Item]:
        """A copy of each item of a table, as of now."""
        return (copied(row.item) for _, row in self._table(table).rows())

    def texts(self, table: str) -> Iterator[str]:
        """A text for each item of a table, as of now. Equal items have equal texts."""
        return (row.text for _, row in self._table(table).rows())

    def settle(self) -> None:
        """Lets every change of an item arrive at the indexes."""
        for index in chain.from_iterable(table.indexes.values() for table in self._tables.values()):
            index.settle(float("inf"))

    def expire(self, chance: float = 1.0) -> int:
        """Deletes each item whose time of expiry has passed with this chance, and returns how many. DynamoDB does so within days."""
        seconds = self.clock.now.timestamp()
        deleted = 0
        for table in self._tables.values():
            if table.shape.ttl is None:
                continue
            for key, row in list(table.rows()):
                expires = row.item.get(table.shape.ttl, {}).get("N")
                # DynamoDB takes a time of more than five years ago for a mistake.
                if expires is None or not seconds - FIVE_YEARS < number(expires) < seconds:
                    continue
                if chance >= 1 or self.random.random() < chance:
                    table.write(key, None, self._time(), self._index_lag)
                    deleted += 1
        return deleted

    # ------------------------------------------------------------- reads

    def get_item(self, **request: Any) -> Answer:
        """GetItem."""
        _known(request, "TableName", "Key", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames")
        table = self._table(request["TableName"])
        parsed = parsed_expressions(request, "ProjectionExpression")
        row = self._read(table, key_of(table, request["Key"]), consistent=request.get("ConsistentRead", False))
        return _answer() if row is None else _answer(Item=_projected(row.item, parsed))

    def batch_get_item(self, **request: Any) -> Answer:
        """BatchGetItem: at most 100 keys and 16 MB; the items are in no order."""
        _known(request, "RequestItems")
        wanted: list[tuple[str, Request, Request, RowKey, RequestExpressions]] = []
        for name, each in request["RequestItems"].items():
            _known(each, "Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames")
            table, parsed = self._table(name), parsed_expressions(each, "ProjectionExpression")
            keys = [key_of(table, key) for key in each["Keys"]]
            if not keys:
                raise validation_error("1 validation error detected: Member must have length greater than or equal to 1")
            if len(set(keys)) < len(keys):
                raise validation_error("Provided list of item keys contains duplicates")
            wanted += [(name, each, raw, key, parsed) for raw, key in zip(each["Keys"], keys, strict=True)]
        if not wanted or len(wanted) > MAX_READ_KEYS:
            raise validation_error("Too many items requested for the BatchGetItem call")
        return self._read_batch(wanted)

    def _read_batch(self, wanted: Sequence[tuple[str, Request, Request, RowKey, RequestExpressions]]) -> Answer:
        found: dict[str, list[Item]] = {name: [] for name, *_ in wanted}
        left: dict[str, Answer] = {}
        size = 0
        for name, each, raw, key, parsed in wanted:
            row = self._read(self._tables[name], key, consistent=each.get("ConsistentRead", False))
            size += row.size if row else 0
            if left or size > BATCH_READ_BYTES:
                options = {option: value for option, value in each.items() if option != "Keys"}
                left.setdefault(name, {"Keys": [], **options})["Keys"].append(copied(raw))
            elif row is not None:
                found[name].append(_projected(row.item, parsed))
        for items in found.values():
            self.random.shuffle(items)
        return _answer(Responses=found, UnprocessedKeys=left)

    def query(self, **request: Any) -> Answer:
        """Query of a table or an index."""
        _known(request, *_QUERY_PARAMETERS)
        table = self._table(request["TableName"])
        index = self._index(table, request)
        shape = index.shape.key if index else table.shape.key
        parsed = parsed_expressions(request, "KeyConditionExpression", "FilterExpression", "ProjectionExpression")
        refuse_key_attributes(parsed.filter, shape)
        partition, bounds = range_of(shape, parsed)
        if index:
            index.settle(self._time())
            rows = index.partition(partition)
            bounds = of_index(bounds)
        else:
            rows = self._partition(table, partition, consistent=request.get("ConsistentRead", False))
        start, end = within(rows.order, bounds)
        forward = request.get("ScanIndexForward", True)
        if "ExclusiveStartKey" in request:
            place = place_after(table, index, request["ExclusiveStartKey"], partition)
            if not contains(bounds, place):
                raise validation_error("The provided starting key does not match the range key predicate")
            if forward:
                start = max(start, within(rows.order, Range(low=place, low_included=False))[0])
            else:
                end = min(end, within(rows.order, Range(high=place, high_included=False))[1])
        positions = range(start, end) if forward else range(end - 1, start - 1, -1)
        names = [*shape.names, *(table.shape.key.names if index else ())]
        return self._page(request, parsed, names, (rows.rows[rows.order[place]] for place in positions))

    def scan(self, **request: Any) -> Answer:
        """Scan of a table, in an order that has no meaning."""
        _known(request, *_SCAN_PARAMETERS)
        table = self._table(request["TableName"])
        parsed = parsed_expressions(request, "FilterExpression", "ProjectionExpression")
        consistent = request.get("ConsistentRead", False)
        after = key_of(table, request["ExclusiveStartKey"]) if "ExclusiveStartKey" in request else None

        def rows() -> Iterator[Row]:
            partitions = table.partitions()
            for partition in partitions[partitions.index(after.hash) :] if after and after.hash in partitions else partitions:
                found = self._partition(table, partition, consistent=consistent)
                bounds = Range(low=after.sort, low_included=False) if after and after.hash == partition else Range()
                start, end = within(found.order, bounds)
                yield from (found.rows[key] for key in found.order[start:end])

        return self._page(request, parsed, table.shape.key.names, rows())

    def _page(self, request: Request, parsed: RequestExpressions, key_names: Sequence[str], rows: Iterator[Row]) -> Answer:
        """One page of these rows: up to Limit of them, and `page_bytes`, before the filter."""
        limit = request.get("Limit")
        if limit is not None and limit < 1:
            raise validation_error(f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint")
        items: list[Item] = []
        counted = scanned = size = 0
        last: Item | None = None
        more = False
        for row in rows:
            if scanned and (scanned == limit or size + row.size > self.page_bytes):
                more = True
                break
            scanned += 1
            size += row.size
            last = row.item
            if parsed.filter is None or parsed.filter.holds(row.item, parsed.values):
                counted += 1
                if request.get("Select") != _COUNTED:
                    items.append(_projected(row.item, parsed))
        answer = _answer(Count=counted, ScannedCount=scanned)
        if request.get("Select") != _COUNTED:
            answer["Items"] = items
        # A page that ends at Limit has a LastEvaluatedKey even if no row follows: DynamoDB does not look further.
        if last is not None and (more or scanned == limit):
            answer["LastEvaluatedKey"] = {name: dict(last[name]) for name in key_names}
        return answer

    # ------------------------------------------------------------- writes

    def put_item(self, **request: Any) -> Answer:
        """PutItem."""
        _known(request, "TableName", "Item", *_CONDITION_PARAMETERS, "ReturnValues")
        _check_returned(request, "NONE", "ALL_OLD")
        return self._write("PutItem", request, self._put(request))

    def update_item(self, **request: Any) -> Answer:
        """UpdateItem."""
        _known(request, "TableName", "Key", "UpdateExpression", *_CONDITION_PARAMETERS, "ReturnValues")
        _check_returned(request, "NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
        return self._write("UpdateItem", request, self._update(request))

    def delete_item(self, **request: Any) -> Answer:
        """DeleteItem."""
        _known(request, "TableName", "Key", *_CONDITION_PARAMETERS, "ReturnValues")
        _check_returned(request, "NONE", "ALL_OLD")
        return self._write("DeleteItem", request, self._delete(request))

    def batch_write_item(self, **request: Any) -> Answer:
        """BatchWriteItem: at most 25 puts and deletes."""
        _known(request, "RequestItems")
        writes: list[_Write] = []
        for name, requests in request["RequestItems"].items():
            if not requests:
                raise validation_error("The batch write request list for a table cannot be null or empty")
            for each in requests:
                (action, parameters), *others = each.items()
                if others or action not in {"PutRequest", "DeleteRequest"}:
                    raise validation_error("Supplied AttributeValue has more than one datatypes set")
                one = {"TableName": name, **parameters}
                writes.append(self._put(one) if action == "PutRequest" else self._delete(one))
        if not writes or len(writes) > MAX_WRITES:
            raise validation_error("Too many items requested for the BatchWriteItem call")
        if len({(write.table.name, write.key) for write in writes}) < len(writes):
            raise validation_error("Provided list of item keys contains duplicates")
        for write, item in [(write, _sized(write.changed(None))) for write in writes]:
            write.table.write(write.key, item, self._time(), self._index_lag)
        return _answer(UnprocessedItems={})

    def transact_write_items(self, **request: Any) -> Answer:
        """TransactWriteItems: at most 100 actions, each on an item of its own, of which all or none happen."""
        _known(request, "TransactItems", "ClientRequestToken")
        actions = request["TransactItems"]
        if not 1 <= len(actions) <= MAX_ACTIONS:
            raise validation_error("Member must have length less than or equal to 100")
        token, now = request.get("ClientRequestToken"), self._time()
        fingerprint = repr(actions) if token else ""
        if token in self._tokens and now - self._tokens[token][0] < TOKEN_KEPT:
            if self._tokens[token][1] != fingerprint:
                raise aws_error("IdempotentParameterMismatchException", "The parameters do not match those of the first request")
            return _answer()
        writes = [self._action(each) for each in actions]
        keys = [(write.table.name, write.key) for write in writes if isinstance(write, _Write)]
        if len(set(keys)) < len(keys):
            raise validation_error("Transaction request cannot include multiple operations on one item")
        for write, row in self._decided(writes):
            write.table.write(write.key, row, now, self._index_lag)
        if token:
            self._tokens[token] = (now, fingerprint)
        return _answer()

    def _action(self, action: Request) -> _Write | ClientError:
        """The write of one action, or why its item does not fit the table."""
        (kind, request), *others = action.items()
        prepare = {"Put": self._put, "Update": self._update, "Delete": self._delete, "ConditionCheck": self._check}.get(kind)
        if others or prepare is None:
            raise validation_error("TransactItems can only contain one of Check, Put, Update or Delete")
        try:
            return prepare(request)
        except ClientError as error:
            if not is_schema_error(error):
                raise
            return error

    def _decided(self, writes: Sequence[_Write | ClientError]) -> list[tuple[_Write, Row | None]]:
        """The rows that a transaction writes. TransactionCanceledException if a condition is false or an item is invalid."""
        decided: list[tuple[_Write, Row | None]] = []
        reasons: list[Answer] = []
        fits = not any(isinstance(write, ClientError) for write in writes)
        for write in writes:
            reason: Answer | None = None
            try:
                if isinstance(write, ClientError):
                    raise write
                stored = write.table.get(write.key)
                # Conditions are evaluated only if all items fit their tables.
                reason = _failed(write, stored) if fits else None
                if reason is None and fits:
                    decided.append((write, _changed(write, stored)))
            except ClientError as error:
                reason = {"Code": "ValidationError", "Message": error.response["Error"]["Message"]}
            reasons.append(reason or {"Code": "None"})
        codes = [str(reason["Code"]) for reason in reasons]
        if any(code != "None" for code in codes):
            text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
            raise aws_error("TransactionCanceledException", text, operation="TransactWriteItems", CancellationReasons=reasons)
        if sum(row.size for _, row in decided if row) > TRANSACTION_BYTES:
            raise validation_error("The aggregate size of the items in the transaction cannot exceed 4 MB")
        return decided

    def _put(self, request: Request) -> _Write:
        table = self._table(request["TableName"])
        item = canonical_item(request["Item"])
        key = key_in_item(table, item)
        return self._prepared(table, key, request, lambda stored: item)

    def _delete(self, request: Request) -> _Write:
        table = self._table(request["TableName"])
        return self._prepared(table, key_of(table, request["Key"]), request, lambda stored: None)

    def _check(self, request: Request) -> _Write:
        table = self._table(request["TableName"])
        if "ConditionExpression" not in request:
            raise validation_error("ConditionExpression is required")
        return self._prepared(table, key_of(table, request["Key"]), request, lambda stored: stored)

    def _update(self, request: Request) -> _Write:
        table = self._table(request["TableName"])
        key, names = key_of(table, request["Key"]), table.shape.key.names
        parsed = parsed_expressions(request, "ConditionExpression", "UpdateExpression")
        created = {name: canonical(request["Key"][name]) for name in names}
        update = parsed.update

        def changed(stored: Item | None) -> Item:
            before = created if stored is None else stored
            return dict(before) if update is None else update.apply(before, parsed.values)

        if update:
            for path in chain((path for path, _ in update.changes), update.removed):
                if path[0] in names:
                    text = (
                        f"One or more parameter values were invalid: Cannot update attribute {path[0]}. This attribute is part of the key"
                    )
                    raise validation_error(text)
        return _Write(table, key, parsed, _returns_stored(request), changed)

    @staticmethod
    def _prepared(table: StoredTable, key: RowKey, request: Request, changed: Callable[[Item | None], Item | None]) -> _Write:
        return _Write(table, key, parsed_expressions(request, "ConditionExpression"), _returns_stored(request), changed)

    def _write(self, operation: str, request: Request, write: _Write) -> Answer:
        stored = write.table.get(write.key)
        reason = _failed(write, stored)
        if reason:
            more = {"Item": reason["Item"]} if "Item" in reason else {}
            raise aws_error("ConditionalCheckFailedException", reason["Message"], operation=operation, **more)
        row = _changed(write, stored)
        write.table.write(write.key, row, self._time(), self._index_lag)
        attributes = _returned(request.get("ReturnValues", "NONE"), write.expressions.update, stored, row)
        return _answer(Attributes=attributes) if attributes else _answer()

    # ------------------------------------------------------------- tables

    def _table(self, name: str) -> StoredTable:
        try:
            return self._tables[name]
        except KeyError:
            raise aws_error("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found") from None

    def _read(self, table: StoredTable, key: RowKey, *, consistent: bool) -> Row | None:
        now = self._time()
        if consistent or not table.has_changed_since(key.hash, now - KEPT_HISTORY):
            return table.get(key)
        return table.get_as_of(key, now - self._table_lag())

    def _partition(self, table: StoredTable, value: Part, *, consistent: bool) -> SortedRows:
        now = self._time()
        if consistent or not table.has_changed_since(value, now - KEPT_HISTORY):
            return table.partition(value)
        return table.partition_as_of(value, now - self._table_lag())

    @staticmethod
    def _index(table: StoredTable, request: Request) -> StoredIndex | None:
        name = request.get("IndexName")
        if name is None:
            return None
        if name not in table.indexes:
            raise validation_error(f"The table does not have the specified index: {name}")
        if request.get("ConsistentRead"):
            raise validation_error("Consistent reads are not supported on global secondary indexes")
        index = table.indexes[name]
        if request.get("Select") == "ALL_ATTRIBUTES" and index.shape.attributes is not None:
            raise validation_error("One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for this index")
        return index


_CONDITION_PARAMETERS: Final = (
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
)
_SCAN_PARAMETERS: Final = (
    "TableName",
    "FilterExpression",
    "ProjectionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "Select",
    "ConsistentRead",
    "Limit",
    "ExclusiveStartKey",
)
_QUERY_PARAMETERS: Final = (*_SCAN_PARAMETERS, "KeyConditionExpression", "IndexName", "ScanIndexForward")


def _answer(**parts: Any) -> Answer:
    return {**parts, "ResponseMetadata": {"HTTPStatusCode": 200}}


def _known(request: Request, *names: str) -> None:
    """TypeError for a parameter that the simulation does not know, so that none is ignored."""
    if unknown := request.keys() - set(names):
        raise TypeError(f"parameters that the simulated DynamoDB does not know: {sorted(unknown)}")


def _check_returned(request: Request, *allowed: str) -> None:
    if request.get("ReturnValues", "NONE") not in allowed:
        raise validation_error("Return values set to invalid value")


def _returns_stored(request: Request) -> bool:
    return request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _projected(item: Item, parsed: RequestExpressions) -> Item:
    return copied(item if parsed.projection is None else expressions.projected(item, parsed.projection.paths))


def _failed(write: _Write, stored: Row | None) -> Answer | None:
    """The reason why a condition is false, None if it holds."""
    condition = write.expressions.condition
    if condition is None or condition.holds(stored.item if stored else {}, write.expressions.values):
        return None
    more = {"Item": copied(stored.item)} if stored and write.returns_stored else {}
    return {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", **more}


def _changed(write: _Write, stored: Row | None) -> Row | None:
    """The row that a write leaves."""
    item = write.changed(stored.item if stored else None)
    if item is not None and write.expressions.update:
        check_index_keys(write.table, item)
    return _sized(item, updated=write.expressions.update is not None)


def _sized(item: Item | None, *, updated: bool = False) -> Row | None:
    if item is None:
        return None
    size = size_of_item(item)
    if size > MAX_ITEM_BYTES:
        raise validation_error(f"Item size {'to update ' if updated else ''}has exceeded the maximum allowed size")
    return Row(item, size)


def _returned(which: str, update: updates.Update | None, old: Row | None, new: Row | None) -> Item | None:
    if which == "NONE":
        return None
    row = old if which.endswith("OLD") else new
    if row is None:
        return None
    if which.startswith("ALL"):
        return copied(row.item)
    paths = (*(path for path, _ in update.changes), *update.removed) if update else ()
    return copied(expressions.projected(row.item, paths))
