"""A DynamoDB table as plain Python items, and the transactions that span tables."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from waypost.adapters.aws import client, error_code, translate_errors
from waypost.domain.errors import UnavailableError

Item = dict[str, Any]
"""A row: text, whole numbers, booleans, bytes, lists and maps by attribute name."""

CONFLICT_ATTEMPTS: Final = 5
BATCH_ATTEMPTS: Final = 8

_write = TypeSerializer().serialize
_read = TypeDeserializer().deserialize


def encode(item: Mapping[str, Any]) -> Item:
    """A row as DynamoDB's wire wants it; attributes that are None are left out."""
    return {name: _write(value) for name, value in item.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Binary):
        return bytes(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return int(value) if hasattr(value, "as_tuple") else value


def decode(item: Mapping[str, Any]) -> Item:
    """A row as DynamoDB's wire gave it, with whole numbers as int."""
    return {name: _plain(_read(value)) for name, value in item.items()}


@dataclass(frozen=True, slots=True)
class Refused:
    """A condition that did not hold, with the row that it met (None: there is none)."""

    item: Item | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table by name. Every method is one AWS call (a batch goes on while AWS leaves some of it undone)."""

    name: str

    def get(self, key: Item) -> Item | None:
        """The row, read strongly, or None."""
        with translate_errors():
            found = client("dynamodb").get_item(TableName=self.name, Key=encode(key), ConsistentRead=True)
        return decode(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Sequence[Item]) -> list[Item]:
        """The rows that exist among different keys, read strongly, in no order; at most 100 to a call."""
        return [item for start in range(0, len(keys), 100) for item in self._get_at_once(keys[start : start + 100])]

    def _get_at_once(self, keys: Sequence[Item]) -> list[Item]:
        ask = {self.name: {"Keys": [encode(key) for key in keys], "ConsistentRead": True}}
        items: list[Item] = []
        for _ in _backoff(BATCH_ATTEMPTS):
            with translate_errors():
                found = client("dynamodb").batch_get_item(RequestItems=ask)
            items += [decode(item) for item in found["Responses"].get(self.name, [])]
            ask = found.get("UnprocessedKeys") or {}
            if not ask:
                return items
        raise UnavailableError("UnprocessedKeys")

    def put_many(self, items: Sequence[Item]) -> None:
        """Writes rows, at most 25 to a call, over whatever is there; keys must differ."""
        self._write_many([{"PutRequest": {"Item": encode(item)}} for item in items])

    def delete_many(self, keys: Sequence[Item]) -> None:
        """Removes rows, at most 25 to a call; keys must differ, and rows may be gone already."""
        self._write_many([{"DeleteRequest": {"Key": encode(key)}} for key in keys])

    def _write_many(self, requests: Sequence[Item]) -> None:
        for start in range(0, len(requests), 25):
            ask = {self.name: list(requests[start : start + 25])}
            for _ in _backoff(BATCH_ATTEMPTS):
                with translate_errors():
                    ask = client("dynamodb").batch_write_item(RequestItems=ask).get("UnprocessedItems") or {}
                if not ask:
                    break
            else:
                raise UnavailableError("UnprocessedItems")

    def put(self, item: Item, **condition: Any) -> Refused | None:
        """Writes a row if the condition holds; Refused carries the row that is there."""
        asked = _with_values(condition)
        try:
            with translate_errors():
                client("dynamodb").put_item(TableName=self.name, Item=encode(item), **asked)
        except ClientError as error:
            return _refused(error)
        return None

    def update(self, key: Item, **change: Any) -> Item | Refused:
        """Changes a row if the condition holds and returns it as it is then; Refused carries the row that is there."""
        asked = _with_values(change)
        try:
            with translate_errors():
                answer = client("dynamodb").update_item(TableName=self.name, Key=encode(key), ReturnValues="ALL_NEW", **asked)
        except ClientError as error:
            return _refused(error)
        return decode(answer.get("Attributes", {}))

    def delete(self, key: Item) -> None:
        """Removes a row; it may be gone already."""
        with translate_errors():
            client("dynamodb").delete_item(TableName=self.name, Key=encode(key))

    def query(self, condition: str, values: Item, **options: Any) -> tuple[list[Item], Item | None]:
        """One page of a query: its rows, and the key to go on from (None: that was all)."""
        if "ExclusiveStartKey" in options:
            options["ExclusiveStartKey"] = encode(options["ExclusiveStartKey"])
        with translate_errors():
            found = client("dynamodb").query(
                TableName=self.name, KeyConditionExpression=condition, ExpressionAttributeValues=encode(values), **options
            )
        last = found.get("LastEvaluatedKey")
        return [decode(item) for item in found["Items"]], decode(last) if last else None

    def query_all(self, condition: str, values: Item, **options: Any) -> Iterator[Item]:
        """All rows of a query, a call for each page of 1 MB."""
        while True:
            items, last = self.query(condition, values, **options)
            yield from items
            if last is None:
                return
            options["ExclusiveStartKey"] = last

    def put_action(self, item: Item, **condition: Any) -> Item:
        """The action of a transaction that writes a row if the condition holds."""
        return {"Put": {"TableName": self.name, "Item": encode(item), **_with_values(condition)}}

    def delete_action(self, key: Item) -> Item:
        """The action of a transaction that removes a row."""
        return {"Delete": {"TableName": self.name, "Key": encode(key)}}


def transact(actions: Sequence[Item], token: str | None = None) -> list[Refused | None] | None:
    """All of these actions or none: None when they were done, else for each action its Refused or None.

    At most 100 actions. A conflict with another transaction is tried again here, because botocore does not.
    """
    token_part = {"ClientRequestToken": token} if token else {}
    reasons: list[Item] = []
    for _ in _backoff(CONFLICT_ATTEMPTS):
        try:
            with translate_errors():
                client("dynamodb").transact_write_items(TransactItems=list(actions), **token_part)
            return None
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            reasons = error.response.get("CancellationReasons", [])
        codes = {reason.get("Code") for reason in reasons}
        if "ConditionalCheckFailed" in codes:
            return [_reason(reason) for reason in reasons]
        if not codes & {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
            raise ValueError(f"transaction refused: {sorted(code for code in codes if code)}")
    raise UnavailableError("TransactionConflict")


def _reason(reason: Item) -> Refused | None:
    if reason.get("Code") != "ConditionalCheckFailed":
        return None
    return Refused(decode(reason["Item"]) if reason.get("Item") else None)


def _refused(error: ClientError) -> Refused:
    if error_code(error) != "ConditionalCheckFailedException":
        raise error
    old = error.response.get("Item")
    return Refused(decode(old) if old else None)


def _with_values(asked: Mapping[str, Any]) -> Item:
    made = dict(asked)
    if "ExpressionAttributeValues" in made:
        made["ExpressionAttributeValues"] = encode(made["ExpressionAttributeValues"])
    if "ConditionExpression" in made:
        made["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return made


def _backoff(attempts: int) -> Iterator[int]:
    """Counts attempts and waits between them, longer each time and never in step with others."""
    for attempt in range(attempts):
        if attempt:
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - jitter, not a secret
        yield attempt
