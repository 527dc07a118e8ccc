"""Ended runs of journeys with re-entry keys leave the runs that each event reads, and the re-entry rules know of them all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journeys import journey
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.domain.intake.receipts import Receipt
from waypost.domain.reasons import Reason

ENDS = [{"id": "end", "type": "exit"}]


def harness_with(**reentry: Any) -> MatchHarness:
    """A workspace with a journey that a customer enters once or several times for each order, and that ends at once."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(journey(event="ordered", steps=ENDS, reentry={"key": "payload.order", **reentry}))
    return made


def order(harness: MatchHarness, number: int, uuid: str, after: timedelta = timedelta(0), device: str = "device-1") -> Receipt:
    """The receipt of an order of this number."""
    at = NOW + after
    event = {"event": "ordered", "payload": {"order": number}, "uuid": uuid, "correlationValue": device}
    [receipt] = harness.match(arrived(event, at=at), at)
    return receipt


@pytest.mark.parametrize("mode", ["once", "afterExit", "always"])
def test_an_event_reads_few_runs_however_many_orders_a_customer_had(mode: str) -> None:
    """After a hundred orders, the runs that are read with the customer are those of the latest order."""
    harness = harness_with(mode=mode)
    for number in range(100):
        assert order(harness, number, f"e{number}").had_effect
    assert len(harness.runs.get("w1", CUSTOMER).runs) == 1
    assert len(harness.runs.all) == 100


def test_runs_of_before_leave_the_customer_step_by_step() -> None:
    """A customer who has 60 ended runs from an earlier version of Waypost loses 25 of them with each change."""
    harness = harness_with(mode="once")
    for number in range(60):
        order(harness, number, f"e{number}")
    everything = tuple(harness.runs.all)
    stored = harness.runs.stored_runs["w1", CUSTOMER]
    harness.runs.ended.clear()
    harness.runs.stored_runs["w1", CUSTOMER] = type(stored)(stored.version_row, everything)
    sizes = []
    for number in range(100, 104):
        order(harness, number, f"e{number}")
        sizes.append(len(harness.runs.get("w1", CUSTOMER).runs))
    assert sizes == [36, 12, 1, 1]
    assert order(harness, 7, "again").journeys[0].reason is Reason.ALREADY_ENTERED


def test_once_for_a_key_is_once_for_ever() -> None:
    """The first of many orders cannot be entered again, although its run is not read with the customer any more."""
    harness = harness_with(mode="once")
    for number in range(5):
        order(harness, number, f"e{number}")
    assert order(harness, 0, "again", timedelta(days=3650)).journeys[0].reason is Reason.ALREADY_ENTERED


def test_once_for_a_key_holds_for_a_merged_customer() -> None:
    """An order of the anonymous customer counts after the merge, although its run stays with the old customer id."""
    harness = harness_with(mode="once")
    harness.match(arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}, "correlationValue": "phone", "uuid": "i1"}))
    for number in range(3):
        order(harness, number, f"e{number}")
    harness.match(arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}, "uuid": "i2"}))
    assert order(harness, 0, "again", device="phone").journeys[0].reason is Reason.ALREADY_ENTERED


def test_a_cooldown_of_a_key_counts_from_its_latest_entry() -> None:
    """Within the cooldown the order is refused, after it the order starts a new run, and then the cooldown begins again."""
    harness = harness_with(mode="always", cooldown="P1D")
    order(harness, 1, "e1")
    order(harness, 2, "e2")
    order(harness, 3, "e3")
    hours = [(1, Reason.COOLDOWN), (25, None), (26, Reason.COOLDOWN), (48, Reason.COOLDOWN), (50, None)]
    for after, reason in hours:
        assert order(harness, 1, f"h{after}", timedelta(hours=after)).journeys[0].reason is reason
        order(harness, 9 + after, f"other{after}", timedelta(hours=after))
