"""The expressions of one request to the simulated DynamoDB, with the checks of their placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from tests.proof.aws import expressions, updates
from tests.proof.aws.attribute_values import canonical_item
from tests.proof.aws.dynamodb_errors import validation_error
from tests.proof.aws.tables import Item

Request = Mapping[str, Any]


class RequestExpressions(NamedTuple):
    """The expressions of one request, with their values."""

    values: Item
    condition: expressions.Condition | None = None
    update: updates.Update | None = None
    key: expressions.KeyCondition | None = None
    filter: expressions.Condition | None = None
    projection: expressions.Projection | None = None


class _Combination(NamedTuple):
    """The expressions of a request by parameter, and the placeholders of values that they use together."""

    parsed: Mapping[str, Any]
    values: frozenset[str]
    checks: tuple[expressions.Check, ...]


def parsed_expressions(request: Request, *kinds: str) -> RequestExpressions:
    """The expressions of these kinds in a request. ValidationException for placeholders without use or meaning."""
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    texts = tuple((kind, request[kind]) for kind in kinds if request.get(kind) is not None)
    if not texts and names is None and values is None:
        return NO_EXPRESSIONS
    for name, given in (("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)):
        if given is not None and not given:
            raise validation_error(f"{name} must not be empty")
        if given and not texts:
            raise validation_error(f"{name} can only be specified when using expressions")
    found = _combination(texts, tuple(names.items()) if names else ())
    read = canonical_item(values) if values else {}
    if read.keys() != found.values:
        _refuse_values(found, read)
    for check in found.checks:
        check(read)
    get = found.parsed.get
    return RequestExpressions(
        read,
        get("ConditionExpression"),
        get("UpdateExpression"),
        get("KeyConditionExpression"),
        get("FilterExpression"),
        get("ProjectionExpression"),
    )


NO_EXPRESSIONS: Final = RequestExpressions({})


@lru_cache(maxsize=expressions.CACHED)
def _combination(texts: tuple[tuple[str, str], ...], names: tuple[tuple[str, str], ...]) -> _Combination:
    parsed = {kind: _parse(kind, text, names) for kind, text in texts}
    usages = [each.usage for each in parsed.values()]
    if unused := dict(names).keys() - frozenset[str]().union(*(usage.names for usage in usages)):
        raise validation_error(f"Value provided in ExpressionAttributeNames unused in expressions: keys: {{{', '.join(sorted(unused))}}}")
    checks = tuple(check for usage in usages for check in usage.checks)
    return _Combination(parsed, frozenset[str]().union(*(usage.values for usage in usages)), checks)


def _parse(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> Any:
    if kind == "UpdateExpression":
        return updates.update(text, names)
    if kind == "KeyConditionExpression":
        return expressions.key_condition(text, names)
    if kind == "ProjectionExpression":
        return expressions.projection(text, names)
    return expressions.condition(kind, text, names)


def _refuse_values(found: _Combination, values: Item) -> None:
    for kind, each in found.parsed.items():
        if missing := each.usage.values - values.keys():
            text = f"An expression attribute value used in expression is not defined; attribute value: {min(missing)}"
            raise validation_error(f"Invalid {kind}: {text}")
    unused = ", ".join(sorted(values.keys() - found.values))
    raise validation_error(f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{unused}}}")
