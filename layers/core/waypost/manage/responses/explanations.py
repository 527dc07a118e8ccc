"""Responses that explain why an event matches the checks of a journey, or not."""

from __future__ import annotations

from typing import Any, Final, Literal, assert_never

from pydantic import Field

from waypost.domain.runs.explanations import CheckKind, ExplainedComparison, ExplainedCondition, ExplainedGroup, GroupKind, TriggerCheck
from waypost.domain.values import exact_json
from waypost.domain.values.wire_model import WireModel
from waypost.manage.responses.events import JourneyOutcomeResponse
from waypost.manage.responses.lists import Time

MAX_FOUND_LENGTH: Final = 500
"""How many characters of a found value are shown. A definition may compare an object of 64 KB in thousands of conditions."""


class ComparisonNode(WireModel):
    """A comparison and the value that it found. `missing`: the property is absent or null.

    Of a value with more than 500 characters of JSON, `found` is the beginning of the JSON as a text, and `isCut` is true.
    """

    kind: Literal["comparison"] = "comparison"
    holds: bool
    items: tuple[()] = ()
    property: str
    operator: str
    value: Any
    found: Any
    missing: bool
    is_cut: bool


class GroupNode(WireModel):
    """An `all`, `any` or `not` with the conditions in it."""

    kind: GroupKind
    holds: bool
    items: tuple[GroupNode | ComparisonNode, ...]


class TriggerCheckResponse(WireModel):
    """An entry, an exit, or an event of a branch of a wait; whether it takes the event, and whether its conditions hold."""

    kind: CheckKind
    step: str | None
    branch: str | None
    needs_all: bool = Field(description="the branch is taken only when all of its events have come")
    event: str
    source: str | None
    names: bool = Field(description="the name and the source are those of the event")
    holds: bool
    waiting: bool | None = Field(description="a run waited for this when the event came; null for an entry")
    condition: GroupNode | ComparisonNode | None

    @classmethod
    def of(cls, check: TriggerCheck, *, waiting: bool | None) -> TriggerCheckResponse:
        """A check as the API shows it."""
        return cls(
            kind=check.kind,
            step=check.step,
            branch=check.branch,
            needs_all=check.needs_all,
            event=check.trigger.event,
            source=check.trigger.source,
            names=check.names,
            holds=check.holds,
            waiting=waiting,
            condition=None if check.condition is None else _node(check.condition),
        )


class EventExplanationResponse(WireModel):
    """The checks of one version of a journey, evaluated with one event and its customer as it is now."""

    uuid: str
    event: str
    journey: str
    version: int
    customer: str
    customer_is_as_now: Literal[True] = True
    at: Time
    checks: tuple[TriggerCheckResponse, ...]
    outcome: JourneyOutcomeResponse | None
    note: str | None


def _node(explained: ExplainedCondition) -> GroupNode | ComparisonNode:
    match explained:
        case ExplainedGroup():
            return GroupNode(kind=explained.kind, holds=explained.holds, items=tuple(_node(each) for each in explained.items))
        case ExplainedComparison():
            found, is_cut = _shown(explained.found)
            return ComparisonNode(
                holds=explained.holds,
                property=explained.comparison.path,
                operator=explained.comparison.operator,
                value=explained.comparison.value,
                found=found,
                missing=explained.found is None,
                is_cut=is_cut,
            )
        case _:
            assert_never(explained)


def _shown(found: Any) -> tuple[Any, bool]:
    """A found value, or the beginning of its JSON, and whether it was cut."""
    text = exact_json.dumps(found, ascii_only=False)
    return (found, False) if len(text) <= MAX_FOUND_LENGTH else (text[:MAX_FOUND_LENGTH], True)
