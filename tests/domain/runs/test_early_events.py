"""Events that come while a run stays in a message step count for the wait behind that step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.journey_harness import END, event, only_run, play, visits_of
from tests.fakes.journeys import jump, message
from waypost.domain.reasons import Reason
from waypost.domain.runs.simulation import Simulation

NIGHT = {"from": "22:00", "to": "08:00"}
EVENING = datetime.fromisoformat("2026-11-23T22:10:00+00:00")
START = event("go", EVENING)
MORNING = timedelta(hours=9, minutes=50)
"""From the evening to the end of the quiet hours."""


def after(minutes: int) -> datetime:
    """A time so long after the entry."""
    return EVENING + timedelta(minutes=minutes)


def wait(*branches: Mapping[str, Any], name: str = "bought") -> dict[str, Any]:
    """A wait of three days whose branches lead to the end, with a message for those who do not come."""
    timeout = {"after": "P3D", "next": "nudge"}
    return {"id": name, "type": "waitUntil", "branches": [{"next": "end", **each} for each in branches], "timeout": timeout}


def overnight(*steps: Mapping[str, Any], during: list[Any], first: str = "bought", **fields: Any) -> Simulation:
    """The dry run of a welcome mail at 22:10, in quiet hours to 08:00, with these events in the night and these steps behind it."""
    return play([message("hello", first), *steps, message("nudge", "end"), END], START, *during, quietHours=NIGHT, **fields)


def sent(simulation: Simulation) -> list[str]:
    """The steps of the messages that were sent, in order."""
    return [planned.message.step for planned in simulation.messages]


def test_a_purchase_during_quiet_hours_counts_for_the_wait_behind_the_message() -> None:
    """A customer who buys at 22:30, before the welcome mail of 08:00, is not nudged to buy three days later."""
    simulation = overnight(wait({"event": "purchase"}), during=[event("purchase", after(20), total=5)])
    assert sent(simulation) == ["hello"]
    assert visits_of(simulation)[1:] == [
        ("hello", "quiet-hours", MORNING),
        ("bought", "next", MORNING),
        ("end", "event", MORNING),
        ("end", "finished", MORNING),
    ]


def test_the_branch_sees_the_event_that_took_it() -> None:
    """A template behind the branch shows the payload of the purchase in the night, not that of the entry."""
    thanks = message("thanks", "end")
    simulation = overnight(wait({"event": "purchase", "next": "thanks"}), thanks, during=[event("purchase", after(20), total=5)])
    assert [planned.message.event["payload"] for planned in simulation.messages] == [{}, {"total": 5}]


def test_the_first_event_that_completes_a_branch_decides() -> None:
    """Of two events in the night the earlier one takes its branch, though the other's branch stands first; the later one is ignored."""
    branches = {"event": "first", "next": "end"}, {"event": "second", "next": "nudge"}
    simulation = overnight(wait(*branches), during=[event("second", after(20)), event("first", after(30))])
    assert sent(simulation) == ["hello", "nudge"]
    assert [(each.event, each.reason) for each in simulation.ignored] == [("first", Reason.REMEMBERED)]


def test_an_all_branch_counts_events_before_and_after_the_wait_begins() -> None:
    """One of two events comes in the night and the other in the wait; together they complete the branch."""
    during = [event("signed", after(20)), event("paid", after(24 * 60))]
    simulation = overnight(wait({"all": ["signed", "paid"]}), during=during)
    assert visits_of(simulation)[-1] == ("end", "finished", timedelta(days=1))
    both = overnight(wait({"all": ["signed", "paid"]}), during=[event("signed", after(20)), event("paid", after(30))])
    assert visits_of(both)[-1] == ("end", "finished", MORNING)


def test_conditions_are_those_of_the_time_of_the_event() -> None:
    """An event whose conditions do not hold in the night is not kept."""
    large = {"property": "payload.total", "operator": "is greater than", "value": 10}
    simulation = overnight(wait({"event": "purchase", "conditions": large}), during=[event("purchase", after(20), total=5)])
    assert sent(simulation) == ["hello", "nudge"]


SPLIT = {
    "id": "split",
    "type": "multisplit",
    "branches": [{"conditions": {"property": "customer.vip", "operator": "exist"}, "next": "bought"}],
    "otherwise": "bought",
}


@pytest.mark.parametrize(
    ("between", "counts"),
    [
        pytest.param([jump("between", "bought")], True, id="a jump"),
        pytest.param([{**SPLIT, "id": "between"}], True, id="a split"),
        pytest.param([message("between", "bought")], True, id="another message"),
        pytest.param([{"id": "between", "type": "timeDelay", "delay": "PT1H", "next": "bought"}], False, id="a delay"),
        pytest.param([{"id": "between", "type": "timeWindow", "from": "09:00", "to": "17:00", "next": "bought"}], False, id="a window"),
    ],
)
def test_an_event_counts_for_the_wait_that_the_run_reaches_without_another_rest(between: list[Any], counts: bool) -> None:
    """A wait behind steps that take no time gets the event; a wait behind a delay or a window does not."""
    steps = [*between, wait({"event": "purchase"})]
    simulation = overnight(*steps, during=[event("purchase", after(20))], first="between")
    assert ("nudge" in sent(simulation)) is not counts


def test_an_event_counts_for_the_first_wait_only() -> None:
    """Of two waits for a purchase, one behind the other, a purchase in the night takes the branch of the first; the second waits."""
    steps = [wait({"event": "purchase", "next": "again"}), wait({"event": "purchase"}, name="again")]
    simulation = overnight(*steps, during=[event("purchase", after(20))])
    assert visits_of(simulation)[3] == ("again", "event", MORNING)
    assert "nudge" in sent(simulation)


def test_an_event_that_was_kept_for_a_wait_on_another_way_is_dropped() -> None:
    """The run comes to the wait through a delay that it could also have passed by: the event of the night does not take the branch."""
    condition = {"property": "customer.vip", "operator": "exist"}
    split = {"id": "split", "type": "multisplit", "branches": [{"conditions": condition, "next": "bought"}], "otherwise": "rest"}
    rest = {"id": "rest", "type": "timeDelay", "delay": "PT1H", "next": "bought"}
    steps: list[dict[str, Any]] = [split, rest, wait({"event": "purchase"})]
    assert "nudge" in sent(overnight(*steps, during=[event("purchase", after(20))], first="split"))
    assert "nudge" not in sent(overnight(*steps, during=[event("purchase", after(20))], first="split", attributes={"vip": True}))


def test_an_exit_event_exits_at_once_though_the_wait_behind_the_message_names_it() -> None:
    """The run ends in the night with `exit-event`, and the welcome mail is not sent."""
    simulation = overnight(wait({"event": "purchase"}), during=[event("purchase", after(20))], exit=[{"event": "purchase"}])
    assert sent(simulation) == []
    assert visits_of(simulation)[-1] == ("hello", "exit-event", timedelta(minutes=20))


def test_a_run_keeps_at_most_two_events() -> None:
    """With three waits behind a split, a third event for a third wait is ignored with a reason, so the run's row stays small."""
    conditions = [{"property": "customer.vip", "operator": "is equal to", "value": number} for number in range(2)]
    branches = [{"conditions": each, "next": f"w{number}"} for number, each in enumerate(conditions)]
    split = {"id": "split", "type": "multisplit", "branches": branches, "otherwise": "w2"}
    waits = [wait({"event": f"e{number}"}, name=f"w{number}") for number in range(3)]
    simulation = overnight(split, *waits, during=[event(f"e{number}", after(20 + number)) for number in range(3)], first="split")
    assert [(each.event, each.reason) for each in simulation.ignored] == [("e2", Reason.REMEMBERED)]
    assert only_run(simulation).early_matches == ()


def test_an_event_of_another_key_is_not_kept() -> None:
    """A purchase of order 2 in the night does not end the wait of the run of order 1."""
    entry = {"event": "go", "reentry": {"mode": "always", "key": "order"}}
    steps = [message("hello", "bought"), wait({"event": "purchase"}), message("nudge", "end"), END]
    simulation = play(steps, event("go", EVENING, order=1), event("purchase", after(20), order=2), quietHours=NIGHT, entry=entry)
    assert sent(simulation) == ["hello", "nudge"]
