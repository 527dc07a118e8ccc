"""What a call of DynamoDB leads to, in a form that two implementations can be compared by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.proof.aws.attribute_values import number_text


def outcome_of(call: Callable[[], dict[str, Any]]) -> Any:
    """The answer of a call without what has no meaning: the order of sets and batches. Of an error, its code and the items in it.

    The texts of errors are for people, and no part of the comparison.
    """
    try:
        answer = call()
    except ClientError as error:
        response = error.response
        reasons = [(each.get("Code"), each.get("Item")) for each in response.get("CancellationReasons", ())]
        return _plain({"error": response["Error"]["Code"], "item": response.get("Item"), "reasons": reasons})
    kept = {name: part for name, part in answer.items() if name != "ResponseMetadata" and part not in ({}, None)}
    if "Responses" in kept:
        kept["Responses"] = {table: sorted(_plain(items), key=repr) for table, items in kept["Responses"].items()}
    return _plain(kept)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"N": str(text)} if len(value) == 1:
            return {"N": number_text(text)}
        case {"NS": list(members)} if len(value) == 1:
            return {"NS": sorted(map(number_text, members))}
        case {"SS": list(members)} | {"BS": list(members)} if len(value) == 1:
            return {kind: sorted(members) for kind in value}
    return {name: _plain(value[name]) for name in sorted(value)}
