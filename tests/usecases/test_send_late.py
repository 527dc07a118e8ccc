"""Messages of journeys that are paused or stopped, and messages that become due during quiet hours."""

from __future__ import annotations

from datetime import timedelta

from tests.fakes.messages import NOW
from tests.fakes.send_harness import JOURNEY, OneJourney, SendHarness
from waypost.domain.journeys.journey import QuietHours
from waypost.domain.messages.message import MessageReason, MessageStatus
from waypost.manage.responses.messages import MessageResponse

HOUR = timedelta(hours=1)


def test_a_message_of_a_paused_journey_is_held_until_the_journey_resumes(harness: SendHarness) -> None:
    """A due message of a paused journey stays pending, is marked as held, has no record on the queue, and is sent after the resume."""
    harness.journeys.status = "paused"
    harness.send()
    assert (harness.message.status, harness.message.held) == (MessageStatus.PENDING, True)
    assert harness.messages.held("w1", "welcome", None) == (["msg_1"], None)
    assert (harness.queue.records, harness.channel.calls) == ([], [])
    assert not harness.send().changed
    harness.journeys.status = "published"
    harness.send(NOW + HOUR)
    assert (harness.message.status, harness.message.held, len(harness.channel.calls)) == (MessageStatus.SENT, False, 1)


def test_a_message_of_a_stopped_journey_is_skipped(harness: SendHarness) -> None:
    """A due message of a stopped journey is skipped with the reason stopped, and the provider is not called."""
    harness.journeys.status = "stopped"
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.STOPPED)
    assert harness.channel.calls == []


def journey_with_quiet_hours(otherwise: str) -> OneJourney:
    """The journey with quiet hours from 05:00 to 07:00; the time of the tests is 05:17."""
    hours = QuietHours.model_validate({"from": "05:00", "to": "07:00", "otherwise": otherwise})
    return OneJourney(JOURNEY.model_copy(update={"quiet_hours": hours}))


def test_a_late_message_waits_for_the_end_of_quiet_hours(harness: SendHarness) -> None:
    """With `otherwise: wait` a message that is due in quiet hours is sent at their end."""
    harness.journeys = journey_with_quiet_hours("wait")
    harness.send()
    assert (harness.message.status, harness.message.due) == (MessageStatus.PENDING, NOW.replace(hour=7, minute=0, second=0))
    assert len(harness.queue.records) == 1
    harness.send(harness.message.due)
    assert harness.message.status is MessageStatus.SENT


def test_a_late_message_is_skipped_in_quiet_hours_that_skip(harness: SendHarness) -> None:
    """With `otherwise: skip` a message that is due in quiet hours is skipped with the reason quiet-hours."""
    harness.journeys = journey_with_quiet_hours("skip")
    harness.send()
    assert (harness.message.status, harness.message.reason) == (MessageStatus.SKIPPED, MessageReason.QUIET_HOURS)


def test_a_held_message_shows_why_and_until_when(harness: SendHarness) -> None:
    """A message that quiet hours hold shows `quiet-hours` and their end, one of a paused journey `paused`, and a sent one neither."""
    quiet_hours = QuietHours.model_validate({"from": "05:00", "to": "07:00"})
    harness.journeys = OneJourney(JOURNEY.model_copy(update={"quiet_hours": quiet_hours}))
    harness.send()
    shown = MessageResponse.of(harness.message, None)
    end = NOW.replace(hour=7, minute=0, second=0)
    assert (shown.status, shown.reason, shown.due) == (MessageStatus.PENDING, MessageReason.QUIET_HOURS, end)
    harness.journeys.status = "paused"
    harness.send(end)
    assert MessageResponse.of(harness.message, None).reason is MessageReason.PAUSED
    harness.journeys.status = "published"
    harness.send(end + HOUR)
    shown = MessageResponse.of(harness.message, None)
    assert (shown.status, shown.reason, shown.due) == (MessageStatus.SENT, None, None)
