"""What a journey listens for: events by name, source and conditions (contract 3.1)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.conditions import Condition
from waypost.domain.journeys.definition import Definition, EventName, SourceName


def _sends_no_messages(source: str) -> str:
    if source == "message":
        raise PydanticCustomError("message-source", "delivery reports (source `message`) move no journey")
    return source


class Trigger(Definition):
    """The events that something waits for: by name, source and conditions."""

    event: EventName
    source: Annotated[SourceName, AfterValidator(_sends_no_messages)] | None = None
    conditions: Condition | None = None

    def matches(self, event: str, source: str) -> bool:
        """Whether name and source fit. `mobile` and `custom` are one source; without one, all but `message` fit."""
        if event != self.event:
            return False
        return source != "message" if self.source is None else one_source(source) == one_source(self.source)


def one_source(source: str) -> str:
    """A source as it compares: `mobile` and `custom` are one."""
    return "custom" if source == "mobile" else source
