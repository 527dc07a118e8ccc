"""The condition language: paths, `all`, `any` and `not`, and conditions on a customer who is not loaded."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from waypost.domain.journeys.conditions import CONDITION, ConditionScope, holds


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("payload.order.total", 7),
        ("payload.order.lines.0.sku", "x"),
        ("payload.order.lines.1.sku", None),
        ("payload.order.lines.00.sku", None),
        ("payload.order.lines.length", None),
        ("payload.utm.source", "dotted"),
        ("payload.utm.medium", "nested"),
        ("payload.order.total.more", None),
    ],
)
def test_paths_find_nested_and_dotted_names(path: str, expected: Any) -> None:
    """A path leads through objects and, by position, arrays; a name with dots wins over the same path nested, unless it is null."""
    payload = {
        "order": {"total": 7, "lines": [{"sku": "x"}]},
        "utm.source": "dotted",
        "utm": {"source": "nested", "medium": "nested"},
        "utm.medium": None,
    }
    operator = "not exist" if expected is None else "is equal to"
    comparison = CONDITION.validate_python({"property": path, "operator": operator, "value": expected})
    assert holds(comparison, ConditionScope(payload, None, "UTC")) is True


YES = {"property": "payload.yes", "operator": "exist"}
NO = {"property": "payload.no", "operator": "exist"}
PRO = {"property": "customer.plan", "operator": "is equal to", "value": "pro"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (PRO, None),
        ({"not": PRO}, None),
        ({"all": [PRO, YES]}, None),
        ({"all": [PRO, NO]}, False),
        ({"all": [NO, PRO]}, False),
        ({"any": [PRO, NO]}, None),
        ({"any": [PRO, YES]}, True),
        ({"not": {"any": [PRO, YES]}}, False),
        ({"all": [{"any": [PRO, YES]}, {"not": NO}]}, True),
    ],
)
def test_without_the_customer_only_conditions_that_depend_on_it_are_open(condition: Any, expected: bool | None) -> None:
    """Before the customer is loaded, a condition is true or false where the payload decides it, and open everywhere else."""
    assert holds(CONDITION.validate_python(condition), ConditionScope({"yes": 1}, None, "UTC")) is expected


def test_with_the_customer_no_condition_is_open() -> None:
    """With a loaded customer every condition is true or false, also where the attribute is missing."""
    condition = CONDITION.validate_python({"all": [PRO, YES]})
    assert holds(condition, ConditionScope({"yes": 1}, {"plan": "pro"}, "UTC")) is True
    assert holds(condition, ConditionScope({"yes": 1}, {}, "UTC")) is False


@pytest.mark.parametrize(
    "raw",
    [
        {"all": []},
        {"any": []},
        {"not": {}},
        {},
        [],
        None,
        {"property": "payload.a", "operator": "resembles", "value": 1},
        {"property": "event.a", "operator": "exist"},
        {"property": "payload", "operator": "exist"},
        {"property": "payload.", "operator": "exist"},
        {"property": "payload.a..b", "operator": "exist"},
        {"property": "payload.a", "operator": "exist", "valeu": 1},
        {"all": [YES], "any": [YES]},
    ],
)
def test_other_values_are_not_conditions(raw: Any) -> None:
    """Empty groups, unknown operators and fields, and paths outside payload and customer do not parse as a condition."""
    with pytest.raises(ValidationError):
        CONDITION.validate_python(raw)
