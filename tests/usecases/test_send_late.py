"""Messages of journeys that were paused or stopped, and messages that come into quiet hours."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, pending_message
from tests.fakes.send_harness import JOURNEY, OneJourney, SendHarness
from waypost.domain.journeys.journey import QuietHours
from waypost.domain.messages.message import MessageReason, MessageStatus

HOUR = timedelta(hours=1)


@pytest.fixture
def harness() -> SendHarness:
    """A world in which one e-mail is owed."""
    made = SendHarness()
    made.messages.owe(pending_message())
    return made


def test_a_paused_journeys_message_is_held_and_asked_for_no_more(harness: SendHarness) -> None:
    """It stays pending, leaves the queue, and comes once the journey goes on."""
    harness.journeys.status = "paused"
    harness.send()
    assert (harness.message.status, harness.message.held) == (MessageStatus.PENDING, True)
    assert harness.messages.held("w1", "welcome", None) == (["msg_1"], None)
    assert (harness.queue.records, harness.channel.calls) == ([], [])
    assert not harness.send().changed
    harness.journeys.status = "published"
    harness.send(NOW + HOUR)
    assert (harness.message.status, harness.message.held, len(harness.channel.calls)) == (MessageStatus.SENT, False, 1)


def test_a_stopped_journeys_message_is_skipped(harness: SendHarness) -> None:
    """With its reason; nobody is called."""
    harness.journeys.status = "stopped"
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.STOPPED)
    assert harness.channel.calls == []


def quiet(otherwise: str) -> OneJourney:
    """The journey, quiet from 05:00 to 07:00."""
    hours = QuietHours.model_validate({"from": "05:00", "to": "07:00", "otherwise": otherwise})
    return OneJourney(JOURNEY.model_copy(update={"quiet_hours": hours}))


def test_a_message_that_comes_late_into_quiet_hours_waits_for_their_end(harness: SendHarness) -> None:
    """After retries or a pause; it is 05:17."""
    harness.journeys = quiet("wait")
    harness.send()
    assert (harness.message.status, harness.message.due) == (MessageStatus.PENDING, NOW.replace(hour=7, minute=0, second=0))
    assert len(harness.queue.records) == 1
    harness.send(harness.message.due)
    assert harness.message.status is MessageStatus.SENT


def test_or_it_is_skipped(harness: SendHarness) -> None:
    """As its journey says."""
    harness.journeys = quiet("skip")
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.QUIET_HOURS)
