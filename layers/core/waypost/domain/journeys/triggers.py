"""Triggers: which events start, move or end a run (docs/journeys.md#events-in-a-definition)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.conditions import Condition
from waypost.domain.journeys.definition import Definition, EventName, SourceName


def _not_message(source: str) -> str:
    if source == "message":
        raise PydanticCustomError("message-source", "delivery reports (source `message`) neither start nor move a run")
    return source


class Trigger(Definition):
    """The events that an entry, an exit or a branch waits for, by name, source and conditions."""

    event: EventName
    source: Annotated[SourceName, AfterValidator(_not_message)] | None = None
    conditions: Condition | None = None

    def matches(self, event: str, source: str) -> bool:
        """Whether an event of this name and source matches, before conditions. A trigger without a source matches any but `message`."""
        if event != self.event:
            return False
        return source != "message" if self.source is None else one_source(source) == one_source(self.source)

    @property
    def label(self) -> str:
        """The event in a few words, for the diagram."""
        return self.event + (" if ..." if self.conditions is not None else "")


def one_source(source: str) -> str:
    """A source in the form in which sources compare: `mobile` becomes `custom`, since apps send their own events under either."""
    return "custom" if source == "mobile" else source
