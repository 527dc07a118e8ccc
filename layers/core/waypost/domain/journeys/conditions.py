"""The condition language: `all`, `any`, `not` and leaves that compare one property (contract 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter

from waypost.domain.journeys.definition import Definition, tag
from waypost.domain.journeys.operators import TESTS, Operator
from waypost.domain.values.property_paths import find

PATH_PATTERN: Final = r"^(payload|customer)(\.[^.]+)+$"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition may look at. `customer` None: not loaded; `timezone` is the workspace's, for times that name none."""

    payload: Mapping[str, Any]
    customer: Mapping[str, Any] | None
    timezone: str


class Comparison(Definition):
    """One property of the payload or the customer, compared with a value."""

    path: str = Field(
        alias="property", pattern=PATH_PATTERN, max_length=500, description="A path with dots that starts with `payload.` or `customer.`."
    )
    operator: Operator
    value: Any = Field(default=None, description='What to compare with; `during` takes {"from", "to"}; `exist` and `not exist` need none.')

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The path below `payload` or `customer`."""
        return tuple(self.path.split(".")[1:])

    @cached_property
    def on_payload(self) -> bool:
        """Whether the property is the payload's (else the customer's)."""
        return self.path.startswith("payload.")


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
for _part in (All, Any_, Not):
    _part.model_rebuild()

CONDITION: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)


def parts(condition: Condition) -> list[tuple[tuple[str | int, ...], Condition]]:
    """The conditions right inside a condition, each with its place in it; a leaf has none."""
    if isinstance(condition, All):
        return [(("all", index), part) for index, part in enumerate(condition.all)]
    if isinstance(condition, Any_):
        return [(("any", index), part) for index, part in enumerate(condition.any)]
    return [] if isinstance(condition, Comparison) else [(("not",), condition.not_)]


def holds(condition: Condition, scope: Scope) -> bool | None:
    """Whether a condition is true of payload and customer; None where that hangs on a customer who is not loaded."""
    if isinstance(condition, Comparison):
        return _comparison_holds(condition, scope)
    if isinstance(condition, All):
        return _all_hold(condition.all, scope)
    if isinstance(condition, Any_):
        return _any_holds(condition.any, scope)
    verdict = holds(condition.not_, scope)
    return None if verdict is None else not verdict


def _comparison_holds(leaf: Comparison, scope: Scope) -> bool | None:
    root = scope.payload if leaf.on_payload else scope.customer
    if root is None:
        return None
    return TESTS[leaf.operator](find(root, leaf.parts), leaf.value, scope.timezone)


def _all_hold(conditions: tuple[Condition, ...], scope: Scope) -> bool | None:
    verdict: bool | None = True
    for condition in conditions:
        found = holds(condition, scope)
        if found is False:
            return False
        verdict = verdict and found
    return verdict


def _any_holds(conditions: tuple[Condition, ...], scope: Scope) -> bool | None:
    verdict: bool | None = False
    for condition in conditions:
        found = holds(condition, scope)
        if found:
            return True
        verdict = None if found is None else verdict
    return verdict
