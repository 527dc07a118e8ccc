"""The edge that a run takes from a step, as a position in the definition. The numbers of a journey are counted by these positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.steps import AnyStep, Experiment, Multisplit
from waypost.domain.journeys.waits import WaitUntil
from waypost.domain.runs.run import Cause
from waypost.domain.runs.step_rules import GoTo


class EdgePlace(NamedTuple):
    """An edge of a version: the position of its step among the steps, and its own among the edges of the step."""

    step: int
    edge: int


# A visit without an edge is no move: the first one of a run, and the second visit of a message step whose quiet hours are over.
_WITHOUT_EDGE: Final = frozenset({Cause.ENTERED, Cause.QUIET_HOURS})
_MEMBERS: Final[Mapping[Cause, str]] = {
    Cause.NEXT: "next",
    Cause.ELAPSED: "next",
    Cause.OPENED: "next",
    Cause.JUMP: "next",
    Cause.FAILED: "onFailure",
    Cause.TIMEOUT: "timeout",
    Cause.OTHERWISE: "otherwise",
}
"""The member of the step in the definition that names the target, for each cause that belongs to one edge."""


def edge_taken(journey: Journey, step_id: str, go_to: GoTo) -> EdgePlace | None:
    """The edge by which a run leaves this step; None where it takes none."""
    if go_to.cause in _WITHOUT_EDGE:
        return None
    edges = journey.edges_of(step_id)
    names, member = branch_names(journey.step(step_id)), _MEMBERS.get(go_to.cause)
    # The branch of a transition that an older release has held is not known: then the first edge to its target counts.
    leading = [place for place, edge in enumerate(edges) if edge.target == go_to.step]
    exact = [place for place in leading if (names[place] == go_to.branch if place < len(names) else edges[place].place[0] == member)]
    return EdgePlace(journey.positions[step_id], (exact or leading)[0]) if leading else None


def branch_names(step: AnyStep) -> tuple[str, ...]:
    """What receipts call the branches of a step: their ids, or their positions counted from 1. They are the first edges of the step."""
    if isinstance(step, WaitUntil | Multisplit | Experiment):
        return tuple(branch.id or str(place + 1) for place, branch in enumerate(step.branches))
    return ()
