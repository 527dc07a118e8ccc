"""One customer's events against a workspace's journeys: who enters, what is owed, and what the receipt says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journeys import journey, message
from tests.fakes.match_harness import EVERYBODY, SCHEMA, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.domain.customers.facts import attributes_of
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import owner_key
from waypost.domain.intake.receipts import JourneyOutcome
from waypost.domain.messages.message import MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import RunStatus
from waypost.domain.values import generated_ids

ADA = {"correlationKey": "email", "correlationValue": "ada@example.com"}
SIGN_UP = {"event": "signed_up", "payload": {"plan": "pro"}}


@pytest.fixture
def world() -> MatchHarness:
    """A workspace with one journey that `signed_up` opens, and `email` as its primary key."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(journey())
    return made


def test_an_event_opens_a_run_that_owes_its_message(world: MatchHarness) -> None:
    """One run to its end, one pending message, asked to be sent, and a receipt that says all of it."""
    [receipt] = world.match(arrived(SIGN_UP))
    [run] = world.runs.all
    [pending_effects] = world.messages.stored.values()
    assert (run.status, run.reason, run.version) == (RunStatus.EXITED, Reason.FINISHED, 1)
    assert (pending_effects.status, pending_effects.run, pending_effects.step, pending_effects.customer) == (
        MessageStatus.PENDING,
        run.id,
        "hello",
        EVERYBODY,
    )
    assert pending_effects.event["payload"] == {"plan": "pro"}
    assert (world.queued, world.runs.pending_effects) == ({pending_effects.id}, [])
    assert receipt == world.receipt()
    assert (receipt.journeys, receipt.messages) == ((JourneyOutcome("welcome", "entered", None, run.id),), (pending_effects.id,))


def test_ids_are_made_from_what_they_are_about(world: MatchHarness) -> None:
    """The same event in another world makes the same run and the same message, so that doing it twice is doing it once."""
    world.match(arrived(SIGN_UP))
    run = generated_ids.run_id("w1", "welcome", "", "e0")
    assert [each.id for each in world.runs.all] == [run]
    assert world.queued == {generated_ids.message_id("w1", "welcome", 1, run, "hello", 1)}


def test_an_event_that_no_journey_names_is_recorded_and_reads_nobody(world: MatchHarness) -> None:
    """A receipt without moves and a page of the log; all that is asked is whether somebody of that name was erased."""
    world.match(arrived({"event": "page_view"}, known=True))
    assert (world.receipt().journeys, world.receipt().reason) == ((), None)
    assert world.log.logged == ["e0"]
    asked = [call for call in world.wire.calls if "Customers" in call or "Runs" in call]
    assert [call.rpartition(".")[2] for call in asked] == ["tombstones"]


def test_an_unknown_id_becomes_an_anonymous_customer(world: MatchHarness) -> None:
    """Journeys work before anybody is named."""
    world.match(arrived(SIGN_UP))
    [row] = world.customers.get([owner_key("w1", Identifier("correlation", "device-1"))])
    assert row.customer == EVERYBODY


@pytest.mark.parametrize(
    ("conditions", "outcome"),
    [
        ({"property": "payload.plan", "operator": "is equal to", "value": "pro"}, "entered"),
        ({"property": "payload.plan", "operator": "is equal to", "value": "free"}, "ignored"),
        ({"property": "customer.city", "operator": "is equal to", "value": "Paris"}, "entered"),
        ({"property": "customer.city", "operator": "is equal to", "value": "Rome"}, "ignored"),
        ({"property": "customer.country", "operator": "exists"}, "ignored"),
    ],
)
def test_conditions_ask_the_payload_and_the_customer(world: MatchHarness, conditions: dict[str, Any], outcome: str) -> None:
    """Whom the customer's attributes or the event's payload keep out is told so."""
    world.journeys.publish(journey(conditions=conditions))
    world.match(arrived({"event": "$set", "payload": {"city": "Paris"}}, SIGN_UP))
    expected = [(outcome, Reason.CONDITIONS if outcome == "ignored" else None)]
    assert [(move.outcome, move.reason) for move in world.receipt("e1").journeys] == expected
    assert len(world.runs.all) == (outcome == "entered")


def test_what_the_payload_rules_out_is_told_without_a_read_and_of_few_journeys(world: MatchHarness) -> None:
    """Of a hundred journeys that one event names a receipt tells of ten, and nobody is asked for who the customer is."""
    for number in range(100):
        conditions = {"property": "payload.product", "operator": "is equal to", "value": number}
        world.journeys.publish(journey(f"j{number}", "bought", conditions=conditions))
    world.match(arrived({"event": "bought", "payload": {"product": 100}}, known=True))
    assert [(move.journey, move.reason) for move in world.receipt().journeys] == [(f"j{number}", Reason.CONDITIONS) for number in range(10)]
    assert not [call for call in world.wire.calls if "Runs" in call]


@pytest.mark.parametrize("name", ["$identify", "$set"])
def test_identify_and_set_as_entries_see_what_they_set(world: MatchHarness, name: str) -> None:
    """A journey for who changes to a plan: the attribute is there when the condition asks."""
    world.journeys.publish(journey(event=name, conditions={"property": "customer.plan", "operator": "is equal to", "value": "pro"}))
    world.match(arrived({"event": name, "payload": {"distinct_id": "ada@example.com", "plan": "pro"}}))
    assert [move.outcome for move in world.receipt().journeys] == ["entered"]


def test_identify_takes_effect_before_what_comes_behind_it(world: MatchHarness) -> None:
    """The message is for the named customer, whose attributes the entry has seen."""
    world.journeys.publish(journey(conditions={"property": "customer.email", "operator": "is equal to", "value": "Ada@example.com"}))
    world.match(arrived({"event": "$identify", "payload": {"distinct_id": "Ada@example.com"}}, SIGN_UP))
    [pending_effects] = world.messages.stored.values()
    assert pending_effects.lookup_id == Identifier("primary", "ada@example.com")
    assert world.receipt("e0").journeys == ()


def test_identify_as_nobody_knew_moves_nothing_unless_a_journey_names_it(world: MatchHarness) -> None:
    """It is recorded, that is all."""
    world.match(arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}))
    assert world.receipt().journeys == ()
    assert world.runs.all == []


def test_an_identify_in_conflict_is_told_and_its_neighbours_go_on(world: MatchHarness) -> None:
    """The device is Ada's; it cannot become Bob, and what it does is still Ada's."""
    ada, bob = ({"event": "$identify", "payload": {"distinct_id": name}} for name in ("ada@example.com", "bob@example.com"))
    world.match(arrived(ada, bob, SIGN_UP))
    assert world.receipt("e1").reason is Reason.CORRELATION_CONFLICT
    [pending_effects] = world.messages.stored.values()
    assert pending_effects.lookup_id.value == "ada@example.com"


def test_attributes_beyond_500_are_refused_alone(world: MatchHarness) -> None:
    """Neither the `$set` before nor the trigger behind the one that is too much suffers from it."""
    sets = [{"event": "$set", "payload": {f"a{place}-{n}": n for n in range(200)}} for place in range(3)]
    world.match(arrived(*sets, SIGN_UP | {"$fcm": {"iosDeviceToken": "t"}}))
    assert [world.receipt(f"e{place}").reason for place in range(4)] == [None, None, Reason.ATTRIBUTES_FULL, None]
    assert [move.outcome for move in world.receipt("e3").journeys] == ["entered"]
    [row] = world.customers.get([owner_key("w1", Identifier("correlation", "device-1"))])
    assert len(attributes_of(row.facts)) == 400


def test_a_paused_journey_loses_its_entries(world: MatchHarness) -> None:
    """The receipt says why, and nothing was written for it."""
    world.journeys.move("welcome", "paused")
    world.match(arrived(SIGN_UP))
    assert world.receipt().journeys == (JourneyOutcome("welcome", "ignored", Reason.PAUSED),)
    assert world.runs.commits == 0


def test_publishing_acts_within_ten_seconds(world: MatchHarness) -> None:
    """A warm function asks again after five."""
    world.match(arrived({"event": "other"}))
    world.journeys.publish(journey("later", event="bought"))
    bought = {"event": "bought"}
    world.match(arrived(bought | {"uuid": "b1"}), NOW + timedelta(seconds=4))
    world.match(arrived(bought | {"uuid": "b2"}), NOW + timedelta(seconds=6))
    assert [len(world.receipt(uuid).journeys) for uuid in ("b1", "b2")] == [0, 1]


def test_a_historical_batch_sets_attributes_and_triggers_nothing(world: MatchHarness) -> None:
    """It is recorded with its reason."""
    world.match(arrived({"event": "$set", "payload": {"city": "Paris"}}, SIGN_UP, historical=True))
    assert world.receipt("e1").reason is Reason.HISTORICAL
    assert (world.runs.all, world.log.logged) == ([], ["e0", "e1"])
    [row] = world.customers.get([owner_key("w1", Identifier("correlation", "device-1"))])
    assert attributes_of(row.facts) == {"city": "Paris"}


def test_journeys_are_entered_in_the_order_of_publishing(world: MatchHarness) -> None:
    """Each with its own run and message, saved together."""
    world.journeys.publish(journey("second"), journey("third"))
    world.match(arrived(SIGN_UP))
    assert [move.journey for move in world.receipt().journeys] == ["welcome", "second", "third"]
    assert (len(world.queued), world.runs.commits) == (3, 1)


def test_another_workspaces_journeys_are_not_touched(world: MatchHarness) -> None:
    """The same event name opens nothing next door."""
    world.match(arrived(SIGN_UP, workspace="w2"))
    assert world.receipts.stored["w2", "e0"].journeys == ()


def test_a_run_that_waits_for_its_message_goes_on_with_what_it_remembers(world: MatchHarness) -> None:
    """With `onFailure` the run stands where it is."""
    steps = [message("hello", "end", onFailure="end"), {"id": "end", "type": "exit"}]
    world.journeys.publish(journey(steps=steps))
    world.match(arrived(SIGN_UP))
    [run] = world.runs.all
    assert (run.active, run.step) == (True, "hello")
    assert run.trigger_event is not None
    assert run.trigger_event["payload"] == {"plan": "pro"}
