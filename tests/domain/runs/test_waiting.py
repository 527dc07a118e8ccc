"""Steps in which time passes: what ends a wait, when, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.journey_harness import END, event, first_visit, only_run, play, visits_of
from tests.fakes.journeys import jump, message
from tests.fakes.messages import NOW
from waypost.domain.journeys.journey import Journey
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import NO_EVENT, JourneyVersion, StepContext
from waypost.domain.runs.effects import ArmTimer
from waypost.domain.runs.run import MAX_HISTORY, RunStatus
from waypost.domain.runs.simulation import MAX_CLOCK_STEPS
from waypost.domain.runs.transition import apply_elapsed

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
START = event("go", NOW)
NIGHT = {"from": "05:00", "to": "06:00"}
"""Quiet hours that have begun at `NOW`, 05:17, and last for 43 minutes more."""


def delay(duration: str, step: str = "rest", following: str = "end") -> dict[str, Any]:
    """A `timeDelay` step."""
    return {"id": step, "type": "timeDelay", "delay": duration, "next": following}


def wait(*branches: dict[str, Any], after: str | None = "P3D", following: str = "late") -> list[dict[str, Any]]:
    """A `waitUntil` step whose branches lead to the step `early`, and its timeout to the step `late`."""
    step: dict[str, Any] = {"id": "wait", "type": "waitUntil", "branches": [{"next": "early", **each} for each in branches]}
    if after:
        step["timeout"] = {"after": after, "next": following}
    return [step, {"id": "early", "type": "jumpTo", "next": "end"}, {"id": "late", "type": "jumpTo", "next": "end"}]


def test_unrelated_events_do_not_move_a_delay() -> None:
    """A delay of three days ends after three days, though unrelated events and the entry event come every hour."""
    unrelated = [event(name, NOW + hours * HOUR) for hours in range(1, 80) for name in ("page_view", "go")]
    simulation = play([delay("P3D")], START, *unrelated)
    assert visits_of(simulation)[1:] == [("end", "elapsed", 3 * DAY), ("end", "finished", 3 * DAY)]


def test_a_delay_of_zero_takes_no_time() -> None:
    """A run passes a delay of `PT0S` at the instant at which it enters it."""
    assert first_visit(play([delay("PT0S")], START), "end") == NOW


def test_a_day_is_a_calendar_day_in_the_customers_zone() -> None:
    """Over the night in which clocks go forward, `P1D` lasts 23 hours and `PT24H` 24, in the customer's or else the workspace's zone."""
    start = datetime.fromisoformat("2026-03-28T12:00:00+00:00")
    in_berlin = {"timezone": "Europe/Berlin"}
    assert first_visit(play([delay("P1D")], event("go", start), attributes=in_berlin), "end") == start + 23 * HOUR
    assert first_visit(play([delay("PT24H")], event("go", start), attributes=in_berlin), "end") == start + 24 * HOUR
    assert first_visit(play([delay("P1D")], event("go", start), zone="Europe/Berlin"), "end") == start + 23 * HOUR


@pytest.mark.parametrize(
    ("window", "opens"),
    [
        pytest.param({"from": "2026-11-23T05:00Z", "to": "2026-11-24"}, NOW, id="dates, open"),
        pytest.param({"from": "2026-11-24", "to": "2026-11-25"}, NOW.replace(day=24, hour=0, minute=0, second=0), id="dates, later"),
        pytest.param({"from": "09:00", "to": "17:00"}, NOW.replace(hour=9, minute=0, second=0), id="hours, later"),
        pytest.param({"from": "22:00", "to": "06:00"}, NOW, id="hours overnight, open"),
        pytest.param(
            {"onDays": ["tuesday"], "fromTime": "10:00", "toTime": "12:00"},
            NOW.replace(day=24, hour=10, minute=0, second=0),
            id="days of the week, later",
        ),
        pytest.param({"onDays": ["sunday"], "fromTime": "22:00", "toTime": "06:00"}, NOW, id="days of the week overnight, open"),
    ],
)
def test_a_run_passes_a_window_when_it_is_open(window: dict[str, Any], opens: datetime) -> None:
    """On Monday at 05:17 a run passes an open window at once, and waits for the opening of any other."""
    simulation = play([{"id": "window", "type": "timeWindow", "next": "end", **window}], START)
    assert first_visit(simulation, "end") == opens


def test_a_run_that_reaches_a_window_after_its_end_exits() -> None:
    """A window of dates that are over ends the run with `window-over`, because it never opens again."""
    simulation = play([{"id": "window", "type": "timeWindow", "from": "2026-11-01", "to": "2026-11-23", "next": "end"}], START)
    assert only_run(simulation).reason is Reason.WINDOW_OVER


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        pytest.param(3 * DAY - timedelta(milliseconds=1), "early", id="just before the due time"),
        pytest.param(3 * DAY, "late", id="at the due time"),
        pytest.param(3 * DAY + MINUTE, "late", id="after the due time"),
    ],
)
def test_an_event_at_or_after_the_due_time_finds_the_timeout_taken(accepted: timedelta, taken: str) -> None:
    """An event that is accepted before the due time takes its branch; later, the run has timed out, at the due time itself."""
    simulation = play(wait({"event": "bought"}), START, event("bought", NOW + accepted))
    assert visits_of(simulation)[1] == (taken, "event" if taken == "early" else "timeout", min(accepted, 3 * DAY))


def test_a_wait_without_a_timeout_lasts_until_its_event() -> None:
    """A run without a timeout stays in its wait after other events, and its own event takes it on 300 days later."""
    assert only_run(play(wait({"event": "bought"}, after=None), START, event("page_view", NOW + DAY))).step == "wait"
    assert first_visit(play(wait({"event": "bought"}, after=None), START, event("bought", NOW + 300 * DAY)), "early") == NOW + 300 * DAY


def test_the_event_that_starts_a_run_does_not_end_its_first_wait() -> None:
    """A first wait for the entry event itself ends with the second such event, not with the one that started the run."""
    steps = wait({"event": "go"})
    assert visits_of(play(steps, START))[1][1] == "timeout"
    assert visits_of(play(steps, START, event("go", NOW + HOUR)))[1] == ("early", "event", HOUR)


def test_an_event_takes_the_first_branch_whose_conditions_hold() -> None:
    """Branches are tried in the order written, with conditions on payload and customer; if none holds, the run waits on."""
    expensive = {"property": "payload.total", "operator": "is greater than", "value": 10}
    local = {"property": "customer.city", "operator": "is equal to", "value": "Paris"}
    branches = [{"event": "bought", "conditions": expensive, "next": "late"}, {"event": "bought", "conditions": local}]
    for total, city, taken in [(11, "Paris", "late"), (9, "Paris", "early")]:
        simulation = play(wait(*branches, following="end"), START, event("bought", NOW + HOUR, total=total), attributes={"city": city})
        assert visits_of(simulation)[1] == (taken, "event", HOUR)
    neither = play(wait(*branches, following="end"), START, event("bought", NOW + HOUR, total=9), attributes={"city": "Rome"})
    assert visits_of(neither)[1] == ("end", "timeout", 3 * DAY)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(("signed", "paid"), id="as written"),
        pytest.param(("paid", "signed"), id="reversed"),
        pytest.param(("paid", "paid", "signed"), id="one of them twice"),
    ],
)
def test_an_all_branch_is_taken_when_its_last_event_has_come(order: tuple[str, ...]) -> None:
    """An `all` branch remembers its events in any order, counts a repeated one once, and is not taken without the last one."""
    events = [event(name, NOW + (place + 1) * HOUR) for place, name in enumerate(order)]
    simulation = play(wait({"all": ["signed", {"event": "paid"}]}), START, *events)
    assert visits_of(simulation)[1] == ("early", "event", len(order) * HOUR)
    assert first_visit(play(wait({"all": ["signed", "paid"]}), START, *events[:-1]), "early") is None


def test_an_any_branch_is_taken_by_one_of_its_events() -> None:
    """Each event of an `any` branch takes it, if the conditions of that event hold."""
    large = {"event": "paid", "conditions": {"property": "payload.sum", "operator": "is greater than", "value": 5}}
    steps = wait({"any": ["signed", large]})
    large_payment = play(steps, START, event("paid", NOW + HOUR, sum=5), event("paid", NOW + 2 * HOUR, sum=6))
    assert first_visit(large_payment, "early") == NOW + 2 * HOUR
    assert first_visit(play(steps, START, event("signed", NOW + HOUR)), "early") == NOW + HOUR


def test_remembered_events_are_forgotten_when_the_run_leaves_the_wait() -> None:
    """An `all` branch needs all of its events again after the run has left the wait by its timeout and come back."""
    steps: list[dict[str, Any]] = [
        {"id": "wait", "type": "waitUntil", "branches": [{"all": ["a", "b"], "next": "end"}], "timeout": {"after": "P1D", "next": "again"}},
        {"id": "again", "type": "jumpTo", "next": "wait"},
    ]
    simulation = play([*steps, END], START, event("a", NOW + HOUR), event("b", NOW + DAY + HOUR), event("a", NOW + DAY + 2 * HOUR))
    assert first_visit(simulation, "end") == NOW + DAY + 2 * HOUR


def test_an_exit_event_ends_a_run_during_a_delay() -> None:
    """The run exits at the time of the event, and the end of the delay has no effect afterwards."""
    simulation = play([delay("P3D")], START, event("unsubscribed", NOW + DAY), exit=[{"event": "unsubscribed"}])
    assert visits_of(simulation)[-1] == ("rest", "exit-event", DAY)
    assert only_run(simulation).status is RunStatus.EXITED


def test_an_event_that_a_wait_consumes_does_not_exit_the_run() -> None:
    """A run whose wait takes or remembers an event is not ended by it, though the event is one of the journey's exits."""
    exits = [{"event": "bought"}, {"event": "signed"}]
    assert visits_of(play(wait({"event": "bought"}), START, event("bought", NOW + HOUR), exit=exits))[-1][1] == "finished"
    remembered = play(wait({"all": ["signed", "paid"]}), START, event("signed", NOW + HOUR), exit=exits)
    assert visits_of(remembered)[1] == ("late", "timeout", 3 * DAY)


def test_an_event_that_exits_a_run_does_not_enter_its_journey() -> None:
    """An event that is both the entry and an exit ends the active run and starts no other one."""
    entry = {"event": "go", "reentry": {"mode": "always"}}
    simulation = play([delay("P3D")], START, event("go", NOW + HOUR), exit=[{"event": "go"}], entry=entry)
    assert only_run(simulation).reason is Reason.EXIT_EVENT


def test_an_event_advances_the_runs_of_its_own_key() -> None:
    """A payment with an order number advances the run of that order only; one without a number advances all that are left."""
    entry = {"event": "go", "reentry": {"mode": "always", "key": "order"}}
    orders = [event("go", NOW, order=1), event("go", NOW, order=2, n=1)]
    payments = [event("paid", NOW + HOUR, order=2), event("paid", NOW + 2 * HOUR)]
    simulation = play(wait({"event": "paid"}), *orders, *payments, entry=entry)
    ends = {run.key: run.history[-1].at - NOW for run in simulation.runs.values()}
    assert ends == {"1": 2 * HOUR, "2": HOUR}


def test_a_run_waits_for_the_end_of_quiet_hours() -> None:
    """Over the night in which clocks go back, the message is created at 07:00 local time, and never if the run exits before that."""
    steps = [message("hello", "rest"), delay("PT1H")]
    quiet = {"from": "22:00", "to": "07:00"}
    start = datetime.fromisoformat("2026-10-24T23:00:00+02:00")
    simulation = play(steps, event("go", start), quietHours=quiet, zone="Europe/Berlin")
    [planned] = simulation.messages
    assert planned.message.created_at == datetime.fromisoformat("2026-10-25T07:00:00+01:00")
    assert visits_of(simulation)[-1] == ("end", "finished", 10 * HOUR)
    events = [event("go", start), event("stop", start + HOUR)]
    exited = play(steps, *events, quietHours=quiet, exit=[{"event": "stop"}], zone="Europe/Berlin")
    assert exited.messages == []


def test_quiet_hours_that_skip_create_a_skipped_message() -> None:
    """The message is `skipped` with the reason `quiet-hours`, and the run goes on at once to `onFailure`."""
    steps = [message("hello", "good", onFailure="bad"), delay("PT1H", "good"), delay("PT2H", "bad")]
    simulation = play(steps, START, quietHours={"from": "05:00", "to": "06:00", "otherwise": "skip"})
    [planned] = simulation.messages
    assert (planned.message.status.value, planned.message.reason) == ("skipped", "quiet-hours")
    assert visits_of(simulation)[1] == ("bad", "failed", timedelta(0))


def test_in_a_dry_run_an_awaited_message_counts_as_sent() -> None:
    """A run that waits for the outcome of its message goes on to `next` at the instant at which the message is created."""
    steps = [message("hello", "good", onFailure="bad"), delay("PT1H", "good"), delay("PT2H", "bad")]
    assert visits_of(play(steps, START))[1:3] == [("good", "next", timedelta(0)), ("end", "elapsed", HOUR)]


def test_a_dry_run_shows_the_latest_fifty_visits_of_one_instant() -> None:
    """Of a run through two messages and sixty jumps at one instant, the dry run shows the latest fifty visits and both messages."""
    jumps = [jump(f"j{place}", f"j{place + 1}" if place < 59 else "end") for place in range(60)]
    simulation = play([message("first", "second"), message("second", "j0"), *jumps], START)
    assert (len(simulation.visits), simulation.visits[-1][1].reason) == (MAX_HISTORY, Reason.FINISHED)
    assert len(simulation.messages) == 2


def test_a_run_sends_at_most_twenty_messages_in_any_hour() -> None:
    """A loop of a minute, published before such loops were checked, ends with `too-many-messages`; one of four minutes goes on."""
    loop = [message("hello", "rest"), {"id": "back", "type": "jumpTo", "next": "hello"}]
    minute = play([*loop, delay("PT1M", following="back"), END], START)
    assert (len(minute.messages), only_run(minute).reason) == (20, Reason.TOO_MANY_MESSAGES)
    assert only_run(minute).history[-1].at == NOW + 20 * MINUTE
    four_minutes = play([*loop, delay("PT4M", following="back"), END], START)
    assert (len(four_minutes.messages), only_run(four_minutes).active) == (MAX_CLOCK_STEPS + 1, True)


def test_a_message_that_quiet_hours_skip_is_not_counted() -> None:
    """A run whose messages are all skipped sends none, so it does not exit with `too-many-messages`."""
    loop = [message("hello", "rest"), delay("PT1M", following="back"), {"id": "back", "type": "jumpTo", "next": "hello"}, END]
    simulation = play(loop, START, event("stop", NOW + 30 * MINUTE), exit=[{"event": "stop"}], quietHours={**NIGHT, "otherwise": "skip"})
    assert (len(simulation.messages), only_run(simulation).reason) == (31, Reason.EXIT_EVENT)


def test_one_signal_ends_at_most_twenty_waits_of_a_run() -> None:
    """A run with 1,440 waits that are over leaves twenty of them and arms a timer that is already due, which brings it the next signal."""
    loop = [delay("PT1M", "rest", "back"), {"id": "back", "type": "jumpTo", "next": "rest"}]
    journey = Journey.model_validate({"id": "j", "entry": {"event": "go"}, "steps": [*loop]})
    run = only_run(play(wait({"event": "x"}, after=None), START))
    overdue = replace(run, step="rest", visits={"rest": 1}, due=NOW + MINUTE)
    context = StepContext(play([], START).customer, NO_EVENT, NOW + DAY, "UTC")
    transition = apply_elapsed(JourneyVersion(journey, 1), overdue, context, paused=False)
    assert transition is not None
    assert (transition.run.due, transition.run.visits["rest"]) == (NOW + 21 * MINUTE, 21)
    [armed] = [effect for effect in transition.effects if isinstance(effect, ArmTimer)]
    assert armed.timer.due == NOW + 21 * MINUTE


def test_an_experiment_divides_customers_by_weight() -> None:
    """About a fifth of 300 customers take a branch of weight 20, and each customer takes the same branch every time."""
    branches = [{"id": "a", "weight": 20, "next": "a"}, {"id": "b", "weight": 80, "next": "end"}]
    steps = [{"id": "draw", "type": "experiment", "branches": branches}, delay("PT1H", "a")]
    taken = [[visits_of(play(steps, START, customer=f"c_{number}"))[1][0] for number in range(300)] for _ in range(2)]
    assert taken[0] == taken[1]
    assert 30 < taken[0].count("a") < 90


def test_a_loop_through_an_open_window_exits() -> None:
    """A run that goes round through a window that is open exits with `loop`, because an open window is no wait."""
    steps = [
        {"id": "window", "type": "timeWindow", "from": "00:00", "to": "23:59", "next": "back"},
        {"id": "back", "type": "jumpTo", "next": "window"},
    ]
    assert only_run(play(steps, START)).reason is Reason.LOOP
