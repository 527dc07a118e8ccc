"""What all parts of a journey's definition share: strict, frozen models and the names in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

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


class Definition(BaseModel):
    """A part of a journey: frozen, camelCase on the wire, and a field that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Step(Definition):
    """What every step has."""

    id: StepId

    @property
    def is_waiting_step(self) -> bool:
        """Whether a run stands still in this step until something happens or time passes, so that a circle through it is no loop."""
        return False


def member(raw: Any, name: str) -> Any:
    """The field `name` of a part of a definition, parsed or still JSON; None where there is none."""
    return raw.get(name) if isinstance(raw, Mapping) else getattr(raw, name, None)


def tag(name: str) -> str:
    """A union's mark for one of its types; the brackets keep it apart from field names in the place of an error."""
    return f"<{name}>"


def tagged_by(field: str, names: frozenset[str]) -> Callable[[Any], str | None]:
    """Tells the types of a union apart by the text in `field`; None (no such type) for any other text."""

    def choose(raw: Any) -> str | None:
        name = member(raw, field)
        return tag(name) if isinstance(name, str) and name in names else None

    return choose
