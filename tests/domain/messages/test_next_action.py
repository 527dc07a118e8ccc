"""What the sender does next with a message, and what it has to load before it can decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from tests.fakes.messages import NOW, pending_message
from waypost.domain.customers.consents import ConsentChange
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.topics import Topic
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages import delivery
from waypost.domain.messages.caps import Cap, CapReached
from waypost.domain.messages.message import MessageReason, MessageStatus, PreparedMessage, SkipReason
from waypost.domain.messages.next_action import (
    Claim,
    Content,
    Counted,
    CountMessage,
    Defer,
    LoadContent,
    LoadJourneyStatus,
    LoadRecipient,
    LoadSenderCheck,
    Recipient,
    SendContext,
    SenderCheck,
    Settle,
    StoreContent,
    next_action,
)

ADA = Customer("w1", "c_1", None, None, (), {}, {})
PREPARED = PreparedMessage("ada@example.com", {"subject": "Hi"})
CONTENT = Content(PREPARED, is_stored=True)


NEWS = Topic(id="news")


def recipient(customer: Customer = ADA, topic: Topic | None = NEWS, **changes: Any) -> Recipient:
    """Ada in UTC, and a journey with these fields changed, of which a step has this topic."""
    definition = {"id": "welcome", "name": "", "entry": {"event": "go"}, "steps": [{"id": "end", "type": "exit"}], **changes}
    return Recipient(customer, Journey.model_validate(definition), "UTC", topic)


def recipient_with(state: Literal["subscribed", "unsubscribed"], topic: Topic | None = NEWS, **changes: Any) -> Recipient:
    """The same of an Ada with a consent of the topic `news`."""
    return recipient(replace(ADA, consents=ConsentChange(state, "news", "email", NOW, "u", "custom").facts), topic, **changes)


FULL = SendContext("published", recipient(), CONTENT, count=Counted(None))


def test_a_message_that_passes_all_checks_is_claimed() -> None:
    """A due message is claimed with its content if its journey runs, its customer exists, and the customer subscribes to its topic."""
    assert next_action(pending_message(), NOW, FULL) == Claim(pending_message(), PREPARED, recipient())


def test_inputs_are_loaded_one_after_the_other() -> None:
    """A due message needs status of the journey, recipient, content, the count and stored content, in this order and not earlier."""
    message = pending_message()
    assert next_action(message, NOW, SendContext()) == LoadJourneyStatus()
    assert next_action(message, NOW, SendContext("published")) == LoadRecipient()
    assert next_action(message, NOW, SendContext("published", FULL.recipient)) == LoadContent(message, recipient())
    rendered = Content(PREPARED, is_stored=False)
    assert next_action(message, NOW, replace(FULL, content=rendered, count=None)) == CountMessage(message, recipient())
    assert next_action(message, NOW, replace(FULL, content=rendered)) == StoreContent(message, PREPARED)


def test_a_sender_is_checked_before_anything_is_stored() -> None:
    """Content with a sender needs a check of it before it is stored, and an error of the check settles the message as failed."""
    sent_from = PreparedMessage("ada@example.com", {"subject": "Hi", "from": "news@example.com"})
    context = SendContext("published", FULL.recipient, Content(sent_from, is_stored=False))
    assert next_action(pending_message(), NOW, context) == LoadSenderCheck("news@example.com")
    allowed = replace(context, sender=SenderCheck(None))
    assert next_action(pending_message(), NOW, replace(allowed, count=Counted(None))) == StoreContent(pending_message(), sent_from)
    action = next_action(pending_message(), NOW, replace(context, sender=SenderCheck("not yours")))
    assert isinstance(action, Settle)
    assert (action.message.status, action.message.reason) == (MessageStatus.FAILED, MessageReason.NO_SENDER)
    assert action.message.attempts[-1].detail == "not yours"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"journey_status": "stopped"}, MessageReason.STOPPED, id="stopped journey"),
        pytest.param({"recipient": SkipReason(MessageReason.ERASED)}, MessageReason.ERASED, id="no customer"),
        pytest.param({"content": SkipReason(MessageReason.TEMPLATE)}, MessageReason.TEMPLATE, id="no content"),
        pytest.param({"recipient": recipient_with("unsubscribed")}, MessageReason.UNSUBSCRIBED, id="unsubscribed"),
        pytest.param(
            {"recipient": recipient_with("subscribed", Topic(id="news", double_opt_in=True))},
            MessageReason.PENDING_CONSENT,
            id="not confirmed",
        ),
        pytest.param(
            {"recipient": recipient(quietHours={"from": "05:00", "to": "07:00", "otherwise": "skip"})},
            MessageReason.QUIET_HOURS,
            id="quiet hours that skip",
        ),
    ],
)
def test_each_failed_check_skips_the_message(changes: dict[str, Any], reason: MessageReason) -> None:
    """A message that fails a check is settled as skipped with the reason of this check."""
    action = next_action(pending_message(), NOW, replace(FULL, **changes))
    assert isinstance(action, Settle)
    assert (action.message.status, action.message.reason) == (MessageStatus.SKIPPED, reason)


def test_a_transactional_message_needs_no_consent() -> None:
    """A message without a topic goes out to a customer who has unsubscribed from everything else."""
    transactional = replace(FULL, recipient=recipient_with("unsubscribed", None))
    assert isinstance(next_action(pending_message(), NOW, transactional), Claim)


@pytest.mark.parametrize(
    "loaded",
    [
        pytest.param(SendContext("stopped"), id="stopped journey"),
        pytest.param(SendContext("paused"), id="paused journey"),
        pytest.param(SendContext("published", SkipReason(MessageReason.ERASED)), id="no customer"),
        pytest.param(SendContext("published", recipient(quietHours={"from": "05:00", "to": "07:00"})), id="quiet hours"),
        pytest.param(SendContext("published", recipient_with("unsubscribed")), id="unsubscribed"),
        pytest.param(SendContext("published", recipient(), SkipReason(MessageReason.TEMPLATE)), id="no content"),
    ],
)
def test_after_a_failed_check_nothing_more_is_loaded(loaded: SendContext) -> None:
    """A check that fails decides at once, without the inputs of the checks after it."""
    assert isinstance(next_action(pending_message(), NOW, loaded), Settle | Defer)


def test_a_message_without_a_place_waits_or_is_skipped() -> None:
    """Under a full cap a message is deferred until a place is free, with the reason `cap`, or skipped with the cap in the detail."""
    until = NOW + timedelta(hours=1)
    waiting, skipping = (Cap.model_validate({"messages": 3, "per": "P1D", "otherwise": each}) for each in ("wait", "skip"))
    deferred = next_action(replace(pending_message(), held=True), NOW, replace(FULL, count=CapReached(waiting, until)))
    assert deferred == Defer(replace(pending_message(), due=until, reason=MessageReason.CAP))
    skipped = next_action(pending_message(), NOW, replace(FULL, count=CapReached(skipping, until)))
    assert isinstance(skipped, Settle)
    assert (skipped.message.status, skipped.message.reason) == (MessageStatus.SKIPPED, MessageReason.CAP)
    assert skipped.message.attempts[-1].detail == "the cap is reached: 3 in P1D"


def test_the_claim_stores_for_whom_the_message_counts() -> None:
    """A message with a place is claimed with the id of the customer for whom it counts; without caps, it keeps what it had."""
    claim = next_action(pending_message(), NOW, replace(FULL, count=Counted("c_1")))
    assert claim == Claim(pending_message(counted="c_1"), PREPARED, recipient())
    counted = pending_message(counted="c_1")
    assert next_action(counted, NOW, FULL) == Claim(counted, PREPARED, recipient())


def test_a_message_of_a_paused_journey_is_held() -> None:
    """A due message of a paused journey is deferred and marked as held; one that is held already does not change."""
    held = replace(pending_message(), held=True)
    assert next_action(pending_message(), NOW, SendContext("paused")) == Defer(held)
    assert next_action(held, NOW, SendContext("paused")) == Defer(held)


def test_quiet_hours_defer_a_message_to_their_end() -> None:
    """A message that is due in quiet hours is deferred to their end, with the reason `quiet-hours`, and not held any more."""
    quiet = replace(FULL, recipient=recipient(quietHours={"from": "05:00", "to": "07:00"}))
    action = next_action(replace(pending_message(), held=True), NOW, quiet)
    assert action == Defer(replace(pending_message(), due=NOW.replace(hour=7, minute=0, second=0), reason=MessageReason.QUIET_HOURS))


def test_a_message_that_is_not_due_is_deferred_without_a_read() -> None:
    """A message that is not due yet, or that another worker has claimed, is deferred unchanged, and nothing is loaded for it."""
    later = pending_message(due=NOW + timedelta(seconds=1))
    claimed = delivery.with_claim(pending_message(), NOW, "t1", "ada@example.com")
    assert next_action(later, NOW, SendContext()) == Defer(later)
    assert next_action(claimed, NOW, SendContext()) == Defer(claimed)


@pytest.mark.parametrize("status", [status for status in MessageStatus if status not in ("pending", "sending")])
def test_a_settled_message_stays_settled(status: MessageStatus) -> None:
    """A message whose outcome is known is settled again unchanged, so that its effects are completed after a crash."""
    message = pending_message(status=status)
    assert next_action(message, NOW, SendContext()) == Settle(message)


def test_an_email_with_an_expired_lease_is_settled_as_unknown() -> None:
    """An e-mail whose worker died is settled as unknown, without a second call of the provider."""
    claimed = delivery.with_claim(pending_message(), NOW, "t1", "ada@example.com")
    action = next_action(claimed, NOW + delivery.LEASE, FULL)
    assert isinstance(action, Settle)
    assert action.message.status is MessageStatus.UNKNOWN


def test_a_webhook_with_an_expired_lease_is_claimed_again() -> None:
    """A webhook whose worker died is claimed again, with the lost attempt in its history, so that its stored content is loaded."""
    claimed = delivery.with_claim(pending_message(channel="webhook"), NOW, "t1", "x")
    expired = delivery.after_expired_lease(claimed, NOW + delivery.LEASE)
    assert [attempt.outcome for attempt in expired.attempts] == ["unknown"]
    assert next_action(claimed, NOW + delivery.LEASE, replace(FULL, content=None)) == LoadContent(expired, recipient())
    assert next_action(claimed, NOW + delivery.LEASE, FULL) == Claim(expired, PREPARED, recipient())
