"""Definitions of journeys, and a store of published journeys in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion

EVERY_STEP: dict[str, Any] = {
    "id": "every-step",
    "entry": {"event": 'say "hi"'},
    "exit": [{"event": "gone"}],
    "quietHours": {"from": "22:00", "to": "07:00"},
    "steps": [
        {
            "id": "hello",
            "type": "message",
            "channel": "email",
            "template": {"subject": "Hi", "text": "Hello"},
            "onFailure": "end",
            "next": "hook",
        },
        {"id": "hook", "type": "message", "channel": "webhook", "template": {"url": "https://example.com/"}, "next": "text"},
        {"id": "text", "type": "message", "channel": "sms", "template": {"text": "Hi"}, "next": "wait"},
        {
            "id": "wait",
            "type": "waitUntil",
            "branches": [
                {"all": ["a", "b"], "next": "rest"},
                {"any": ["c", {"event": "d", "conditions": {"property": "payload.x", "operator": "exist"}}], "next": "rest"},
                {"event": "e", "next": "end"},
            ],
            "timeout": {"after": "P3D", "next": "draw"},
        },
        {"id": "rest", "type": "timeDelay", "delay": "PT1H30M", "next": "end"},
        {
            "id": "draw",
            "type": "experiment",
            "branches": [{"id": "x", "weight": 60, "next": "split"}, {"id": "y", "weight": 40, "next": "end"}],
        },
        {
            "id": "split",
            "type": "multisplit",
            "branches": [{"conditions": {"property": "customer.x", "operator": "exist"}, "next": "days"}],
            "otherwise": "end",
        },
        {"id": "days", "type": "timeWindow", "onDays": ["monday"], "fromTime": "09:00", "toTime": "17:00", "next": "hours"},
        {"id": "hours", "type": "timeWindow", "from": "22:00", "to": "06:00", "next": "dates"},
        {"id": "dates", "type": "timeWindow", "from": "2026-12-01", "to": "2026-12-24T18:00", "next": "jump"},
        {"id": "jump", "type": "jumpTo", "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}
"""A valid definition that has a step of every type, channel and kind of window, and a branch of every kind."""


def message(step: str, then: str, **more: Any) -> dict[str, Any]:
    """A step that sends an e-mail."""
    return {"id": step, "type": "message", "channel": "email", "template": {"subject": "Hi", "text": "Hello"}, "next": then, **more}


def jump(step: str, then: str) -> dict[str, Any]:
    """A step that leads to another one at once."""
    return {"id": step, "type": "jumpTo", "next": then}


def journey(name: str = "welcome", event: str = "signed_up", steps: Sequence[Mapping[str, Any]] = (), **entry: Any) -> Journey:
    """A journey that this event starts; without `steps` it sends one e-mail and ends."""
    all_steps = [*steps] or [message("hello", "end"), {"id": "end", "type": "exit"}]
    return Journey.model_validate({"id": name, "entry": {"event": event, **entry}, "steps": all_steps})


def messages_in_a_row(number: int, name: str = "long") -> Journey:
    """A journey that sends this number of e-mails, one after another."""
    sends = [message(f"m{place}", f"m{place + 1}") for place in range(number)]
    return journey(name, steps=[*sends, {"id": f"m{number}", "type": "exit"}])


@dataclass
class FakeJourneys:
    """The published versions of journeys and the active ones of each workspace; `reads` counts the calls."""

    published: dict[tuple[str, str, int], Journey] = field(default_factory=dict)
    active: dict[str, list[ActiveVersion]] = field(default_factory=dict)
    states: dict[str, list[tuple[ActiveVersion, ...]]] = field(default_factory=dict)
    reads: int = 0

    def publish(
        self,
        *journeys: Journey,
        workspace: str = "w1",
        version: int = 1,
        entries_from: datetime | None = None,
        previous_version: int | None = None,
    ) -> None:
        """Makes these versions active, in the place of earlier versions of the same journeys."""
        names = {each.id for each in journeys}
        kept = [each for each in self.active.get(workspace, []) if each.journey not in names]
        self.active[workspace] = kept + [
            ActiveVersion(each.id, version, "published", self._event_names(workspace, each), entries_from, previous_version)
            for each in journeys
        ]
        self.published |= {(workspace, each.id, version): each for each in journeys}

    def _event_names(self, workspace: str, journey: Journey) -> tuple[str, ...]:
        earlier = [each for (owner, name, _), each in self.published.items() if (owner, name) == (workspace, journey.id)]
        return tuple(sorted({name for each in (journey, *earlier) for name in each.event_names}))

    def stop(self, name: str) -> None:
        """Stops a journey of the workspace `w1`."""
        self.active["w1"] = [each for each in self.active["w1"] if each.journey != name]

    def move(self, name: str, status: Literal["published", "paused"]) -> None:
        """Pauses or resumes a journey of the workspace `w1`."""
        self.active["w1"] = [each._replace(status=status) if each.journey == name else each for each in self.active["w1"]]

    def pointer(self, workspace: str) -> ActiveJourneys:
        self.reads += 1
        active = tuple(self.active.get(workspace, ()))
        states = self.states.setdefault(workspace, [])
        if states[-1:] != [active]:
            states.append(active)
        return ActiveJourneys(len(states), active)

    def versions(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Journey]:
        self.reads += 1
        return {each: self.published[workspace, *each] for each in wanted if (workspace, *each) in self.published}

    def version(self, workspace: str, journey: str, version: int) -> Journey:
        self.reads += 1
        return self.published[workspace, journey, version]
