"""Matchers that work while their customer is being erased: a worker that reads before it and writes after it leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journeys import message
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import correlation_key
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.receipts import Receipt
from waypost.domain.journeys.journey import Journey
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit
from waypost.domain.signals import TimerDue

PHONE = Identifier("correlation", "device-1")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SIGN_UP: dict[str, Any] = {"event": "signed_up"}
PAUSE = {"id": "pause", "type": "timeDelay", "delay": "P1D", "next": "mail"}
STEPS = [PAUSE, message("mail", "end"), {"id": "end", "type": "exit"}]


@pytest.fixture
def harness() -> MatchHarness:
    """A workspace with a journey that every `signed_up` enters, and that sends a message a day later."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(Journey.model_validate({"id": "welcome", "entry": SIGN_UP, "steps": STEPS}))
    return made


def begin_erasure(harness: MatchHarness) -> None:
    """What an erasure writes first: the marks in the version row and the customer's rows, then the tombstones."""
    customer_runs = harness.runs.get("w1", CUSTOMER)
    read = customer_runs.version_row
    blocked = replace(read, version=read.version + 1, pending_effects=(), erased=True)
    harness.runs.stored_runs["w1", CUSTOMER] = replace(customer_runs, version_row=blocked)
    harness.customers.save([replace(row, erasing=True) for row in harness.customers.rows.values()])
    harness.customers.erasures["w1", PHONE] = NOW + DAY


def finish_erasure(harness: MatchHarness) -> None:
    """What an erasure removes: runs, and at last the rows of the customer."""
    customer_runs = harness.runs.get("w1", CUSTOMER)
    harness.runs.stored_runs["w1", CUSTOMER] = replace(customer_runs, runs=())
    harness.customers.rows.clear()


def before_the_next_commit(harness: MatchHarness, *erase: Any) -> None:
    """Lets an erasure come between a worker's reads and its save."""

    def hook(_: Commit) -> None:
        harness.runs.before_commit = lambda _: None
        for each in erase:
            each(harness)

    harness.runs.before_commit = hook


@pytest.mark.parametrize("erased_first", [False, True], ids=["read before the erasure", "read during the erasure"])
def test_a_timer_that_races_with_an_erasure_sends_nothing(harness: MatchHarness, erased_first: bool) -> None:
    """A worker that read the run before the erasure, or finds the rows that are not removed yet, saves no step and sends no message."""
    harness.match(arrived(SIGN_UP))
    [timer] = harness.timers.armed.values()
    [before] = harness.runs.get("w1", CUSTOMER).runs
    if erased_first:
        begin_erasure(harness)
    else:
        before_the_next_commit(harness, begin_erasure)
    assert harness.match(TimerDue(timer), NOW + DAY) == []
    assert (harness.send_queue.records, harness.messages.stored) == ([], {})
    assert harness.runs.get("w1", CUSTOMER).runs == (before,)
    assert harness.runs.get("w1", CUSTOMER).version_row.erased


def test_an_event_that_passed_the_tombstones_before_an_erasure_is_dropped(harness: MatchHarness) -> None:
    """The save fails, the redelivery finds the tombstone: the receipt says `erased`, and no run and no new customer appears."""
    harness.match(arrived({"event": "other", "uuid": "x"}))
    before_the_next_commit(harness, begin_erasure, finish_erasure)
    assert harness.deliver([arrived(SIGN_UP)]) == 1
    assert (harness.receipt().reason, harness.receipt().customer) == (Reason.ERASED, "")
    assert (harness.customers.rows, harness.runs.all) == ({}, [])


def test_an_event_of_a_customer_that_was_erased_meanwhile_creates_no_empty_customer(harness: MatchHarness) -> None:
    """An event without attributes from before the erasure, whose tombstones were read before it, writes no row after it."""
    signal = arrived({"event": "other"})

    def erase_after_the_first_read(workspace: str, identifiers: Any) -> Any:
        harness.customers.tombstones = original  # type: ignore[method-assign]
        begin_erasure(harness)
        return {}

    original = harness.customers.tombstones
    harness.customers.tombstones = erase_after_the_first_read  # type: ignore[method-assign]
    assert harness.deliver([signal]) == 1
    assert harness.receipt().reason is Reason.ERASED
    assert harness.customers.rows == {}


def test_an_event_later_than_the_erasure_waits_for_it_and_creates_a_new_customer(harness: MatchHarness) -> None:
    """While the erased customer's rows are there the event waits; then it belongs to a new customer, with its attributes and its run."""
    harness.match(arrived(SIGN_UP))
    later = arrived(
        {"event": "$set", "uuid": "s1", "payload": {"plan": "new"}}, SIGN_UP | {"uuid": "e9"}, at=NOW + DAY + MINUTE, known=True
    )
    begin_erasure(harness)
    with pytest.raises(UnavailableError):
        harness.match(later, NOW + DAY + MINUTE)
    finish_erasure(harness)
    assert harness.deliver([later], NOW + DAY + MINUTE) == 0
    row = harness.customers.rows[correlation_key("w1", PHONE)]
    assert row.customer not in ("", CUSTOMER)
    assert "a:plan" in row.facts
    assert harness.receipt("e9").customer == row.customer
    assert {page.customer for page in harness.log.pages.values() if page.events[-1].uuid == "e9"} == {row.customer}
    assert harness.runs.get("w1", CUSTOMER).runs == ()
    assert [run.step for run in harness.runs.get("w1", row.customer).runs] == ["pause"]


def test_a_receipt_that_no_page_lists_names_nobody_after_an_erasure(harness: MatchHarness) -> None:
    """A delivery that died before its page left a receipt of the erased customer. The redelivery replaces it and logs no payload."""
    harness.match(arrived({"event": "other", "uuid": "x"}))
    harness.receipts.put("w1", [Receipt("e0", "signed_up", NOW, CUSTOMER)])
    begin_erasure(harness)
    finish_erasure(harness)
    harness.log.pages.clear()
    harness.log_all = False
    harness.match(arrived(SIGN_UP), redelivered=True)
    assert (harness.receipt().reason, harness.receipt().customer) == (Reason.ERASED, "")
    assert harness.log.pages == {}


def test_the_receipt_of_another_customer_stays_after_an_erasure(harness: MatchHarness) -> None:
    """A repeat of an event that named the erased customer's id beside another customer's keeps that receipt and logs no payload."""
    receipt = Receipt("e0", "signed_up", NOW, "c_other")
    harness.receipts.put("w1", [receipt])
    begin_erasure(harness)
    finish_erasure(harness)
    harness.match(arrived(SIGN_UP), redelivered=True)
    assert (harness.receipt(), harness.log.pages) == (receipt, {})
