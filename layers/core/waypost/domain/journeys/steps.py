"""The step types of a journey (docs/journeys.md#steps): their fields and edges. `domain/runs/step_rules.py` says what they do.

The steps that send messages are in `message_steps.py`, those in which time passes in `waits.py`. A new step type needs a class in one of
the three, its place in `AnyStep`, a rule in `step_rules.py` and a shape in `diagram.py`; mypy names the places.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, StrictInt, Tag, TypeAdapter, field_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.conditions import Condition, comparisons
from waypost.domain.journeys.definition import Definition, Edge, NamedStatuses, Step, StepId, tagged_by
from waypost.domain.journeys.known_statuses import KNOWN_STATUSES, UNSUBSCRIBE_EVENT
from waypost.domain.journeys.message_steps import AnyMessage
from waypost.domain.journeys.waits import TimeDelay, TimeWindow, WaitUntil


class SplitBranch(Definition):
    """One branch of a multisplit."""

    id: StepId | None = None
    conditions: Condition
    next: StepId


class Multisplit(Step):
    """Sends a run along the first branch whose conditions hold, or along `otherwise`."""

    type: Literal["multisplit"]
    branches: tuple[SplitBranch, ...] = Field(min_length=1)
    otherwise: StepId

    @property
    def edges(self) -> tuple[Edge, ...]:
        """One for each branch, then the one for runs that match none."""
        branches = [
            Edge(("branches", index, "next"), branch.next, branch.id or f"branch {index + 1}") for index, branch in enumerate(self.branches)
        ]
        return (*branches, Edge(("otherwise",), self.otherwise, "otherwise"))

    @property
    def event_names(self) -> frozenset[str]:
        """That of an unsubscription, if a condition asks for one: a run learns of it only as it happens."""
        return frozenset({UNSUBSCRIBE_EVENT}) if any("unsubscribed" in each.statuses for each in self.named_statuses) else frozenset()

    @property
    def named_statuses(self) -> tuple[NamedStatuses, ...]:
        """All statuses of the messages that the conditions name."""
        compared = [each for branch in self.branches for _, each in comparisons(branch.conditions) if each.message is not None]
        reported = frozenset(KNOWN_STATUSES) - {"unsubscribed"}
        return tuple(
            NamedStatuses(each.message, reported | {"unsubscribed"} if each.value == "unsubscribed" else reported)
            for each in compared
            if each.message is not None
        )


class ExperimentBranch(Definition):
    """One branch of an experiment, with the share of customers that take it in percent."""

    id: StepId
    weight: StrictInt = Field(ge=1, le=100)
    next: StepId


class Experiment(Step):
    """Sends each customer along one branch, chosen by a hash of journey, step and customer: the same branch every time."""

    type: Literal["experiment"]
    branches: tuple[ExperimentBranch, ...] = Field(min_length=1)

    @field_validator("branches")
    @classmethod
    def _weights_add_up(cls, branches: tuple[ExperimentBranch, ...]) -> tuple[ExperimentBranch, ...]:
        total = sum(branch.weight for branch in branches)
        if total != 100:
            raise PydanticCustomError("bad-weights", "weights add up to 100; these add up to {total}", {"total": total})
        return branches

    @property
    def edges(self) -> tuple[Edge, ...]:
        """One for each branch."""
        return tuple(
            Edge(("branches", index, "next"), branch.next, f"{branch.id}: {branch.weight} %") for index, branch in enumerate(self.branches)
        )


class JumpTo(Step):
    """Continues at another step."""

    type: Literal["jumpTo"]
    next: StepId

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step."""
        return (Edge(("next",), self.next),)


class Exit(Step):
    """Ends the run."""

    type: Literal["exit"]

    @property
    def edges(self) -> tuple[Edge, ...]:
        """None: the run ends here."""
        return ()


AnyStep = Annotated[
    Annotated[AnyMessage, Tag("<message>")]
    | Annotated[TimeDelay, Tag("<timeDelay>")]
    | Annotated[TimeWindow, Tag("<timeWindow>")]
    | Annotated[WaitUntil, Tag("<waitUntil>")]
    | Annotated[Multisplit, Tag("<multisplit>")]
    | Annotated[Experiment, Tag("<experiment>")]
    | Annotated[JumpTo, Tag("<jumpTo>")]
    | Annotated[Exit, Tag("<exit>")],
    Discriminator(
        tagged_by("type"),
        custom_error_type="unknown-step-type",
        custom_error_message="a step's type is message, timeDelay, timeWindow, waitUntil, multisplit, experiment, jumpTo or exit",
    ),
]
STEP: Final[TypeAdapter[AnyStep]] = TypeAdapter(AnyStep)
