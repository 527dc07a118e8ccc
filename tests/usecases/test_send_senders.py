"""E-mails are sent from the senders of their workspace only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, pending_message
from tests.fakes.send_harness import JOURNEY, OneJourney, SendHarness
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.delivery import redriven
from waypost.domain.messages.message import MessageReason, MessageStatus, PreparedMessage
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import MessageSettled
from waypost.domain.values.exact_json import loads


def harness_from(sender: str, *, transactional: bool = False) -> SendHarness:
    """A harness with one pending e-mail, for whose outcome its run waits, and whose template names this sender."""
    raw = JOURNEY.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["steps"][0].update(transactional=transactional)
    raw["steps"][0]["template"]["from"] = sender
    harness = SendHarness(journeys=OneJourney(Journey.model_validate(raw)))
    harness.messages.add(pending_message(awaited=True))
    return harness


def test_a_sender_of_another_workspace_is_refused() -> None:
    """An e-mail from an address that its workspace may not use has failed without a call, is parked, and its run is notified."""
    harness = harness_from("ceo@bank.example")
    harness.settings.allow("w2", "ceo@bank.example")
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.FAILED, MessageReason.NO_SENDER)
    assert "ceo@bank.example" in harness.message.attempts[-1].detail
    assert not harness.channel.calls
    assert [parked.reason for parked in harness.dead.parked.values()] == ["no-sender"]
    [queue_message] = harness.signals.queue_messages
    signal = from_wire(loads(queue_message.body))
    assert isinstance(signal, MessageSettled)
    assert signal.status is MessageStatus.FAILED


def test_what_was_refused_is_sent_once_its_sender_is_allowed() -> None:
    """After an upgrade, a message that was refused for its sender can be redriven as soon as the workspace has the sender."""
    harness = harness_from("News <news@shop.example>")
    refused = harness.send().message
    assert refused is not None
    assert refused.status is MessageStatus.FAILED
    harness.settings.allow("w1", "@shop.example")
    later = NOW + timedelta(minutes=1)
    harness.messages.stored["w1", "msg_1"] = redriven(harness.message, later)
    harness.send(later, token="t2")
    assert harness.message.status is MessageStatus.SENT


@pytest.mark.parametrize("sender", ["waypost@example.com", "Shop <Waypost@Example.com>"])
def test_the_sender_of_the_stack_needs_no_read(sender: str) -> None:
    """Every workspace may send from the stack's address, with any name; a transactional message reads the settings for the switch only."""
    harness = harness_from(sender, transactional=True)
    harness.send()
    assert (harness.message.status, harness.settings.reads) == (MessageStatus.SENT, 1)


def test_the_settings_are_read_once_in_five_seconds() -> None:
    """A workspace's own sender costs one read of the settings, which is good for five seconds; a removed sender is refused afterwards."""
    harness = harness_from("news@shop.example")
    harness.settings.allow("w1", "news@shop.example")
    reads = harness.settings.reads
    for seconds, status in ((0, MessageStatus.SENT), (4, MessageStatus.SENT), (6, MessageStatus.FAILED)):
        harness.messages.stored.clear()
        harness.messages.add(pending_message())
        harness.send(NOW + timedelta(seconds=seconds), token=f"t{seconds}")
        assert harness.message.status is status
        harness.settings.stored.clear()
    assert harness.settings.reads - reads == 2


def test_the_sender_of_stored_content_is_the_one_that_is_checked() -> None:
    """If another worker has stored content from a sender that is not allowed, the message is refused, whatever the template says now."""
    harness = harness_from("waypost@example.com")
    harness.messages.bodies["w1", "msg_1"] = PreparedMessage("ada@example.com", {"subject": "Hi", "from": "ceo@bank.example"})
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.FAILED, MessageReason.NO_SENDER)
    assert not harness.channel.calls


def test_settings_that_cannot_be_read_are_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the settings cannot be read, a message is neither sent nor failed."""
    harness = harness_from("news@shop.example")
    monkeypatch.setattr(harness.settings, "read", lambda _: (_ for _ in ()).throw(UnavailableError("down")))
    with pytest.raises(UnavailableError):
        harness.send()
    assert harness.message.status is MessageStatus.PENDING
    assert not harness.channel.calls
