"""Whether a message may be sent: the consent of its customer, and what is known of the address (`docs/messages.md#consent`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from waypost.domain.customers.consents import ConsentState, consent_state, opt_out_facts
from waypost.domain.customers.facts import Facts, merge
from waypost.domain.customers.topics import Topic
from waypost.domain.messages.message import MessageReason, SkipReason


@dataclass(frozen=True, slots=True)
class Permission:
    """What is read between the claim of a message and the call of its provider: the main row of the customer and the row of the address.

    `facts` are those of the main row. `opt_outs` are topics (`*`: all) from which a customer of the address had unsubscribed when it was
    erased, with the times. `erasing`: the customer is being erased, or is gone. `moved`: the customer was named or merged since it was
    read, so that its consents are in another row.
    """

    suppressed: bool = False
    opt_outs: Mapping[str, datetime] | None = None
    facts: Facts | None = None
    erasing: bool = False
    moved: bool = False


def consent_refusal(facts: Facts, topic: Topic | None, channel: str) -> SkipReason | None:
    """Why a message about a topic is not sent to a customer with these facts, or None. `topic` is None for a transactional message."""
    if topic is None:
        return None
    match consent_state(facts, topic, channel):
        case ConsentState.SUBSCRIBED:
            return None
        case ConsentState.UNSUBSCRIBED:
            return SkipReason(MessageReason.UNSUBSCRIBED, f"the customer does not subscribe to the topic {topic.id}")
        case ConsentState.PENDING:
            return SkipReason(MessageReason.PENDING_CONSENT, f"the customer has not confirmed its subscription to the topic {topic.id}")
        case _ as never:
            assert_never(never)


def refusal(permission: Permission, topic: Topic | None, channel: str) -> SkipReason | None:
    """Why a claimed message is not sent, or None."""
    if permission.erasing:
        return SkipReason(MessageReason.ERASED)
    if permission.suppressed:
        return SkipReason(MessageReason.SUPPRESSED)
    return consent_refusal(merge(permission.facts or {}, opt_out_facts(channel, permission.opt_outs or {})), topic, channel)
