"""What all parts of a journey's definition share: strict, immutable models, the formats of names, and what every step describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, NamedTuple

from pydantic import ConfigDict, Field

from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.values.wire_model import WireModel

NAME_PATTERN: Final = "^[A-Za-z0-9_-]{1,64}$"

StepId = Annotated[str, Field(pattern=NAME_PATTERN, description="The id of a step of this journey.")]
EventName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", description="The name of an event, as apps send it.")]
SourceName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="Narrows to events of this source; `mobile` and `custom` are one. Without it: any but `message`.",
    ),
]


class Definition(WireModel):
    """A part of a journey's definition: a wire model whose fields have their JSON names only."""

    # A definition is stored as it was sent. If both names were accepted, `onFailure` and `on_failure` would be two spellings of one field,
    # and everything that reads the raw JSON, such as the checks before publishing, would miss the second.
    model_config = ConfigDict(validate_by_name=False)


class Edge(NamedTuple):
    """One edge from a step to the next one.

    `place` is where the definition names the target, as JSON names and positions below the step. `label` says in a few
    words when a run takes the edge; it is empty for an edge that a run always takes. `takes` is the least time that a delay
    or a timeout keeps a run in the step before it takes the edge. `by_event`: only an event or a report leads along the edge. `message` is
    the step whose message has to get a status before a run takes the edge.
    """

    place: tuple[str | int, ...]
    target: str
    label: str = ""
    takes: timedelta = timedelta(0)
    by_event: bool = False
    message: str | None = None


class NamedStatuses(NamedTuple):
    """The statuses of the message of a step that another step has to know, and the link whose clicks it has to tell apart, if any."""

    message: str
    statuses: frozenset[KnownStatus]
    link: str | None = None


class Step(Definition):
    """What every step has in common.

    Every class of a step also has a property `edges`, a tuple of `Edge`: the graph checks and the diagram read it. This
    base class does not declare it on purpose: mypy then names each class of `AnyStep` that lacks it.
    """

    id: StepId

    @property
    def is_waiting_step(self) -> bool:
        """Whether a run always stops in this step, until an event comes or time passes. A cycle through such a step is not endless."""
        return False

    @property
    def event_names(self) -> frozenset[str]:
        """The names of the events that a run waits for in this step."""
        return frozenset()

    @property
    def named_statuses(self) -> tuple[NamedStatuses, ...]:
        """What this step has to know of messages that the run has sent before."""
        return ()


def member(raw: Any, name: str) -> Any:
    """The field `name` of a part of a definition, which is a JSON object or a parsed model; None where it has no such field."""
    return raw.get(name) if isinstance(raw, Mapping) else getattr(raw, name, None)


def tag(name: str) -> str:
    """The tag of one member of a union. Pydantic puts tags into the places of errors; the brackets tell them from field names."""
    return f"<{name}>"


def tagged_by(field: str) -> Callable[[Any], str | None]:
    """A discriminator that selects a member of a union by the text in `field`; any other value selects none."""

    def choose(raw: Any) -> str | None:
        name = member(raw, field)
        return tag(name) if isinstance(name, str) else None

    return choose
