"""Waits, timers, quiet hours and retries on a clock that the tests advance."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.stories.http_client import http
from tests.stories.workspace import Workspace, identify, mailing, trigger


@pytest.fixture
def stack(advancing: Stack) -> Stack:
    """The stack whose clock tests advance."""
    return advancing


def clock(workspace: Workspace) -> datetime:
    """The current time of the stack's clock."""
    return datetime.fromisoformat(http.get(f"{workspace.stack.url}/_local/clock", timeout=30).raise_for_status().json()["now"])


def advance(workspace: Workspace, duration: str) -> datetime:
    """Advances the clock by an ISO 8601 duration and returns its new time."""
    response = http.post(f"{workspace.stack.url}/_local/clock", json={"advance": duration}, timeout=180)
    return datetime.fromisoformat(response.raise_for_status().json()["now"])


def advance_to(workspace: Workspace, instant: datetime) -> None:
    """Advances the clock to an instant in the future."""
    advance(workspace, f"PT{(instant - clock(workspace)).total_seconds():.3f}S")


def mail(step: str, then: str = "end", text: str = "") -> dict[str, Any]:
    """A step that sends an e-mail whose subject is the id of the step."""
    return {"id": step, "type": "message", "channel": "email", "template": {"subject": step, "text": text or step}, "next": then}


def journey(name: str, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A journey with these steps and an exit, which the event `joined` enters."""
    return mailing(name, "joined") | {"steps": [*steps, {"id": "end", "type": "exit"}]} | fields


def nudging(wait: str = "P3D", **fields: Any) -> dict[str, Any]:
    """A journey that sends `welcome`, then `thanks` after a purchase above 10, or `nudge` when the wait times out."""
    above_ten = {"property": "payload.total", "operator": "is greater than", "value": 10}
    bought = {
        "id": "bought",
        "type": "waitUntil",
        "branches": [{"id": "yes", "event": "purchase", "conditions": above_ten, "next": "thanks"}],
        "timeout": {"after": wait, "next": "nudge"},
    }
    return journey("nudging", mail("welcome", "bought"), bought, mail("nudge"), mail("thanks"), **fields)


def join(workspace: Workspace, name: str = "ada", **attributes: Any) -> None:
    """Identifies a customer, enters the journey, and waits until everything that is due is done."""
    workspace.send(identify(name, workspace.email(name), **attributes), trigger(name, "joined"))
    assert workspace.stack.settle()


def subjects(workspace: Workspace, name: str = "ada") -> list[str]:
    """The subjects of the e-mails to a customer, oldest first."""
    return [mail["subject"] for mail in reversed(workspace.mails_to(workspace.email(name)))]


def run(workspace: Workspace, name: str = "ada") -> dict[str, Any]:
    """The only run of a customer."""
    [run] = workspace.customer(workspace.email(name))["runs"]
    return dict(run)


def sent_at(workspace: Workspace, step: str) -> datetime:
    """The time of the last attempt of the message of a step."""
    [message] = [each for each in workspace.get("/api/messages")["items"] if each["step"] == step]
    return datetime.fromisoformat(workspace.get(f"/api/messages/{message['id']}")["attempts"][-1]["at"])


def test_a_wait_times_out_after_three_days(workspace: Workspace) -> None:
    """The timeout of a wait is never early and at most two minutes late, and the clock passes three days within ten seconds."""
    workspace.publish(nudging())
    before = clock(workspace)
    join(workspace)
    due = datetime.fromisoformat(run(workspace)["due"])
    assert before <= due - timedelta(days=3) <= clock(workspace)
    advance(workspace, "P2DT23H")
    assert subjects(workspace) == ["welcome"]
    started = time.monotonic()
    advance(workspace, "P3D")
    assert time.monotonic() - started < 10
    assert subjects(workspace) == ["welcome", "nudge"]
    assert timedelta(0) <= sent_at(workspace, "nudge") - due < timedelta(minutes=2)
    assert datetime.fromtimestamp(workspace.mails_to(workspace.email("ada"))[0]["at"], UTC) >= due
    assert (run(workspace)["status"], run(workspace)["reason"]) == ("exited", "finished")


def test_an_event_ends_a_wait_before_its_timeout(workspace: Workspace) -> None:
    """An event takes its branch at once, and the timer of the step that the run has left has no effect."""
    workspace.publish(nudging())
    join(workspace)
    advance(workspace, "P2D")
    workspace.send(trigger("ada", "purchase", total=5), trigger("ada", "purchase", total=11))
    assert workspace.stack.settle()
    assert subjects(workspace) == ["welcome", "thanks"]
    advance(workspace, "P5D")
    assert subjects(workspace) == ["welcome", "thanks"]


def test_other_events_do_not_change_a_wait(workspace: Workspace) -> None:
    """Events that fit no branch change neither the step of a run nor the time at which its wait ends."""
    workspace.publish(nudging("P1D"))
    join(workspace)
    due = run(workspace)["due"]
    for hour in range(23):
        advance(workspace, "PT1H")
        workspace.send(trigger("ada", "viewed", hour=hour), trigger("ada", "purchase", total=hour % 10))
    assert workspace.stack.settle()
    assert (run(workspace)["due"], subjects(workspace)) == (due, ["welcome"])
    advance(workspace, "PT1H")
    assert subjects(workspace) == ["welcome", "nudge"]


def test_a_resumed_journey_does_once_what_became_due(workspace: Workspace) -> None:
    """A timeout that became due during a pause happens on resume, and only once."""
    workspace.publish(nudging())
    join(workspace)
    workspace.post("/api/journeys/nudging/pause")
    advance(workspace, "P4D")
    assert subjects(workspace) == ["welcome"]
    workspace.post("/api/journeys/nudging/resume")
    advance(workspace, "PT1M")
    assert subjects(workspace) == ["welcome", "nudge"]
    advance(workspace, "P4D")
    assert subjects(workspace) == ["welcome", "nudge"]


def test_runs_of_two_orders_wait_independently(workspace: Workspace) -> None:
    """The run of each order has its own timer, and a payment ends only the wait of its order."""
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
    advance(workspace, "P1D")
    workspace.send(trigger("ada", "ordered", order="o3"), trigger("ada", "paid", order="o2"))
    assert workspace.stack.settle()
    statuses = {each["key"]: each["status"] for each in workspace.customer(workspace.email("ada"))["runs"]}
    assert statuses == {"o1": "active", "o2": "exited", "o3": "active"}
    advance(workspace, "P1DT1M")
    assert subjects(workspace) == ["o1"]
    advance(workspace, "P1DT1M")
    assert subjects(workspace) == ["o1", "o3"]


def start_of_summer_time(after: datetime) -> date:
    """The next last Sunday of March, on which the clocks of Berlin skip an hour."""
    for year in (after.year, after.year + 1):
        last = date(year, 3, 31)
        sunday = last - timedelta(days=(last.weekday() + 1) % 7)
        if sunday > after.date() + timedelta(days=1):
            return sunday
    raise AssertionError("every year has a March")


def test_quiet_hours_end_at_local_time_when_the_clocks_change(workspace: Workspace) -> None:
    """In the night in which Berlin's clocks skip an hour, a message in quiet hours is sent at seven local time, which is 05:00 UTC."""
    morning = start_of_summer_time(clock(workspace))
    advance_to(workspace, datetime(morning.year, 3, morning.day, tzinfo=UTC) - timedelta(minutes=90))
    workspace.publish(journey("quiet", mail("hello"), quietHours={"from": "22:00", "to": "07:00", "otherwise": "wait"}))
    join(workspace, timezone="Europe/Berlin")
    assert subjects(workspace) == []
    advance(workspace, "PT8H")
    assert subjects(workspace) == ["hello"]
    late = sent_at(workspace, "hello") - datetime(morning.year, 3, morning.day, 5, tzinfo=UTC)
    assert timedelta(0) <= late < timedelta(minutes=2)


def test_a_webhook_that_fails_is_retried_for_a_day(workspace: Workspace) -> None:
    """A webhook whose receiver does not respond has eight attempts within about a day, and then failed."""
    call = {"id": "call", "type": "message", "channel": "webhook", "template": {"url": "http://127.0.0.1:9/", "json": {}}, "next": "end"}
    workspace.publish(journey("calling", call))
    join(workspace)
    advance(workspace, "P2D")
    [message] = workspace.get("/api/messages")["items"]
    shown = workspace.get(f"/api/messages/{message['id']}")
    assert (shown["status"], len(shown["attempts"])) == ("failed", 8)
    times = [datetime.fromisoformat(each["at"]) for each in shown["attempts"]]
    assert timedelta(hours=16) < times[-1] - times[0] < timedelta(hours=26)


def test_a_short_delay_ends_without_a_change_of_the_clock(workspace: Workspace) -> None:
    """A delay of five seconds ends within three seconds of its due time while nothing advances the clock."""
    workspace.publish(journey("short", {"id": "pause", "type": "timeDelay", "delay": "PT5S", "next": "hello"}, mail("hello")))
    join(workspace)
    due = datetime.fromisoformat(run(workspace)["due"])
    end = time.monotonic() + 15
    while not subjects(workspace) and time.monotonic() < end:
        time.sleep(0.1)
    assert timedelta(0) <= sent_at(workspace, "hello") - due < timedelta(seconds=3)


def test_a_timer_follows_a_merge_of_its_customer(workspace: Workspace) -> None:
    """The timer of an anonymous customer that was merged two days later fires at its due time for the merged customer."""
    workspace.publish(nudging())
    workspace.send(identify("laptop", workspace.email("ada")))
    workspace.send(trigger("phone", "joined"))
    advance(workspace, "P2D")
    workspace.send(identify("phone", workspace.email("ada")))
    assert workspace.stack.settle()
    assert run(workspace)["status"] == "active"
    advance(workspace, "P1DT1M")
    assert subjects(workspace) == ["nudge"]


def test_a_timer_of_an_erased_customer_has_no_effect(workspace: Workspace) -> None:
    """After an erasure a due timer sends no message, leaves no dead letter and creates no customer."""
    workspace.publish(nudging())
    join(workspace)
    customer = workspace.customer(workspace.email("ada"))["id"]
    workspace.request("DELETE", f"/api/customers/{customer}").raise_for_status()
    advance(workspace, "P4D")
    assert subjects(workspace) == ["welcome"]
    assert workspace.get("/api/dead-letters")["items"] == []
    assert workspace.request("GET", f"/api/customers?primaryKey={workspace.email('ada')}").status_code == 404


def test_a_stopped_journey_sends_nothing(workspace: Workspace) -> None:
    """The runs of a stopped journey are exited with the reason `stopped`, and their timers have no effect."""
    workspace.publish(nudging())
    join(workspace)
    workspace.post("/api/journeys/nudging/stop")
    advance(workspace, "PT10S")
    assert (run(workspace)["status"], run(workspace)["reason"]) == ("exited", "stopped")
    advance(workspace, "P4D")
    assert subjects(workspace) == ["welcome"]


def test_a_keyword_of_the_scheduler_in_an_id_stays_an_id(workspace: Workspace) -> None:
    """The timer of a customer whose id is a keyword that EventBridge Scheduler replaces comes back to this customer."""
    late = mail("late") | {"template": {"to": workspace.email("late"), "subject": "late", "text": "late"}}
    wait = {"id": "wait", "type": "timeDelay", "delay": "PT2H", "next": "late"}
    workspace.publish(journey("waiting", wait, late))
    workspace.send(trigger("<aws.scheduler.execution-id>", "joined"))
    assert workspace.stack.settle()
    advance(workspace, "PT3H")
    assert subjects(workspace, "late") == ["late"]
