"""Puts the signed links into a message, right before its provider gets it (docs/messages.md#links)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from waypost.cache.signing_keys import SigningKeys
from waypost.domain.customers.consents import ALL, SUBSCRIBE, is_topic_id
from waypost.domain.customers.topics import GENERAL
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.messages import links, receivers, template_scope
from waypost.domain.messages.links import VALID_FOR, Link, LinkPurpose
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.domain.messages.next_action import Recipient


@dataclass(frozen=True, slots=True)
class MessageLinks:
    """Signs links. `base_url` is the public URL of the API. `address_hash` is the keyed hash by workspace, channel and address."""

    keys: SigningKeys
    base_url: str
    address_hash: Callable[[str, str, str], str]

    def put_into(
        self, prepared: PreparedMessage, message: Message, recipient: Recipient, now: datetime, address_attribute: str | None = None
    ) -> PreparedMessage:
        """The message as its provider gets it; unchanged on a channel without links. UnavailableError if the key cannot be read.

        `address_attribute` is the attribute that the workspace has named for the addresses of the channel.
        """
        step = template_scope.message_step(recipient.journey, message.step)
        if not step.has_links:
            return prepared
        key = self.keys.current(message.workspace, now)
        # To the second: the token has no room for more, and two attempts in one second then send the same link.
        whole_second = now.replace(microsecond=0)
        own = receivers.is_own_address(prepared.to, message.channel, recipient.customer, recipient.journey, message.step, address_attribute)
        customer = recipient.customer.id if own else ""
        tokens = {
            purpose: links.token_of(self._link(purpose, prepared, message, customer, step, whole_second + valid_for), key)
            for purpose, valid_for in VALID_FOR.items()
        }
        unsubscribe_url = None if step.transactional else links.url_of(self.base_url, tokens[LinkPurpose.UNSUBSCRIBE])
        return replace(links.with_tokens(prepared, tokens), unsubscribe_url=unsubscribe_url)

    def _link(
        self,
        purpose: LinkPurpose,
        prepared: PreparedMessage,
        message: Message,
        customer: str,
        step: MessageStep,
        expires_at: datetime,
    ) -> Link:
        return Link(
            purpose=purpose,
            workspace=message.workspace,
            customer=customer,
            address_hash=self.address_hash(message.workspace, message.channel, prepared.to),
            channel=message.channel,
            topic=_confirmed_topic(message.event, step) if purpose is LinkPurpose.CONFIRM else _topic(step),
            expires_at=expires_at,
        )


def _topic(step: MessageStep) -> str:
    """The topic of a message; a transactional one has none, and its links are about all topics."""
    return ALL if step.transactional else step.topic or GENERAL


def _confirmed_topic(event: Mapping[str, Any], step: MessageStep) -> str:
    """The topic that the link confirms: that of the `$subscribe` which led to the message, else that of the step.

    A message that asks for a confirmation has to be transactional: nobody gets the messages of a topic who has not confirmed it.
    """
    topic = event.get("payload", {}).get("topic") if event.get("name") == SUBSCRIBE else None
    return topic if isinstance(topic, str) and is_topic_id(topic) else _topic(step)
