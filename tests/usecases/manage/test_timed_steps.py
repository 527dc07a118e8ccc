"""What a timeline, a run and a receipt show of the steps that a run came to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.event_history import FakeEventHistory
from tests.fakes.journey_harness import ADA, event, only_run, play
from tests.fakes.match_harness import CUSTOMER as CUSTOMER_ID
from tests.fakes.match_harness import SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW, FakeMessages
from tests.fakes.receipts import FakeReceipts
from waypost.domain.customers.customer import Customer
from waypost.domain.intake.event_log import Page
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.manage import timeline
from waypost.manage.requests import TimelineQuery
from waypost.manage.responses.customers import RunResponse, TimelineEntryResponse
from waypost.manage.timed_steps import crossed_steps, timed_steps
from waypost.manage.timeline import TimelineEntry, TimelineSources

STEPS: list[dict[str, Any]] = [
    {"id": "wait", "type": "waitUntil", "branches": [{"event": "paid", "next": "rest"}], "timeout": {"after": "P1D", "next": "rest"}},
    {"id": "rest", "type": "timeDelay", "delay": "P1D", "next": "end"},
]
VIP = {"property": "customer.vip", "operator": "exist"}
CUSTOMER = Customer("w1", "c_1", ADA, "ada", (), {}, {})


class NoMessages(FakeMessages):
    """A customer without messages."""

    def receivers(self, workspace: str, messages: object) -> dict[str, str]:
        return {}

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


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize("most", [1, 2])
def test_a_log_that_is_read_in_parts_keeps_the_order_of_a_timeline(limit: int, most: int) -> None:
    """Events and timed steps are all listed once, newest first, although each read of the log stops early."""
    run = only_run(play(STEPS, event("go", NOW)))
    offsets = (timedelta(0), timedelta(minutes=1), timedelta(days=2), timedelta(days=30))
    pages = [Page("w1", CUSTOMER.id, NOW + each, f"s{number}", (event("seen", NOW).event,)) for number, each in enumerate(offsets)]
    sources = TimelineSources(FakeEventHistory(*pages, most=most), FakeReceipts(), NoMessages(), [run])
    entries: list[TimelineEntry] = []
    cursor = None
    while True:
        found = timeline.page(sources, CUSTOMER, TimelineQuery(limit=limit, cursor=cursor), NOW)
        entries += found.items
        cursor = found.next
        if cursor is None:
            break
    assert [entry.position for entry in entries] == sorted((entry.position for entry in entries), reverse=True)
    assert sorted(entry.kind for entry in entries) == ["event"] * 4 + ["move"] * len([*timed_steps([run])])


HOLDOUT: list[dict[str, Any]] = [
    {"id": "vips", "type": "multisplit", "branches": [{"id": "vip", "conditions": VIP, "next": "draw"}], "otherwise": "end"},
    {"id": "draw", "type": "experiment", "branches": [{"id": "holdout", "weight": 100, "next": "end"}]},
    {"id": "end", "type": "exit"},
]


def entered_in_a_journey(steps: list[dict[str, Any]], **changes: Any) -> MatchHarness:
    """A VIP who has entered a journey of these steps."""
    harness = MatchHarness()
    harness.workspaces.schemas["w1"] = SCHEMA
    definition = {"id": "welcome", "entry": {"event": "signed_up"}, "steps": steps, **changes}
    harness.journeys.publish(Journey.model_validate(definition))
    harness.match(arrived({"event": "$set", "payload": {"vip": True}}, {"event": "signed_up"}))
    return harness


def moves_in_timeline(harness: MatchHarness) -> list[TimelineEntryResponse]:
    """The moves in the customer's timeline, newest first."""
    history = FakeEventHistory(*harness.log.pages.values())
    runs = harness.runs.all
    customer = replace(CUSTOMER, id=CUSTOMER_ID)
    sources = TimelineSources(history, harness.receipts, NoMessages(), runs)
    found = timeline.page(sources, customer, TimelineQuery(limit=50), NOW + timedelta(days=9))
    return [timeline.to_response(each) for each in found.items if each.kind == "move"]


def test_a_holdout_is_seen_in_receipt_run_and_timeline() -> None:
    """A customer who gets nothing took the branches `vip` and `holdout` in the transition of the entry: all three show both, by id."""
    harness = entered_in_a_journey(HOLDOUT)
    [run] = harness.runs.all
    taken = [("vips", "vip"), ("draw", "holdout")]
    [outcome] = harness.receipt("e1").journeys
    assert [(each.step, each.branch) for each in outcome.branches] == taken
    assert [(each.step, each.branch) for each in RunResponse.of(run).branches] == [("draw", "vip"), ("end", "holdout")]
    [move] = moves_in_timeline(harness)
    assert [(each.step, each.reason, each.branch) for each in move.steps or ()] == [
        ("vips", "entered", None),
        ("draw", "branch", "vip"),
        ("end", "experiment", "holdout"),
        ("end", "finished", None),
    ]


def test_a_branch_without_an_id_is_shown_by_its_position() -> None:
    """The first branch of a split or a wait is `1` where it has no id."""
    split = {"id": "vips", "type": "multisplit", "branches": [{"conditions": VIP, "next": "paid"}], "otherwise": "end"}
    wait = {"id": "paid", "type": "waitUntil", "branches": [{"event": "other", "next": "end"}, {"event": "paid", "next": "end"}]}
    harness = entered_in_a_journey([split, wait, HOLDOUT[-1]])
    harness.match(arrived({"event": "paid", "uuid": "p1"}, at=NOW + timedelta(hours=1)), NOW + timedelta(hours=1))
    assert [harness.receipt(uuid).journeys[0].branches for uuid in ("e1", "p1")] == [(("vips", "1"),), (("paid", "2"),)]


def test_the_steps_of_a_move_are_those_of_its_own_event() -> None:
    """Two events of one batch enter and advance a run at the same time; each move shows its own steps."""
    wait = {"id": "paid", "type": "waitUntil", "branches": [{"event": "paid", "next": "end"}]}
    run = only_run(play([wait], event("go", NOW), event("paid", NOW)))
    assert [visit.step for visit in crossed_steps(run, NOW, "entered")] == ["paid"]
    assert [visit.step for visit in crossed_steps(run, NOW, "advanced")] == ["end", "end"]
    assert crossed_steps(run, NOW, "exited") == ()


def test_a_run_shows_that_quiet_hours_hold_it_and_until_when() -> None:
    """A run in front of a message in quiet hours has the hold `quiet-hours` until their end, and none once it goes on."""
    mail = {"id": "mail", "type": "message", "channel": "email", "template": {"subject": "Hi", "text": "Hi"}, "next": "paid"}
    wait = {"id": "paid", "type": "waitUntil", "branches": [{"event": "paid", "next": "end"}]}
    harness = entered_in_a_journey([mail, wait, HOLDOUT[-1]], quietHours={"from": "05:00", "to": "06:00"})
    [held] = harness.runs.all
    end = NOW.replace(hour=6, minute=0, second=0)
    assert (RunResponse.of(held).hold, RunResponse.of(held).due) == ("quiet-hours", end)
    harness.match(arrived({"event": "page_view", "uuid": "v1"}, {"event": "paid", "uuid": "p1", "payload": {"no": 1}}, at=end), end)
    [later] = harness.runs.all
    assert RunResponse.of(later).hold is None
