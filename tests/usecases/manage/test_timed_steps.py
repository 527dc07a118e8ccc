"""The steps in the timeline that runs reached without an event."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.fakes.journey_harness import ADA, event, only_run, play
from tests.fakes.messages import NOW
from waypost.domain.customers.customer import Customer
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.message import Message
from waypost.manage.requests import TimelineQuery
from waypost.manage.timed_steps import timed_steps
from waypost.manage.timeline import History, timeline

STEPS: list[dict[str, Any]] = [
    {"id": "wait", "type": "waitUntil", "branches": [{"event": "paid", "next": "rest"}], "timeout": {"after": "P1D", "next": "rest"}},
    {"id": "rest", "type": "timeDelay", "delay": "P1D", "next": "end"},
]
CUSTOMER = Customer("w1", "c_1", ADA, "ada", (), {}, {})


def test_only_steps_that_time_caused_are_shown() -> None:
    """A step reached by a timeout is shown with the steps that follow at the same instant; one that an event caused is not shown."""
    timed_out = only_run(play(STEPS, event("go", NOW)))
    paid = only_run(play(STEPS, event("go", NOW), event("paid", NOW + timedelta(hours=1))))
    assert [(each.visited.step, each.visited.reason.value) for each in timed_steps([timed_out])] == [
        ("rest", "timeout"),
        ("end", "elapsed"),
        ("end", "finished"),
    ]
    assert [each.visited.step for each in timed_steps([paid])] == ["end", "end"]


class EmptyStore:
    """A store without events, receipts and messages."""

    def of_customer(self, workspace: str, customer: str, *, limit: int, before: str | None = None) -> list[Page]:
        return []

    def read(self, workspace: str, uuids: object, now: datetime) -> dict[str, Receipt]:
        return {}

    def page(self, workspace: str, **_: object) -> tuple[list[Message], str | None]:
        return [], None


def test_a_timeline_shows_each_timed_step_once_over_its_pages() -> None:
    """Pages of one entry show all steps that a run reached after its entry, newest first, each once."""
    run = only_run(play(STEPS, event("go", NOW)))
    empty = EmptyStore()
    history = History(empty, empty, empty, [run])  # type: ignore[arg-type]
    shown, cursor = [], None
    while True:
        page = timeline(history, CUSTOMER, TimelineQuery(limit=1, cursor=cursor), NOW)
        shown += [entry.timed_step.visited for entry in page.items if entry.timed_step]
        cursor = page.next
        if cursor is None:
            break
    assert shown == list(reversed(run.history[1:]))
