"""`$subscribe` and `$unsubscribe` as clients send them, and as Waypost makes them (docs/customers.md#consent)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.ingest_harness import NOW, accepted, event_of, rejected, warning_codes, wire
from waypost.domain.customers.consents import ALL, ConsentChange, change_in
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.consent_payloads import consent_event
from waypost.domain.intake.events import Kind


def consent(event: str = "$unsubscribe", at: Any = "2026-11-23T05:00:00Z", source: str = "custom", **payload: Any) -> dict[str, Any]:
    """An event of consent as clients send it."""
    return wire(event, timestamp=at, uuid="u1", source=source, payload=payload)


def change_of(raw: dict[str, Any]) -> ConsentChange:
    """The change in the facts of an accepted event."""
    change = change_in(event_of(raw).facts, "u1")
    assert change is not None
    return change


def test_an_event_of_consent_is_a_trigger_with_a_consent() -> None:
    """A consent names a topic, a channel and the version of a text; without topic or channel it is about all of them."""
    event = event_of(consent("$subscribe", topic="news", channel="email", textVersion="v2"))
    assert event.kind is Kind.TRIGGER
    assert change_in(event.facts, "u1") == ConsentChange("subscribed", "news", "email", event.at, "u1", "custom", "v2")
    everything = change_of(consent(topic=None))
    assert (everything.state, everything.topic, everything.channel, everything.text_version) == ("unsubscribed", ALL, ALL, None)


def test_a_consent_is_never_later_than_its_receipt() -> None:
    """The time of a consent is that of its event, and the time of receipt if the client's clock is fast."""
    assert change_of(consent(at="2026-11-20T05:00:00Z")).at.isoformat() == "2026-11-20T05:00:00+00:00"
    fast = consent(at=(NOW + timedelta(seconds=30)).isoformat())
    assert event_of(fast).at > NOW
    assert change_of(fast).at == NOW


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"topic": "big news"}, "bad-topic", "/batch/0/payload/topic"),
        ({"topic": 7}, "bad-topic", "/batch/0/payload/topic"),
        ({"topic": ""}, "bad-topic", "/batch/0/payload/topic"),
        ({"topic": "*"}, "bad-topic", "/batch/0/payload/topic"),
        ({"channel": "emial"}, "bad-channel", "/batch/0/payload/channel"),
        ({"channel": ["email"]}, "bad-channel", "/batch/0/payload/channel"),
        ({"source": "page"}, "reserved-source", "/batch/0/source"),
        ({"source": "import"}, "reserved-source", "/batch/0/source"),
    ],
    ids=["space", "number", "empty", "star", "unknown channel", "list", "page", "import"],
)
def test_a_consent_that_cannot_be_recorded_is_rejected(fields: dict[str, Any], code: str, pointer: str) -> None:
    """A topic or channel that can be none rejects the event, and so does a source that only Waypost may record."""
    assert rejected(consent(**fields)) == (code, pointer)
    assert accepted(wire("bought", source=fields.get("source", "custom"), payload={}))


def test_a_client_cannot_confirm_a_subscription() -> None:
    """`confirmed` in an event of a client is left out with a warning: a client cannot know whether an address is the customer's own."""
    raw = consent("$subscribe", topic="news", confirmed=True)
    assert warning_codes(raw) == {"ignored-field"}
    assert not change_of(raw).confirmed


def test_a_text_version_that_is_no_text_does_not_keep_anyone_subscribed() -> None:
    """An unsubscription with a text version of another type, or a long one, is accepted without it."""
    for version in (2, "v" * 101):
        raw = consent(textVersion=version)
        assert warning_codes(raw) == {"wrong-type"}
        assert (change_of(raw).state, change_of(raw).text_version) == ("unsubscribed", None)


def test_a_report_is_no_consent() -> None:
    """An event with the source `message` is a delivery report, whatever its name, and changes no consent."""
    event = event_of(consent(source="message"))
    assert (event.kind, event.facts) == (Kind.REPORT, {})


def test_waypost_makes_the_same_event_of_its_own_consents() -> None:
    """The event of a page or an import has the same facts as that of a client, with its source, and a confirmation if there is one."""
    change = ConsentChange("subscribed", "news", ALL, NOW, "u1", "page", "v2", confirmed=True)
    event = consent_event(change, Identifier("primary", "ada@example.com"))
    assert (event.name, event.source, event.payload) == ("$subscribe", "page", {"topic": "news", "textVersion": "v2", "confirmed": True})
    assert change_in(event.facts, "u1") == change
