"""The use of a link: events of the customer with receipts, or opt-outs of the address of a customer who is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.fakes.match_harness import CUSTOMER, MatchHarness, arrived
from tests.fakes.messages import NOW
from waypost.domain.customers.consents import consent_state
from waypost.domain.customers.facts import merge
from waypost.domain.customers.topics import Topic
from waypost.domain.signals import LinkUsed

USED = LinkUsed("w1", CUSTOMER, "email", "hash", (), ("news",), confirmed=False, at=NOW + timedelta(hours=1))


def harness() -> MatchHarness:
    """A matcher with one customer."""
    made = MatchHarness()
    made.match(arrived({"event": "seen"}))
    return made


def state(made: MatchHarness, topic: str = "news", channel: str = "email", **settings: Any) -> str:
    """The consent of all that is stored of customers."""
    facts = merge(*(row.facts for row in made.customers.rows.values()))
    return consent_state(facts, Topic(id=topic, **settings), channel).value


def test_an_unsubscription_is_an_event_of_the_customer() -> None:
    """The topic of the link is unsubscribed on its channel, with a receipt and a page of the customer; other topics and channels stay."""
    made = harness()
    [receipt] = made.match(USED)
    assert (receipt.event, receipt.customer, receipt.received_at) == ("$unsubscribe", CUSTOMER, USED.at)
    assert state(made) == "unsubscribed"
    assert state(made, "offers") == state(made, channel="sms") == "subscribed"
    assert not made.opt_outs.held


def test_all_topics_of_a_channel_end() -> None:
    """`*` ends every topic on the channel, also one that the settings get later."""
    made = harness()
    made.match(replace(USED, unsubscribed=("*",)))
    assert state(made, "later") == "unsubscribed"
    assert state(made, "later", "sms") == "subscribed"


def test_a_repeated_signal_is_one_event() -> None:
    """A signal that is delivered twice has one receipt; a second click a moment later has another one, and the same result."""
    made = harness()
    assert len(made.match(USED)) == 1
    assert made.match(USED, redelivered=True) == []
    assert len(made.match(replace(USED, at=USED.at + timedelta(seconds=1)))) == 1
    assert state(made) == "unsubscribed"


def test_one_form_subscribes_and_unsubscribes() -> None:
    """The list of the page is one signal with an event for each change; a subscription by it counts as confirmed."""
    made = harness()
    made.match(replace(USED, unsubscribed=("offers",)))
    receipts = made.match(replace(USED, subscribed=("offers", "tips"), confirmed=True, at=USED.at + timedelta(minutes=1)))
    assert sorted(receipt.event for receipt in receipts) == ["$subscribe", "$subscribe", "$unsubscribe"]
    assert state(made, "offers") == "subscribed"
    assert state(made, "tips", default="unsubscribed", double_opt_in=True) == "subscribed"
    assert state(made) == "unsubscribed"


def test_a_link_of_a_merged_customer_is_about_the_customer_that_it_joined() -> None:
    """A mail that was sent before its receiver was identified ends the topic of the identified customer."""
    made = harness()
    made.match(arrived({"event": "$identify", "uuid": "i1", "correlationValue": "device-2", "payload": {"distinct_id": "ada@example.com"}}))
    made.match(arrived({"event": "$identify", "uuid": "i2", "payload": {"distinct_id": "ada@example.com"}}))
    [receipt] = made.match(USED)
    assert receipt.customer != CUSTOMER
    assert state(made) == "unsubscribed"


def test_a_customer_who_is_gone_leaves_an_opt_out_of_the_address() -> None:
    """Without a customer the topics are stored with the hash of the address, and no customer is created; a subscription is nothing."""
    made = harness()
    before = dict(made.customers.rows)
    for gone in (replace(USED, customer_in_link="c_gone"), replace(USED, customer_in_link="")):
        made.opt_outs.held.clear()
        assert made.match(gone) == []
        assert made.opt_outs.held == {("w1", "email", "hash"): {"news": USED.at}}
    made.opt_outs.held.clear()
    made.match(replace(USED, customer_in_link="c_gone", subscribed=("news",), unsubscribed=()))
    assert made.opt_outs.held == {}
    assert made.customers.rows == before


def test_an_erasure_between_the_reads_keeps_the_opt_out() -> None:
    """If the index still has the erased customer whose tombstone is written, the event is dropped and the address has the opt-out."""
    made = harness()
    [identifier] = [row.key.owner for row in made.customers.rows.values()]
    made.customers.add_tombstones("w1", [identifier], USED.at + timedelta(seconds=1))
    [receipt] = made.match(USED)
    assert receipt.reason == "erased"
    assert made.opt_outs.held == {("w1", "email", "hash"): {"news": USED.at}}


def test_the_group_of_a_link_without_a_customer_is_its_address() -> None:
    """Two uses of links to one address are in one message group, and those to another address are in another one."""
    bare = replace(USED, customer_in_link="")
    assert bare.customer == replace(bare, at=NOW).customer
    assert bare.customer != replace(bare, address_hash="other").customer
    assert USED.customer == CUSTOMER
    assert bare.name != replace(bare, at=NOW).name
