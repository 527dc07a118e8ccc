"""The shape of a journey's steps: names that lead nowhere, steps that nothing leads to, circles without a rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from pydantic import ValidationError

from waypost.domain.journeys.steps import STEP
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

_EDGE_FIELDS: Final = ("next", "otherwise", "onFailure")


@dataclass(frozen=True, slots=True)
class Node:
    """A step as the graph sees it: where it stands in the list, its ways out by their places, and whether a run rests in it."""

    position: int
    id: str
    edges: tuple[tuple[str, str], ...]
    is_waiting_step: bool


def findings(steps: Sequence[Any]) -> list[Finding]:
    """All faults of the graph. `steps` are JSON values: a step that is wrong in itself still has a place in the graph."""
    nodes = [_node(position, step) for position, step in enumerate(steps) if isinstance(step, Mapping) and isinstance(step.get("id"), str)]
    by_id: dict[str, Node] = {}
    for node in nodes:
        by_id.setdefault(node.id, node)
    return [*_duplicate_ids(nodes, by_id), *_unknown_targets(nodes, by_id), *_unreachable(by_id), *_loops(by_id)]


def _node(position: int, step: Mapping[str, Any]) -> Node:
    place: tuple[str | int, ...] = ("steps", position)
    edges = [*_edges(place, step), *_edges((*place, "timeout"), step.get("timeout"))]
    branches = step.get("branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        edges += _edges((*place, "branches", index), branch)
    return Node(position, step["id"], tuple(edges), _is_waiting_step(step))


def _edges(place: tuple[str | int, ...], part: Any) -> list[tuple[str, str]]:
    if not isinstance(part, Mapping):
        return []
    return [(pointer((*place, name)), part[name]) for name in _EDGE_FIELDS if isinstance(part.get(name), str)]


def _is_waiting_step(step: Mapping[str, Any]) -> bool:
    """A step that does not parse gets the benefit of the doubt: it has its own finding."""
    try:
        return STEP.validate_python(step).is_waiting_step
    except ValidationError:
        return True


def _duplicate_ids(nodes: Sequence[Node], by_id: Mapping[str, Node]) -> Iterator[Finding]:
    for node in nodes:
        if by_id[node.id] is not node:
            yield Finding(
                "duplicate-step-id", f"step {by_id[node.id].position} has this id already", pointer(("steps", node.position, "id"))
            )


def _unknown_targets(nodes: Sequence[Node], by_id: Mapping[str, Node]) -> Iterator[Finding]:
    for node in nodes:
        for place, target in node.edges:
            if target not in by_id:
                yield Finding("unknown-step", f"no step has the id {target[:64]!r}", place)


def _unreachable(by_id: Mapping[str, Node]) -> Iterator[Finding]:
    seen = {node.id for node in by_id.values() if node.position == 0}
    if not seen:
        return
    ahead = list(seen)
    while ahead:
        fresh = {target for _, target in by_id[ahead.pop()].edges if target in by_id} - seen
        seen |= fresh
        ahead += fresh
    for node in by_id.values():
        if node.id not in seen:
            yield Finding("unreachable-step", "no way leads to this step", pointer(("steps", node.position)))


def _loops(by_id: Mapping[str, Node]) -> Iterator[Finding]:
    event_snapshot = {node.id: {target for _, target in node.edges} for node in by_id.values() if not node.is_waiting_step}
    while True:
        try:
            TopologicalSorter({name: targets & event_snapshot.keys() for name, targets in event_snapshot.items()}).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            start = min(circle, key=lambda name: by_id[name].position)
            yield Finding("endless-loop", f"a circle without a wait: {' -> '.join(circle)}", pointer(("steps", by_id[start].position)))
            del event_snapshot[start]
        else:
            return
