"""The moves in a timeline that no event caused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.fakes.event_history import FakeEventHistory
from tests.fakes.journey_harness import ADA, event, only_run, play
from tests.fakes.messages import NOW, FakeMessages
from tests.fakes.receipts import FakeReceipts
from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.manage import timeline
from waypost.manage.requests import TimelineQuery
from waypost.manage.timed_steps import timed_steps
from waypost.manage.timeline import TimelineSources

STEPS: list[dict[str, Any]] = [
    {"id": "wait", "type": "waitUntil", "branches": [{"event": "paid", "next": "rest"}], "timeout": {"after": "P1D", "next": "rest"}},
    {"id": "rest", "type": "timeDelay", "delay": "P1D", "next": "end"},
]
CUSTOMER = Customer("w1", "c_1", ADA, "ada", (), {}, {})


class NoMessages(FakeMessages):
    """A customer without messages."""

    def all_rendered(self, workspace: str, messages: object) -> dict[str, PreparedMessage]:
        return {}

    def page(self, workspace: str, **_: object) -> tuple[list[Message], str | None]:
        return [], None


def test_only_steps_that_time_caused_are_timed_steps() -> None:
    """The steps after a timeout are timed steps with all that followed at the same instant; the steps that an event caused are not."""
    late = only_run(play(STEPS, event("go", NOW)))
    early = only_run(play(STEPS, event("go", NOW), event("paid", NOW + timedelta(hours=1))))
    assert [(each.visit.step, each.visit.reason.value) for each in timed_steps([late])] == [
        ("rest", "timeout"),
        ("end", "elapsed"),
        ("end", "finished"),
    ]
    assert [each.visit.step for each in timed_steps([early])] == ["end", "end"]


def test_a_timeline_lists_timed_steps_page_by_page() -> None:
    """Each timed step is an entry of the timeline, once, newest first."""
    run = only_run(play(STEPS, event("go", NOW)))
    sources = TimelineSources(FakeEventHistory(), FakeReceipts(), NoMessages(), [run])
    visits, cursor = [], None
    while True:
        found = timeline.page(sources, CUSTOMER, TimelineQuery(limit=1, cursor=cursor), NOW)
        visits += [entry.timed_step.visit for entry in found.items if entry.timed_step]
        cursor = found.next
        if cursor is None:
            break
    assert visits == list(reversed(run.history[1:]))
