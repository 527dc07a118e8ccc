"""Which events start a run: conditions, re-entry modes, cooldown, keys and the limit of active runs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.journey_harness import enter_journey, entered, journey_that_waits_for_its_message
from tests.fakes.journeys import journey
from waypost.domain.reasons import Reason
from waypost.domain.runs.transition import Transition


@pytest.mark.parametrize(
    ("reentry", "first_is_active", "refusal"),
    [
        pytest.param({}, True, Reason.ALREADY_ENTERED, id="default, active"),
        pytest.param({}, False, Reason.ALREADY_ENTERED, id="default, ended"),
        pytest.param({"mode": "once"}, False, Reason.ALREADY_ENTERED, id="once, ended"),
        pytest.param({"mode": "afterExit"}, True, Reason.ALREADY_ACTIVE, id="afterExit, active"),
        pytest.param({"mode": "afterExit"}, False, None, id="afterExit, ended"),
        pytest.param({"mode": "always"}, True, None, id="always, active"),
        pytest.param({"mode": "always"}, False, None, id="always, ended"),
    ],
)
def test_the_mode_decides_whether_a_second_event_enters(reentry: dict[str, str], first_is_active: bool, refusal: Reason | None) -> None:
    """`once`, the default, allows one run for ever, `afterExit` one at a time, and `always` any number."""
    definition = journey_that_waits_for_its_message(reentry=reentry) if first_is_active else journey(reentry=reentry)
    first = entered(definition).run
    assert first.active is first_is_active
    second = enter_journey(definition, first, uuid="e2")
    assert (second if isinstance(second, Reason) else None) is refusal


@pytest.mark.parametrize(
    ("after", "refusal"),
    [
        pytest.param(timedelta(minutes=59, seconds=59), Reason.COOLDOWN, id="one second before its end"),
        pytest.param(timedelta(hours=1), None, id="at its end"),
    ],
)
@pytest.mark.parametrize("mode", ["afterExit", "always"])
def test_a_cooldown_counts_from_the_last_entry(mode: str, after: timedelta, refusal: Reason | None) -> None:
    """An event is refused with `cooldown` until the cooldown since the last entry is over, and enters at the moment when it is."""
    definition = journey(reentry={"mode": mode, "cooldown": "PT1H"})
    second = enter_journey(definition, entered(definition).run, uuid="e2", after=after)
    assert (second if isinstance(second, Reason) else None) is refusal


def test_each_value_of_the_key_has_a_run_of_its_own() -> None:
    """A second order starts a second run, and the same order, as the number 7 or 7.0, starts none."""
    definition = journey_that_waits_for_its_message(reentry={"key": "order.id"})
    first = entered(definition, order={"id": 7}).run
    second = entered(definition, first, uuid="e2", order={"id": 8}).run
    assert (first.key, second.key) == ("7", "8")
    assert enter_journey(definition, first, second, uuid="e3", order={"id": Decimal("7.0")}) is Reason.ALREADY_ENTERED


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({}, id="no payload"),
        pytest.param({"order": {}}, id="no member"),
        pytest.param({"order": 7}, id="not an object"),
        pytest.param({"order": {"id": None}}, id="null"),
        pytest.param({"order": {"id": ""}}, id="empty text"),
    ],
)
def test_an_event_without_the_key_starts_no_run(payload: dict[str, Any]) -> None:
    """An event whose payload has no value at the path of the key is refused with `no-key`."""
    assert enter_journey(journey_that_waits_for_its_message(reentry={"key": "payload.order.id"}), **payload) is Reason.NO_KEY


def test_each_key_has_a_cooldown_of_its_own() -> None:
    """A second order enters during the cooldown of the first order; the first order does not."""
    definition = journey(reentry={"mode": "always", "key": "order", "cooldown": "P1D"})
    first = entered(definition, order="a").run
    assert isinstance(enter_journey(definition, first, uuid="e2", order="b"), Transition)
    assert enter_journey(definition, first, uuid="e3", order="a") is Reason.COOLDOWN


def test_at_most_a_hundred_runs_of_one_journey_are_active() -> None:
    """With a hundred active runs of any keys an event is refused with `too-many-runs`; when one of them ends, it enters."""
    definition = journey_that_waits_for_its_message(reentry={"mode": "always", "key": "order"})
    runs = [entered(definition, uuid=f"o{place}", order=place).run for place in range(100)]
    assert enter_journey(definition, *runs, order="one more") is Reason.TOO_MANY_RUNS
    assert isinstance(enter_journey(definition, *runs[1:], runs[0].exited(Reason.FINISHED), order="one more"), Transition)


def test_a_run_that_an_earlier_attempt_saved_is_not_saved_again() -> None:
    """An event that meets the run that it started itself gives the same run, messages and receipt entry, marked as already saved."""
    definition = journey(reentry={"mode": "always"})
    first = entered(definition)
    again = entered(definition, first.run)
    assert again.already_saved
    assert (again.run, again.messages, again.journey_outcome) == (first.run, first.messages, first.journey_outcome)


def test_conditions_are_checked_before_the_key() -> None:
    """An event that fails the conditions of the entry and has no key is refused with `conditions`."""
    condition = {"property": "customer.city", "operator": "is equal to", "value": "Rome"}
    assert enter_journey(journey_that_waits_for_its_message(conditions=condition, reentry={"key": "order"})) is Reason.CONDITIONS
