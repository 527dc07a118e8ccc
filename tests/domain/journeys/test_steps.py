"""The step types: their edges, and the names that errors list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest

from tests.fakes.journeys import EVERY_STEP
from waypost.domain.journeys.checks.graph import findings
from waypost.domain.journeys.definition import Step
from waypost.domain.journeys.journey import parse
from waypost.domain.journeys.message_steps import AnyMessage
from waypost.domain.journeys.steps import STEP, AnyStep


def classes_of(union: Any) -> Iterator[type[Step]]:
    """The classes of a union of steps, whatever annotations enclose them."""
    if isinstance(union, type):
        yield union
    for part in get_args(union):
        yield from classes_of(part)


def choices(union: Any, field: str) -> set[str]:
    """The texts that a field has in the classes of a union of steps."""
    return {text for each in classes_of(union) for text in get_args(each.model_fields[field].annotation)}


def named_steps(place: tuple[str | int, ...], part: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every place below a part of a definition where a text is the id of a step, but for `id` itself."""
    if isinstance(part, Mapping | list):
        for name, below in part.items() if isinstance(part, Mapping) else enumerate(part):
            yield from named_steps((*place, name), below)
    elif part in {step["id"] for step in EVERY_STEP["steps"]} and place[-1] != "id":
        yield place, part


def test_the_example_has_a_step_of_every_class() -> None:
    """The tests that walk through the example see every class of a step, so that a new class is tested as soon as it exists."""
    assert {type(STEP.validate_python(step)) for step in EVERY_STEP["steps"]} == set(classes_of(AnyStep))


@pytest.mark.parametrize("raw", EVERY_STEP["steps"], ids=lambda raw: raw["id"])
def test_the_edges_of_a_step_are_all_that_its_definition_names(raw: dict[str, Any]) -> None:
    """Each id of a step in a definition is the target of one edge at that place, so that no path escapes the graph checks."""
    assert sorted((str(edge.place), edge.target) for edge in STEP.validate_python(raw).edges) == sorted(
        (str(place), target) for place, target in named_steps((), raw)
    )


@pytest.mark.parametrize("raw", EVERY_STEP["steps"], ids=lambda raw: raw["id"])
def test_a_step_that_does_not_parse_keeps_its_edges(raw: dict[str, Any]) -> None:
    """A fault inside a step does not make the steps behind it unreachable: the graph has no finding."""
    steps = [{**step, "colour": "red"} if step is raw else step for step in EVERY_STEP["steps"]]
    assert isinstance(parse({**EVERY_STEP, "steps": steps}), list)
    assert findings(steps) == []


@pytest.mark.parametrize(
    ("step", "names"),
    [
        ({"id": "x", "type": "teleport"}, choices(AnyStep, "type")),
        ({"id": "x", "type": "message", "channel": "pigeon", "next": "x"}, choices(AnyMessage, "channel")),
    ],
    ids=["step type", "channel"],
)
def test_the_error_for_an_unknown_choice_lists_the_known_ones(step: dict[str, Any], names: set[str]) -> None:
    """The finding for an unknown type or channel names every type or channel that exists."""
    found = parse({"id": "j", "entry": {"event": "e"}, "steps": [step]})
    assert isinstance(found, list)
    listed = found[0].detail.partition(" is ")[2].replace(" or ", ", ").split(", ")
    assert set(listed) == names
