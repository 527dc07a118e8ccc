"""The condition language: `all`, `any`, `not`, and comparisons of one property (docs/journeys.md#conditions)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Final, assert_never

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter

from waypost.domain.journeys.definition import Definition, tag
from waypost.domain.journeys.operators import OPERATORS, Operator, OperatorRule
from waypost.domain.values.property_paths import find

PATH_PATTERN: Final = r"^((payload|customer)(\.[^.]+)+|messages\.[A-Za-z0-9_-]{1,64}\.status)$"


@dataclass(frozen=True, slots=True)
class ConditionScope:
    """What a condition is evaluated against.

    `payload` is the payload of the event, `customer` the attributes of the customer, None while they are not loaded.
    `timezone` is the IANA zone of the workspace, in which times without a zone are meant. `messages` has an object with the `status` of
    each message of which the run knows one, by the id of its step.
    """

    payload: Mapping[str, Any]
    customer: Mapping[str, Any] | None
    timezone: str
    messages: Mapping[str, Any] = field(default_factory=dict)


class Comparison(Definition):
    """One property of the payload or the customer, or the status of a message, compared with a value."""

    path: str = Field(
        alias="property",
        pattern=PATH_PATTERN,
        max_length=500,
        description="A path with dots that starts with `payload.` or `customer.`; in a multisplit also `messages.<step>.status`.",
    )
    operator: Operator
    value: Any = Field(default=None, description='What to compare with; `during` takes {"from", "to"}; `exist` and `not exist` need none.')

    @cached_property
    def path_parts(self) -> tuple[str, ...]:
        """The names of the path below `payload`, `customer` or `messages`."""
        return tuple(self.path.split(".")[1:])

    @cached_property
    def on_payload(self) -> bool:
        """Whether the property is in the payload; otherwise it is an attribute of the customer, or the status of a message."""
        return self.path.startswith("payload.")

    @cached_property
    def message(self) -> str | None:
        """The id of the step whose message has the compared status; None for any other property."""
        return self.path_parts[0] if self.path.startswith("messages.") else None

    @cached_property
    def rule(self) -> OperatorRule:
        """The operator's row of the table."""
        return OPERATORS[self.operator]


class All(Definition):
    """Every one of these conditions."""

    all: tuple[Condition, ...] = Field(min_length=1)


class Any_(Definition):  # noqa: N801 - `Any` is typing's
    """At least one of these conditions."""

    model_config = ConfigDict(title="Any")

    any: tuple[Condition, ...] = Field(min_length=1)


class Not(Definition):
    """The opposite of a condition."""

    not_: Condition = Field(alias="not")


def _kind(raw: Any) -> str | None:
    """The tag of a condition, parsed or as JSON. A JSON object without `all`, `any` and `not` is read as a comparison."""
    if isinstance(raw, Definition):
        return tag({All: "all", Any_: "any", Not: "not"}.get(type(raw), "leaf"))
    if not isinstance(raw, Mapping) or not raw:
        return None
    return next((tag(name) for name in ("all", "any", "not") if name in raw), tag("leaf"))


Condition = Annotated[
    Annotated[All, Tag("<all>")] | Annotated[Any_, Tag("<any>")] | Annotated[Not, Tag("<not>")] | Annotated[Comparison, Tag("<leaf>")],
    Discriminator(
        _kind,
        custom_error_type="not-a-condition",
        custom_error_message='a condition is {"all": [...]}, {"any": [...]}, {"not": ...} or {"property", "operator", "value"}',
    ),
]
for _model in (All, Any_, Not):
    _model.model_rebuild()

CONDITION: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)


def subconditions(condition: Condition) -> list[tuple[tuple[str | int, ...], Condition]]:
    """The conditions directly inside a condition, each with its place below it; empty for a comparison."""
    match condition:
        case All():
            return [(("all", index), part) for index, part in enumerate(condition.all)]
        case Any_():
            return [(("any", index), part) for index, part in enumerate(condition.any)]
        case Not():
            return [(("not",), condition.not_)]
        case Comparison():
            return []
        case _:
            assert_never(condition)


def comparisons(condition: Condition, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Comparison]]:
    """All comparisons in a condition, each with its place in the definition; `place` is that of the condition."""
    if isinstance(condition, Comparison):
        yield place, condition
    for below, part in subconditions(condition):
        yield from comparisons(part, (*place, *below))


def holds(condition: Condition, scope: ConditionScope) -> bool | None:
    """Whether a condition is true of a payload and a customer; None where that depends on a customer who is not loaded.

    The three values are those of Kleene's logic. They let the trigger index reject most events by their payload alone,
    before anybody reads the customer from the table.
    """
    match condition:
        case Comparison():
            return _comparison_holds(condition, scope)
        case All():
            return _all_hold(condition.all, scope)
        case Any_():
            return _any_holds(condition.any, scope)
        case Not():
            result = holds(condition.not_, scope)
            return None if result is None else not result
        case _:
            assert_never(condition)


def compared_value(comparison: Comparison, scope: ConditionScope) -> Any:
    """The value of the property that is compared; None where it is missing or null, or where the customer is not loaded."""
    properties = _properties(comparison, scope)
    return None if properties is None else find(properties, comparison.path_parts)


def _properties(comparison: Comparison, scope: ConditionScope) -> Mapping[str, Any] | None:
    return scope.payload if comparison.on_payload else scope.customer if comparison.message is None else scope.messages


def _comparison_holds(comparison: Comparison, scope: ConditionScope) -> bool | None:
    if _properties(comparison, scope) is None:
        return None
    return comparison.rule.holds(compared_value(comparison, scope), comparison.value, scope.timezone)


def _all_hold(conditions: tuple[Condition, ...], scope: ConditionScope) -> bool | None:
    result: bool | None = True
    for condition in conditions:
        found = holds(condition, scope)
        if found is False:
            return False
        result = result and found
    return result


def _any_holds(conditions: tuple[Condition, ...], scope: ConditionScope) -> bool | None:
    result: bool | None = False
    for condition in conditions:
        found = holds(condition, scope)
        if found:
            return True
        result = None if found is None else result
    return result
