"""Who is who: the table of `$identify`, in any order and with others writing at the same time (contract 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.customers import FakeCustomers
from tests.fakes.ingest_harness import ADA, event_of, identify, wire
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import correlation_key, owner_key, pair_key
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Event
from waypost.domain.reasons import Reason
from waypost.identify import find_rows, identify_customer, write_facts

EVE = "eve@example.com"


def device(number: int | str) -> Identifier:
    """A correlation id."""
    return Identifier("correlation", f"device-{number}")


def say(customers: FakeCustomers, *events: Any) -> list[str | Reason]:
    """Applies events one after another."""
    return [apply(customers, event_of(raw)) for raw in events]


def apply(customers: FakeCustomers, event: Event) -> str | Reason:
    """Applies one event's facts as the intake and the matcher do."""
    if event.identification is not None:
        return identify_customer(customers, "w1", event)
    return write_facts(customers, owner_key("w1", event.identifier), event.facts)


def set_of(value: Any = "device-1", at: Any = "2026-11-23T04:00:00Z", **attributes: Any) -> dict[str, Any]:
    """A `$set` under a correlation id."""
    return wire("$set", correlationValue=value, timestamp=at, payload=attributes)


def whole(customers: FakeCustomers, identifier: Identifier) -> Customer:
    """The customer that an identifier names."""
    found = assemble(find_rows(customers, "w1", identifier), None)
    assert found is not None
    return found


def shape(customer: Customer) -> tuple[Any, Any, frozenset[str], Mapping[str, Any], Mapping[str, str]]:
    """All of a customer but the id that it was first met under."""
    return customer.primary, customer.primary_key, frozenset(customer.correlation_ids), customer.attributes, customer.tokens


@pytest.fixture
def customers() -> FakeCustomers:
    """Nobody is known yet."""
    return FakeCustomers()


def test_neither_is_known(customers: FakeCustomers) -> None:
    """A new customer with both."""
    say(customers, identify(plan="pro"))
    ada = customers.customer(ADA)
    assert (ada.primary_key, ada.correlation_ids, ada.attributes["plan"]) == (ADA, ("device-1",), "pro")


def test_the_primary_key_is_known(customers: FakeCustomers) -> None:
    """The new device joins; what was known stays."""
    [first, second] = say(customers, identify(plan="pro"), identify(value="device-2"))
    ada = customers.customer(ADA)
    assert first == second == ada.id
    assert (set(ada.correlation_ids), ada.attributes["plan"]) == ({"device-1", "device-2"}, "pro")


def test_the_anonymous_customer_gets_a_name(customers: FakeCustomers) -> None:
    """Its id, attributes and tokens stay."""
    [anonymous] = say(customers, set_of(plan="free") | {"$fcm": {"androidDeviceToken": "tokA"}})
    assert whole(customers, device(1)).anonymous
    say(customers, identify(age=31))
    ada = customers.customer(ADA)
    assert ada.id == anonymous
    assert (ada.attributes["plan"], ada.attributes["age"], ada.tokens) == ("free", 31, {"android": "tokA"})
    assert whole(customers, device(1)).id == anonymous


def test_the_same_customer_again(customers: FakeCustomers) -> None:
    """Attributes only, in one write; the same event again writes nothing."""
    say(customers, identify())
    customers.calls.clear()
    say(customers, identify(at="2026-11-23T05:00:01Z", plan="pro"))
    assert customers.calls == ["touch"]
    before = dict(customers.rows)
    say(customers, identify(at="2026-11-23T05:00:01Z", plan="pro"))
    assert customers.rows == before


def test_a_late_identify_says_less(customers: FakeCustomers) -> None:
    """What was said later stays; what only it says is taken."""
    say(customers, identify(plan="pro"), identify(at="2026-11-23T03:00:00Z", plan="free", age=31))
    assert customers.customer(ADA).attributes == {"email": ADA, "plan": "pro", "age": 31}


def test_one_who_is_somebody_else_is_refused(customers: FakeCustomers) -> None:
    """Nothing changes, neither for the one nor for the other."""
    say(customers, identify(), identify(EVE, value="device-2"))
    before = dict(customers.rows)
    assert say(customers, identify(EVE, plan="stolen")) == [Reason.CORRELATION_CONFLICT]
    assert customers.rows == before


def test_a_further_id_that_is_somebody_elses_is_refused_too(customers: FakeCustomers) -> None:
    """And the naming beside it is not carried out by half."""
    say(customers, identify(), identify(EVE, value="device-2"))
    before = dict(customers.rows)
    assert say(customers, identify(EVE, value="device-3", **{"$anon_distinct_id": "device-1"})) == [Reason.CORRELATION_CONFLICT]
    assert customers.rows == before


def test_a_further_id_joins(customers: FakeCustomers) -> None:
    """With all that was known of it; the iOS SDK's own id twice is one."""
    say(customers, set_of("device-2", plan="free"), identify(**{"$anon_distinct_id": "device-2"}))
    say(customers, identify(**{"$anon_distinct_id": "device-1"}))
    ada = customers.customer(ADA)
    assert (set(ada.correlation_ids), ada.attributes["plan"]) == ({"device-1", "device-2"}, "free")


def test_a_customer_may_be_named_by_primary_key_alone(customers: FakeCustomers) -> None:
    """A backend knows no devices."""
    say(customers, identify(value=ADA, plan="pro") | {"correlationKey": "email"})
    ada = customers.customer(ADA)
    assert (ada.correlation_ids, ada.attributes["plan"]) == ((), "pro")


def test_attributes_set_under_a_device_belong_to_its_owner(customers: FakeCustomers) -> None:
    """A pointer is followed, before and after the naming."""
    say(customers, set_of(a=1), identify(), set_of(b=2))
    assert customers.customer(ADA).attributes == {"email": ADA, "a": 1, "b": 2}


@pytest.mark.parametrize(
    ("linked", "calls"), [(ADA, ["touch"]), (EVE, ["touch"] * 3), (None, ["touch"] * 2)], ids=["right", "wrong", "none"]
)
def test_what_the_intake_knew_of_an_id_is_a_hint(customers: FakeCustomers, linked: str | None, calls: list[str]) -> None:
    """A right one saves the way over the pointer, a wrong one is found out, and nobody comes to be."""
    say(customers, identify())
    customers.calls.clear()
    primary = Identifier("primary", linked) if linked else None
    event = event_of(set_of(at="2026-11-23T05:00:01Z", plan="pro"))
    assert (
        write_facts(customers, correlation_key("w1", device(1)), event.facts, primary)
        == customers.rows[correlation_key("w1", device(1))].customer
    )
    assert (customers.calls, len(customers.rows)) == (calls, 3)
    assert customers.customer(ADA).attributes["plan"] == "pro"


def test_a_late_fact_is_written_where_the_hint_leads(customers: FakeCustomers) -> None:
    """The row is newer than it, so it is merged by a read and a write."""
    say(customers, identify(plan="pro"))
    customers.calls.clear()
    write_facts(
        customers,
        correlation_key("w1", device(1)),
        event_of(set_of(at="2026-11-23T04:00:00Z", a=1, plan="old")).facts,
        Identifier("primary", ADA),
    )
    assert customers.calls == ["touch", "save"]
    assert customers.customer(ADA).attributes == {"email": ADA, "a": 1, "plan": "pro"}


def test_a_pair_that_is_being_erased_is_not_made_anew(customers: FakeCustomers) -> None:
    """The pointer is still there and the pair is not: whoever comes now comes again when both are gone."""
    say(customers, identify())
    customers.remove([pair_key("w1", Identifier("primary", ADA), device(1))])
    with pytest.raises(UnavailableError):
        say(customers, set_of(a=1))
    assert len(customers.rows) == 2


def test_a_customer_has_at_most_100_correlation_ids(customers: FakeCustomers) -> None:
    """The next is refused and stays what it was."""
    outcomes = say(customers, *(identify(value=f"device-{number}") for number in range(101)))
    assert outcomes[99:] == [customers.customer(ADA).id, Reason.TOO_MANY_IDS]
    assert find_rows(customers, "w1", device(100)) == []


@pytest.mark.parametrize(
    ("attributes", "value", "full"),
    [(500, 1, False), (501, 1, True), (2, "x" * 60_000, False), (3, "x" * 60_000, True)],
)
def test_a_customer_has_room_for_500_attributes_and_128_kib(customers: FakeCustomers, attributes: int, value: Any, full: bool) -> None:
    """The one that does not fit is refused; a later one that takes something out is taken."""
    names = [f"a{number}" for number in range(attributes)]
    outcomes = [say(customers, set_of(**{name: value}))[0] for name in names]
    assert (outcomes[-1] is Reason.ATTRIBUTES_FULL) is full
    assert Reason.ATTRIBUTES_FULL not in outcomes[:-1]
    say(customers, set_of(at="2026-11-23T04:00:01Z", **{names[0]: None}))
    assert names[0] not in whole(customers, device(1)).attributes


@pytest.mark.parametrize(("already", "full"), [(300, False), (301, True)])
def test_the_room_is_the_customers_and_not_a_devices(customers: FakeCustomers, already: int, full: bool) -> None:
    """What two devices say counts together, and what both say counts once."""
    both, rest = {f"a{number}": 1 for number in range(150)}, {f"b{number}": 1 for number in range(already - 150)}
    say(customers, identify(value="phone", **both), identify(value="tablet", **both))
    say(customers, identify(value="phone", at="2026-11-23T05:00:00Z", **rest))
    outcome = say(customers, identify(value="tablet", at="2026-11-23T06:00:00Z", **{f"c{number}": 1 for number in range(200)}))[0]
    assert (outcome is Reason.ATTRIBUTES_FULL) is full
    assert len(customers.customer(ADA).attributes) - 1 == (already if full else 500)


def test_removals_alone_fill_no_row(customers: FakeCustomers) -> None:
    """A name that is removed is remembered, so it needs room as well."""
    outcomes = [say(customers, set_of(**{f"{number}{'x' * 30_000}": None}))[0] for number in range(5)]
    assert outcomes[-1] is Reason.ATTRIBUTES_FULL


FACTS = (
    set_of("device-1", at="2026-11-23T01:00:00Z", plan="free", a=1) | {"$fcm": {"androidDeviceToken": "tokA"}},
    identify("Ada@Example.com", value="device-1", at="2026-11-23T02:00:00Z", plan="basic", **{"$set_once": {"first": 1}}),
    identify(value="device-2", at="2026-11-23T03:00:00Z", a=None, **{"$set_once": {"first": 2}}),
    set_of("device-2", at="2026-11-23T04:00:00Z", plan="pro"),
    wire("$set", correlationKey="email", correlationValue=ADA, timestamp="2026-11-23T02:30:00Z", payload={"plan": "middle", "b": 1}),
)


@pytest.mark.parametrize("order", list(permutations(range(len(FACTS)))))
def test_the_same_facts_in_any_order_make_the_same_customer(customers: FakeCustomers, order: tuple[int, ...]) -> None:
    """Two devices and a backend: attributes, ids, tokens and the spelling of the key do not depend on who came first."""
    say(customers, *(FACTS[place] for place in order), FACTS[order[0]])
    ada = whole(customers, Identifier("primary", ADA))
    assert shape(ada) == (
        Identifier("primary", ADA),
        ADA,
        frozenset({"device-1", "device-2"}),
        {"plan": "pro", "first": 1, "b": 1},
        {"android": "tokA"},
    )
    assert shape(whole(customers, device(1))) == shape(whole(customers, device(2))) == shape(ada)


def once(customers: FakeCustomers, other: Callable[[], object]) -> None:
    """Lets another writer come in before the next save, once."""

    def first() -> None:
        customers.before_save = lambda: None
        other()

    customers.before_save = first


@settings(max_examples=150, deadline=None)
@given(st.permutations(range(len(FACTS))), st.data())
def test_writers_at_the_same_time_make_the_same_customer(order: list[int], data: st.DataObject) -> None:
    """Before any save another writer may be done with its own event, or with its own and a third one in between."""
    customers = FakeCustomers()
    left = [event_of(FACTS[place]) for place in order]

    def next_one() -> None:
        if left:
            event = left.pop()
            if data.draw(st.booleans()):
                once(customers, next_one)
            apply(customers, event)

    while left:
        next_one()
    assert shape(whole(customers, device(1)))[2:] == (
        frozenset({"device-1", "device-2"}),
        {"plan": "pro", "first": 1, "b": 1},
        {"android": "tokA"},
    )


@pytest.mark.parametrize(
    ("meanwhile", "outcome", "ids"),
    [
        (identify(value="device-2"), "joins", {"device-1", "device-2"}),
        (identify(), "joins", {"device-1"}),
        (identify(EVE), Reason.CORRELATION_CONFLICT, None),
        (set_of(late=1), "joins", {"device-1"}),
    ],
    ids=["another device took the name", "the same came twice", "the device became somebody else", "the device set an attribute"],
)
def test_a_naming_computed_from_old_rows_is_computed_anew(
    customers: FakeCustomers, meanwhile: Any, outcome: str | Reason, ids: set[str] | None
) -> None:
    """The winner's rows come back, and the loser takes its own cell of the table: one customer, nothing lost."""
    say(customers, set_of(early=1))
    once(customers, lambda: say(customers, meanwhile))
    [done] = say(customers, identify(plan="pro"))
    if ids is None:
        assert done is outcome
        assert whole(customers, device(1)).primary == Identifier("primary", EVE)
        return
    ada = customers.customer(ADA)
    assert (done, set(ada.correlation_ids)) == (ada.id, ids)
    assert {"early": 1, "plan": "pro"}.items() <= ada.attributes.items()
    assert ("late" in ada.attributes) is ("late" in meanwhile["payload"])


def test_rows_that_never_stand_still_are_given_up_on(customers: FakeCustomers) -> None:
    """The world is called down, so the event comes again later instead of turning for ever."""
    ticks = iter(range(1000))

    def disturb() -> None:
        key = correlation_key("w1", device(1))
        row = customers.rows[key]
        customers.rows[key] = row.with_facts(event_of(set_of(at=f"2026-11-23T06:00:{next(ticks):02}Z", n=1)).facts)
        customers._written(customers.rows[key])

    say(customers, set_of(early=1))
    customers.before_save = disturb
    with pytest.raises(UnavailableError):
        say(customers, identify())


def test_workspaces_do_not_know_each_others_customers(customers: FakeCustomers) -> None:
    """The same ids in two workspaces are two people."""
    event = event_of(identify(plan="pro"))
    assert identify_customer(customers, "w1", event) != identify_customer(customers, "w2", event)
    assert len(customers.by_primary_key("w1", Identifier("primary", ADA))) == 2


def test_only_a_naming_names(customers: FakeCustomers) -> None:
    """A trigger brought here is a mistake of ours."""
    with pytest.raises(ValueError, match="no identification"):
        identify_customer(customers, "w1", event_of(wire()))
