"""Derived values: ids, deduplication names, uuids and facts of events, experiment branches, retry delays, cursors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import tables
from tests.golden.files import Database, database, golden, load, text_of
from tests.golden.objects import (
    ADA,
    DEVICE,
    HEAD,
    LARGE_RUN,
    LATER,
    MESSAGE,
    NOW,
    PAIR,
    PARKED,
    SCHEMA,
    SIGNALS,
    TIMER,
)
from waypost.domain.api_keys import key_hash
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.rows import correlation_key, new_row
from waypost.domain.intake.batch_parser import RequestContext, parse
from waypost.domain.intake.event_codec import event_to_wire
from waypost.domain.intake.events import Accepted, Rejected
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.journey import parse as parse_journey
from waypost.domain.messages.delivery import after_response
from waypost.domain.messages.message import MessageStatus, ProviderResponse
from waypost.domain.runs.context import NO_EVENT, JourneyVersion, StepContext
from waypost.domain.runs.run import Cause, Run, StepVisit
from waypost.domain.runs.transition import start_run, timer_of
from waypost.domain.values import exact_json
from waypost.domain.values.cursors import cursor_of, position_in
from waypost.domain.values.generated_ids import base36, customer_id, digest, key_part, message_id, run_id
from waypost.manage import dead_letters, event_lists, keys, messages, timeline
from waypost.manage import journeys as managed_journeys
from waypost.manage.pagination import in_memory_source, read_page
from waypost.manage.requests import (
    DeadLetterQuery,
    EventQuery,
    JourneyQuery,
    KeyQuery,
    ListQuery,
    MessageQuery,
    TimelineQuery,
)

QUERIES: tuple[ListQuery, ...] = (
    KeyQuery(),
    JourneyQuery(),
    DeadLetterQuery(),
    MessageQuery(),
    MessageQuery(customer="c_ada", journey="welcome", status=MessageStatus.UNKNOWN),
    EventQuery(),
    EventQuery(event="bought", status="rejected", since=NOW),
    TimelineQuery(),
)


@pytest.fixture
def stored() -> Iterator[Database]:
    """Tables with golden rows."""
    with tables.aws():
        made = database()
        for table, name in (
            (made.receipts.table, "events"),
            (made.messages.table, "messages"),
            (made.dead.table, "dead-letters"),
            (made.keys.table, "keys"),
            (made.journeys.table, "journeys"),
        ):
            load(table, golden(name))
        yield made


def customer(name: str) -> Customer:
    """A customer with this id."""
    return Customer("w1", name, ADA, "ada@example.com", ("device-1",), {}, {})


def test_ids_are_derived_as_they_were() -> None:
    """Ids of customers, runs and messages, hashes, parts of row keys, and names of timers and signals are the golden ones."""
    assert [
        digest("a", "bc"),
        digest("ab", "c", length=4),
        base36(123_456_789),
        customer_id("w1", "primary", "ada@example.com"),
        customer_id("w1", "correlation", "device-1"),
        new_row(correlation_key("w1", DEVICE), {}).customer,
        new_row(correlation_key("w1", DEVICE), {DEVICE: NOW}).customer,
        run_id("w1", "welcome", "order-7", "e1"),
        message_id("w1", "welcome", 3, "r_1", "hello", 2),
        key_part("Zo\u00eb #1"),
        key_part("k" * 300),
        key_hash("wp_0123456789abcdefghij"),
        TIMER.name,
        replace(TIMER, customer="c_other", rearm_count=0).name,
        *(signal.name for signal in SIGNALS),
        *(signal.customer for signal in SIGNALS),
        *(parked.position for parked in PARKED),
    ] == golden("ids")


def test_the_timer_of_a_step_is_named_as_it_was() -> None:
    """The timer of a run, its run id and its message id are the golden ones: otherwise an upgrade could not cancel timers in flight."""
    timer = timer_of(LARGE_RUN, customer("c_1"))
    assert timer is not None
    assert [timer.name, *event_ids()] == golden("ids-of-runs")


def event_ids() -> list[str]:
    """The ids of the run and the message that one entry makes, with the step."""
    journey = parse_journey(golden("definitions")[1])
    assert isinstance(journey, Journey)
    run = Run(run_id("w1", journey.id, "", "e1"), journey.id, 4, "", journey.first.id, NOW)
    done = start_run(JourneyVersion(journey, 4), run, StepContext(customer("c_1"), NO_EVENT, NOW + timedelta(hours=6), "UTC"))
    return [done.run.id, done.run.step, *(message.id for message in done.messages)]


def test_batches_are_read_as_they_were() -> None:
    """Events of golden requests have golden uuids (own, from content and count, from a key, or new), facts and identifiers."""
    request_context = RequestContext("w1", SCHEMA, NOW, "request-1")
    first, second = golden_batches()
    assert [
        results_of(first, request_context),
        results_of(first, replace(request_context, idempotency_key="key-1")),
        results_of(second, replace(request_context, idempotency_key="key-1")),
        results_of(second, replace(request_context, workspace="w2", invocation_id="request-2")),
        results_of(first["batch"][1], replace(request_context, bare=True)),
    ] == golden("batches-parsed")


def golden_batches() -> list[Any]:
    """The golden requests with exact numbers, as the handler reads them."""
    read: list[Any] = exact_json.loads(text_of("batches"))
    return read


def results_of(body: Any, request_context: RequestContext) -> list[Any]:
    """The result of each event as plain JSON."""
    return [plain_result(result) for result in parse(body, request_context).results]


def plain_result(result: Accepted | Rejected) -> list[Any]:
    """The JSON form and the warnings of an accepted event, or the code and the pointer of a rejected one."""
    if isinstance(result, Rejected):
        return [result.code, result.pointer]
    return [exact_json.dumps(event_to_wire(result.event)), [list(each) for each in result.warnings], result.has_server_time]


def test_experiments_choose_the_branches_that_they_did() -> None:
    """A hundred customers take the golden branches of an experiment with a hundred branches."""
    branches = [{"id": f"b{n}", "weight": 1, "next": f"exit{n}"} for n in range(100)]
    exits = [{"id": f"exit{n}", "type": "exit"} for n in range(100)]
    raw = {"id": "test", "entry": {"event": "e"}, "steps": [{"id": "draw", "type": "experiment", "branches": branches}, *exits]}
    journey = parse_journey(raw)
    assert isinstance(journey, Journey)

    def drawn(name: str) -> str:
        run = Run("r_1", "test", 1, "", "draw", NOW)
        return start_run(JourneyVersion(journey, 1), run, StepContext(customer(name), NO_EVENT, NOW, "UTC")).run.step

    assert [drawn(f"c_{n}") for n in range(100)] == golden("draws")


def test_refused_messages_wait_as_they_did() -> None:
    """The delay after each attempt is the golden one, jitter included: it is a hash of the message id and the attempt count."""
    claimed = replace(MESSAGE, status=MessageStatus.SENDING, token="t", lease=LATER)
    dues = [
        after_response(replace(claimed, attempt_count=attempt_count), ProviderResponse("refused", "503"), NOW).due
        for attempt_count in range(1, 8)
    ]
    assert [due.isoformat() for due in dues] == golden("pauses")


def test_a_customer_is_assembled_as_it_was() -> None:
    """Golden facts give the golden attributes and device tokens, with numbers to the last digit."""
    found = assemble([HEAD, PAIR], SCHEMA.primary_key)
    assert found is not None
    assert exact_json.dumps([found.primary_key, found.correlation_ids, found.attributes, found.tokens, found.merged_ids]) == golden(
        "customer"
    )


def test_cursors_are_written_and_read_as_they_were() -> None:
    """The golden cursor of each list contains its position and is accepted for its query."""
    position = "2026-11-23T05:17:13.001Z#x"
    assert [cursor_of(position, "w1", query.filter_key()) for query in QUERIES] == golden("cursors")
    assert [position_in(cursor, "w1", query.filter_key()) for cursor, query in zip(golden("cursors"), QUERIES, strict=True)] == [
        position
    ] * 8


def test_lists_of_golden_rows_go_on_where_they_did(stored: Database) -> None:
    """The first page of each list ends with its golden cursor, and the page after that has another one."""
    cursors = golden("cursors-of-lists")
    assert next_of(stored, [None] * len(cursors)) == cursors
    for after, before in zip(next_of(stored, cursors), cursors, strict=True):
        assert after != before, "the page after a golden cursor ends at another place"


def test_a_timeline_of_golden_rows_goes_on_where_it_did(stored: Database) -> None:
    """Each entry of a timeline, whether an event, a message or a step, is followed by its golden cursor."""
    assert timeline_of(stored) == golden("cursors-of-timeline")


def next_of(stored: Database, cursors: list[Any]) -> list[str | None]:
    """The cursor at the end of the page of one item that begins at each cursor."""
    a, b, c, d, e, f = cursors
    first, now = NOW.date(), LATER + timedelta(hours=1)
    workspace_keys = in_memory_source(
        [replace(each, created_at=NOW + timedelta(n)) for n in range(2) for each in stored.keys.all("w1")], keys.position
    )
    journeys = in_memory_source(stored.journeys.all("w1"), managed_journeys.position)
    return [
        read_page(workspace_keys, keys.position, "w1", KeyQuery(limit=1, cursor=a)).next,
        read_page(journeys, managed_journeys.position, "w1", JourneyQuery(limit=1, cursor=b)).next,
        dead_letters.page(stored.dead, "w1", DeadLetterQuery(limit=1, cursor=c)).next,
        messages.page(stored.messages, "w1", MessageQuery(limit=1, cursor=d), first, now).next,
        event_lists.logged_page(stored.log, stored.receipts, "w1", EventQuery(limit=1, cursor=e), first, now).next,
        event_lists.rejected_page(stored.rejected, "w1", EventQuery(limit=1, status="rejected", cursor=f), first, now).next,
    ]


def timeline_of(stored: Database) -> list[str | None]:
    """The cursors of a customer's timeline, read to its end one entry at a time."""
    runs = [replace(LARGE_RUN, history=tuple(StepVisit(NOW + timedelta(seconds=n), "rest", Cause.ELAPSED) for n in range(3)))]
    history = timeline.TimelineSources(stored.log, stored.receipts, stored.messages, runs)
    cursors: list[str | None] = []
    cursor: str | None = None
    while cursor is not None or not cursors:
        query = TimelineQuery(limit=1, cursor=cursor)
        cursor = timeline.page(history, customer("c_ada"), query, LATER + timedelta(hours=1)).next
        cursors.append(cursor)
    return cursors
