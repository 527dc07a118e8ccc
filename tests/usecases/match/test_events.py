"""One customer's events against the journeys of a workspace: which runs and messages they create, and what the receipt says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journeys import journey, message
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, arrived
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
def harness() -> MatchHarness:
    """A workspace with the primary key `email` and one journey, which `signed_up` enters."""
    made = MatchHarness()
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(journey())
    return made


def test_an_event_opens_a_run_with_its_message(harness: MatchHarness) -> None:
    """The event leaves one run that has come to its end, one pending message that is on the send queue, and a receipt that names both."""
    [receipt] = harness.match(arrived(SIGN_UP))
    [run] = harness.runs.all
    [pending] = harness.messages.stored.values()
    assert (run.status, run.reason, run.version) == (RunStatus.EXITED, Reason.FINISHED, 1)
    assert (pending.status, pending.run, pending.step, pending.customer) == (
        MessageStatus.PENDING,
        run.id,
        "hello",
        CUSTOMER,
    )
    assert pending.event["payload"] == {"plan": "pro"}
    assert (harness.queued, harness.runs.pending_effects) == ({pending.id}, [])
    assert receipt == harness.receipt()
    assert (receipt.journeys, receipt.messages) == ((JourneyOutcome("welcome", "entered", None, run.id),), (pending.id,))


def test_ids_are_made_from_the_event(harness: MatchHarness) -> None:
    """The ids of run and message depend only on workspace, journey, event, step and visit: the event a second time makes the same."""
    harness.match(arrived(SIGN_UP))
    run = generated_ids.run_id("w1", "welcome", "", "e0")
    assert [each.id for each in harness.runs.all] == [run]
    assert harness.queued == {generated_ids.message_id("w1", "welcome", 1, run, "hello", 1)}


def test_an_event_that_no_journey_names_is_recorded_and_reads_no_customer(harness: MatchHarness) -> None:
    """It has a receipt without moves and is on a page of the log. The only read besides the receipts is that of the tombstones."""
    harness.match(arrived({"event": "page_view"}, known=True))
    assert (harness.receipt().journeys, harness.receipt().reason) == ((), None)
    assert harness.log.logged == ["e0"]
    calls = [call for call in harness.port_calls.calls if "Customers" in call or "Runs" in call]
    assert [call.rpartition(".")[2] for call in calls] == ["tombstones"]


def test_an_unknown_id_becomes_an_anonymous_customer(harness: MatchHarness) -> None:
    """An event of an id that was never identified creates a customer, for whom journeys work."""
    harness.match(arrived(SIGN_UP))
    [row] = harness.customers.get([owner_key("w1", Identifier("correlation", "device-1"))])
    assert row.customer == CUSTOMER


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
def test_conditions_see_the_payload_and_the_customer(harness: MatchHarness, conditions: dict[str, Any], outcome: str) -> None:
    """A condition compares the payload or the attributes of the customer, and the receipt names it as the reason if it does not hold."""
    harness.journeys.publish(journey(conditions=conditions))
    harness.match(arrived({"event": "$set", "payload": {"city": "Paris"}}, SIGN_UP))
    expected = [(outcome, Reason.CONDITIONS if outcome == "ignored" else None)]
    assert [(move.outcome, move.reason) for move in harness.receipt("e1").journeys] == expected
    assert len(harness.runs.all) == (outcome == "entered")


def test_journeys_that_the_payload_rules_out_cost_no_read_and_ten_are_reported(harness: MatchHarness) -> None:
    """If the payload alone rules out a hundred journeys, the receipt names ten of them and neither customer nor runs are read."""
    for number in range(100):
        conditions = {"property": "payload.product", "operator": "is equal to", "value": number}
        harness.journeys.publish(journey(f"j{number}", "bought", conditions=conditions))
    harness.match(arrived({"event": "bought", "payload": {"product": 100}}, known=True))
    reported = [(each.journey, each.reason) for each in harness.receipt().journeys]
    assert reported == [(f"j{number}", Reason.CONDITIONS) for number in range(10)]
    assert not [call for call in harness.port_calls.calls if "Runs" in call or call.endswith(("Customers.named", "Customers.get"))]


@pytest.mark.parametrize("name", ["$identify", "$set"])
def test_identify_and_set_as_entries_see_what_they_set(harness: MatchHarness, name: str) -> None:
    """A journey that `$identify` or `$set` enters finds the attribute that this event has set."""
    harness.journeys.publish(journey(event=name, conditions={"property": "customer.plan", "operator": "is equal to", "value": "pro"}))
    harness.match(arrived({"event": name, "payload": {"distinct_id": "ada@example.com", "plan": "pro"}}))
    assert [move.outcome for move in harness.receipt().journeys] == ["entered"]


def test_identify_takes_effect_before_the_events_behind_it(harness: MatchHarness) -> None:
    """The entry behind an `$identify` sees the attributes of the identified customer, and its message names the primary key."""
    harness.journeys.publish(journey(conditions={"property": "customer.email", "operator": "is equal to", "value": "Ada@example.com"}))
    harness.match(arrived({"event": "$identify", "payload": {"distinct_id": "Ada@example.com"}}, SIGN_UP))
    [pending] = harness.messages.stored.values()
    assert pending.lookup_id == Identifier("primary", "ada@example.com")
    assert harness.receipt("e0").journeys == ()


def test_identify_moves_nothing_unless_a_journey_names_it(harness: MatchHarness) -> None:
    """An `$identify` that no journey names is recorded and opens no run."""
    harness.match(arrived({"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}))
    assert harness.receipt().journeys == ()
    assert harness.runs.all == []


def test_an_identify_in_conflict_is_refused_alone(harness: MatchHarness) -> None:
    """A device that is linked to Ada cannot become Bob's: the second `$identify` is refused, and the next event is still Ada's."""
    ada, bob = ({"event": "$identify", "payload": {"distinct_id": name}} for name in ("ada@example.com", "bob@example.com"))
    harness.match(arrived(ada, bob, SIGN_UP))
    assert harness.receipt("e1").reason is Reason.CORRELATION_CONFLICT
    [pending] = harness.messages.stored.values()
    assert pending.lookup_id.value == "ada@example.com"


def test_attributes_beyond_500_are_refused_alone(harness: MatchHarness) -> None:
    """The `$set` that exceeds the limit is refused; the ones before it are stored and the trigger behind it opens its run."""
    sets = [{"event": "$set", "payload": {f"a{place}-{n}": n for n in range(200)}} for place in range(3)]
    harness.match(arrived(*sets, SIGN_UP | {"$fcm": {"iosDeviceToken": "t"}}))
    assert [harness.receipt(f"e{place}").reason for place in range(4)] == [None, None, Reason.ATTRIBUTES_FULL, None]
    assert [move.outcome for move in harness.receipt("e3").journeys] == ["entered"]
    [row] = harness.customers.get([owner_key("w1", Identifier("correlation", "device-1"))])
    assert len(attributes_of(row.facts)) == 400


def test_a_paused_journey_is_not_entered(harness: MatchHarness) -> None:
    """The receipt says `paused`, and no run is written."""
    harness.journeys.move("welcome", "paused")
    harness.match(arrived(SIGN_UP))
    assert harness.receipt().journeys == (JourneyOutcome("welcome", "ignored", Reason.PAUSED),)
    assert harness.runs.commits == 0


def test_publishing_acts_within_ten_seconds(harness: MatchHarness) -> None:
    """A warm function reads the active journeys again after five seconds, and then enters the new one."""
    harness.match(arrived({"event": "other"}))
    harness.journeys.publish(journey("later", event="bought"))
    bought = {"event": "bought"}
    harness.match(arrived(bought | {"uuid": "b1"}), NOW + timedelta(seconds=4))
    harness.match(arrived(bought | {"uuid": "b2"}), NOW + timedelta(seconds=6))
    assert [len(harness.receipt(uuid).journeys) for uuid in ("b1", "b2")] == [0, 1]


def test_a_historical_batch_sets_attributes_and_triggers_nothing(harness: MatchHarness) -> None:
    """Events of a historical batch set attributes and are recorded with the reason `historical`, and open no run."""
    harness.match(arrived({"event": "$set", "payload": {"city": "Paris"}}, SIGN_UP, historical=True))
    assert harness.receipt("e1").reason is Reason.HISTORICAL
    assert (harness.runs.all, harness.log.logged) == ([], ["e0", "e1"])
    [row] = harness.customers.get([owner_key("w1", Identifier("correlation", "device-1"))])
    assert attributes_of(row.facts) == {"city": "Paris"}


def test_journeys_are_entered_in_the_order_of_publishing(harness: MatchHarness) -> None:
    """One event enters three journeys in that order, each with its own run and message, in one transaction."""
    harness.journeys.publish(journey("second"), journey("third"))
    harness.match(arrived(SIGN_UP))
    assert [move.journey for move in harness.receipt().journeys] == ["welcome", "second", "third"]
    assert (len(harness.queued), harness.runs.commits) == (3, 1)


def test_journeys_of_another_workspace_are_not_entered(harness: MatchHarness) -> None:
    """An event of one workspace opens no run of a journey that another workspace published for the same event name."""
    harness.match(arrived(SIGN_UP, workspace="w2"))
    assert harness.receipts.stored["w2", "e0"].journeys == ()


def test_a_run_that_waits_for_its_message_keeps_its_event(harness: MatchHarness) -> None:
    """With `onFailure` the run stays active in the message step and keeps the event that moved it."""
    steps = [message("hello", "end", onFailure="end"), {"id": "end", "type": "exit"}]
    harness.journeys.publish(journey(steps=steps))
    harness.match(arrived(SIGN_UP))
    [run] = harness.runs.all
    assert (run.active, run.step) == (True, "hello")
    assert run.trigger_event is not None
    assert run.trigger_event["payload"] == {"plan": "pro"}


def test_a_change_of_consent_is_recorded_once_with_its_receipt() -> None:
    """The history has each change of a customer once, also of an import and after a redelivery, and no change that was refused."""
    harness = MatchHarness()
    harness.workspaces.schemas["w1"] = SCHEMA
    stop = arrived({"event": "$unsubscribe", "payload": {"topic": "news"}})
    for _ in range(2):
        harness.match(stop, redelivered=True)
    imported = arrived({"event": "$subscribe", "uuid": "i1"}, historical=True)
    harness.match(imported)
    assert [(key[1], each.change.state, each.change.topic) for key, each in sorted(harness.consents.stored.items())] == [
        (CUSTOMER, "unsubscribed", "news"),
        (CUSTOMER, "subscribed", "*"),
    ]
    assert (harness.receipt("e0").reason, harness.receipt("i1").reason) == (None, Reason.HISTORICAL)
    topics = [{"event": "$subscribe", "uuid": f"t{number}", "payload": {"topic": f"t{number}"}} for number in range(201)]
    receipts = harness.match(arrived(*topics))
    refused = [each.uuid for each in receipts if each.reason is Reason.CONSENTS_FULL]
    assert len(refused) == 2
    assert len(harness.consents.stored) == 2 + 199
