"""The checks of a journey's graph: edges to steps that do not exist, steps that cannot be reached, endless cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any, Final

from pydantic import ValidationError

from waypost.domain.journeys.definition import Edge
from waypost.domain.journeys.steps import STEP
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

_EDGE_FIELDS: Final = ("next", "otherwise", "onFailure")

LEAST_ROUND: Final = timedelta(seconds=60)
"""What delays and timeouts around a cycle add up to at least, unless an event leads a run round (`docs/journeys.md#jumpto-and-exit`)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A step as a node of the graph; `position` is its index in the list of steps."""

    position: int
    id: str
    edges: tuple[Edge, ...]
    is_waiting_step: bool


def findings(steps: Sequence[Any]) -> list[Finding]:
    """All faults of the graph of `steps`, which are JSON values. A step that does not parse is a node too."""
    nodes = _nodes(steps)
    by_id = _by_id(nodes)
    faults_of_ids = [*_duplicate_ids(nodes, by_id), *_unknown_targets(nodes, by_id)]
    return [*faults_of_ids, *_unreachable(by_id), *_endless_cycles(by_id), *_fast_cycles(by_id), *_known_status_cycles(by_id)]


def nodes_by_id(steps: Sequence[Any]) -> Mapping[str, Node]:
    """The steps of a definition as nodes; of two with one id the first."""
    return _by_id(_nodes(steps))


def reached_from(by_id: Mapping[str, Node], start: str) -> set[str]:
    """The ids of the steps to which a path of at least one edge leads from a step."""
    reached: set[str] = set()
    to_visit = [start]
    while to_visit:
        new = {edge.target for edge in by_id[to_visit.pop()].edges if edge.target in by_id} - reached
        reached |= new
        to_visit += new
    return reached


def _nodes(steps: Sequence[Any]) -> list[Node]:
    return [_node(position, step) for position, step in enumerate(steps) if isinstance(step, Mapping) and isinstance(step.get("id"), str)]


def _by_id(nodes: Sequence[Node]) -> dict[str, Node]:
    by_id: dict[str, Node] = {}
    for node in nodes:
        by_id.setdefault(node.id, node)
    return by_id


def _node(position: int, step: Mapping[str, Any]) -> Node:
    try:
        parsed = STEP.validate_python(step)
    except ValidationError:
        # The fault of this step has a finding of its own. Its edges count all the same: without them every step behind it
        # would be reported as unreachable. Whether it waits, and for how long, is unknown: no cycle through it is a fault.
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
        yield from (Edge((*place, name), part[name], by_event=True) for name in _EDGE_FIELDS if isinstance(part.get(name), str))


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
    first = next((node.id for node in by_id.values() if node.position == 0), None)
    if first is None:
        return
    reached = {first} | reached_from(by_id, first)
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


# A cycle that time alone drives goes round for as long as the journey is published. With a delay of a second in it, each run would make
# 3,600 rounds an hour. Windows and quiet hours count as nothing, since they may be open or over when a run arrives.
def _fast_cycles(by_id: Mapping[str, Node]) -> Iterator[Finding]:
    """Cycles with a wait in them that a run may go round in less than `LEAST_ROUND` without any event."""
    edges = {node.id: [edge for edge in node.edges if not edge.by_event] for node in by_id.values()}
    for node in by_id.values():
        cycle = _shortest_cycle(node.id, edges) if node.is_waiting_step else None
        if cycle is None:
            continue
        seconds, steps = cycle
        detail = f"delays and timeouts around this cycle add up to {seconds:g} s, less than {LEAST_ROUND.total_seconds():g} s"
        yield Finding("fast-loop", f"{detail}: {' -> '.join(steps)}", pointer(("steps", node.position)))
        del edges[node.id]  # so that another step of the same cycle does not report it again


# A wait is taken at once by what the run knows of a message, however often the run comes back to it, until the run sends the message again.
def _known_status_cycles(by_id: Mapping[str, Node]) -> Iterator[Finding]:
    """Cycles that a run may go round in less than `LEAST_ROUND` by one report, because they do not lead through the message again."""
    for message in sorted({edge.message for node in by_id.values() for edge in node.edges if edge.message is not None}):
        edges = {
            node.id: [edge for edge in node.edges if not edge.by_event or edge.message == message]
            for node in by_id.values()
            if node.id != message
        }
        for node in by_id.values():
            asks = any(edge.by_event and edge.message == message for edge in node.edges)
            cycle = _shortest_cycle(node.id, edges) if asks and node.id in edges else None
            if cycle is not None:
                detail = f"what is known of the message {message!r} leads round this cycle at once: {' -> '.join(cycle[1])}"
                yield Finding("fast-loop", detail, pointer(("steps", node.position)))
                del edges[node.id]


def _shortest_cycle(start: str, edges: Mapping[str, Sequence[Edge]]) -> tuple[float, list[str]] | None:
    """The seconds and steps of the shortest cycle through a step, if it takes less than `LEAST_ROUND`."""
    queue, visited = [(timedelta(0), [start])], set[str]()
    while queue:
        taken, path = heappop(queue)
        if path[-1] == start and len(path) > 1:
            return taken.total_seconds(), path
        if path[-1] in visited:
            continue
        visited.add(path[-1])
        for edge in edges.get(path[-1], ()):
            if taken + edge.takes < LEAST_ROUND and (edge.target == start or edge.target not in visited):
                heappush(queue, (taken + edge.takes, [*path, edge.target]))
    return None
