"""`$identify` and `$set` on stored customers, in any order and with concurrent writers (docs/customers.md#identify)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, NOW, event_of, identify, wire
from waypost.domain.customers.consents import consent_state
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import correlation_key, owner_key, pair_key
from waypost.domain.customers.topics import Topic
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Event
from waypost.domain.reasons import Reason
from waypost.identify import find_rows, identify_customer, write_facts

EVE = "eve@example.com"


def device(number: int | str) -> Identifier:
    """A correlation id."""
    return Identifier("correlation", f"device-{number}")


def apply_all(customers: FakeCustomers, *events: Any) -> list[str | Reason]:
    """Applies events one after another."""
    return [apply(customers, event_of(raw)) for raw in events]


def apply(customers: FakeCustomers, event: Event) -> str | Reason:
    """Applies one event as the intake and the matcher do."""
    if event.identification is not None:
        return identify_customer(customers, "w1", event)
    return write_facts(customers, owner_key("w1", event.identifier), event.facts)


def set_event(value: Any = "device-1", at: Any = "2026-11-23T04:00:00Z", **attributes: Any) -> dict[str, Any]:
    """A `$set` under a correlation id."""
    return wire("$set", correlationValue=value, timestamp=at, payload=attributes)


def customer_of(customers: FakeCustomers, identifier: Identifier) -> Customer:
    """The customer that an identifier belongs to."""
    found = assemble(find_rows(customers, "w1", identifier), None)
    assert found is not None
    return found


def without_id(customer: Customer) -> tuple[Any, Any, frozenset[str], Mapping[str, Any], Mapping[str, str]]:
    """Everything about a customer except its id, which depends on the order of events."""
    return customer.primary, customer.primary_key, frozenset(customer.correlation_ids), customer.attributes, customer.tokens


@pytest.fixture
def customers() -> FakeCustomers:
    """An empty table."""
    return FakeCustomers()


def test_two_unknown_ids_make_a_customer(customers: FakeCustomers) -> None:
    """An `$identify` of an unknown primary key value and an unknown correlation id makes a customer with both."""
    apply_all(customers, identify(plan="pro"))
    ada = customers.customer(ADA)
    assert (ada.primary_key, ada.correlation_ids, ada.attributes["plan"]) == (ADA, ("device-1",), "pro")


def test_an_unknown_correlation_id_joins_a_known_customer(customers: FakeCustomers) -> None:
    """An unknown correlation id joins the customer of a known primary key value, whose id and attributes stay."""
    [first, second] = apply_all(customers, identify(plan="pro"), identify(value="device-2"))
    ada = customers.customer(ADA)
    assert first == second == ada.id
    assert (set(ada.correlation_ids), ada.attributes["plan"]) == ({"device-1", "device-2"}, "pro")


def test_an_anonymous_customer_gets_a_primary_key(customers: FakeCustomers) -> None:
    """An anonymous customer that is identified with an unknown primary key value keeps its id, attributes and tokens."""
    [anonymous] = apply_all(customers, set_event(plan="free") | {"$fcm": {"androidDeviceToken": "tokA"}})
    assert customer_of(customers, device(1)).anonymous
    apply_all(customers, identify(age=31))
    ada = customers.customer(ADA)
    assert ada.id == anonymous
    assert (ada.attributes["plan"], ada.attributes["age"], ada.tokens) == ("free", 31, {"android": "tokA"})
    assert customer_of(customers, device(1)).id == anonymous


def test_a_repeated_link_changes_only_attributes(customers: FakeCustomers) -> None:
    """A second `$identify` of linked ids takes one write; the same event again changes no row."""
    apply_all(customers, identify())
    customers.calls.clear()
    apply_all(customers, identify(at="2026-11-23T05:00:01Z", plan="pro"))
    assert customers.calls == ["update_if_newer"]
    before = dict(customers.rows)
    apply_all(customers, identify(at="2026-11-23T05:00:01Z", plan="pro"))
    assert customers.rows == before


def test_a_late_identify_sets_only_what_is_not_set_later(customers: FakeCustomers) -> None:
    """An `$identify` with an earlier time adds its attributes and overwrites none that was set at a later time."""
    apply_all(customers, identify(plan="pro"), identify(at="2026-11-23T03:00:00Z", plan="free", age=31))
    assert customers.customer(ADA).attributes == {"email": ADA, "plan": "pro", "age": 31}


def test_a_correlation_id_of_another_customer_is_a_conflict(customers: FakeCustomers) -> None:
    """An `$identify` with a correlation id of another primary key value is a conflict and changes no row."""
    apply_all(customers, identify(), identify(EVE, value="device-2"))
    before = dict(customers.rows)
    assert apply_all(customers, identify(EVE, plan="stolen")) == [Reason.CORRELATION_CONFLICT]
    assert customers.rows == before


def test_a_second_correlation_id_of_another_customer_is_a_conflict(customers: FakeCustomers) -> None:
    """If `$anon_distinct_id` belongs to another customer, the first id is not linked either."""
    apply_all(customers, identify(), identify(EVE, value="device-2"))
    before = dict(customers.rows)
    assert apply_all(customers, identify(EVE, value="device-3", **{"$anon_distinct_id": "device-1"})) == [Reason.CORRELATION_CONFLICT]
    assert customers.rows == before


def test_a_second_correlation_id_joins_with_its_attributes(customers: FakeCustomers) -> None:
    """`$anon_distinct_id` joins with its attributes; the same value as `correlationValue` counts once."""
    apply_all(customers, set_event("device-2", plan="free"), identify(**{"$anon_distinct_id": "device-2"}))
    apply_all(customers, identify(**{"$anon_distinct_id": "device-1"}))
    ada = customers.customer(ADA)
    assert (set(ada.correlation_ids), ada.attributes["plan"]) == ({"device-1", "device-2"}, "free")


def test_a_customer_may_have_no_correlation_id(customers: FakeCustomers) -> None:
    """An `$identify` by primary key value alone makes a customer without correlation ids."""
    apply_all(customers, identify(value=ADA, plan="pro") | {"correlationKey": "email"})
    ada = customers.customer(ADA)
    assert (ada.correlation_ids, ada.attributes["plan"]) == ((), "pro")


def test_attributes_set_under_a_correlation_id_are_its_customers(customers: FakeCustomers) -> None:
    """Attributes that are set under a correlation id before and after its link are the customer's."""
    apply_all(customers, set_event(a=1), identify(), set_event(b=2))
    assert customers.customer(ADA).attributes == {"email": ADA, "a": 1, "b": 2}


@pytest.mark.parametrize(
    ("linked", "calls"),
    [(ADA, ["update_if_newer"]), (EVE, ["update_if_newer"] * 3), (None, ["update_if_newer"] * 2)],
    ids=["right hint", "wrong hint", "no hint"],
)
def test_the_primary_key_known_to_the_intake_is_a_hint(customers: FakeCustomers, linked: str | None, calls: list[str]) -> None:
    """With a right hint a write takes one call, with a wrong one three, without one two; the facts go to the same row and no row is new."""
    apply_all(customers, identify())
    customers.calls.clear()
    primary = Identifier("primary", linked) if linked else None
    event = event_of(set_event(at="2026-11-23T05:00:01Z", plan="pro"))
    assert (
        write_facts(customers, correlation_key("w1", device(1)), event.facts, primary)
        == customers.rows[correlation_key("w1", device(1))].customer
    )
    assert (customers.calls, len(customers.rows)) == (calls, 3)
    assert customers.customer(ADA).attributes["plan"] == "pro"


def test_a_late_fact_is_merged_into_the_row_of_the_hint(customers: FakeCustomers) -> None:
    """Facts older than the row of a right hint are merged with a failed update and a save, and overwrite nothing newer."""
    apply_all(customers, identify(plan="pro"))
    customers.calls.clear()
    write_facts(
        customers,
        correlation_key("w1", device(1)),
        event_of(set_event(at="2026-11-23T04:00:00Z", a=1, plan="old")).facts,
        Identifier("primary", ADA),
    )
    assert customers.calls == ["update_if_newer", "save"]
    assert customers.customer(ADA).attributes == {"email": ADA, "a": 1, "plan": "pro"}


def test_a_pair_that_is_being_erased_is_not_created_again(customers: FakeCustomers) -> None:
    """A write through a pointer whose pair is gone raises UnavailableError and adds no row."""
    apply_all(customers, identify())
    customers.remove([pair_key("w1", Identifier("primary", ADA), device(1))])
    with pytest.raises(UnavailableError):
        apply_all(customers, set_event(a=1))
    assert len(customers.rows) == 2


def test_a_customer_has_at_most_100_correlation_ids(customers: FakeCustomers) -> None:
    """The 101st correlation id is refused, and no row is stored for it."""
    outcomes = apply_all(customers, *(identify(value=f"device-{number}") for number in range(101)))
    assert outcomes[99:] == [customers.customer(ADA).id, Reason.TOO_MANY_IDS]
    assert find_rows(customers, "w1", device(100)) == []


@pytest.mark.parametrize(
    ("attributes", "value", "full"),
    [(500, 1, False), (501, 1, True), (2, "x" * 60_000, False), (3, "x" * 60_000, True)],
    ids=["500 attributes", "501 attributes", "120 KB", "180 KB"],
)
def test_a_customer_has_room_for_500_attributes_and_128_kib(customers: FakeCustomers, attributes: int, value: Any, full: bool) -> None:
    """A write that exceeds 500 attributes or 128 KiB is refused; a later one that removes an attribute is accepted."""
    names = [f"a{number}" for number in range(attributes)]
    outcomes = [apply_all(customers, set_event(**{name: value}))[0] for name in names]
    assert (outcomes[-1] is Reason.ATTRIBUTES_FULL) is full
    assert Reason.ATTRIBUTES_FULL not in outcomes[:-1]
    apply_all(customers, set_event(at="2026-11-23T04:00:01Z", **{names[0]: None}))
    assert names[0] not in customer_of(customers, device(1)).attributes


@pytest.mark.parametrize(("already", "full"), [(300, False), (301, True)])
def test_the_limits_hold_for_all_rows_together(customers: FakeCustomers, already: int, full: bool) -> None:
    """Attributes under two correlation ids count together, and one that is set under both counts once."""
    both, rest = {f"a{number}": 1 for number in range(150)}, {f"b{number}": 1 for number in range(already - 150)}
    apply_all(customers, identify(value="phone", **both), identify(value="tablet", **both))
    apply_all(customers, identify(value="phone", at="2026-11-23T05:00:00Z", **rest))
    outcome = apply_all(customers, identify(value="tablet", at="2026-11-23T06:00:00Z", **{f"c{number}": 1 for number in range(200)}))[0]
    assert (outcome is Reason.ATTRIBUTES_FULL) is full
    assert len(customers.customer(ADA).attributes) - 1 == (already if full else 500)


def test_the_names_of_removed_attributes_count_as_bytes(customers: FakeCustomers) -> None:
    """Removals of attributes with long names are refused once the names exceed 128 KiB."""
    outcomes = [apply_all(customers, set_event(**{f"{number}{'x' * 30_000}": None}))[0] for number in range(5)]
    assert outcomes[-1] is Reason.ATTRIBUTES_FULL


EVENTS = (
    set_event("device-1", at="2026-11-23T01:00:00Z", plan="free", a=1) | {"$fcm": {"androidDeviceToken": "tokA"}},
    identify("Ada@Example.com", value="device-1", at="2026-11-23T02:00:00Z", plan="basic", **{"$set_once": {"first": 1}}),
    identify(value="device-2", at="2026-11-23T03:00:00Z", a=None, **{"$set_once": {"first": 2}}),
    set_event("device-2", at="2026-11-23T04:00:00Z", plan="pro"),
    wire("$set", correlationKey="email", correlationValue=ADA, timestamp="2026-11-23T02:30:00Z", payload={"plan": "middle", "b": 1}),
)


@pytest.mark.parametrize("order", list(permutations(range(len(EVENTS)))))
def test_the_same_events_in_any_order_make_the_same_customer(customers: FakeCustomers, order: tuple[int, ...]) -> None:
    """Events of two devices and a backend, in any order and one of them twice, give the same attributes, ids, tokens and spelling."""
    apply_all(customers, *(EVENTS[index] for index in order), EVENTS[order[0]])
    ada = customer_of(customers, Identifier("primary", ADA))
    assert without_id(ada) == (
        Identifier("primary", ADA),
        ADA,
        frozenset({"device-1", "device-2"}),
        {"plan": "pro", "first": 1, "b": 1},
        {"android": "tokA"},
    )
    assert without_id(customer_of(customers, device(1))) == without_id(customer_of(customers, device(2))) == without_id(ada)


def before_next_save(customers: FakeCustomers, other_writer: Callable[[], object]) -> None:
    """Runs another writer before the next save, once."""

    def run_once() -> None:
        customers.before_save = lambda: None
        other_writer()

    customers.before_save = run_once


@given(st.permutations(range(len(EVENTS))), st.data())
def test_concurrent_writers_make_the_same_customer(order: list[int], data: st.DataObject) -> None:
    """Whichever events other writers complete between a read and a save, the result is the same customer."""
    customers = FakeCustomers()
    remaining = [event_of(EVENTS[index]) for index in order]

    def apply_next() -> None:
        if remaining:
            event = remaining.pop()
            if data.draw(st.booleans()):
                before_next_save(customers, apply_next)
            apply(customers, event)

    while remaining:
        apply_next()
    assert without_id(customer_of(customers, device(1)))[2:] == (
        frozenset({"device-1", "device-2"}),
        {"plan": "pro", "first": 1, "b": 1},
        {"android": "tokA"},
    )


@pytest.mark.parametrize(
    ("other_event", "outcome", "ids"),
    [
        (identify(value="device-2"), "joined", {"device-1", "device-2"}),
        (identify(), "joined", {"device-1"}),
        (identify(EVE), Reason.CORRELATION_CONFLICT, None),
        (set_event(late=1), "joined", {"device-1"}),
    ],
    ids=["another device is linked", "the same event twice", "the device is linked to another customer", "the device sets an attribute"],
)
def test_an_identify_from_stale_rows_is_planned_again(
    customers: FakeCustomers, other_event: Any, outcome: str | Reason, ids: set[str] | None
) -> None:
    """An `$identify` that loses a race has the result that it has after the other writer, and no attribute is lost."""
    apply_all(customers, set_event(early=1))
    before_next_save(customers, lambda: apply_all(customers, other_event))
    [done] = apply_all(customers, identify(plan="pro"))
    if ids is None:
        assert done is outcome
        assert customer_of(customers, device(1)).primary == Identifier("primary", EVE)
        return
    ada = customers.customer(ADA)
    assert (done, set(ada.correlation_ids)) == (ada.id, ids)
    assert {"early": 1, "plan": "pro"}.items() <= ada.attributes.items()
    assert ("late" in ada.attributes) is ("late" in other_event["payload"])


@pytest.mark.parametrize(
    "event",
    [
        identify(plan="old"),
        {**set_event(plan="old"), "correlationKey": "email", "correlationValue": ADA},
        set_event(plan="old"),
    ],
    ids=["identify", "person", "anonymous customer"],
)
@pytest.mark.parametrize("known", [False, True], ids=["unknown", "known"])
def test_a_whole_erasure_between_the_read_and_the_write_is_noticed(customers: FakeCustomers, event: Any, known: bool) -> None:
    """An event from before an erasure creates no customer, also if its writer read the tombstones before there was one."""

    def erase() -> None:
        customers.add_tombstones("w1", [device(1), Identifier("primary", ADA)], NOW)
        customers.remove(list(customers.rows))

    if known:
        apply_all(customers, set_event(early=1))
    before_next_save(customers, erase)
    assert apply_all(customers, event) == [Reason.ERASED]
    assert customers.rows == {}


def test_an_identify_ends_if_other_writers_never_stop(customers: FakeCustomers) -> None:
    """If another writer changes the rows before every save, UnavailableError is raised after a number of attempts."""
    ticks = iter(range(1000))

    def disturb() -> None:
        key = correlation_key("w1", device(1))
        row = customers.rows[key]
        customers.rows[key] = row.with_facts(event_of(set_event(at=f"2026-11-23T06:00:{next(ticks):02}Z", n=1)).facts)
        customers._written(customers.rows[key])

    apply_all(customers, set_event(early=1))
    customers.before_save = disturb
    with pytest.raises(UnavailableError):
        apply_all(customers, identify())


def test_workspaces_have_separate_customers(customers: FakeCustomers) -> None:
    """The same ids in two workspaces make two customers with different ids and rows."""
    event = event_of(identify(plan="pro"))
    assert identify_customer(customers, "w1", event) != identify_customer(customers, "w2", event)
    assert len(customers.by_primary_key("w1", Identifier("primary", ADA))) == 2


def test_a_trigger_cannot_be_carried_out_as_an_identify(customers: FakeCustomers) -> None:
    """`identify_customer` raises ValueError for an event without an identification."""
    with pytest.raises(ValueError, match="no identification"):
        identify_customer(customers, "w1", event_of(wire()))


def consent_event_of(event: str, value: Any = "device-1", at: Any = "2026-11-23T04:00:00Z", **payload: Any) -> dict[str, Any]:
    """An event of consent under a correlation id."""
    return wire(event, correlationValue=value, timestamp=at, payload=payload)


def test_consents_are_in_the_main_row_only(customers: FakeCustomers) -> None:
    """A consent of a device goes to the head of its customer, with the consents from before the device was linked; no pair has any."""
    apply_all(
        customers, consent_event_of("$unsubscribe", topic="news"), identify(plan="pro"), consent_event_of("$subscribe", topic="offers")
    )
    ada = customers.customer(ADA)
    assert set(ada.consents) == {"c:u/*/news", "c:s/*/offers"}
    head = customers.rows[owner_key("w1", Identifier("primary", ADA))]
    assert set(head.facts) >= set(ada.consents)
    assert all(not name.startswith("c:") for key, row in customers.rows.items() if key != head.key for name in row.facts)


def test_a_repeated_consent_writes_nothing(customers: FakeCustomers) -> None:
    """A consent that comes twice leaves the row, with its revision, as it is."""
    apply_all(customers, identify(), consent_event_of("$unsubscribe"))
    before = dict(customers.rows)
    apply_all(customers, consent_event_of("$unsubscribe"))
    assert customers.rows == before


def test_a_merge_keeps_a_customer_unsubscribed(customers: FakeCustomers) -> None:
    """The device of an anonymous customer that has unsubscribed takes the subscription of the known customer away, and keeps its own."""
    apply_all(
        customers,
        identify(),
        consent_event_of("$subscribe", topic="news", at="2026-11-23T04:30:00Z"),
        consent_event_of("$unsubscribe", "device-2", topic="news"),
        consent_event_of("$subscribe", "device-2", topic="offers"),
        identify(value="device-2"),
    )
    ada = customers.customer(ADA)
    assert consent_state(ada.consents, Topic(id="news"), "email") == "unsubscribed"
    assert consent_state(ada.consents, Topic(id="offers", default="unsubscribed"), "email") == "subscribed"


def test_a_customer_with_too_many_consents_can_still_unsubscribe_from_everything(customers: FakeCustomers) -> None:
    """The 201st topic of a customer is refused with a reason; an unsubscription from all topics is not."""
    apply_all(customers, identify(), *(consent_event_of("$subscribe", topic=f"t{number}") for number in range(200)))
    assert apply_all(customers, consent_event_of("$subscribe", topic="more")) == [Reason.CONSENTS_FULL]
    apply_all(customers, consent_event_of("$unsubscribe"))
    assert "c:u/*/*" in customers.customer(ADA).consents


def test_a_customer_with_too_many_attributes_can_still_unsubscribe(customers: FakeCustomers) -> None:
    """A row that exceeds the limits of attributes takes a consent."""
    apply_all(customers, identify())
    key = owner_key("w1", Identifier("primary", ADA))
    too_many = {f"a:a{number}": fact(set_stamp(datetime(2026, 1, 1, tzinfo=UTC), "u"), 1) for number in range(501)}
    customers.rows[key] = replace(customers.rows[key], facts=too_many)
    apply_all(customers, consent_event_of("$unsubscribe"))
    assert "c:u/*/*" in customers.customer(ADA).consents
