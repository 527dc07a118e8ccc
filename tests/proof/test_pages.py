"""Every list is complete where the pages of DynamoDB end after one row.

DynamoDB ends a page at 1 MB, which in tests with small rows never happens. Code that takes the first page for the whole list then passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any, Final

import pytest

from functions.local import template
from tests.fakes.messages import NOW
from tests.fakes.tables import TEMPLATE
from tests.proof.adapter_log import AdapterLog, logged_adapters
from tests.proof.adapter_scripts import SCRIPTS, erasures
from tests.proof.aws.dynamodb import PAGE_BYTES, DynamoDb
from tests.proof.aws.tables import tables_of
from tests.proof.page_reads import READS
from tests.proof.test_dynamodb import SetClock

BOUNDED: Final = {
    "DynamoDeadLetters.count": "counts one page, and says that it is a lower bound",
    "DynamoRuns.count": "counts one page, and says that it is a lower bound",
    "DynamoLog.counts": "reads one page of each partition, and says that the count is not exact",
    "DynamoRejectedEvents.counts": "reads the counters of a day, of which the largest number fits in one page",
    "DynamoRuns.in_journey": "explains an event by some runs: those of one page",
    "DynamoCustomerData.messages": "returns some messages, and is called again until there are none",
    "DynamoCustomerData.remove_consents": "removes some rows, and is called again until there are none",
    "DynamoCustomerData.remove_events": "removes some rows, and is called again until there are none",
    "DynamoCustomerData.remove_parked": "removes some rows, and is called again until there are none",
    "DynamoCustomerData.remove_rejected": "removes some rows, and is called again until there are none",
    "DynamoCustomerData.remove_runs": "removes some rows, and is called again until there are none",
    "DynamoErasures.complete": "returns nothing; the test of the erasure in short pages has it",
}
"""Methods that query and return a part by design, with what they do about it. Each has a test of its own below."""


class Stored(SimpleNamespace):
    """The simulated DynamoDB with everything that the scripts store, the adapters on it, and their log."""

    dynamodb: DynamoDb
    adapters: Any
    log: AdapterLog


@pytest.fixture(scope="module")
def read() -> Iterator[Stored]:
    """Everything that the scripts store, for tests that only read it."""
    with everything() as stored:
        yield stored


@pytest.fixture
def stored() -> Iterator[Stored]:
    """The same for one test."""
    with everything() as stored:
        yield stored


@contextmanager
def everything() -> Iterator[Stored]:
    """Everything that the scripts store, but for what they erase."""
    dynamodb = DynamoDb(SetClock(), Random(1), tables_of(template.load(TEMPLATE)), index_lag=0, table_lag=0)
    with logged_adapters(dynamodb) as (adapters, log):
        for script in SCRIPTS:
            if script is not erasures:
                script(adapters)
        adapters.erasures.begin("w1", "c_r", NOW)
        adapters.erasures.block("w1", "c_s", "c_r", NOW)
        adapters.erasures.save_position("w1", "c_r", "scan", "here", NOW)
        yield Stored(dynamodb=dynamodb, adapters=adapters, log=log)


@pytest.mark.parametrize("name", READS)
def test_a_list_in_short_pages_is_complete(read: Stored, name: str) -> None:
    """A method returns the same where each page has one row as where one page has all of them."""
    read.dynamodb.page_bytes = PAGE_BYTES
    whole = READS[name](read.adapters)
    assert whole
    read.dynamodb.page_bytes = 1
    assert READS[name](read.adapters) == whole


def test_every_method_that_queries_is_here(stored: Stored) -> None:
    """No method of an adapter that queries is left out."""
    erasures(stored.adapters)
    querying = {f"{each.adapter}.{each.method}" for each in stored.log.invocations if "query" in each.calls}
    assert querying == {*READS, *BOUNDED}


def test_an_erasure_in_short_pages_leaves_nothing(stored: Stored) -> None:
    """Where each page has one row, repeated removals still remove everything of the customers, and the scope of the erasure."""
    stored.dynamodb.page_bytes = 1
    erasures(stored.adapters)
    adapters = stored.adapters
    assert adapters.runs.history("w1", "c_r").runs == ()
    assert adapters.erasures.scope("w1", "c_r").ids == frozenset()
    assert adapters.messages.page("w1", limit=9, customer="c_m") == ([], None)
    assert adapters.log.between("w1", "c_1", NOW, NOW + timedelta(days=1)) == []
    assert adapters.receipts.read("w1", ["e0", "e1", "e2", "e8"], NOW) == {}
    assert adapters.consents.page("w1", "c_1", limit=9) == ([], None)
    left = [item for item in stored.dynamodb.items("EventsTable") if "rejected-by" in item["id"]["S"]]
    assert left == []
    signals = [item for item in stored.dynamodb.items("DeadTable") if item.get("kind") == {"S": "signal"}]
    assert signals == []


def test_a_count_of_a_part_says_so(stored: Stored) -> None:
    """A count that ended with its page is a lower bound, and never claims to be exact."""
    adapters = stored.adapters
    dead, runs = adapters.dead_letters.count("w1", limit=9), adapters.runs.count("w1", "welcome", "wait", limit=9)
    assert (dead[1], runs) == (False, (3, False))
    exact = adapters.log.counts("w1", NOW, NOW + timedelta(hours=1))
    assert exact.is_exact
    stored.dynamodb.page_bytes = 1
    assert adapters.runs.count("w1", "welcome", "wait", limit=9) == (1, True)
    counts = adapters.log.counts("w1", NOW, NOW + timedelta(hours=1))
    assert not counts.is_exact
    known = sorted(each for each in exact.counts if each[0] >= counts.counted_from)
    assert sorted(counts.counts)[-len(known) :] == known


def test_the_counters_of_a_day_fit_in_one_page(stored: Stored) -> None:
    """A workspace with rejected events in each minute of a day has all of its counters in one page of 1 MB."""
    stored.dynamodb.page_bytes = PAGE_BYTES
    start = datetime(2026, 12, 1, tzinfo=UTC)
    minutes = [start + timedelta(minutes=place) for place in range(1_440)]
    for minute in minutes:
        stored.adapters.rejected.count("w" * 64, minute, 10**12)
    assert stored.adapters.rejected.counts("w" * 64, minutes[0], minutes[-1]) == dict.fromkeys(minutes, 10**12)
