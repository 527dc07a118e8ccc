"""The intake makes a batch durable, with the customers table or part of the queue unavailable (docs/events.md#answers)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, IngestHarness, codes, identify, wire
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Rejected
from waypost.ingest import time_budget

EVE = "eve@example.com"
LINKED = Identifier("primary", ADA)


@pytest.fixture
def intake() -> IngestHarness:
    """A new instance, with everything available."""
    return IngestHarness()


@pytest.fixture
def warm() -> IngestHarness:
    """An instance that has a linked customer in its cache; the lists of calls are empty."""
    intake = IngestHarness()
    intake.post(identify())
    intake.clear_calls()
    return intake


def triggers(count: int, **fields: Any) -> list[dict[str, Any]]:
    """This many different triggers."""
    return [wire(payload={"n": number}, **fields) for number in range(count)]


def test_an_identify_and_a_trigger_of_a_known_customer_take_two_calls(warm: IngestHarness) -> None:
    """A batch of an `$identify` and a trigger of a known customer makes one write, and one message with both events."""
    ingested = warm.post(identify(at="2026-11-23T05:00:01Z", plan="pro"), wire("trigger_some_message"))
    assert codes(ingested) == ["accepted", "accepted"]
    assert (warm.customers.calls, len(warm.signals.calls)) == (["update_if_newer"], 1)
    [signal] = warm.signals.arrived
    assert [event.name for event in signal.events] == ["$identify", "trigger_some_message"]
    assert (signal.primary, signal.known, signal.customer) == (LINKED, True, warm.customers.customer(ADA).id)


def test_a_hundred_triggers_of_a_cached_customer_take_one_call(warm: IngestHarness) -> None:
    """A hundred triggers of a cached customer are sent in one message, without a call to the customers table."""
    warm.post(*triggers(100))
    assert (warm.customers.calls, len(warm.signals.calls), len(warm.signals.queue_messages)) == ([], 1, 1)


def test_a_hundred_triggers_of_a_customer_that_is_not_cached_take_two_calls(warm: IngestHarness) -> None:
    """A linked customer that is not cached is read once, and is cached from then on."""
    warm.linked.entries.clear()
    warm.post(*triggers(100))
    assert (warm.customers.calls, len(warm.signals.calls)) == (["get"], 1)
    warm.clear_calls()
    warm.post(*triggers(100))
    assert warm.customers.calls == []


def test_an_anonymous_customer_is_not_cached(intake: IngestHarness) -> None:
    """An anonymous customer is read for each batch; its id is the same before anything is stored of it."""
    intake.post(wire())
    intake.post(wire(payload={"n": 1}))
    assert intake.customers.calls == ["get", "get"]
    first, second = intake.signals.arrived
    assert first.customer == second.customer
    assert (first.primary, first.known) == (None, False)


def test_the_cache_of_linked_ids_is_bounded(intake: IngestHarness) -> None:
    """A full cache of linked ids removes its oldest entry for a new one."""
    intake.linked.max_entries = 3
    for number in range(4):
        intake.post(identify(f"p{number}@example.com", value=f"device-{number}"))
    assert len(intake.linked.entries) == 3
    assert intake.linked.get("w1", Identifier("correlation", "device-0")) is None
    assert intake.linked.get("w1", Identifier("correlation", "device-3")) is not None


def test_facts_that_are_written_are_not_sent(intake: IngestHarness) -> None:
    """An `$identify` that was carried out is sent without facts and identification; the facts of a `$set` and of tokens are sent."""
    intake.post(identify(plan="pro"), wire("$set", payload={"age": 31}), wire() | {"$fcm": {"iosDeviceToken": "tokI"}})
    [signal] = intake.signals.arrived
    assert [sorted(event.facts) for event in signal.events] == [[], ["a:age"], ["t:ios"]]
    assert [event.identification for event in signal.events] == [None, None, None]
    assert intake.customers.customer(ADA).attributes["plan"] == "pro"


def test_events_around_an_identify_belong_to_one_customer(intake: IngestHarness) -> None:
    """Events of all ids that an `$identify` of the batch links are sent in one message, in the order of the request."""
    intake.post(
        wire("first"),
        identify(**{"$anon_distinct_id": "device-2"}),
        wire("second", correlationValue="device-2"),
        wire("third", correlationKey="email", correlationValue=ADA),
    )
    [signal] = intake.signals.arrived
    assert [event.name for event in signal.events] == ["first", "$identify", "second", "third"]


def test_each_customer_has_a_message_of_its_own(intake: IngestHarness) -> None:
    """The events of 25 customers are sent in 25 messages of different groups, at most ten in a call."""
    ingested = intake.post(*(wire(correlationValue=f"device-{number}") for number in range(25)))
    assert codes(ingested) == ["accepted"] * 25
    assert sorted(len(call) for call in intake.signals.calls) == [5, 10, 10]
    assert len({queue_message.group for queue_message in intake.signals.queue_messages}) == 25


def test_messages_of_one_customer_are_sent_one_after_another(intake: IngestHarness) -> None:
    """250 events of one customer are sent in order, in three messages of at most 100 events and three calls."""
    intake.post(*triggers(250))
    assert [len(call) for call in intake.signals.calls] == [1, 1, 1]
    assert [event.payload["n"] for signal in intake.signals.arrived for event in signal.events] == list(range(250))


def test_large_events_are_divided_into_messages_that_the_queue_accepts(intake: IngestHarness) -> None:
    """Events of 60 KB are sent two in a message."""
    intake.post(*(wire(payload={"n": number, "text": "x" * 60_000}) for number in range(10)))
    assert [len(signal.events) for signal in intake.signals.arrived] == [2] * 5


def test_the_signal_of_a_historical_batch_is_historical(intake: IngestHarness) -> None:
    """The signal of a batch with `historical` says so to the matcher."""
    intake.post(wire(), historical=True)
    assert intake.signals.arrived[0].historical


def test_a_conflicting_identify_is_rejected(warm: IngestHarness) -> None:
    """An `$identify` in conflict is rejected with the place; the next event of the device belongs to the customer who has the device."""
    ingested = warm.post(identify(EVE), wire())
    assert codes(ingested) == ["correlation-conflict", "accepted"]
    entry = ingested.results[0]
    assert isinstance(entry, Rejected)
    assert (entry.pointer, entry.retryable) == ("/batch/0/correlationValue", False)
    assert warm.signals.arrived[0].primary == LINKED


@pytest.mark.parametrize("bare", [True, False])
def test_the_pointer_of_a_rejected_identify_starts_at_the_body(warm: IngestHarness, bare: bool) -> None:
    """The pointer of a rejected `$identify` starts at the batch; in a bare event it starts at the event."""
    entry = warm.post(identify(EVE), bare=bare).results[0]
    assert isinstance(entry, Rejected)
    assert entry.pointer == ("/correlationValue" if bare else "/batch/0/correlationValue")


def test_with_the_customers_table_down_facts_are_sent(intake: IngestHarness) -> None:
    """With the customers table down, events are accepted after one failed call and sent with their facts and identifications."""
    intake.customers.down = True
    ingested = intake.post(identify(plan="pro"), wire() | {"$fcm": {"iosDeviceToken": "tokI"}})
    assert codes(ingested) == ["accepted", "accepted"]
    [signal] = intake.signals.arrived
    identification = signal.events[0].identification
    assert identification is not None
    assert (identification.primary, sorted(signal.events[0].facts), sorted(signal.events[1].facts)) == (LINKED, ["a:plan", "p"], ["t:ios"])
    assert intake.customers.calls == ["update_if_newer"]


def test_a_slow_customers_table_leaves_time_for_the_queue(intake: IngestHarness) -> None:
    """No identification is started after two seconds; the events that are left are sent with theirs."""

    class Slow(FakeCustomers):
        def update_if_newer(self, key: Any, facts: Facts) -> Any:
            intake.clock.seconds += 0.9
            return super().update_if_newer(key, facts)

    intake.customers = Slow()
    ingested = intake.post(*(identify(value=f"device-{number}") for number in range(10)))
    assert codes(ingested) == ["accepted"] * 10
    not_carried_out = [event for signal in intake.signals.arrived for event in signal.events if event.identification is not None]
    assert len(not_carried_out) == 7


@pytest.mark.parametrize("call", ["update_if_newer", "get"])
def test_a_call_to_the_customers_table_that_hangs_is_abandoned(intake: IngestHarness, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event whose call hangs is sent as it came, and a late result of the call changes neither the answer nor the cache."""
    monkeypatch.setattr(time_budget, "READ_SECONDS", 0.05)
    released = Event()

    class Hanging(FakeCustomers):
        def _called(self, name: str) -> None:
            super()._called(name)
            if name == call:
                assert released.wait(10)

    intake.customers = Hanging()
    ingested = intake.post(identify() if call == "update_if_newer" else wire())
    released.set()
    intake.executor.shutdown()
    assert codes(ingested) == ["accepted"]
    [event] = intake.signals.arrived[0].events
    assert (event.identification is not None) == (call == "update_if_newer")
    assert intake.linked.entries == {}


def test_the_answer_does_not_wait_for_rejected_events(intake: IngestHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the table of rejected events hangs, the batch is answered in time, and the event counts as not kept."""
    monkeypatch.setattr(time_budget, "KEEP_SECONDS", 0.05)
    released = Event()
    monkeypatch.setattr(intake.rejected, "count", lambda *_: released.wait(10) and 0)
    ingested = intake.post(wire(), wire(correlationValue="null"))
    released.set()
    assert (codes(ingested), ingested.unkept) == (["accepted", "illegal-id"], 1)


def test_with_the_queue_down_the_batch_is_unavailable_in_time(intake: IngestHarness) -> None:
    """With the queue down, sending is repeated until second 6.5, then UnavailableError is raised."""
    intake.signals.down = True
    with pytest.raises(UnavailableError):
        intake.post(wire())
    assert len(intake.signals.calls) > 10
    assert 6 < intake.clock.seconds < 7


def test_a_partly_failed_send_is_sent_again(intake: IngestHarness) -> None:
    """Messages that the queue refuses twice are sent three times, the others once, and all events are accepted."""
    intake.signals.refuses = lambda queue_message, call: call <= 2 and queue_message.group.endswith(tuple("0123456789abcdefghi"))
    ingested = intake.post(*(wire(correlationValue=f"device-{number}") for number in range(10)))
    assert codes(ingested) == ["accepted"] * 10
    assert [queue_message.group for queue_message in intake.signals.calls[1]] == [
        queue_message.group for queue_message in intake.signals.calls[2]
    ]
    assert len(intake.signals.queue_messages) == 10
    assert intake.clock.seconds == 0.5


def test_events_that_the_queue_goes_on_refusing_are_not_stored(intake: IngestHarness) -> None:
    """All events of a customer whose message is refused are rejected as retryable with `not-stored`; another customer's are accepted."""
    intake.signals.refuses = lambda queue_message, _: '"n":0' in queue_message.body
    ingested = intake.post(*triggers(150), *triggers(3, correlationValue="device-2", source="mobile")[1:])
    assert codes(ingested) == ["not-stored"] * 150 + ["accepted"] * 2
    refused = ingested.results[149]
    assert isinstance(refused, Rejected)
    assert (refused.retryable, refused.pointer) == (True, "/batch/149")


def test_messages_behind_a_refused_one_are_not_sent(intake: IngestHarness) -> None:
    """If the queue refuses a customer's second message, the third is not sent: its events would overtake those of the second."""
    intake.signals.refuses = lambda queue_message, _: '"n":100' in queue_message.body
    ingested = intake.post(*triggers(250), wire(correlationValue="device-2"))
    assert codes(ingested) == ["accepted"] * 100 + ["not-stored"] * 150 + ["accepted"]


def test_a_batch_without_valid_events_needs_no_queue(intake: IngestHarness) -> None:
    """With the queue down, a batch of invalid events gets the error of each event, not UnavailableError."""
    intake.signals.down = True
    assert codes(intake.post("bad", wire(event=7))) == ["not-an-object", "bad-event"]


def test_with_the_queue_down_a_batch_with_some_valid_events_is_unavailable(intake: IngestHarness) -> None:
    """With the queue down, a batch with a valid event raises UnavailableError, whatever else is in it."""
    intake.signals.down = True
    with pytest.raises(UnavailableError):
        intake.post("bad", wire())


def test_rejected_events_are_kept_as_they_were_sent(intake: IngestHarness) -> None:
    """Each rejected event is kept with its index, its JSON and its error; accepted ones are not kept."""
    intake.post(wire(), "bad", wire(event=7))
    assert [(each.batch_index, each.raw, each.error.code) for each in intake.rejected.kept] == [
        (1, "bad", "not-an-object"),
        (2, wire(event=7), "bad-event"),
    ]


def test_at_most_100_rejected_events_a_minute_are_kept(intake: IngestHarness) -> None:
    """Of 180 rejected events in one minute 100 are kept, and all are counted."""
    intake.post(*["bad"] * 60)
    intake.post(*["bad"] * 60)
    intake.post(*["bad"] * 60)
    assert len(intake.rejected.kept) == 100
    assert intake.rejected.counts.total() == 180


def test_rejected_events_that_cannot_be_kept_do_not_fail_the_batch(intake: IngestHarness) -> None:
    """With the table of rejected events down, the batch is ingested and the number of events that were not kept is returned."""
    intake.rejected.down = True
    ingested = intake.post(wire(), "bad")
    assert (codes(ingested), ingested.unkept) == (["accepted", "not-an-object"], 1)


def test_rejected_events_are_not_kept_after_the_time_to_send(intake: IngestHarness) -> None:
    """If sending has used up its time, rejected events are not kept, only counted as such."""
    intake.signals.refuses = lambda queue_message, _: '"n":0' in queue_message.body
    ingested = intake.post(*triggers(1), wire(correlationValue="device-2"))
    assert (ingested.unkept, intake.rejected.kept) == (1, [])


def test_identifications_of_many_customers_are_carried_out_in_threads(intake: IngestHarness) -> None:
    """200 `$identify` events of 100 customers, carried out by 8 threads, make 100 customers with all their attributes and messages."""
    with ThreadPoolExecutor(8) as intake.executor:
        ingested = intake.post(*(identify(f"p{number // 2}@example.com", value=f"device-{number}", n=number) for number in range(200)))
    assert codes(ingested) == ["accepted"] * 200
    assert all(intake.customers.customer(f"p{number}@example.com").attributes["n"] in (2 * number, 2 * number + 1) for number in range(100))
    assert len(intake.signals.queue_messages) == 100
