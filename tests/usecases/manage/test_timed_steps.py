"""What the timeline tells of moves that no event made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.fakes.journey_harness import ADA, event, only, play
from tests.fakes.messages import NOW
from waypost.domain.customers.customer import Customer
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.message import Message
from waypost.manage.requests import TimelineQuery
from waypost.manage.timed_steps import timed_steps
from waypost.manage.timeline import History, timeline

DAY = timedelta(days=1)
STEPS: list[dict[str, Any]] = [
    {"id": "wait", "type": "waitUntil", "branches": [{"event": "paid", "next": "rest"}], "timeout": {"after": "P1D", "next": "rest"}},
    {"id": "rest", "type": "timeDelay", "delay": "P1D", "next": "end"},
]
PERSON = Customer("w1", "c_1", ADA, "ada", (), {}, {})


def test_only_moves_that_time_made_are_told() -> None:
    """With all that followed at the same instant; what an event did is in its receipt."""
    late = only(play(STEPS, event("go", NOW)))
    early = only(play(STEPS, event("go", NOW), event("paid", NOW + timedelta(hours=1))))
    assert [(each.visited.step, each.visited.reason.value) for each in timed_steps([late])] == [
        ("rest", "timeout"),
        ("end", "elapsed"),
        ("end", "finished"),
    ]
    assert [each.visited.step for each in timed_steps([early])] == ["end", "end"]


class Nothing:
    """Neither events nor messages."""

    def of_customer(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> list[Page]:
        return []

    def read(self, workspace: str, uuids: object, now: datetime) -> dict[str, Receipt]:
        return {}

    def page(self, workspace: str, **_: object) -> tuple[list[Message], str | None]:
        return [], None


def test_a_timeline_shows_them_part_by_part() -> None:
    """Newest first, each once."""
    run = only(play(STEPS, event("go", NOW)))
    nothing = Nothing()
    history = History(nothing, nothing, nothing, [run])  # type: ignore[arg-type]
    told, cursor = [], None
    while True:
        found = timeline(history, PERSON, TimelineQuery(limit=1, cursor=cursor), NOW)
        told += [entry.timed_step.visited for entry in found.items if entry.timed_step]
        cursor = found.next
        if cursor is None:
            break
    assert told == list(reversed(run.history[1:]))
