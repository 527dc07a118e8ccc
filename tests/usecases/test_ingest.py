"""A batch becomes durable, whatever of the world is down (contract 1.5, 1.6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, Intake, codes, identify, wire
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Rejected
from waypost.ingest import time_budget

EVE = "eve@example.com"
LINKED = Identifier("primary", ADA)


@pytest.fixture
def intake() -> Intake:
    """A function that was just started, in a world that is well."""
    return Intake()


@pytest.fixture
def warm() -> Intake:
    """A function that knows a linked customer; calls are counted from here."""
    intake = Intake()
    intake.post(identify())
    intake.forget_calls()
    return intake


def triggers(count: int, **fields: Any) -> list[dict[str, Any]]:
    """So many different triggers."""
    return [wire(payload={"n": number}, **fields) for number in range(count)]


def test_a_known_customers_documented_batch_takes_two_calls(warm: Intake) -> None:
    """One write of the naming, one message with both events."""
    outcome = warm.post(identify(at="2026-11-23T05:00:01Z", plan="pro"), wire("trigger_some_message"))
    assert codes(outcome) == ["accepted", "accepted"]
    assert (warm.customers.calls, len(warm.signals.calls)) == (["touch"], 1)
    [signal] = warm.signals.arrived
    assert [event.name for event in signal.events] == ["$identify", "trigger_some_message"]
    assert (signal.primary, signal.known, signal.customer) == (LINKED, True, warm.customers.customer(ADA).id)


def test_a_hundred_triggers_of_a_remembered_customer_take_one_call(warm: Intake) -> None:
    """All in one message."""
    warm.post(*triggers(100))
    assert (warm.customers.calls, len(warm.signals.calls), len(warm.signals.queue_messages)) == ([], 1, 1)


def test_a_hundred_triggers_of_a_customer_not_in_memory_take_two_calls(warm: Intake) -> None:
    """Whose they are is read once, and remembered from then on."""
    warm.linked.entries.clear()
    warm.post(*triggers(100))
    assert (warm.customers.calls, len(warm.signals.calls)) == (["get"], 1)
    warm.forget_calls()
    warm.post(*triggers(100))
    assert warm.customers.calls == []


def test_an_anonymous_customer_is_not_remembered(intake: Intake) -> None:
    """It may be named at any time by another function, so it is looked up each time; its id is known before it exists."""
    intake.post(wire())
    intake.post(wire(payload={"n": 1}))
    assert intake.customers.calls == ["get", "get"]
    first, second = intake.signals.arrived
    assert first.customer == second.customer
    assert (first.primary, first.known) == (None, False)


def test_memory_is_bounded_and_forgets_the_oldest(intake: Intake) -> None:
    """A warm function of a large workspace does not grow without end."""
    intake.linked.max_entries = 3
    for number in range(4):
        intake.post(identify(f"p{number}@example.com", value=f"device-{number}"))
    assert len(intake.linked.entries) == 3
    assert intake.linked.get("w1", Identifier("correlation", "device-0")) is None
    assert intake.linked.get("w1", Identifier("correlation", "device-3")) is not None


def test_facts_that_are_written_do_not_travel_again(intake: Intake) -> None:
    """The naming's event is a trigger like any other from then on; a `$set` travels, for the matcher writes it."""
    intake.post(identify(plan="pro"), wire("$set", payload={"age": 31}), wire() | {"$fcm": {"iosDeviceToken": "tokI"}})
    [signal] = intake.signals.arrived
    assert [sorted(event.facts) for event in signal.events] == [[], ["a:age"], ["t:ios"]]
    assert [event.identification for event in signal.events] == [None, None, None]
    assert intake.customers.customer(ADA).attributes["plan"] == "pro"


def test_events_around_a_naming_are_one_customers(intake: Intake) -> None:
    """Whichever of its ids they come by: one message, in the order of the request."""
    intake.post(
        wire("first"),
        identify(**{"$anon_distinct_id": "device-2"}),
        wire("second", correlationValue="device-2"),
        wire("third", correlationKey="email", correlationValue=ADA),
    )
    [signal] = intake.signals.arrived
    assert [event.name for event in signal.events] == ["first", "$identify", "second", "third"]


def test_each_customer_has_a_message_of_its_own(intake: Intake) -> None:
    """At most ten to a call, never two of one customer in the same call."""
    outcome = intake.post(*(wire(correlationValue=f"device-{number}") for number in range(25)))
    assert codes(outcome) == ["accepted"] * 25
    assert sorted(len(call) for call in intake.signals.calls) == [5, 10, 10]
    assert len({queue_message.group for queue_message in intake.signals.queue_messages}) == 25


def test_many_events_of_one_customer_go_one_message_after_another(intake: Intake) -> None:
    """A message holds 100 events; the next goes only when the one before it is on the queue, so that order holds."""
    intake.post(*triggers(250))
    assert [len(call) for call in intake.signals.calls] == [1, 1, 1]
    assert [event.payload["n"] for signal in intake.signals.arrived for event in signal.events] == list(range(250))


def test_large_events_are_cut_into_messages_that_the_queue_takes(intake: Intake) -> None:
    """No body of 100 events may outgrow a message."""
    intake.post(*(wire(payload={"n": number, "text": "x" * 60_000}) for number in range(10)))
    assert [len(signal.events) for signal in intake.signals.arrived] == [2] * 5


def test_a_batch_of_history_says_so_on_the_queue(intake: Intake) -> None:
    """The matcher must not trigger by it."""
    intake.post(wire(), historical=True)
    assert intake.signals.arrived[0].historical


def test_a_conflict_is_told_at_once(warm: Intake) -> None:
    """With the place; events behind it go to whom the device really belongs."""
    outcome = warm.post(identify(EVE), wire())
    assert codes(outcome) == ["correlation-conflict", "accepted"]
    entry = outcome.results[0]
    assert isinstance(entry, Rejected)
    assert (entry.pointer, entry.retryable) == ("/batch/0/correlationValue", False)
    assert warm.signals.arrived[0].primary == LINKED


@pytest.mark.parametrize("bare", [True, False])
def test_a_refused_naming_points_to_its_place(warm: Intake, bare: bool) -> None:
    """In a bare event from its own root."""
    entry = warm.post(identify(EVE), bare=bare).results[0]
    assert isinstance(entry, Rejected)
    assert entry.pointer == ("/correlationValue" if bare else "/batch/0/correlationValue")


def test_with_the_customers_table_down_facts_travel_on_the_queue(intake: Intake) -> None:
    """Mobile SDKs delete what is answered with 5xx, so the intake takes it and the matcher writes it later."""
    intake.customers.down = True
    outcome = intake.post(identify(plan="pro"), wire() | {"$fcm": {"iosDeviceToken": "tokI"}})
    assert codes(outcome) == ["accepted", "accepted"]
    [signal] = intake.signals.arrived
    identification = signal.events[0].identification
    assert identification is not None
    assert (identification.primary, sorted(signal.events[0].facts), sorted(signal.events[1].facts)) == (LINKED, ["a:plan", "p"], ["t:ios"])
    assert intake.customers.calls == ["touch"]


def test_a_slow_customers_table_leaves_time_for_the_queue(intake: Intake) -> None:
    """After two seconds the namings that are left travel; a batch of a thousand cannot use up the request."""

    class Slow(FakeCustomers):
        def update_if_newer(self, key: Any, facts: Facts) -> Any:
            intake.clock.seconds += 0.9
            return super().update_if_newer(key, facts)

    intake.customers = Slow()
    outcome = intake.post(*(identify(value=f"device-{number}") for number in range(10)))
    assert codes(outcome) == ["accepted"] * 10
    travelling = [event for signal in intake.signals.arrived for event in signal.events if event.identification is not None]
    assert len(travelling) == 7


@pytest.mark.parametrize("call", ["touch", "get"])
def test_a_customers_table_that_hangs_is_not_waited_for(intake: Intake, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked of it travels as it came, and what it answers later changes nothing of that."""
    monkeypatch.setattr(time_budget, "READ_SECONDS", 0.05)
    answered = Event()

    class Hanging(FakeCustomers):
        def _called(self, name: str) -> None:
            super()._called(name)
            if name == call:
                assert answered.wait(10)

    intake.customers = Hanging()
    outcome = intake.post(identify() if call == "touch" else wire())
    answered.set()
    intake.executor.shutdown()
    assert codes(outcome) == ["accepted"]
    [event] = intake.signals.arrived[0].events
    assert (event.identification is not None) == (call == "touch")
    assert intake.linked.entries == {}


def test_refused_events_are_not_waited_for(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that hangs keeps no sender from its answer."""
    monkeypatch.setattr(time_budget, "KEEP_SECONDS", 0.05)
    answered = Event()
    monkeypatch.setattr(intake.rejected, "count", lambda *_: answered.wait(10) and 0)
    outcome = intake.post(wire(), wire(correlationValue="null"))
    answered.set()
    assert (codes(outcome), outcome.unkept) == (["accepted", "illegal-id"], 1)


def test_with_the_queue_down_nothing_is_stored_and_that_is_said_in_time(intake: Intake) -> None:
    """It is tried again until there is just time for one more call, which may take three seconds, and the answer."""
    intake.signals.down = True
    with pytest.raises(UnavailableError):
        intake.post(wire())
    assert len(intake.signals.calls) > 10
    assert 6 < intake.clock.seconds < 7


def test_a_partly_failed_send_is_sent_again(intake: Intake) -> None:
    """Only what was refused, and in time it is accepted."""
    intake.signals.refuses = lambda queue_message, call: call <= 2 and queue_message.group.endswith(tuple("0123456789abcdefghi"))
    outcome = intake.post(*(wire(correlationValue=f"device-{number}") for number in range(10)))
    assert codes(outcome) == ["accepted"] * 10
    assert [queue_message.group for queue_message in intake.signals.calls[1]] == [
        queue_message.group for queue_message in intake.signals.calls[2]
    ]
    assert len(intake.signals.queue_messages) == 10
    assert intake.clock.seconds == 0.5


def test_what_the_queue_goes_on_refusing_is_refused_as_not_stored(intake: Intake) -> None:
    """That customer's events only, all of them, and they may be sent again."""
    intake.signals.refuses = lambda queue_message, _: '"n":0' in queue_message.body
    outcome = intake.post(*triggers(150), *triggers(3, correlationValue="device-2", source="mobile")[1:])
    assert codes(outcome) == ["not-stored"] * 150 + ["accepted"] * 2
    refused = outcome.results[149]
    assert isinstance(refused, Rejected)
    assert (refused.retryable, refused.pointer) == (True, "/batch/149")


def test_an_order_that_was_broken_off_is_not_taken_up_again(intake: Intake) -> None:
    """The message behind a lost one stays behind, or the customer's second event would come before its first."""
    intake.signals.refuses = lambda queue_message, _: '"n":100' in queue_message.body
    outcome = intake.post(*triggers(250), wire(correlationValue="device-2"))
    assert codes(outcome) == ["accepted"] * 100 + ["not-stored"] * 150 + ["accepted"]


def test_a_batch_of_which_only_bad_events_are_left_is_no_outage(intake: Intake) -> None:
    """Nothing to store is not nothing stored."""
    intake.signals.down = True
    assert codes(intake.post("bad", wire(event=7))) == ["not-an-object", "bad-event"]


def test_with_the_queue_down_a_batch_with_bad_events_is_an_outage_too(intake: Intake) -> None:
    """Else the good ones among them would not be sent again."""
    intake.signals.down = True
    with pytest.raises(UnavailableError):
        intake.post("bad", wire())


def test_refused_events_are_kept_as_they_were_sent(intake: Intake) -> None:
    """So that whoever sent them can be told why."""
    intake.post(wire(), "bad", wire(event=7))
    assert [(each.batch_index, each.raw, each.error.code) for each in intake.rejected.kept] == [
        (1, "bad", "not-an-object"),
        (2, wire(event=7), "bad-event"),
    ]


def test_at_most_100_refused_events_a_minute_are_kept(intake: Intake) -> None:
    """The rest is counted: a broken client must not cost its owner a fortune."""
    intake.post(*["bad"] * 60)
    intake.post(*["bad"] * 60)
    intake.post(*["bad"] * 60)
    assert len(intake.rejected.kept) == 100
    assert intake.rejected.counts.total() == 180


def test_refused_events_that_cannot_be_kept_hold_up_nobody(intake: Intake) -> None:
    """The sender has the answer already; only their number is known."""
    intake.rejected.down = True
    outcome = intake.post(wire(), "bad")
    assert (codes(outcome), outcome.unkept) == (["accepted", "not-an-object"], 1)


def test_when_time_is_up_refused_events_are_not_kept(intake: Intake) -> None:
    """The answer comes first."""
    intake.signals.refuses = lambda queue_message, _: '"n":0' in queue_message.body
    outcome = intake.post(*triggers(1), wire(correlationValue="device-2"))
    assert (outcome.unkept, intake.rejected.kept) == (1, [])


def test_a_batch_of_a_thousand_people_is_settled_side_by_side(intake: Intake) -> None:
    """Each is named once, in threads; a chain of shared ids is one person and stays in order."""
    with ThreadPoolExecutor(8) as intake.executor:
        outcome = intake.post(*(identify(f"p{number // 2}@example.com", value=f"device-{number}", n=number) for number in range(200)))
    assert codes(outcome) == ["accepted"] * 200
    assert all(intake.customers.customer(f"p{number}@example.com").attributes["n"] in (2 * number, 2 * number + 1) for number in range(100))
    assert len(intake.signals.queue_messages) == 100
