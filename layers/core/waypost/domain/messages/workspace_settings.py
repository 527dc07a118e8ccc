"""The settings of a workspace that its administrators change (`docs/api.md#settings`)."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field, StrictBool

from waypost.domain.customers.schema import AttributeName
from waypost.domain.customers.topics import Topic
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages.caps import MAX_CAPS, Cap
from waypost.domain.messages.senders import comparable_sender
from waypost.domain.values.mailboxes import usable_address
from waypost.domain.values.wire_model import WireModel


def _is_sender(text: str) -> str:
    if comparable_sender(text) is None:
        raise ValueError("a sender is an e-mail address, or @ and a domain for all of its addresses")
    return text


def _have_different_ids(topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
    ids = [topic.id for topic in topics]
    repeated = next((each for each in ids if ids.count(each) > 1), None)
    if repeated is not None:
        raise ValueError(f"there are two topics with the id {repeated!r}")
    return topics


def _are_different_caps(caps: tuple[Cap, ...]) -> tuple[Cap, ...]:
    ids = [cap.id for cap in caps if cap.id is not None]
    repeated = next((each for each in ids if ids.count(each) > 1), None)
    if repeated is not None:
        raise ValueError(f"there are two caps with the id {repeated!r}")
    return caps


def _have_addresses(attributes: dict[str, str]) -> dict[str, str]:
    without = next((channel for channel in attributes if step_class(channel).address_attribute is None), None)
    if without is not None:
        raise ValueError(f"no channel {without!r} takes its address from an attribute")
    return attributes


AddressAttributes = Annotated[dict[str, AttributeName], AfterValidator(_have_addresses)]
"""By the name of a channel."""

MAX_TOPICS: Final = 50

Topics = Annotated[tuple[Topic, ...], Field(max_length=MAX_TOPICS), AfterValidator(_have_different_ids)]
Caps = Annotated[tuple[Cap, ...], Field(max_length=MAX_CAPS), AfterValidator(_are_different_caps)]


def _is_address(text: str) -> str:
    # Braces are allowed in front of the @, but a text with Liquid would be rendered, and be another address then.
    if usable_address(text) is None or "{{" in text or "{%" in text:
        raise ValueError("a test address is an e-mail address that SES takes, without a name")
    return text


Sender = Annotated[str, Field(max_length=320), AfterValidator(_is_sender)]


TestAddress = Annotated[str, Field(max_length=320), AfterValidator(_is_address)]


class WorkspaceSettings(WireModel):
    """The settings of a workspace.

    `senders`: what its e-mails may come from beside the stack's `SenderAddress`. `topics`: to what its customers can subscribe; the topic
    `general` exists also if it is not among them. `caps`: how many messages one customer gets in a time. `test_addresses`: where tests of
    templates may go. `address_attributes`: the attribute of a customer with its address for a channel. `sending`: whether messages
    are sent; if not, they are held until it is true again. `color`, `language` and `page_name` are for the page behind links.
    """

    senders: tuple[Sender, ...] = Field(default=(), max_length=100)
    topics: Topics = ()
    caps: Caps = ()
    test_addresses: tuple[TestAddress, ...] = Field(default=(), max_length=20)
    address_attributes: AddressAttributes = Field(default_factory=dict)
    sending: StrictBool = True
    color: str = Field("#1f5fa8", pattern="^#[0-9a-fA-F]{6}$", description="The colour of the buttons on the page behind links.")
    language: str = Field("en", pattern="^[a-z]{2}$", description="The language of the page behind links: `en` or `de`.")
    page_name: str = Field("", max_length=100, description="The name of the sender on the page behind links.")


class StoredSettings(NamedTuple):
    """The settings as they are stored, and the number of their revision (0: none were stored)."""

    settings: WorkspaceSettings
    revision: int
