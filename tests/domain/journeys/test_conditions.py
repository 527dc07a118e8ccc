"""The condition language, row by row of contract 3.1."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from waypost.domain.journeys.conditions import CONDITION, Scope, holds
from waypost.domain.journeys.operators import TESTS

MISSING = object()
BERLIN = "Europe/Berlin"
TRUE_OF_MISSING = {"not exist", "doesNotExist", "is not equal to", "does not contain"}


def verdict(operator: str, found: Any, value: Any = None, zone: str = "UTC") -> bool | None:
    """Whether a payload property with this value satisfies the operator."""
    leaf = CONDITION.validate_python({"property": "payload.it", "operator": operator, "value": value})
    return holds(leaf, Scope({} if found is MISSING else {"it": found}, None, zone))


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (2, Decimal("2.0")),
        (2, "2"),
        ("2", Decimal("2.0")),
        ("2", "2.0"),
        (Decimal("1e2"), 100),
        (2.0, 2),
        (0.1, Decimal("0.1")),
        ("-0", 0),
        (Decimal(12345678901234567890123456789012345678), "12345678901234567890123456789012345678"),
        (True, "true"),
        ("false", False),
        ("Zoë", "Zoë"),
        ("", ""),
        ("2026-11-23T05:00:00Z", "2026-11-23T06:00:00+01:00"),
        ("2026-11-23T05:00:00.000Z", "2026-11-23 05:00"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
        ([1, "a"], ["1", "a"]),
        ({"a": 1, "b": 2}, {"b": 2, "a": Decimal("1.0")}),
    ],
)
def test_equal_values_are_equal_however_they_are_written(found: Any, value: Any) -> None:
    """Numbers compare as numbers, booleans as their texts, instants as instants, in both directions."""
    assert verdict("is equal to", found, value) is True
    assert verdict("is equal to", value, found) is True
    assert verdict("is not equal to", found, value) is False


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (True, 1),
        (False, 0),
        (True, "1"),
        (True, "True"),
        ("Pro", "pro"),
        ("007", "7"),
        ("007", 7),
        ("0e1", "0e2"),
        (" 2", 2),
        ("", 0),
        ("", False),
        ([], ""),
        ([1], 1),
        ([1, 2], [2, 1]),
        ({}, []),
        (None, "null"),
        ("20261123", "2026-11-23"),
        (12345678901234567890123456789012345678, 12345678901234567890123456789012345679),
    ],
)
def test_different_values_stay_different(found: Any, value: Any) -> None:
    """None of the coercions that surprise people: true is not 1, codes with leading zeros are not numbers, case counts."""
    assert verdict("is equal to", found, value) is False
    assert verdict("is not equal to", found, value) is True


@pytest.mark.parametrize(
    ("operator", "found", "value", "expected"),
    [
        ("is greater than", 11, 10, True),
        ("is greater than", "11", "9", True),
        ("is greater than", 10, 10, False),
        ("is greater than", Decimal("0.30000000000000001"), Decimal("0.3"), True),
        ("is greater than", Decimal("1e999999"), 10**37, True),
        ("is greater than", "b", "a", False),
        ("is greater than", True, 0, False),
        ("is greater than", [11], 10, False),
        ("is greater than", 11, "ten", False),
        ("is less than", 9, "10", True),
        ("is less than", Decimal("-1e999999"), -5, True),
        ("is less than", 10, 10, False),
        ("is less than", "", 1, False),
        ("before", "2026-11-22", "2026-11-23", True),
        ("before", "2026-11-23", "2026-11-23", False),
        ("before", "2026-11-23T00:30:00+01:00", "2026-11-23T00:00:00Z", True),
        ("before", "soon", "2026-11-23", False),
        ("before", 5, "2026-11-23", False),
        ("before", "2026-02-30", "2026-11-23", False),
        ("after", "2026-11-23T00:00:00.001Z", "2026-11-23", True),
        ("after", "2026-11-23", "2026-11-23", False),
        ("after", "2026-11-23", "later", False),
        ("during", "2026-11-01", {"from": "2026-11-01", "to": "2026-12-01"}, True),
        ("during", "2026-11-30T23:59:59Z", {"from": "2026-11-01", "to": "2026-12-01"}, True),
        ("during", "2026-12-01", {"from": "2026-11-01", "to": "2026-12-01"}, False),
        ("during", "2026-10-31", {"from": "2026-11-01", "to": "2026-12-01"}, False),
        ("during", "2026-11-01", "2026-11-01", False),
        ("during", 3, {"from": "2026-11-01", "to": "2026-12-01"}, False),
        ("contains", "waypost", "post", True),
        ("contains", "waypost", "Post", False),
        ("contains", ["a", 2], "2", True),
        ("contains", ["a", 2], "b", False),
        ("contains", "a2", 2, False),
        ("contains", 22, "2", False),
        ("contains", {"a": 1}, "a", False),
        ("does not contain", "waypost", "Post", True),
        ("does not contain", "waypost", "post", False),
        ("does not contain", ["a"], "b", True),
        ("does not contain", ["a", 2], "2", False),
        ("does not contain", 22, "3", False),
        ("exist", "", None, True),
        ("exists", False, None, True),
        ("exist", [], "ignored", True),
        ("not exist", 0, None, False),
        ("doesNotExist", {}, None, False),
        ("length is greater than", "abc", 2, True),
        ("length is greater than", [], 0, False),
        ("length is less than", [1], "2", True),
        ("length is less than", 5, 2, False),
        ("length is equal to", "Zoë", Decimal("3.0"), True),
        ("length is equal to", [], 0, True),
        ("length is equal to", {"a": 1}, 1, False),
    ],
)
def test_operators_say_what_the_table_says(operator: str, found: Any, value: Any, expected: bool) -> None:
    """Each row of the operator table, with a type that does not fit as false."""
    assert verdict(operator, found, value) is expected


@pytest.mark.parametrize("operator", TESTS)
@pytest.mark.parametrize("found", [MISSING, None])
def test_a_missing_property_satisfies_four_operators_only(operator: str, found: Any) -> None:
    """Null is missing; missing satisfies `not exist`, `is not equal to` and `does not contain`."""
    assert verdict(operator, found, 1) is (operator in TRUE_OF_MISSING)


def test_a_time_without_a_zone_is_meant_in_the_workspace() -> None:
    """Midnight in Berlin is an hour before midnight in UTC."""
    assert verdict("is equal to", "2026-11-23", "2026-11-22T23:00:00Z", BERLIN) is True
    assert verdict("before", "2026-11-22T23:30:00", "2026-11-22T23:00:00Z", BERLIN) is True
    assert verdict("before", "2026-11-22T23:30:00", "2026-11-22T23:00:00Z", "No/Such_Zone") is False


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
    """A path goes through objects and, by number, arrays; a name with dots in it wins over the same path nested."""
    payload = {
        "order": {"total": 7, "lines": [{"sku": "x"}]},
        "utm.source": "dotted",
        "utm": {"source": "nested", "medium": "nested"},
        "utm.medium": None,
    }
    operator = "not exist" if expected is None else "is equal to"
    leaf = CONDITION.validate_python({"property": path, "operator": operator, "value": expected})
    assert holds(leaf, Scope(payload, None, "UTC")) is True


YES = {"property": "payload.yes", "operator": "exist"}
NO = {"property": "payload.no", "operator": "exist"}
ASK = {"property": "customer.plan", "operator": "is equal to", "value": "pro"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (ASK, None),
        ({"not": ASK}, None),
        ({"all": [ASK, YES]}, None),
        ({"all": [ASK, NO]}, False),
        ({"all": [NO, ASK]}, False),
        ({"any": [ASK, NO]}, None),
        ({"any": [ASK, YES]}, True),
        ({"not": {"any": [ASK, YES]}}, False),
        ({"all": [{"any": [ASK, YES]}, {"not": NO}]}, True),
    ],
)
def test_without_the_customer_only_what_hangs_on_it_stays_open(condition: Any, expected: bool | None) -> None:
    """An event that cannot match is known before any customer is loaded."""
    assert holds(CONDITION.validate_python(condition), Scope({"yes": 1}, None, "UTC")) is expected


def test_with_the_customer_nothing_stays_open() -> None:
    """A loaded customer answers, also where the attribute is missing."""
    condition = CONDITION.validate_python({"all": [ASK, YES]})
    assert holds(condition, Scope({"yes": 1}, {"plan": "pro"}, "UTC")) is True
    assert holds(condition, Scope({"yes": 1}, {}, "UTC")) is False


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
def test_what_is_not_a_condition_is_refused(raw: Any) -> None:
    """Empty groups, unknown operators, unknown fields and properties of nothing."""
    with pytest.raises(ValidationError):
        CONDITION.validate_python(raw)


numbers = st.integers() | st.decimals(allow_nan=True) | st.floats() | st.sampled_from([Decimal("1e999999"), Decimal("-1e-999999")])
texts = st.text() | st.sampled_from(
    ["2", "2.0", "-0", "true", "0001-01-01T00:00:00+14:00", "9999-12-31", "9999-12-31T23:59:59-12:00", "2026-13-01", "\ud800"]
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["from", "to", "a", "a.b"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(TESTS)), json_values, json_values, st.sampled_from(["UTC", BERLIN, "Pacific/Kiritimati", "", "../etc"]))
def test_no_values_raise(operator: str, found: Any, value: Any, zone: str) -> None:
    """Whatever an app sends and a team writes, a condition is true or false."""
    assert verdict(operator, found, value, zone) in {True, False}


@given(json_values, json_values)
def test_not_equal_is_the_opposite_of_equal(found: Any, value: Any) -> None:
    """For all values, null and missing included."""
    assert verdict("is equal to", found, value) is not verdict("is not equal to", found, value)
