"""What a run sees when it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.events import Event
from waypost.domain.journeys.conditions import Condition, Scope, holds
from waypost.domain.journeys.journey import Journey
from waypost.domain.values.windows import zone_for
from waypost.domain.values.wire_time import iso


class JourneyVersion(NamedTuple):
    """A version of a journey that runs follow."""

    journey: Journey
    version: int


@dataclass(frozen=True, slots=True)
class StepContext:
    """A run's customer, the event that moves it, the time, and the workspace's zone."""

    customer: Customer
    event: Mapping[str, Any]
    now: datetime
    timezone: str

    def holds(self, condition: Condition | None) -> bool:
        """Whether a condition holds for this customer and event; no condition always does. Times without a zone are the workspace's."""
        if condition is None:
            return True
        return holds(condition, Scope(self.event["payload"], self.customer.attributes, self.timezone)) is True

    @property
    def zone(self) -> str:
        """The zone in which days, windows and quiet hours are counted: the customer's, else the workspace's."""
        return zone_for(self.customer.attributes, self.timezone)

    def after(self, event: Mapping[str, Any] | None, now: datetime) -> StepContext:
        """The same at another time, for a run that this event moved."""
        return replace(self, event=event or NO_EVENT, now=now)


NO_EVENT: Mapping[str, Any] = {"name": "", "payload": {}, "uuid": "", "timestamp": "", "source": ""}
"""Stands for the event where there is none."""


def event_snapshot(event: Event) -> dict[str, Any]:
    """An event as runs, templates and messages keep it."""
    return {"name": event.name, "payload": event.payload, "uuid": event.uuid, "timestamp": iso(event.at), "source": event.source}
