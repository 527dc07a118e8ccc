"""The operators: each row of the table, and that nothing concluded from a row is ever wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.messages import NOW
from waypost.domain.journeys import conditions, operators
from waypost.domain.journeys.checks.contradictions import is_contradiction
from waypost.domain.journeys.checks.implications import Implications
from waypost.domain.journeys.conditions import CONDITION, All, Any_, Comparison, Condition, ConditionScope, Not, holds
from waypost.domain.journeys.journey import Entry, Journey, json_schema
from waypost.domain.journeys.operators import OPERATORS, OperatorRule, Relation
from waypost.domain.journeys.steps import Exit
from waypost.domain.journeys.trigger_index import TriggerIndex

MISSING = object()
BERLIN = "Europe/Berlin"
HOLD_FOR_MISSING = {"not exist", "doesNotExist", "is not equal to", "does not contain"}


def result(operator: str, found: Any, value: Any = None, zone: str = "UTC") -> bool | None:
    """Whether a payload property with the value `found` satisfies the operator."""
    comparison = CONDITION.validate_python({"property": "payload.it", "operator": operator, "value": value})
    return holds(comparison, ConditionScope({} if found is MISSING else {"it": found}, None, zone))


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
    """Numbers compare as numbers, booleans as their texts and instants as instants, in both directions."""
    assert result("is equal to", found, value) is True
    assert result("is equal to", value, found) is True
    assert result("is not equal to", found, value) is False


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
def test_different_values_are_not_equal(found: Any, value: Any) -> None:
    """`true` does not equal 1, a code with leading zeros does not equal a number, and texts that differ in case are different."""
    assert result("is equal to", found, value) is False
    assert result("is not equal to", found, value) is True


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
        ("before", 5, "2026-11-23", True),
        ("before", 1795411033, "2026-11-24", True),
        ("before", 1795411033000, "2026-11-23", False),
        ("after", Decimal("1795411033.5"), "2026-11-23T05:17:13Z", True),
        ("after", "1795411033000", "2026-11-23", True),
        ("after", "Nov 23, 2026, 5:17:13 AM", "2026-11-23T05:17:12Z", True),
        ("after", "Nov 23, 2026, 5:17:13 AM", "2026-11-23T05:17:13Z", False),
        ("after", "20261123T051714Z", "2026-11-23T05:17:13Z", True),
        ("during", 1795411033, {"from": "2026-11-23", "to": "2026-11-24"}, True),
        ("before", "2026-11-22T24:00:00Z", "2026-11-23T00:00:01Z", True),
        ("after", "2026-12-31T23:59:60Z", "2026-12-31T23:59:59Z", True),
        ("before", True, "2026-11-23", False),
        ("before", "12", "2026-11-23", False),
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
def test_an_operator_compares_as_documented(operator: str, found: Any, value: Any, expected: bool) -> None:
    """Each row of docs/journeys.md#operators holds, and a property of another type does not satisfy the operator."""
    assert result(operator, found, value) is expected


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("found", [MISSING, None], ids=["missing", "null"])
def test_a_missing_property_satisfies_four_operators_only(operator: str, found: Any) -> None:
    """A missing property and null satisfy `not exist`, `doesNotExist`, `is not equal to` and `does not contain`, and no other operator."""
    assert result(operator, found, 1) is (operator in HOLD_FOR_MISSING)


def test_a_time_without_a_zone_is_in_the_zone_of_the_workspace() -> None:
    """Midnight in Berlin equals 23:00 UTC of the day before in a workspace of Berlin, and an unknown zone counts as UTC."""
    assert result("is equal to", "2026-11-23", "2026-11-22T23:00:00Z", BERLIN) is True
    assert result("before", "2026-11-22T23:30:00", "2026-11-22T23:00:00Z", BERLIN) is True
    assert result("before", "2026-11-22T23:30:00", "2026-11-22T23:00:00Z", "No/Such_Zone") is False


numbers = st.integers() | st.decimals(allow_nan=True) | st.floats() | st.sampled_from([Decimal("1e999999"), Decimal("-1e-999999")])
texts = st.text() | st.sampled_from(
    ["2", "2.0", "-0", "true", "0001-01-01T00:00:00+14:00", "9999-12-31", "9999-12-31T23:59:59-12:00", "2026-13-01", "\ud800"]
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["from", "to", "a", "a.b"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(OPERATORS)), json_values, json_values, st.sampled_from(["UTC", BERLIN, "Pacific/Kiritimati", "", "../etc"]))
def test_no_values_raise(operator: str, found: Any, value: Any, zone: str) -> None:
    """For any two JSON values, in any zone, an operator is true or false, and a fault of its value says what the operator needs."""
    assert result(operator, found, value, zone) in {True, False}
    fault = OPERATORS[operator].value_fault(value)
    assert fault is None or fault.startswith("needs ")


@given(json_values, json_values)
def test_not_equal_is_the_opposite_of_equal(found: Any, value: Any) -> None:
    """For all values, null included, exactly one of `is equal to` and `is not equal to` holds."""
    assert result("is equal to", found, value) is not result("is not equal to", found, value)


def test_parsing_and_the_json_schema_take_the_names_of_the_table() -> None:
    """A condition and the published JSON Schema accept every name of the table and list no other."""
    assert json_schema()["$defs"]["Comparison"]["properties"]["operator"]["enum"] == list(OPERATORS)
    for operator in OPERATORS:
        comparison = CONDITION.validate_python({"property": "payload.it", "operator": operator})
        assert isinstance(comparison, Comparison)
        assert comparison.rule is OPERATORS[operator]


def test_no_two_rows_share_a_name() -> None:
    """A name that two rows shared would silently take the meaning of the second row."""
    assert len(OPERATORS) == sum(len(rule.names) for rule in set(OPERATORS.values()))


def test_no_other_module_of_journeys_names_an_operator() -> None:
    """Matching, the checks and the index read the table, so that a new operator changes `operators.py` only."""
    for path in Path(operators.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        keywords = [node.value for node in nodes if isinstance(node, ast.keyword)]  # such as `mode="after"` of a validator
        texts = {node.value for node in nodes if isinstance(node, ast.Constant) and node not in keywords}
        assert path.name == "operators.py" or not texts & OPERATORS.keys(), path.name


# From here on every row is compared with brute force: all values of a pool as the property and as the value of the condition.
SPAN = {"from": "2026-11-22T12:00:00Z", "to": "2026-11-23T12:00:00Z"}
POOL: list[Any] = [1, "2.0", 2, "a", "ab", True, "true", [1, "a"], "2026-11-23", "2026-11-22T23:00:00Z", "2026-11-24T01:00:00", SPAN]
SCOPES = [
    ConditionScope({} if found is MISSING else {"it": found}, None, zone)
    for found in [MISSING, *POOL, "", [], "2", Decimal("1.5"), "b", "true story"]
    for zone in ["UTC", BERLIN, "Pacific/Kiritimati"]
]


def known() -> Mapping[str, OperatorRule]:
    """The table as the conditions read it, with the row that a test has replaced."""
    table: Mapping[str, OperatorRule] = vars(conditions)["OPERATORS"]
    return table


def comparisons(operator: str) -> list[Comparison]:
    """The comparisons of one property by this operator that pass its value check, for all values of the pool."""
    usable = [value for value in POOL if known()[operator].value_fault(value) is None]
    return [Comparison(property="payload.it", operator=operator, value=value) for value in usable]


def all_results(condition: Condition) -> tuple[bool | None, ...]:
    """Whether a condition holds for each property of the pool in each zone."""
    return tuple(holds(condition, scope) for scope in SCOPES)


@cache
def compared(rules: tuple[tuple[str, OperatorRule], ...]) -> list[tuple[Comparison, tuple[bool | None, ...]]]:
    """The comparisons by all operators, each with its results. `rules` is the table, as `known` has it."""
    return [(each, all_results(each)) for name, _ in rules for each in comparisons(name)]


def pairs(operator: str) -> Iterator[tuple[Comparison, tuple[bool | None, ...], Comparison, tuple[bool | None, ...]]]:
    """Every comparison by this operator beside every comparison by any operator, each with its results."""
    others = compared(tuple(known().items()))
    for one, results in (each for each in others if each[0].operator == operator):
        yield from ((one, results, other, other_results) for other, other_results in others)


def wrong_contradictions(operator: str) -> list[tuple[Comparison, Comparison]]:
    """Pairs that are refused as a contradiction although some property satisfies both."""
    return [
        (one, other)
        for one, results, other, other_results in pairs(operator)
        if is_contradiction(All(all=(one, other))) and any(a and b for a, b in zip(results, other_results, strict=True))
    ]


def wrong_implications(operator: str) -> list[tuple[Comparison, Comparison]]:
    """Pairs of which the first is declared to follow from the second, although some property satisfies only the second."""
    return [
        (wide, narrow)
        for one, results, other, other_results in pairs(operator)
        for wide, held, narrow, given in [(one, results, other, other_results), (other, other_results, one, results)]
        if Implications().follows(wide, narrow) and any(b and not a for a, b in zip(held, given, strict=True))
    ]


def wrong_candidates(operator: str) -> list[ConditionScope]:
    """Payloads and zones for which the trigger index does not find what a scan of all entries finds."""
    kind = Comparison(property="payload.kind", operator="is equal to", value="order")
    alone: list[Condition] = [*comparisons(operator)]
    entries = [*alone, *(Not.model_validate({"not": each}) for each in alone), *(Any_(any=(each, kind)) for each in alone)]
    entries += [All(all=(kind, each)) for each in alone]
    published = [
        (Journey(id=f"j{place}", entry=Entry(event="it_happened", conditions=each), steps=(Exit(id="end", type="exit"),)), 1)
        for place, each in enumerate(entries)
    ]
    index = TriggerIndex(published)
    wrong = []
    for scope in [*SCOPES, *(replace(each, payload={**each.payload, "kind": "order"}) for each in SCOPES)]:
        scanned = [each for each, condition in zip(published, entries, strict=True) if holds(condition, scope)]
        if index.candidates("it_happened", "custom", scope.payload, scope.timezone, NOW) != scanned:
            wrong.append(scope)
    return wrong


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_holds_for_some_properties_and_not_for_others(operator: str) -> None:
    """The pool has a value that the operator accepts, and properties on both sides, so that the next tests compare something."""
    found = {each for comparison in comparisons(operator) for each in all_results(comparison)}
    assert found == {True, False}


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_two_comparisons_that_can_hold_together_are_a_contradiction(operator: str) -> None:
    """Publishing refuses no pair of comparisons of one property that some value of the property satisfies."""
    assert wrong_contradictions(operator) == []


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_comparison_that_follows_holds_wherever_the_other_holds(operator: str) -> None:
    """Publishing refuses no branch, on one property, that some value of the property could take."""
    assert wrong_implications(operator) == []


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_index_finds_entries_with_this_operator(operator: str) -> None:
    """For each operator, alone and inside `not`, `any` and `all`, the index finds the journeys that a scan finds."""
    assert wrong_candidates(operator) == []


STARTS_WITH = OperatorRule(
    ("contains",),
    lambda found, value, _: isinstance(found, str) and isinstance(value, str) and found.startswith(value),
    lambda value: None if isinstance(value, str) else "needs a text",
)
"""A row that the table does not have. The tests put it in the place of `contains`, whose name then means `starts with`."""


def in_place_of_contains(monkeypatch: pytest.MonkeyPatch, row: OperatorRule) -> None:
    """Replaces the row of `contains` by another for the time of a test."""
    monkeypatch.setattr(conditions, "OPERATORS", {**OPERATORS, "contains": row})


def test_a_new_row_needs_no_change_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """With only its test and its value check, a new operator works in matching, in the checks and in the index."""
    in_place_of_contains(monkeypatch, STARTS_WITH)
    assert (result("contains", "abc", "ab"), result("contains", "abc", "bc"), result("contains", MISSING, "a")) == (True, False, False)
    assert [each.value for each in comparisons("contains")] == [each for each in POOL if isinstance(each, str)]
    assert not [*wrong_contradictions("contains"), *wrong_implications("contains"), *wrong_candidates("contains")]
    exists = Comparison(property="payload.it", operator="exist")
    absent = Comparison(property="payload.it", operator="not exist")
    assert all(Implications().follows(exists, each) and is_contradiction(All(all=(each, absent))) for each in comparisons("contains"))


@pytest.mark.parametrize(
    ("row", "find_wrong"),
    [
        (replace(STARTS_WITH, equal_values_alike=True), wrong_contradictions),
        (replace(STARTS_WITH, relation=Relation.MISSING), wrong_contradictions),
        (replace(STARTS_WITH, relation=Relation.EQUAL), wrong_contradictions),
        (replace(STARTS_WITH, relation=Relation.NUMBER_ABOVE), wrong_candidates),
        (replace(STARTS_WITH, relation=Relation.PRESENT), wrong_implications),
        (replace(STARTS_WITH, relation=Relation.EQUAL), wrong_candidates),
        (replace(STARTS_WITH, relation=Relation.NUMBER_BELOW), wrong_candidates),
    ],
)
def test_a_row_that_claims_too_much_is_found_out(monkeypatch: pytest.MonkeyPatch, row: OperatorRule, find_wrong: Any) -> None:
    """The comparison with brute force fails for a row from which the checks or the index conclude what is not so."""
    in_place_of_contains(monkeypatch, row)
    assert find_wrong("contains")
