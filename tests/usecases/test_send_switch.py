"""The switch of a workspace: nothing is sent while it is off, and everything goes on when it is on again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, FakeMessages, pending_message
from tests.fakes.send_harness import SendHarness, harness_with
from waypost.adapters.dynamodb.message_items import from_item, to_item
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import WHOLE_WORKSPACE, Message, MessageReason, MessageStatus
from waypost.domain.messages.workspace_settings import StoredSettings, WorkspaceSettings

MINUTE = timedelta(minutes=1)


@pytest.fixture
def harness() -> SendHarness:
    """A harness with one pending e-mail, whose workspace sends nothing."""
    harness = SendHarness()
    harness.messages.add(pending_message())
    switch(harness, on=False)
    return harness


def switch(harness: SendHarness, *, on: bool) -> None:
    """Switches the workspace."""
    harness.settings.stored["w1"] = StoredSettings(WorkspaceSettings(sending=on), 1)


def test_a_message_is_held_while_its_workspace_sends_nothing(harness: SendHarness) -> None:
    """The provider is not called, no attempt is used up, the record does not come back by itself, and the row says why."""
    harness.send()
    message = harness.message
    assert (message.status, message.shown_reason, message.attempts, message.attempt_count) == (
        MessageStatus.PENDING,
        MessageReason.SENDING_OFF,
        (),
        0,
    )
    assert harness.channel.calls == []
    assert harness.queue.records == []


def test_a_held_message_is_sent_when_the_workspace_sends_again(harness: SendHarness) -> None:
    """When its record comes again, the message is sent as usual, and holds nothing any more."""
    harness.send()
    switch(harness, on=True)
    harness.send(NOW + MINUTE)
    assert (harness.message.status, harness.message.held, harness.message.reason) == (MessageStatus.SENT, False, None)


def test_a_retry_is_held_too(harness: SendHarness) -> None:
    """A message that was refused before the switch is held at its next attempt, with its attempts."""
    harness.messages.stored["w1", "msg_1"] = replace(pending_message(), attempt_count=2, token="t0")
    harness.send()
    assert (harness.message.is_held_by_workspace, harness.message.attempt_count) == (True, 2)


def test_the_switch_is_read_again_before_a_message_is_held(harness: SendHarness) -> None:
    """A worker that still knows the workspace as off sends, if it is on: what it held would be released by nothing."""
    harness.cached_settings.of("w1", NOW)
    switch(harness, on=True)
    harness.send()
    assert harness.message.status is MessageStatus.SENT


def test_nothing_is_held_by_what_is_in_memory_during_an_outage(harness: SendHarness) -> None:
    """If the settings cannot be read again, the message is neither held nor sent; its record comes again."""
    harness.cached_settings.of("w1", NOW)
    harness.settings.down = True
    with pytest.raises(UnavailableError):
        harness.send()
    assert harness.message == pending_message()


def held(message: Message) -> Message:
    """The message as the sender holds it for its workspace."""
    return replace(message, held=True, reason=MessageReason.SENDING_OFF)


def test_the_row_says_who_holds_a_message() -> None:
    """What a workspace holds has another key in the index than what a journey holds, and is read as it was written."""
    by_workspace, by_journey = held(pending_message()), replace(pending_message(), held=True, reason=MessageReason.QUIET_HOURS)
    assert (to_item(by_workspace)["heldBy"], to_item(by_journey)["heldBy"]) == ("w1#", "w1#welcome")
    written = {name: value for name, value in to_item(by_workspace).items() if value is not None}
    assert from_item(written) == by_workspace


def test_the_messages_of_a_workspace_are_listed_apart_from_those_of_a_journey() -> None:
    """The fake, which other tests use, finds what the workspace holds under the empty journey only."""
    messages = FakeMessages()
    messages.add(held(pending_message()))
    messages.add(replace(pending_message(id="msg_2"), held=True))
    assert messages.held("w1", WHOLE_WORKSPACE, None) == (["msg_1"], None)
    assert messages.held("w1", "welcome", None) == (["msg_2"], None)


def test_a_skipped_message_is_held_no_more() -> None:
    """A message that was held and is then skipped leaves the index of what is held: no later resume looks at it again."""
    harness = harness_with(held=True, reason=MessageReason.SENDING_OFF)
    harness.journeys.status = "stopped"
    harness.send()
    assert (harness.message.status, harness.message.held) == (MessageStatus.SKIPPED, False)
