"""Steps in which time passes: what moves a run on, when, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.journey_harness import END, event, only, play, reached, way
from tests.fakes.journeys import message
from tests.fakes.messages import NOW
from waypost.domain.journeys.journey import Journey
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import NO_EVENT, JourneyVersion, StepContext
from waypost.domain.runs.effects import Arm
from waypost.domain.runs.run import RunStatus
from waypost.domain.runs.transition import apply_elapsed

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
GO = event("go", NOW)


def delay(text: str, step: str = "rest", following: str = "end") -> dict[str, Any]:
    """A delay."""
    return {"id": step, "type": "timeDelay", "delay": text, "next": following}


def wait(*branches: dict[str, Any], after: str | None = "P3D", following: str = "late") -> list[dict[str, Any]]:
    """A wait whose branches lead to `early`, and whose timeout to `late`."""
    whole: dict[str, Any] = {"id": "wait", "type": "waitUntil", "branches": [{"next": "early", **each} for each in branches]}
    if after:
        whole["timeout"] = {"after": after, "next": following}
    return [whole, {"id": "early", "type": "jumpTo", "next": "end"}, {"id": "late", "type": "jumpTo", "next": "end"}]


def test_a_delay_ends_after_its_time_and_nothing_moves_it() -> None:
    """Unrelated events each hour, and its own entry event again, leave the timer where it was."""
    noise = [event(name, NOW + hours * HOUR) for hours in range(1, 80) for name in ("page_view", "go")]
    done = play([delay("P3D")], GO, *noise)
    assert way(done)[1:] == [("end", "elapsed", 3 * DAY), ("end", "finished", 3 * DAY)]


def test_a_delay_of_nothing_is_none() -> None:
    """The run goes on at once."""
    assert reached(play([delay("PT0S")], GO), "end") == NOW


def test_a_day_is_a_day_of_the_calendar_in_the_customers_zone() -> None:
    """Over the night in which clocks go forward it has 23 hours; 24 hours have 24."""
    start = datetime.fromisoformat("2026-03-28T12:00:00+00:00")
    there = {"timezone": "Europe/Berlin"}
    assert reached(play([delay("P1D")], event("go", start), attributes=there), "end") == start + 23 * HOUR
    assert reached(play([delay("PT24H")], event("go", start), attributes=there), "end") == start + 24 * HOUR
    assert reached(play([delay("P1D")], event("go", start), zone="Europe/Berlin"), "end") == start + 23 * HOUR


@pytest.mark.parametrize(
    ("window", "opens"),
    [
        ({"from": "2026-11-23T05:00Z", "to": "2026-11-24"}, NOW),
        ({"from": "2026-11-24", "to": "2026-11-25"}, NOW.replace(day=24, hour=0, minute=0, second=0)),
        ({"from": "09:00", "to": "17:00"}, NOW.replace(hour=9, minute=0, second=0)),
        ({"from": "22:00", "to": "06:00"}, NOW),
        ({"onDays": ["tuesday"], "fromTime": "10:00", "toTime": "12:00"}, NOW.replace(day=24, hour=10, minute=0, second=0)),
        ({"onDays": ["sunday"], "fromTime": "22:00", "toTime": "06:00"}, NOW),
    ],
)
def test_a_window_lets_runs_pass_while_it_is_open(window: dict[str, Any], opens: datetime) -> None:
    """It is Monday, 05:17."""
    done = play([{"id": "window", "type": "timeWindow", "next": "end", **window}], GO)
    assert reached(done, "end") == opens


def test_a_window_that_is_over_ends_the_run() -> None:
    """It can never open again, and nobody is stuck in it."""
    done = play([{"id": "window", "type": "timeWindow", "from": "2026-11-01", "to": "2026-11-23", "next": "end"}], GO)
    assert only(done).reason is Reason.WINDOW_OVER


@pytest.mark.parametrize(
    ("came", "taken"),
    [(3 * DAY - timedelta(milliseconds=1), "early"), (3 * DAY, "late"), (3 * DAY + MINUTE, "late")],
)
def test_an_event_at_the_due_time_or_later_finds_the_timeout_taken(came: timedelta, taken: str) -> None:
    """Before it, the event wins; the timeout is taken at its own time, however late that is noticed."""
    done = play(wait({"event": "bought"}), GO, event("bought", NOW + came))
    assert way(done)[1] == (taken, "event" if taken == "early" else "timeout", min(came, 3 * DAY))


def test_a_wait_without_a_timeout_stays() -> None:
    """Until its event comes."""
    assert only(play(wait({"event": "bought"}, after=None), GO, event("page_view", NOW + DAY))).step == "wait"
    assert reached(play(wait({"event": "bought"}, after=None), GO, event("bought", NOW + 300 * DAY)), "early") == NOW + 300 * DAY


def test_the_event_that_opens_a_run_is_not_consumed_by_its_first_wait() -> None:
    """The second one is."""
    steps = wait({"event": "go"})
    assert way(play(steps, GO))[1][1] == "timeout"
    assert way(play(steps, GO, event("go", NOW + HOUR)))[1] == ("early", "event", HOUR)


def test_the_first_branch_that_fits_is_taken() -> None:
    """In the order written, by conditions on payload and customer."""
    dear = {"property": "payload.total", "operator": "is greater than", "value": 10}
    local = {"property": "customer.city", "operator": "is equal to", "value": "Paris"}
    branches = [{"event": "bought", "conditions": dear, "next": "late"}, {"event": "bought", "conditions": local}]
    for total, city, taken in [(11, "Paris", "late"), (9, "Paris", "early")]:
        done = play(wait(*branches, following="end"), GO, event("bought", NOW + HOUR, total=total), attributes={"city": city})
        assert way(done)[1] == (taken, "event", HOUR)
    nothing = play(wait(*branches, following="end"), GO, event("bought", NOW + HOUR, total=9), attributes={"city": "Rome"})
    assert way(nothing)[1] == ("end", "timeout", 3 * DAY)


@pytest.mark.parametrize("order", [("signed", "paid"), ("paid", "signed"), ("paid", "paid", "signed")])
def test_all_events_are_remembered_until_the_last_has_come(order: tuple[str, ...]) -> None:
    """In whatever order; one that comes twice counts once."""
    came = [event(name, NOW + (place + 1) * HOUR) for place, name in enumerate(order)]
    done = play(wait({"all": ["signed", {"event": "paid"}]}), GO, *came)
    assert way(done)[1] == ("early", "event", len(order) * HOUR)
    assert reached(play(wait({"all": ["signed", "paid"]}), GO, *came[:-1]), "early") is None


def test_any_of_several_events_is_enough() -> None:
    """Each with conditions of its own."""
    big = {"event": "paid", "conditions": {"property": "payload.sum", "operator": "is greater than", "value": 5}}
    steps = wait({"any": ["signed", big]})
    assert reached(play(steps, GO, event("paid", NOW + HOUR, sum=5), event("paid", NOW + 2 * HOUR, sum=6)), "early") == NOW + 2 * HOUR
    assert reached(play(steps, GO, event("signed", NOW + HOUR)), "early") == NOW + HOUR


def test_memory_ends_with_the_stay() -> None:
    """A run that comes back to a wait has heard nothing yet."""
    steps: list[dict[str, Any]] = [
        {"id": "wait", "type": "waitUntil", "branches": [{"all": ["a", "b"], "next": "end"}], "timeout": {"after": "P1D", "next": "again"}},
        {"id": "again", "type": "jumpTo", "next": "wait"},
    ]
    done = play([*steps, END], GO, event("a", NOW + HOUR), event("b", NOW + DAY + HOUR), event("a", NOW + DAY + 2 * HOUR))
    assert reached(done, "end") == NOW + DAY + 2 * HOUR


def test_an_exit_event_ends_a_run_in_the_middle_of_a_delay() -> None:
    """At once, and the delay's end does nothing any more."""
    done = play([delay("P3D")], GO, event("unsubscribed", NOW + DAY), exit=[{"event": "unsubscribed"}])
    assert way(done)[-1] == ("rest", "exit-event", DAY)
    assert only(done).status is RunStatus.EXITED


def test_a_run_that_a_wait_has_consumed_is_not_exited_by_the_same_event() -> None:
    """Also where the wait only remembers it."""
    leaves = [{"event": "bought"}, {"event": "signed"}]
    assert way(play(wait({"event": "bought"}), GO, event("bought", NOW + HOUR), exit=leaves))[-1][1] == "finished"
    remembered = play(wait({"all": ["signed", "paid"]}), GO, event("signed", NOW + HOUR), exit=leaves)
    assert way(remembered)[1] == ("late", "timeout", 3 * DAY)


def test_an_event_that_exits_a_run_does_not_open_the_next() -> None:
    """The same name may close and open; it does one at a time."""
    done = play([delay("P3D")], GO, event("go", NOW + HOUR), exit=[{"event": "go"}], entry={"event": "go", "reentry": {"mode": "always"}})
    assert only(done).reason is Reason.EXIT_EVENT


def test_each_order_has_its_own_run_and_hears_its_own_events() -> None:
    """An event that carries another key is about another run; one that carries none is about all."""
    entry = {"event": "go", "reentry": {"mode": "always", "key": "order"}}
    came = [event("go", NOW, order=1), event("go", NOW, order=2, n=1), event("paid", NOW + HOUR, order=2), event("paid", NOW + 2 * HOUR)]
    done = play(wait({"event": "paid"}), *came, entry=entry)
    ends = {run.key: run.history[-1].at - NOW for run in done.runs.values()}
    assert ends == {"1": 2 * HOUR, "2": HOUR}


def test_quiet_hours_hold_a_message_and_all_that_follows() -> None:
    """It is made when they are over; an exit event meanwhile takes it back."""
    steps = [message("hello", "rest"), delay("PT1H")]
    quiet = {"from": "22:00", "to": "07:00"}
    start = datetime.fromisoformat("2026-10-24T23:00:00+02:00")
    done = play(steps, event("go", start), quietHours=quiet, zone="Europe/Berlin")
    [made] = done.messages
    assert made.message.created_at == datetime.fromisoformat("2026-10-25T07:00:00+01:00")
    assert way(done)[-1] == ("end", "finished", 10 * HOUR)
    gone = play(steps, event("go", start), event("stop", start + HOUR), quietHours=quiet, exit=[{"event": "stop"}], zone="Europe/Berlin")
    assert gone.messages == []


def test_quiet_hours_that_skip_tell_so_and_go_on() -> None:
    """The message is there with its reason, and the run takes the way of a message that was not sent."""
    steps = [message("hello", "good", onFailure="bad"), delay("PT1H", "good"), delay("PT2H", "bad")]
    done = play(steps, GO, quietHours={"from": "05:00", "to": "06:00", "otherwise": "skip"})
    [made] = done.messages
    assert (made.message.status.value, made.message.reason) == ("skipped", "quiet-hours")
    assert way(done)[1] == ("bad", "failed", timedelta(0))


def test_in_a_dry_run_messages_arrive() -> None:
    """A run that stands on its message takes the good way, at once."""
    steps = [message("hello", "good", onFailure="bad"), delay("PT1H", "good"), delay("PT2H", "bad")]
    assert way(play(steps, GO))[1:3] == [("good", "next", timedelta(0)), ("end", "elapsed", HOUR)]


def test_a_run_that_is_far_behind_catches_up_in_parts() -> None:
    """Twenty stays for one signal; a timer that is due already brings the next."""
    circle = [delay("PT1M", "rest", "back"), {"id": "back", "type": "jumpTo", "next": "rest"}]
    journey = Journey.model_validate({"id": "j", "entry": {"event": "go"}, "steps": [*circle]})
    run = only(play(wait({"event": "x"}, after=None), GO))
    behind = replace(run, step="rest", visits={"rest": 1}, due=NOW + MINUTE)
    context = StepContext(play([], GO).customer, NO_EVENT, NOW + DAY, "UTC")
    done = apply_elapsed(JourneyVersion(journey, 1), behind, context, paused=False)
    assert done is not None
    assert (done.run.due, done.run.visits["rest"]) == (NOW + 21 * MINUTE, 21)
    [armed] = [effect for effect in done.effects if isinstance(effect, Arm)]
    assert armed.timer.due == NOW + 21 * MINUTE


def test_an_experiment_divides_customers_by_weight_and_never_changes_its_mind() -> None:
    """A hash of journey, step and customer draws."""
    branches = [{"id": "a", "weight": 20, "next": "a"}, {"id": "b", "weight": 80, "next": "end"}]
    steps = [{"id": "draw", "type": "experiment", "branches": branches}, delay("PT1H", "a")]
    drawn = [[way(play(steps, GO, customer=f"c_{number}"))[1][0] for number in range(300)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert 30 < drawn[0].count("a") < 90


def test_a_hundred_steps_without_a_wait_are_a_loop() -> None:
    """A window that is open is no wait: the run ends with its reason, and blocks nobody."""
    steps = [
        {"id": "window", "type": "timeWindow", "from": "00:00", "to": "23:59", "next": "back"},
        {"id": "back", "type": "jumpTo", "next": "window"},
    ]
    assert only(play(steps, GO)).reason is Reason.LOOP
