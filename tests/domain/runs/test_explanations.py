"""Explanations of why an event matches the checks of a journey: they never differ from what the engine decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.journey_harness import CUSTOMER, END
from tests.fakes.messages import NOW
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, Kind
from waypost.domain.journeys.conditions import CONDITION, Condition, holds
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.operators import OPERATORS
from waypost.domain.journeys.trigger_index import TriggerIndex
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.entry_rules import enter
from waypost.domain.runs.explanations import ExplainedComparison, ExplainedCondition, TriggerCheck, checks, explain
from waypost.domain.runs.reactions import Rules, apply_event
from waypost.domain.runs.run import Run

plain = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "1", "2026-11-23", "2026-11-22T23:00:00Z"])
values = plain | st.lists(plain, max_size=3) | st.dictionaries(st.sampled_from(["x", "from", "to"]), plain, max_size=3)
properties = st.dictionaries(st.sampled_from(["x", "y", "x.y"]), values, max_size=3)
comparisons = st.fixed_dictionaries(
    {
        "property": st.sampled_from(["payload.x", "payload.y", "payload.x.y", "customer.x", "customer.y", "customer.x.0"]),
        "operator": st.sampled_from(sorted(OPERATORS)),
        "value": values,
    }
)
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=8,
)
triggers = st.fixed_dictionaries(
    {"event": st.sampled_from(["go", "stop"])}, optional={"source": st.just("mobile"), "conditions": conditions}
)
zones = st.sampled_from(["UTC", "Europe/Berlin"])


def event_with(payload: dict[str, Any], name: str = "go", source: str = "custom") -> Event:
    """An event of the customer."""
    return Event("e1", name, Kind.TRIGGER, Identifier("correlation", "phone"), source, payload, NOW, {})


def context_of(event: Event, attributes: dict[str, Any], zone: str = "UTC") -> StepContext:
    """The event, and a customer with these attributes."""
    customer: Customer = replace(CUSTOMER, attributes=attributes)
    return StepContext(customer, event_snapshot(event), NOW, zone)


def by_items(explained: ExplainedCondition) -> bool:
    """Whether an explained condition holds, computed from its items alone."""
    if isinstance(explained, ExplainedComparison):
        return explained.holds
    items = [by_items(each) for each in explained.items]
    return {"all": all(items), "any": any(items), "not": not items[0]}[explained.kind]


def all_comparisons(explained: ExplainedCondition) -> list[ExplainedComparison]:
    """All comparisons of an explained condition."""
    if isinstance(explained, ExplainedComparison):
        return [explained]
    return [comparison for item in explained.items for comparison in all_comparisons(item)]


@settings(max_examples=2 * settings().max_examples)
@given(conditions, properties, properties, zones)
def test_an_explained_condition_holds_where_it_holds_for_the_engine(raw: Any, payload: Any, attributes: Any, zone: str) -> None:
    """The root has the engine's answer, each group follows from its items, and each comparison from the value that is shown."""
    condition: Condition = CONDITION.validate_python(raw)
    context = context_of(event_with(payload), attributes, zone)
    explained = explain(condition, context)
    assert explained.holds is (holds(condition, context.scope()) is True)
    assert explained.holds is by_items(explained)
    for each in all_comparisons(explained):
        assert each.holds is each.comparison.rule.holds(each.found, each.comparison.value, zone)


@settings(max_examples=2 * settings().max_examples)
@given(triggers, triggers, triggers, properties, properties, st.sampled_from(["go", "stop"]), st.sampled_from(["custom", "web", "message"]))
def test_checks_agree_with_what_the_engine_does(
    entry: Any, wait: Any, exits: Any, payload: Any, attributes: Any, name: str, source: str
) -> None:
    """An entry holds if and only if the event starts a run, a branch if and only if it moves a waiting run, and an exit likewise."""
    steps = [{"id": "wait", "type": "waitUntil", "branches": [{"id": "came", "next": "end", **wait}]}, END]
    journey = Journey.model_validate({"id": "j", "entry": entry, "exit": [exits], "steps": steps})
    event = event_with(payload, name, source)
    context = context_of(event, attributes)
    found: list[TriggerCheck] = checks(journey, context)
    assert [(each.kind, each.step, each.branch) for each in found] == [
        ("entry", None, None),
        ("branch", "wait", "came"),
        ("exit", None, None),
    ]
    entered, branch, leaving = (each.holds for each in found)

    candidates = TriggerIndex([(journey, 1)]).candidates(name, source, payload, "UTC", NOW)
    assert entered is (bool(candidates) and not isinstance(enter(JourneyVersion(journey, 1), [], event, context), Reason))

    run = Run("r_1", "j", 1, "", "wait", NOW, visits={"wait": 1})
    reaction = apply_event(event, [run], [], Rules({run.id: JourneyVersion(journey, 1)}), context)
    moved = reaction.runs[run.id]
    assert (moved.reason is Reason.FINISHED) is branch
    assert (moved.reason is Reason.EXIT_EVENT) is (leaving and not branch)


@given(triggers, properties)
def test_conditions_are_explained_only_of_triggers_that_take_the_event(trigger: Any, payload: Any) -> None:
    """A trigger of another name or source has neither a tree nor a match; one that takes the event has the tree of its conditions."""
    journey = Journey.model_validate({"id": "j", "entry": trigger, "steps": [END]})
    [check] = checks(journey, context_of(event_with(payload), {}))
    assert check.names is (trigger["event"] == "go")
    assert (check.condition is not None) is (check.names and "conditions" in trigger)
    assert check.holds is (check.names and (check.condition is None or check.condition.holds))


def test_each_event_of_a_branch_has_a_check() -> None:
    """An `all` branch says that it needs all of its events, and a branch on what became of a message has none."""
    branches = [
        {"id": "both", "all": ["go", "stop"], "next": "end"},
        {"any": ["go", "other"], "next": "end"},
        {"message": "hello", "status": "opened", "next": "end"},
    ]
    journey = Journey.model_validate(
        {"id": "j", "entry": {"event": "go"}, "steps": [{"id": "wait", "type": "waitUntil", "branches": branches}, END]}
    )
    found = checks(journey, context_of(event_with({}), {}))[1:]
    assert [(each.branch, each.trigger.event, each.needs_all, each.names) for each in found] == [
        ("both", "go", True, True),
        ("both", "stop", True, False),
        ("2", "go", False, True),
        ("2", "other", False, False),
    ]
