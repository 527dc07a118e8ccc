"""The checks of a journey's graph: edges to steps that do not exist, steps that cannot be reached, endless cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from pydantic import ValidationError

from waypost.domain.journeys.definition import Edge
from waypost.domain.journeys.steps import STEP
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

_EDGE_FIELDS: Final = ("next", "otherwise", "onFailure")


@dataclass(frozen=True, slots=True)
class Node:
    """A step as a node of the graph; `position` is its index in the list of steps."""

    position: int
    id: str
    edges: tuple[Edge, ...]
    is_waiting_step: bool


def findings(steps: Sequence[Any]) -> list[Finding]:
    """All faults of the graph of `steps`, which are JSON values. A step that does not parse is a node too."""
    nodes = [_node(position, step) for position, step in enumerate(steps) if isinstance(step, Mapping) and isinstance(step.get("id"), str)]
    by_id: dict[str, Node] = {}
    for node in nodes:
        by_id.setdefault(node.id, node)
    return [*_duplicate_ids(nodes, by_id), *_unknown_targets(nodes, by_id), *_unreachable(by_id), *_endless_cycles(by_id)]


def _node(position: int, step: Mapping[str, Any]) -> Node:
    try:
        parsed = STEP.validate_python(step)
    except ValidationError:
        # The fault of this step has a finding of its own. Its edges count all the same: without them every step behind it
        # would be reported as unreachable. Whether it waits is unknown; one that may wait makes no cycle endless.
        return Node(position, step["id"], tuple(_edges_of_invalid(step)), is_waiting_step=True)
    return Node(position, parsed.id, parsed.edges, parsed.is_waiting_step)


def _edges_of_invalid(step: Mapping[str, Any]) -> Iterator[Edge]:
    """The edges of a step that does not parse, by the names that fields with step ids usually have."""
    yield from _named_edges((), step)
    yield from _named_edges(("timeout",), step.get("timeout"))
    branches = step.get("branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        yield from _named_edges(("branches", index), branch)


def _named_edges(place: tuple[str | int, ...], part: Any) -> Iterator[Edge]:
    if isinstance(part, Mapping):
        yield from (Edge((*place, name), part[name]) for name in _EDGE_FIELDS if isinstance(part.get(name), str))


def _duplicate_ids(nodes: Sequence[Node], by_id: Mapping[str, Node]) -> Iterator[Finding]:
    for node in nodes:
        if by_id[node.id] is not node:
            yield Finding(
                "duplicate-step-id",
                f"the step at position {by_id[node.id].position} has this id already",
                pointer(("steps", node.position, "id")),
            )


def _unknown_targets(nodes: Sequence[Node], by_id: Mapping[str, Node]) -> Iterator[Finding]:
    for node in nodes:
        for edge in node.edges:
            if edge.target not in by_id:
                yield Finding("unknown-step", f"no step has the id {edge.target[:64]!r}", pointer(("steps", node.position, *edge.place)))


def _unreachable(by_id: Mapping[str, Node]) -> Iterator[Finding]:
    """Steps that no path from the first step reaches."""
    reached = {node.id for node in by_id.values() if node.position == 0}
    if not reached:
        return
    to_visit = list(reached)
    while to_visit:
        new = {edge.target for edge in by_id[to_visit.pop()].edges if edge.target in by_id} - reached
        reached |= new
        to_visit += new
    for node in by_id.values():
        if node.id not in reached:
            yield Finding("unreachable-step", "no path from the first step leads to this step", pointer(("steps", node.position)))


def _endless_cycles(by_id: Mapping[str, Node]) -> Iterator[Finding]:
    """Cycles in which a run never waits: it would go round until the limit of steps for one signal ends it.

    The sorter reports one cycle at a time. Removing one of its steps breaks it, so that the next round finds another.
    """
    targets = {node.id: {edge.target for edge in node.edges} for node in by_id.values() if not node.is_waiting_step}
    while True:
        try:
            TopologicalSorter({name: following & targets.keys() for name, following in targets.items()}).prepare()
        except CycleError as error:
            cycle = list(reversed(error.args[1]))
            start = min(cycle, key=lambda name: by_id[name].position)
            yield Finding("endless-loop", f"a cycle without a wait: {' -> '.join(cycle)}", pointer(("steps", by_id[start].position)))
            del targets[start]
        else:
            return
