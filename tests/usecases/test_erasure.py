"""Erasure while others write: what appears in between is erased too, nothing of other customers is, and it ends by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.consents import FakeOptOuts
from tests.fakes.customers import FakeCustomers
from tests.fakes.erasures import FakeCustomerData, FakeErasures
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from tests.fakes.messages import NOW, pending_message
from tests.fakes.timers import FakeDelays, FakeTimers
from tests.fakes.workspaces import FakeWorkspaceSettings
from waypost.domain.customers.consents import ALL, ConsentChange
from waypost.domain.customers.customer import assemble
from waypost.domain.customers.erasure import ErasureScope
from waypost.domain.customers.facts import Facts, fact, set_stamp
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import RowKey, correlation_key, head_key
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.event_log import Page
from waypost.domain.messages.caps import CountedMessage, StoredCount
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import CustomerRuns, Run, VersionRow
from waypost.domain.signal_codec import from_body
from waypost.domain.signals import ErasureContinued
from waypost.domain.values.generated_ids import customer_id
from waypost.erasure import (
    ERASURE_SECOND_PASS_AFTER,
    REQUEST_SECONDS,
    SIGNAL_SECONDS,
    ErasureDependencies,
    Removed,
    begin_erasure,
    continue_erasure,
)
from waypost.identify import find_rows, identify_customer, write_facts

PHONE = Identifier("correlation", "phone")
CUSTOMER = customer_id("w1", "correlation", "phone")
LATE = NOW + ERASURE_SECOND_PASS_AFTER
ENDED = Run("r_1", "welcome", 1, "", "end", NOW).exited(Reason.FINISHED)


@dataclass
class ErasureHarness:
    """The erasure of the anonymous customer of a phone. Each reading of the clock takes `tick` seconds."""

    customers: FakeCustomers = field(default_factory=FakeCustomers)
    delays: FakeDelays = field(default_factory=FakeDelays)
    tick: float = 0.0
    seconds: float = 0.0
    opt_outs: FakeOptOuts = field(default_factory=FakeOptOuts)
    settings: FakeWorkspaceSettings = field(default_factory=FakeWorkspaceSettings)

    def __post_init__(self) -> None:
        self.data = FakeCustomerData()
        self.erasures = FakeErasures(self.data.runs)

    def dependencies(self) -> ErasureDependencies:
        """The stores of the erasure."""
        stores = self.customers, self.data, self.erasures, self.data.runs, self.opt_outs, self.settings
        return ErasureDependencies(*stores, FakeTimers(), self.delays, self._monotonic)

    def begin(self) -> Removed:
        """The request."""
        write_facts(self.customers, correlation_key("w1", PHONE), {})
        return self.begin_for(PHONE)

    def begin_for(self, identifier: Identifier) -> Removed:
        """The request for the customer of an identifier."""
        customer = assemble(find_rows(self.customers, "w1", identifier), None)
        assert customer is not None
        return begin_erasure(customer, NOW, self.dependencies())

    def continue_until_complete(self) -> int:
        """Delivers the signals of the erasure, each when it is due, and returns how many there were."""
        delivered, now = 0, NOW
        while self.delays.queue_messages:
            queue_message, delay = self.delays.queue_messages.pop(0)
            now += delay
            signal = from_body(queue_message.body)
            assert isinstance(signal, ErasureContinued)
            continue_erasure(signal, now, self.dependencies())
            delivered += 1
        return delivered

    def add_runs(self, number: int) -> None:
        """Saves ended runs of the customer."""
        runs = tuple(replace(ENDED, id=f"r_{each}") for each in range(number))
        self.data.runs.stored_runs["w1", CUSTOMER] = CustomerRuns(VersionRow(), runs)

    def park(self, number: int, customer: str = CUSTOMER) -> None:
        """Stores dead letters about a customer."""
        for each in range(number):
            self.data.dead.park(Parked("w1", "signal", f"{customer}-{each:04}", f'{{"customer":"{customer}"}}', "reason", NOW))

    @property
    def complete(self) -> bool:
        """Whether the erasure is complete."""
        status = self.erasures.status("w1", CUSTOMER)
        return status is not None and status.complete

    def _monotonic(self) -> float:
        self.seconds += self.tick
        return self.seconds


def once(write: Callable[[], object]) -> Callable[[], object]:
    """Calls something the first time only."""
    left = [write]
    return lambda: left.pop()() if left else None


def identify_ada(customers: FakeCustomers, device: str, **attributes: Any) -> Callable[[], object]:
    """An `$identify` of Ada by this device, with a time after the erasure."""
    event = event_of(identify(value=device, **attributes, at=(NOW + timedelta(hours=1)).isoformat()), received_at=NOW + timedelta(hours=1))
    return lambda: identify_customer(customers, "w1", event)


def test_a_customer_that_is_identified_as_its_erasure_begins_is_erased_with_its_primary_key() -> None:
    """The anonymous customer that became Ada before its rows were blocked leaves no row, and the primary key has a tombstone too."""
    harness = ErasureHarness()
    harness.erasures.before_block = once(identify_ada(harness.customers, "phone"))
    harness.begin()
    harness.continue_until_complete()
    assert (harness.complete, harness.customers.rows) == (True, {})
    assert {identifier.value for _, identifier in harness.customers.erasures} == {"phone", ADA}


def test_what_counts_under_caps_is_erased_in_both_passes() -> None:
    """The counted messages of the customer are gone after the request, and also if a sender counts one more after it."""
    harness = ErasureHarness()
    counted = StoredCount((CountedMessage("msg_1", NOW, "general", "email"),))
    harness.data.cap_counts.stored.update({("w1", CUSTOMER): counted, ("w1", "c_other"): counted})
    harness.begin()
    assert {*harness.data.cap_counts.stored} == {("w1", "c_other")}
    harness.data.cap_counts.stored["w1", CUSTOMER] = counted
    harness.continue_until_complete()
    assert {*harness.data.cap_counts.stored} == {("w1", "c_other")}


def test_a_customer_that_is_merged_as_its_erasure_begins_leaves_the_other_customer_complete() -> None:
    """The customer that it was merged into keeps every id that it has."""
    harness = ErasureHarness()
    customers = harness.customers
    identify_ada(customers, "tablet")()
    harness.erasures.before_block = once(identify_ada(customers, "phone"))
    harness.begin()
    harness.continue_until_complete()
    assert harness.complete
    assert set(customers.customer(ADA).correlation_ids) == {"tablet", "phone"}
    assert [row.linked_to for row in customers.get([correlation_key("w1", PHONE)])] == [Identifier("primary", ADA)]
    identify_ada(customers, "phone")()


@pytest.mark.parametrize("device", ["phone", "tablet"], ids=["a known device", "a new device"])
def test_an_identify_waits_until_the_rows_of_the_erased_customer_are_gone(device: str) -> None:
    """An `$identify` later than the erasure writes nothing during it. Repeated, it makes a new customer with its attributes."""
    harness = ErasureHarness()
    customers = harness.customers
    identify_ada(customers, "phone")()
    old = customers.customer(ADA)
    later = identify_ada(customers, device, plan="new")
    failures = []

    def fail() -> None:
        failures.append("before")
        with pytest.raises(UnavailableError):
            later()
        failures.append("after")

    harness.data.before_call = once(fail)
    begin_erasure(old, NOW, harness.dependencies())
    assert (failures, customers.rows) == (["before", "after"], {})
    later()
    harness.continue_until_complete()
    new = customers.customer(ADA)
    assert (new.attributes["plan"], new.correlation_ids) == ("new", (device,))
    assert new.id != old.id


@pytest.mark.parametrize("facts", [{}, event_of(wire("$set", payload={"plan": "new"})).facts], ids=["no attributes", "attributes"])
def test_no_attribute_is_written_to_a_row_that_is_being_erased(facts: Facts) -> None:
    """The write fails, so that the event comes again, and the row stays as it was until it is removed."""
    harness = ErasureHarness()
    write_facts(harness.customers, correlation_key("w1", PHONE), event_of(wire("$set", payload={"plan": "old"})).facts)
    [row] = harness.customers.rows.values()
    harness.customers.save([replace(row, erasing=True)])
    with pytest.raises(UnavailableError):
        write_facts(harness.customers, correlation_key("w1", PHONE), facts)
    assert [each.facts for each in harness.customers.rows.values()] == [row.facts]


def test_a_large_erasure_ends_by_itself() -> None:
    """A customer with more than one request can remove is erased by signals, part by part, without a second request."""
    harness = ErasureHarness(tick=4.0)
    harness.add_runs(5_000)
    removed = harness.begin()
    assert 100 <= removed.by_kind["runs"] < 5_000
    assert not harness.complete
    assert correlation_key("w1", PHONE) in harness.customers.rows
    parts = harness.continue_until_complete()
    assert parts > 10
    assert (harness.complete, harness.data.runs.all, harness.customers.rows) == (True, [], {})


def test_a_signal_of_an_erasure_ends_in_time_whatever_the_number_of_dead_letters() -> None:
    """Dead letters of a workspace that one signal cannot read are read by several, each from where the one before stopped."""
    harness = ErasureHarness()
    harness.data.before_call = lambda: setattr(harness, "seconds", harness.seconds + 1.0)
    harness.park(3_000, "c_other")
    harness.park(1)
    harness.begin()
    for part in range(12):
        before = harness.seconds
        continue_erasure(ErasureContinued("w1", CUSTOMER, part), LATE, harness.dependencies())
        assert harness.seconds - before <= 10
    harness.continue_until_complete()
    assert harness.complete
    assert len(harness.data.dead.parked) == 3_000


def test_dead_letters_are_read_again_after_an_id_has_joined_the_customer() -> None:
    """A dead letter that names an id of which the erasure learns late is removed, although it was read before."""
    harness = ErasureHarness(tick=SIGNAL_SECONDS * 4)
    harness.park(250, "c_tablet")
    harness.begin()
    assert len(harness.data.dead.parked) == 250
    harness.erasures.add("w1", CUSTOMER, ErasureScope(ids=frozenset({"c_tablet"})), NOW)
    harness.continue_until_complete()
    assert (harness.complete, harness.data.dead.parked) == (True, {})


def test_a_dead_letter_that_is_stored_after_the_first_pass_is_removed_by_the_second_one() -> None:
    """The second pass reads the dead letters from the first one again, also those that are older than where the first pass ended."""
    harness = ErasureHarness()
    harness.park(1, "c_other")
    harness.begin()
    harness.data.dead.park(Parked("w1", "signal", "s1", f'{{"customer":"{CUSTOMER}"}}', "reason", NOW - timedelta(seconds=1)))
    harness.continue_until_complete()
    assert [each.subject for each in harness.data.dead.parked.values()] == ["c_other-0000"]


def test_a_part_of_an_erasure_ends_in_time_whatever_the_number_of_ids() -> None:
    """A customer with 80 merged ids, each with events: neither the request nor a signal works longer than its time."""
    harness = ErasureHarness()
    harness.data.before_call = lambda: setattr(harness, "seconds", harness.seconds + 0.5)
    ids = frozenset(f"c_{number}" for number in range(80))
    harness.erasures.add("w1", CUSTOMER, ErasureScope(ids=ids), NOW)
    for each in ids:
        harness.data.runs.stored_runs["w1", each] = CustomerRuns(VersionRow(), (ENDED,))
    harness.begin()
    assert harness.seconds <= REQUEST_SECONDS + 1
    before = harness.seconds
    continue_erasure(ErasureContinued("w1", CUSTOMER), NOW, harness.dependencies())
    assert harness.seconds - before <= 2 * SIGNAL_SECONDS + 40  # the ids that have nothing any more are looked at once
    harness.continue_until_complete()
    assert (harness.complete, harness.data.runs.all) == (True, [])


def test_a_repeated_request_keeps_the_time_of_the_erasure() -> None:
    """An event between two requests for one large erasure is later than the erasure: the tombstone keeps the time of the first one."""
    harness = ErasureHarness(tick=4.0)
    harness.add_runs(5_000)
    harness.begin()
    customer = assemble(find_rows(harness.customers, "w1", PHONE), None)
    assert customer is not None
    begin_erasure(customer, NOW + timedelta(minutes=1), harness.dependencies())
    assert harness.customers.erasures == {("w1", PHONE): NOW}


def test_an_erasure_is_complete_after_a_second_pass_two_minutes_later() -> None:
    """What a sender stores after the first pass is removed as well, and only then is the erasure complete.

    The signals are not in the customer's message group: an event in it that waits for the end of the erasure would block them.
    """
    harness = ErasureHarness()
    message = pending_message(customer=CUSTOMER)
    harness.data.messages_table.add(message)
    harness.begin()
    harness.data.messages_table.keep_rendered(message, PreparedMessage("ada@example.com", {}), NOW)
    [(first, _)] = harness.delays.queue_messages
    assert first.group != CUSTOMER
    continue_erasure(ErasureContinued("w1", CUSTOMER), NOW + timedelta(seconds=30), harness.dependencies())
    assert not harness.complete
    assert harness.delays.queue_messages[-1][1] == timedelta(seconds=90)
    harness.data.lagging = True
    continue_erasure(ErasureContinued("w1", CUSTOMER, 1), LATE, harness.dependencies())
    assert (harness.complete, harness.data.messages_table.bodies, harness.erasures.scopes) == (True, {}, {})


def test_events_that_an_earlier_release_filed_under_the_id_of_an_identifier_are_erased() -> None:
    """A device's first events, sent just before its `$identify`, are under the id that the device alone would have had."""
    harness = ErasureHarness()
    identify_ada(harness.customers, "tablet")()
    identify_ada(harness.customers, "phone")()
    ada = harness.customers.customer(ADA)
    assert CUSTOMER not in (ada.id, *ada.merged_ids)
    events = tuple(event_of(wire("seen", uuid=uuid)) for uuid in ("e1", "e2"))
    harness.data.events.write("w1", [Page("w1", CUSTOMER, NOW, "s1", events)], [])
    assert begin_erasure(ada, NOW, harness.dependencies()).by_kind["events"] == 2


def test_a_new_customer_of_the_same_identifier_survives_the_second_pass() -> None:
    """An event after the erasure created a customer under the same identifier; the second pass removes nothing of it."""
    harness = ErasureHarness()
    harness.begin()
    new = write_facts(harness.customers, correlation_key("w1", PHONE), {})
    harness.continue_until_complete()
    assert harness.complete
    assert [row.customer for row in harness.customers.rows.values()] == [new]


def test_a_signal_of_an_erasure_that_never_began_changes_nothing() -> None:
    """The request died before it marked the customer: its signal erases nothing and sends no other one."""
    harness = ErasureHarness()
    continue_erasure(ErasureContinued("w1", "c_1"), NOW, harness.dependencies())
    assert (harness.delays.queue_messages, harness.customers.calls) == ([], [])


def test_the_row_that_makes_the_customer_is_removed_last() -> None:
    """A part that comes after a crash finds the customer as long as any other row of it is there."""
    harness = ErasureHarness()
    identify_ada(harness.customers, "phone")()
    removed: list[Sequence[RowKey]] = []
    original = harness.customers.remove
    harness.customers.remove = lambda keys: (removed.append(keys), original(keys))[1]  # type: ignore[method-assign,func-returns-value]
    customer = harness.customers.customer(ADA)
    begin_erasure(customer, NOW, harness.dependencies())
    assert list(removed[-1]) == [head_key("w1", Identifier("primary", ADA))]
    assert len(removed[0]) == 2


def test_an_erasure_keeps_from_what_an_address_has_unsubscribed() -> None:
    """The topics that the customer has stopped by e-mail stay with both of its addresses; subscriptions and the history go."""
    harness = ErasureHarness()
    stop = ConsentChange("unsubscribed", "news", ALL, NOW - timedelta(days=2), "u1", "page")
    other = ConsentChange("subscribed", "offers", ALL, NOW - timedelta(days=1), "u2", "page")
    attributes = {"a:email": fact(set_stamp(NOW, "u"), "Ada@Work.example"), "a:phone": fact(set_stamp(NOW, "u"), "no address")}
    write_facts(harness.customers, correlation_key("w1", PHONE), attributes | stop.facts | other.facts)
    identify_ada(harness.customers, "phone")()
    harness.data.consents.add("w1", CUSTOMER, [stop, other], NOW)
    removed = harness.begin_for(Identifier("primary", ADA))
    assert removed.by_kind["consents"] == 2
    assert harness.customers.rows == {}
    assert harness.data.consents.stored == {}
    assert harness.opt_outs.stored == {("w1", "email", "Ada@Work.example"): {"news": stop.at}, ("w1", "email", ADA): {"news": stop.at}}


@pytest.mark.parametrize(("attribute", "named"), [("phone", {}), ("mobile", {"sms": "mobile"})])
def test_an_erasure_keeps_from_what_a_number_has_unsubscribed(attribute: str, named: dict[str, str]) -> None:
    """The topics that a STOP has ended stay with the number, in `phone` or in the attribute that the settings name for it."""
    harness = ErasureHarness()
    harness.settings.save("w1", WorkspaceSettings(address_attributes=named), 0)
    stop = ConsentChange("unsubscribed", ALL, "sms", NOW, "u1", "provider")
    attributes = {f"a:{attribute}": fact(set_stamp(NOW, "u"), "+4915112345678")}
    write_facts(harness.customers, correlation_key("w1", PHONE), attributes | stop.facts)
    harness.begin_for(PHONE)
    assert harness.opt_outs.stored == {("w1", "sms", "+4915112345678"): {ALL: NOW}}


def test_a_crash_before_the_rows_go_keeps_the_opt_outs() -> None:
    """The opt-outs are stored before the first row is removed, so that a part that dies in between leaves both."""
    harness = ErasureHarness()
    write_facts(harness.customers, correlation_key("w1", PHONE), ConsentChange("unsubscribed", ALL, ALL, NOW, "u1", "page").facts)
    identify_ada(harness.customers, "phone")()

    def fail(_: Sequence[RowKey]) -> None:
        raise UnavailableError("down")

    harness.customers.remove = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(UnavailableError):
        harness.begin_for(Identifier("primary", ADA))
    assert harness.customers.rows
    assert harness.opt_outs.stored == {("w1", "email", ADA): {ALL: NOW}}
