"""The links in messages that are sent: real ones for the provider, inert ones in what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.messages import NOW, pending_message
from tests.fakes.send_harness import ADA, JOURNEY, OneJourney, SendHarness
from waypost.adapters.liquid import LiquidTemplates
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.rows import head_key
from waypost.domain.customers.topics import Topic
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.links import Link, LinkPurpose, parse_token
from waypost.domain.messages.message import MessageStatus, PreparedMessage, ProviderResponse
from waypost.domain.messages.workspace_settings import WorkspaceSettings

TEXT = "{{ unsubscribe_url }} {{ preferences_url }} {{ confirm_url }}"
HTML = '<a href="{{ unsubscribe_url }}">x</a><a href="go?to={{ unsubscribe_url | url_encode }}">y</a>'


def harness(fields: dict[str, Any] | None = None, template: dict[str, Any] | None = None, **message: Any) -> SendHarness:
    """A harness with one pending e-mail whose template has links; `fields` and `template` are further fields of its step."""
    raw = JOURNEY.model_dump(by_alias=True, exclude_none=True)
    first, *others = raw["steps"]
    links = {"template": {"subject": "Hi", "text": TEXT, "html": HTML, **(template or {})}}
    raw["steps"] = [{**first, **links, **(fields or {})}, *others]
    made = SendHarness(journeys=OneJourney(Journey.model_validate(raw)), templates=LiquidTemplates())  # type: ignore[arg-type]
    made.messages.add(pending_message(**message))
    return made


def sent(made: SendHarness) -> PreparedMessage:
    """What the provider got with the last call."""
    return made.channel.calls[-1][1]


def links_in(made: SendHarness) -> list[Link]:
    """The links in the text that the provider got, each verified with the key of the workspace."""
    found = []
    for url in sent(made).rendered["text"].split():
        token = parse_token(url.removeprefix("https://example.com/u/"))
        link = token.verified(made.link_keys.read("w1")) if token else None
        assert link is not None
        found.append(link)
    return found


def test_the_provider_gets_signed_links_and_the_row_gets_inert_ones() -> None:
    """The three links hold workspace, customer, keyed hash of the address, channel and topic; what is stored has no signed link."""
    made = harness()
    made.send()
    assert [link.purpose for link in links_in(made)] == list(LinkPurpose)
    assert {(link.workspace, link.customer, link.channel, link.topic) for link in links_in(made)} == {("w1", "c_1", "email", "general")}
    assert {link.address_hash for link in links_in(made)} == {"hash of w1 email ada@example.com"}
    stored = made.messages.bodies["w1", "msg_1"]
    assert stored.rendered["text"].split()[0] == "https://example.com/u/preview-unsubscribe-link"
    assert stored.unsubscribe_url is None
    assert "preview-" not in str(sent(made).rendered)
    assert sent(made).unsubscribe_url == sent(made).rendered["text"].split()[0]


def test_an_encoded_link_is_signed_too() -> None:
    """A link that a filter has percent-encoded, or that stands in an escaped attribute, gets the same token."""
    made = harness()
    made.send()
    token = str(sent(made).unsubscribe_url).rpartition("/")[2]
    html = f'<a href="https://example.com/u/{token}">x</a><a href="go?to=https%3A%2F%2Fexample.com%2Fu%2F{token}">y</a>'
    assert sent(made).rendered["html"] == html


def test_the_links_expire() -> None:
    """Unsubscription and preferences work for 365 days after the call, a confirmation for 30 days."""
    made = harness()
    made.send()
    assert [link.expires_at - NOW for link in links_in(made)] == [timedelta(days=365), timedelta(days=365), timedelta(days=30)]


@pytest.mark.parametrize(
    ("step", "event", "topics"),
    [
        ({}, {}, ["general", "general", "general"]),
        ({"topic": "news"}, {}, ["news", "news", "news"]),
        ({"transactional": True}, {}, ["*", "*", "*"]),
        ({"transactional": True}, {"name": "$subscribe", "payload": {"topic": "news"}}, ["*", "*", "news"]),
        ({"transactional": True}, {"name": "$subscribe", "payload": {"topic": "no topic!"}}, ["*", "*", "*"]),
        ({"transactional": True}, {"name": "$subscribe", "payload": {}}, ["*", "*", "*"]),
    ],
)
def test_a_link_is_about_the_topic_of_its_message(step: dict[str, Any], event: dict[str, Any], topics: list[str]) -> None:
    """A transactional message has all topics, and its confirmation is about the topic that the customer has just subscribed to."""
    made = harness(step, event={**pending_message().event, **event})
    made.settings.save("w1", WorkspaceSettings(topics=(Topic(id="news"),)), 0)
    made.send()
    assert [link.topic for link in links_in(made)] == topics


def test_a_transactional_message_has_no_header() -> None:
    """A receipt has no link of one-click unsubscription; any other message has one, also if its template has no link."""
    made = harness({"transactional": True})
    made.send()
    assert sent(made).unsubscribe_url is None
    made = harness(template={"text": "Hello", "html": "<p>Hello</p>"})
    made.send()
    assert str(sent(made).unsubscribe_url).startswith("https://example.com/u/")


@pytest.mark.parametrize(("to", "customer"), [("ADA@example.com", "c_1"), ("bob@example.com", ""), ("{{ event.payload.friend }}", "")])
def test_a_link_to_a_foreign_address_names_no_customer(to: str, customer: str) -> None:
    """A mail to a friend of the customer has links about the friend's address; one to the customer's own address is about the customer.

    The row says which of the two it is, for what the owner of the address complains about or answers.
    """
    made = harness(template={"to": to}, event={**pending_message().event, "payload": {"friend": "bob@example.com"}})
    made.send()
    assert {link.customer for link in links_in(made)} == {customer}
    assert made.message.is_to_other == (customer == "")


def test_the_address_that_the_settings_name_is_the_customers_own() -> None:
    """A template may write out the attribute that the settings name for the addresses of a channel; the link is about the customer."""
    made = harness(template={"to": "{{ customer.mail }}"})
    key = head_key("w1", ADA)
    made.customers.rows[key] = replace(made.customers.rows[key], facts={"a:mail": fact(set_stamp(NOW, "e1"), "ada@work.example.com")})
    made.settings.save("w1", WorkspaceSettings(address_attributes={"email": "mail"}), 0)
    made.send()
    assert {link.customer for link in links_in(made)} == {"c_1"}


def test_a_message_whose_key_cannot_be_read_is_not_claimed() -> None:
    """While the table of keys is down, the record is retried; the message is not claimed and its provider is not called."""
    made = harness()
    made.link_keys.down = True
    with pytest.raises(UnavailableError):
        made.send()
    assert (made.message.status, made.message.attempt_count, made.channel.calls) == (MessageStatus.PENDING, 0, [])


def test_a_webhook_has_no_links_and_needs_no_key() -> None:
    """A channel without links reads no key."""
    made = harness(channel="webhook", step="hook")
    made.link_keys.down = True
    made.send()
    assert made.message.status is MessageStatus.SENT
    assert sent(made).unsubscribe_url is None


def test_a_retry_has_links_that_work() -> None:
    """A second attempt sends the stored content with links that are signed again, also after the key was rotated."""
    made = harness()
    made.channel.responses.append(ProviderResponse("refused", "later"))
    made.send()
    made.link_keys.rotate("w1", NOW)
    made.send(made.message.due + timedelta(hours=1), token="t2")
    assert len(made.channel.calls) == 2
    assert len(links_in(made)) == 3
