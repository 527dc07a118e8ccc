"""A table of DynamoDB, with rows as plain Python dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from waypost.adapters import backoff
from waypost.adapters.aws import client, error_code, translate_errors
from waypost.adapters.dynamodb.conditions import FailedCondition, to_request
from waypost.adapters.dynamodb.items import Item, deserialize, serialize
from waypost.domain.errors import UnavailableError
from waypost.domain.values.chunks import chunked

READ_ROWS: Final = 100
"""The most rows that DynamoDB reads in one batch."""

WRITTEN_ROWS: Final = 25
"""The most rows that DynamoDB writes in one batch."""

MAX_ATTEMPTS: Final = 8
"""How often a batch is sent while DynamoDB leaves a part of it undone."""


@dataclass(frozen=True, slots=True)
class Table:
    """The table of this name. Every method is one call of DynamoDB; a batch is sent again while DynamoDB leaves a part of it undone.

    Reads by key are strongly consistent: they show every write that was acknowledged before. Queries are so where the caller requests it,
    and never on an index, which lags the table by moments. Arguments in capital letters are boto3's, with plain values.
    """

    name: str

    def get(self, key: Item) -> Item | None:
        """The row with this key, or None."""
        with translate_errors():
            found = client("dynamodb").get_item(TableName=self.name, Key=serialize(key), ConsistentRead=True)
        return deserialize(found["Item"]) if "Item" in found else None

    def get_eventually(self, key: Item) -> Item | None:
        """The row with this key as it was some moments ago, or None. It costs half of `get`.

        It is for callers whose write has the revision that they read as its condition.
        """
        with translate_errors():
            found = client("dynamodb").get_item(TableName=self.name, Key=serialize(key))
        return deserialize(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Sequence[Item]) -> list[Item]:
        """The rows that exist among these keys, in no order. Keys must be different."""
        return [item for chunk in chunked(keys, READ_ROWS) for item in self._get_batch(chunk)]

    def _get_batch(self, keys: Sequence[Item]) -> list[Item]:
        return get_from_tables({self: keys})[self]

    def put(self, item: Item) -> None:
        """Writes a row and replaces the one that is stored under its key, if there is one."""
        with translate_errors():
            client("dynamodb").put_item(TableName=self.name, Item=serialize(item))

    def put_if(self, item: Item, **condition: Any) -> FailedCondition | None:
        """Writes a row if the condition holds; returns None then.

        botocore repeats a request whose answer was lost. If the first one was carried out, the repeat fails on the row that the first one
        wrote, and FailedCondition holds that row. A caller for which this matters compares it with the row that it wanted to write.
        """
        try:
            with translate_errors():
                client("dynamodb").put_item(TableName=self.name, Item=serialize(item), **to_request(condition))
        except ClientError as error:
            return _failed_condition(error)
        return None

    def update(self, key: Item, **change: Any) -> Item:
        """Changes a row, which is created if it does not exist, and returns it as it is then."""
        with translate_errors():
            answer = client("dynamodb").update_item(TableName=self.name, Key=serialize(key), ReturnValues="ALL_NEW", **to_request(change))
        return deserialize(answer.get("Attributes", {}))

    def update_if(self, key: Item, **change: Any) -> Item | FailedCondition:
        """Changes a row if the condition in `change` holds, and returns it as it is then. `put_if` says what a lost answer does."""
        try:
            return self.update(key, **change)
        except ClientError as error:
            return _failed_condition(error)

    def delete(self, key: Item) -> None:
        """Deletes a row, which need not exist."""
        with translate_errors():
            client("dynamodb").delete_item(TableName=self.name, Key=serialize(key))

    def delete_existing(self, key: Item) -> bool:
        """Deletes a row. False if there was none, which is also so when botocore repeats a request whose answer was lost."""
        with translate_errors():
            deleted = client("dynamodb").delete_item(TableName=self.name, Key=serialize(key), ReturnValues="ALL_OLD")
        return "Attributes" in deleted

    def put_many(self, items: Sequence[Item]) -> None:
        """Writes rows and replaces those with the same keys. The keys must be different. A failure may leave a part of them written."""
        self._write_batches([{"PutRequest": {"Item": serialize(item)}} for item in items])

    def delete_many(self, keys: Sequence[Item]) -> None:
        """Deletes rows, which need not exist. Keys must be different. A failure may leave a part of them deleted."""
        self._write_batches([{"DeleteRequest": {"Key": serialize(key)}} for key in keys])

    def _write_batches(self, requests: Sequence[Item]) -> None:
        for chunk in chunked(requests, WRITTEN_ROWS):
            left = {self.name: chunk}
            for _ in backoff.attempts(MAX_ATTEMPTS):
                with translate_errors():
                    left = client("dynamodb").batch_write_item(RequestItems=left).get("UnprocessedItems") or {}
                if not left:
                    break
            else:
                raise UnavailableError("UnprocessedItems")

    def query(self, condition: str, values: Item, **options: Any) -> tuple[list[Item], Item | None]:
        """One page of a query (at most 1 MB): its rows, and the key after which the next page starts (None: this was the last)."""
        if "ExclusiveStartKey" in options:
            options["ExclusiveStartKey"] = serialize(options["ExclusiveStartKey"])
        with translate_errors():
            found = client("dynamodb").query(
                TableName=self.name, KeyConditionExpression=condition, ExpressionAttributeValues=serialize(values), **options
            )
        last = found.get("LastEvaluatedKey")
        return [deserialize(item) for item in found["Items"]], deserialize(last) if last else None

    def count(self, condition: str, values: Item, *, limit: int, index: str | None = None) -> tuple[int, bool]:
        """How many rows of the table or of an index a query finds, counted up to `limit`, and whether that is only a lower bound."""
        with translate_errors():
            found = client("dynamodb").query(
                TableName=self.name,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=serialize(values),
                Select="COUNT",
                Limit=limit,
                **({"IndexName": index} if index else {}),
            )
        return found["Count"], "LastEvaluatedKey" in found

    def query_all(self, condition: str, values: Item, **options: Any) -> Iterator[Item]:
        """All rows of a query, one call for each page."""
        for page in self.query_pages(condition, values, **options):
            yield from page

    def query_pages(self, condition: str, values: Item, **options: Any) -> Iterator[list[Item]]:
        """The pages of a query, one call for each."""
        while True:
            items, last = self.query(condition, values, **options)
            yield items
            if last is None:
                return
            options["ExclusiveStartKey"] = last

    def query_newest(
        self, partition: tuple[str, str], *, limit: int, before: str | None, since: str | None = None, index: str | None = None
    ) -> tuple[list[Item], Item | None]:
        """One page of at most `limit` rows with the greatest sort keys, greatest first; `query` says what else is returned.

        `partition` is the name and the value of the partition key. The sort key is `at`, as in every table and index whose rows are in the
        order of time. If `before` is given, only rows with a smaller sort key are read; if `since` is given, only rows with that or a
        greater one.
        """
        if before and since and before <= since:
            return [], None  # DynamoDB refuses a range whose end is before its start
        within, values = _range_of_sort_keys(before, since)
        return self.query(
            f"#partition = :partition{within}",
            {":partition": partition[1], **values},
            ExpressionAttributeNames={"#partition": partition[0]} | ({"#at": "at"} if within else {}),
            ScanIndexForward=False,
            Limit=limit,
            **({"IndexName": index} if index else {}),
        )

    def query_newest_keys(
        self, partition: tuple[str, str], *, limit: int, before: str | None, since: str | None = None, index: str
    ) -> list[Item]:
        """The `limit` rows of an index with the greatest sort keys, greatest first; fewer only if there are no more.

        It is for indexes that hold keys only, of which one page has room for more rows than any list requests.
        """
        # A page may still end early. Taken for the end of the list, it would hide the rows behind it.
        rows, more = self.query_newest(partition, limit=limit, before=before, since=since, index=index)
        while more is not None and len(rows) < limit:
            page, more = self.query_newest(partition, limit=limit - len(rows), before=more["at"], since=since, index=index)
            rows += page
        return rows

    def put_action(self, item: Item, **condition: Any) -> Item:
        """The action of a transaction that writes a row if the condition holds."""
        return {"Put": {"TableName": self.name, "Item": serialize(item), **to_request(condition)}}

    def update_action(self, key: Item, **change: Any) -> Item:
        """The action of a transaction that changes a row, which is created if it does not exist."""
        return {"Update": {"TableName": self.name, "Key": serialize(key), **to_request(change)}}

    def check_action(self, key: Item, **condition: Any) -> Item:
        """The action of a transaction that changes nothing, and fails if the condition does not hold."""
        return {"ConditionCheck": {"TableName": self.name, "Key": serialize(key), **to_request(condition)}}

    def delete_action(self, key: Item, **condition: Any) -> Item:
        """The action of a transaction that deletes a row if the condition holds."""
        return {"Delete": {"TableName": self.name, "Key": serialize(key), **to_request(condition)}}


def get_from_tables(keys: Mapping[Table, Sequence[Item]]) -> dict[Table, list[Item]]:
    """The rows that exist among at most 100 keys of several tables, read in one call with strong consistency, in no order."""
    # A batch that is throttled or exceeds 16 MB is answered in part, with status 200. What was left undone must be requested again, or rows
    # would seem not to exist.
    left = {table.name: {"Keys": [serialize(key) for key in each], "ConsistentRead": True} for table, each in keys.items()}
    items: dict[Table, list[Item]] = {table: [] for table in keys}
    for _ in backoff.attempts(MAX_ATTEMPTS):
        with translate_errors():
            found = client("dynamodb").batch_get_item(RequestItems=left)
        for table, theirs in items.items():
            theirs += [deserialize(item) for item in found["Responses"].get(table.name, [])]
        left = found.get("UnprocessedKeys") or {}
        if not left:
            return items
    raise UnavailableError("UnprocessedKeys")


def _range_of_sort_keys(before: str | None, since: str | None) -> tuple[str, Item]:
    """The part of a key condition for sort keys from `since` on and before `before`, and its values; empty without both."""
    if before and since:
        return " AND #at BETWEEN :since AND :last", {":since": since, ":last": _last_before(before)}
    if before:
        return " AND #at < :before", {":before": before}
    return (" AND #at >= :since", {":since": since}) if since else ("", {})


def _last_before(position: str) -> str:
    """A text below a position, and not below any sort key of ASCII that is below it.

    A key condition has one comparison of the sort key, and BETWEEN includes both ends.
    """
    start, end = position[:-1], ord(position[-1])
    # A forged cursor may end in a character that no sort key has: none is below the first one, and surrogates are not valid Unicode.
    return start if end == 0 else start + chr(0xD7FF if end == 0xE000 else end - 1) + "\N{DELETE}"


def _failed_condition(error: ClientError) -> FailedCondition:
    """The failed condition that an error reports; any other error is raised again."""
    if error_code(error) != "ConditionalCheckFailedException":
        raise error
    stored = error.response.get("Item")
    return FailedCondition(deserialize(stored) if stored else None)
