"""Journeys in which time passes: the stack's clock is pushed, and days go by in a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from functions.local.stack import Stack, running
from tests.stories.workspace import Workspace, identify, mailing, trigger

pytestmark = pytest.mark.xdist_group("time")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack of this module's own: the other stories' clocks must show the machine's time."""
    with running() as stack:
        yield stack


def clock(workspace: Workspace) -> datetime:
    """What the stack's clock shows."""
    return datetime.fromisoformat(httpx.get(f"{workspace.stack.url}/_local/clock", timeout=30).raise_for_status().json()["now"])


def push(workspace: Workspace, span: str) -> datetime:
    """Pushes the clock by an ISO 8601 duration; what it shows then."""
    answer = httpx.post(f"{workspace.stack.url}/_local/clock", json={"advance": span}, timeout=180)
    return datetime.fromisoformat(answer.raise_for_status().json()["now"])


def push_to(workspace: Workspace, instant: datetime) -> None:
    """Pushes the clock to an instant that lies ahead."""
    push(workspace, f"PT{(instant - clock(workspace)).total_seconds():.3f}S")


def mail(step: str, then: str = "end", text: str = "") -> dict[str, Any]:
    """A step that mails under its own name."""
    return {"id": step, "type": "message", "channel": "email", "template": {"subject": step, "text": text or step}, "next": then}


def journey(name: str, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A journey by this name of these steps and an end, which `joined` enters."""
    return mailing(name, "joined") | {"steps": [*steps, {"id": "end", "type": "exit"}]} | fields


def nudging(wait: str = "P3D", **fields: Any) -> dict[str, Any]:
    """Welcome, then thanks for a purchase above 10, or a nudge when the wait is over."""
    above_ten = {"property": "payload.total", "operator": "is greater than", "value": 10}
    bought = {
        "id": "bought",
        "type": "waitUntil",
        "branches": [{"id": "yes", "event": "purchase", "conditions": above_ten, "next": "thanks"}],
        "timeout": {"after": wait, "next": "nudge"},
    }
    return journey("nudging", mail("welcome", "bought"), bought, mail("nudge"), mail("thanks"), **fields)


def joined(workspace: Workspace, name: str = "ada", **attributes: Any) -> None:
    """Somebody joins, and everything that is due then is done."""
    workspace.send(identify(name, workspace.email(name), **attributes), trigger(name, "joined"))
    assert workspace.stack.settle()


def subjects(workspace: Workspace, name: str = "ada") -> list[str]:
    """The subjects of the mails that somebody got, oldest first."""
    return [mail["subject"] for mail in reversed(workspace.mails_to(workspace.email(name)))]


def run(workspace: Workspace, name: str = "ada") -> dict[str, Any]:
    """The one run of a customer."""
    [run] = workspace.customer(workspace.email(name))["runs"]
    return dict(run)


def sent_at(workspace: Workspace, step: str) -> datetime:
    """When the message of a step went out."""
    [message] = [each for each in workspace.get("/api/messages")["items"] if each["step"] == step]
    return datetime.fromisoformat(workspace.get(f"/api/messages/{message['id']}")["attempts"][-1]["at"])


def test_who_does_not_buy_for_three_days_is_nudged(workspace: Workspace) -> None:
    """Not a moment early, at most two minutes late, and three days pass within seconds."""
    workspace.publish(nudging())
    joined(workspace)
    due = datetime.fromisoformat(run(workspace)["due"])
    assert timedelta(days=3) - timedelta(seconds=5) < due - clock(workspace) <= timedelta(days=3)
    push(workspace, "P2DT23H")
    assert subjects(workspace) == ["welcome"]
    started = time.monotonic()
    push(workspace, "P3D")
    assert time.monotonic() - started < 10
    assert subjects(workspace) == ["welcome", "nudge"]
    assert timedelta(0) <= sent_at(workspace, "nudge") - due < timedelta(minutes=2)
    assert datetime.fromtimestamp(workspace.mails_to(workspace.email("ada"))[0]["at"], UTC) >= due
    assert (run(workspace)["status"], run(workspace)["reason"]) == ("exited", "finished")


def test_who_buys_on_the_second_day_is_thanked_and_never_nudged(workspace: Workspace) -> None:
    """The event takes its branch at once; the timer of the step that was left does nothing."""
    workspace.publish(nudging())
    joined(workspace)
    push(workspace, "P2D")
    workspace.send(trigger("ada", "purchase", total=5), trigger("ada", "purchase", total=11))
    assert workspace.stack.settle()
    assert subjects(workspace) == ["welcome", "thanks"]
    push(workspace, "P5D")
    assert subjects(workspace) == ["welcome", "thanks"]


def test_an_event_each_hour_that_is_nobodys_moves_nothing(workspace: Workspace) -> None:
    """Neither the run nor the time at which its wait ends."""
    workspace.publish(nudging("P1D"))
    joined(workspace)
    due = run(workspace)["due"]
    for hour in range(23):
        push(workspace, "PT1H")
        workspace.send(trigger("ada", "looked around", hour=hour), trigger("ada", "purchase", total=hour % 10))
    assert workspace.stack.settle()
    assert (run(workspace)["due"], subjects(workspace)) == (due, ["welcome"])
    push(workspace, "PT1H")
    assert subjects(workspace) == ["welcome", "nudge"]


def test_a_paused_journey_catches_up_once(workspace: Workspace) -> None:
    """What became due meanwhile happens on resume, and only once."""
    workspace.publish(nudging())
    joined(workspace)
    workspace.post("/api/journeys/nudging/pause")
    push(workspace, "P4D")
    assert subjects(workspace) == ["welcome"]
    workspace.post("/api/journeys/nudging/resume")
    push(workspace, "PT1M")
    assert subjects(workspace) == ["welcome", "nudge"]
    push(workspace, "P4D")
    assert subjects(workspace) == ["welcome", "nudge"]


def test_two_orders_wait_side_by_side(workspace: Workspace) -> None:
    """Each order's run has a timer of its own, and a payment ends the wait of its own order only."""
    entry = {"event": "ordered", "reentry": {"mode": "once", "key": "payload.order"}}
    paid = {
        "id": "paid",
        "type": "waitUntil",
        "branches": [{"id": "yes", "event": "paid", "next": "end"}],
        "timeout": {"after": "P2D", "next": "reminder"},
    }
    reminder = mail("reminder") | {"template": {"subject": "{{ event.payload.order }}", "text": "Please pay."}}
    workspace.publish(journey("orders", paid, reminder, entry=entry))
    workspace.send(identify("ada", workspace.email("ada")), trigger("ada", "ordered", order="o1"), trigger("ada", "ordered", order="o2"))
    push(workspace, "P1D")
    workspace.send(trigger("ada", "ordered", order="o3"), trigger("ada", "paid", order="o2"))
    assert workspace.stack.settle()
    statuses = {each["key"]: each["status"] for each in workspace.customer(workspace.email("ada"))["runs"]}
    assert statuses == {"o1": "active", "o2": "exited", "o3": "active"}
    push(workspace, "P1DT1M")
    assert subjects(workspace) == ["o1"]
    push(workspace, "P1DT1M")
    assert subjects(workspace) == ["o1", "o3"]


def spring(after: datetime) -> date:
    """The next last Sunday of March, on which Berlin's clocks skip an hour."""
    for year in (after.year, after.year + 1):
        last = date(year, 3, 31)
        sunday = last - timedelta(days=(last.weekday() + 1) % 7)
        if sunday > after.date() + timedelta(days=1):
            return sunday
    raise AssertionError("every year has a March")


def test_quiet_hours_end_in_the_morning_of_a_night_that_lacks_an_hour(workspace: Workspace) -> None:
    """Berlin's clocks are put on; the message waits until seven there, which is an hour earlier than the night before."""
    morning = spring(clock(workspace))
    push_to(workspace, datetime(morning.year, 3, morning.day, tzinfo=UTC) - timedelta(minutes=90))
    workspace.publish(journey("quiet", mail("hello"), quietHours={"from": "22:00", "to": "07:00", "otherwise": "wait"}))
    joined(workspace, timezone="Europe/Berlin")
    assert subjects(workspace) == []
    push(workspace, "PT8H")
    assert subjects(workspace) == ["hello"]
    late = sent_at(workspace, "hello") - datetime(morning.year, 3, morning.day, 5, tzinfo=UTC)
    assert timedelta(0) <= late < timedelta(minutes=2)


def test_a_webhook_that_fails_is_tried_for_a_day(workspace: Workspace) -> None:
    """Its schedule of retries is gone through on the pushed clock; then it is given up and can be seen."""
    call = {"id": "call", "type": "message", "channel": "webhook", "template": {"url": "http://127.0.0.1:9/", "json": {}}, "next": "end"}
    workspace.publish(journey("calling", call))
    joined(workspace)
    push(workspace, "P2D")
    [message] = workspace.get("/api/messages")["items"]
    shown = workspace.get(f"/api/messages/{message['id']}")
    assert (shown["status"], len(shown["attempts"])) == ("failed", 8)
    times = [datetime.fromisoformat(each["at"]) for each in shown["attempts"]]
    assert timedelta(hours=16) < times[-1] - times[0] < timedelta(hours=26)


def test_a_short_delay_ends_to_the_second_by_itself(workspace: Workspace) -> None:
    """Nobody pushes the clock: after five seconds the mail goes out."""
    workspace.publish(journey("short", {"id": "pause", "type": "timeDelay", "delay": "PT5S", "next": "hello"}, mail("hello")))
    joined(workspace)
    due = datetime.fromisoformat(run(workspace)["due"])
    end = time.monotonic() + 15
    while not subjects(workspace) and time.monotonic() < end:
        time.sleep(0.1)
    assert timedelta(0) <= sent_at(workspace, "hello") - due < timedelta(seconds=3)


def test_a_timer_finds_whoever_its_customer_has_become(workspace: Workspace) -> None:
    """Somebody joins without a name and turns out to be Ada two days later: the nudge goes to Ada, on the same day as ever."""
    workspace.publish(nudging())
    workspace.send(identify("laptop", workspace.email("ada")))
    workspace.send(trigger("phone", "joined"))
    push(workspace, "P2D")
    workspace.send(identify("phone", workspace.email("ada")))
    assert workspace.stack.settle()
    assert run(workspace)["status"] == "active"
    push(workspace, "P1DT1M")
    assert subjects(workspace) == ["nudge"]


def test_a_timer_of_an_erased_customer_wakes_nobody(workspace: Workspace) -> None:
    """Nothing is sent, nothing is parked, and nobody is made anew."""
    workspace.publish(nudging())
    joined(workspace)
    customer = workspace.customer(workspace.email("ada"))["id"]
    workspace.request("DELETE", f"/api/customers/{customer}").raise_for_status()
    push(workspace, "P4D")
    assert subjects(workspace) == ["welcome"]
    assert workspace.get("/api/dead-letters")["items"] == []
    assert workspace.request("GET", f"/api/customers?primaryKey={workspace.email('ada')}").status_code == 404


def test_a_stopped_journey_nudges_nobody(workspace: Workspace) -> None:
    """Its runs read as exited at once, and their timers do nothing."""
    workspace.publish(nudging())
    joined(workspace)
    workspace.post("/api/journeys/nudging/stop")
    push(workspace, "PT10S")
    assert (run(workspace)["status"], run(workspace)["reason"]) == ("exited", "stopped")
    push(workspace, "P4D")
    assert subjects(workspace) == ["welcome"]
