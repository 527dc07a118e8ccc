"""The conditions of writes, as arguments of boto3 with plain values, and the result of a condition that is false."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from waypost.adapters.dynamodb.items import Item, serialize


@dataclass(frozen=True, slots=True)
class FailedCondition:
    """A write that did not happen because its condition was false, with the row that is stored (None: there is none)."""

    item: Item | None


def if_absent(attribute: str) -> Item:
    """The condition of a write that only creates a row and never replaces one. `attribute` is one that every row of its kind has."""
    return {"ConditionExpression": "attribute_not_exists(#attribute)", "ExpressionAttributeNames": {"#attribute": attribute}}


def if_text(attribute: str, text: str) -> Item:
    """The condition of a write that replaces the row with this text (empty: there was no row), where rows have no revision."""
    if not text:
        return if_absent(attribute)
    return {
        "ConditionExpression": "#attribute = :text",
        "ExpressionAttributeNames": {"#attribute": attribute},
        "ExpressionAttributeValues": {":text": text},
    }


def if_revision(revision: int, attribute: str = "rev") -> Item:
    """The condition of a write that replaces the row of this revision (0: there was no row).

    This is optimistic locking. Every write raises the revision, so of two workers that have read the same one, the first to write wins.
    The second gets FailedCondition and decides again by the new row, where it would otherwise undo the write of the first.
    """
    if revision == 0:
        return if_absent(attribute)
    return {
        "ConditionExpression": "#revision = :revision",
        "ExpressionAttributeNames": {"#revision": attribute},
        "ExpressionAttributeValues": {":revision": revision},
    }


def if_revision_without(revision: int, revision_attribute: str, absent: str) -> Item:
    """The condition of `if_revision`, and that the stored row does not have the attribute `absent`."""
    condition = if_revision(revision, revision_attribute)
    return {
        **condition,
        "ConditionExpression": f"{condition['ConditionExpression']} AND attribute_not_exists(#absent)",
        "ExpressionAttributeNames": {**condition["ExpressionAttributeNames"], "#absent": absent},
    }


def if_revision_with(revision: int, attribute: str, value: str) -> Item:
    """The condition of `if_revision`, and that the stored row (if there was one) has this value of another attribute."""
    condition = if_revision(revision)
    if revision == 0:
        return condition
    return {
        "ConditionExpression": f"{condition['ConditionExpression']} AND #attribute = :value",
        "ExpressionAttributeNames": {**condition["ExpressionAttributeNames"], "#attribute": attribute},
        "ExpressionAttributeValues": {**condition["ExpressionAttributeValues"], ":value": value},
    }


def to_request(arguments: Mapping[str, Any]) -> Item:
    """Arguments with plain values as DynamoDB takes them. A condition among them also requests the stored row for its failure."""
    request = dict(arguments)
    if "ExpressionAttributeValues" in request:
        request["ExpressionAttributeValues"] = serialize(request["ExpressionAttributeValues"])
    if "ConditionExpression" in request:
        # The loser of a race needs the row of the winner. A separate read would cost a call and might find the row of a third writer.
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return request
