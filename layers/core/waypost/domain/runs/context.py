"""What a run depends on when it advances: journey version, customer, event, time and time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.events import Event
from waypost.domain.journeys.conditions import Condition, ConditionScope, holds
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.values.windows import zone_for
from waypost.domain.values.wire_time import iso

NO_EVENT: Final[Mapping[str, Any]] = {"name": "", "payload": {}, "uuid": "", "timestamp": "", "source": ""}
"""The event snapshot where no event is involved, so that templates and conditions always find all members."""


class JourneyVersion(NamedTuple):
    """A journey in one version. A run keeps the version that it entered (`docs/journeys.md#versions`)."""

    journey: Journey
    version: int


@dataclass(frozen=True, slots=True)
class StepContext:
    """The customer, the snapshot of the event that advances the run, the time, and the workspace's IANA time zone."""

    customer: Customer
    event: Mapping[str, Any]
    now: datetime
    timezone: str

    def holds(self, condition: Condition | None, messages: Mapping[str, Any] | None = None) -> bool:
        """Whether a condition is true for this customer, event and `messages`, which are as in `ConditionScope`; None is always true.

        Times without a zone are in the workspace's.
        """
        return condition is None or holds(condition, self.scope(messages)) is True

    def scope(self, messages: Mapping[str, Any] | None = None) -> ConditionScope:
        """What conditions are evaluated against; `messages` as in `holds`."""
        return ConditionScope(self.event["payload"], self.customer.attributes, self.timezone, messages or {})

    def event_matches(self, trigger: Trigger) -> bool:
        """Whether a trigger takes the event by its name and source."""
        return trigger.matches(self.event["name"], self.event["source"])

    def satisfies(self, trigger: Trigger) -> bool:
        """Whether a trigger takes the event, and its conditions hold."""
        return self.event_matches(trigger) and self.holds(trigger.conditions)

    @property
    def zone(self) -> str:
        """The IANA zone for calendar days, windows and quiet hours: the customer's, else the workspace's."""
        return zone_for(self.customer.attributes, self.timezone)

    def with_event(self, event: Mapping[str, Any] | None, now: datetime) -> StepContext:
        """The same for another event (None: no event) and another time."""
        return replace(self, event=event or NO_EVENT, now=now)


def event_snapshot(event: Event) -> dict[str, Any]:
    """The members of an event that runs and messages store, and that templates see as `event` (`docs/journeys.md#templates`)."""
    return {"name": event.name, "payload": event.payload, "uuid": event.uuid, "timestamp": iso(event.at), "source": event.source}
