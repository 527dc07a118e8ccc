"""A provider that throttles: its messages wait their turn, and no attempt of theirs is used up."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.fakes.messages import NOW, FakeChannel, FakeMessages, FakeSendQueue, pending_message
from tests.fakes.send_harness import SendHarness
from waypost.cache.provider_pauses import ProviderPauses
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage, ProviderResponse
from waypost.domain.messages.retry_schedule import MAX_THROTTLED, RETRY_DELAYS
from waypost.send import send

SECOND = timedelta(seconds=1)
THROTTLED = ProviderResponse("throttled", "TooManyRequestsException: Maximum sending rate exceeded.")


def harness() -> SendHarness:
    """A harness with one pending e-mail."""
    harness = SendHarness()
    harness.messages.add(pending_message())
    return harness


def test_a_throttled_call_is_no_attempt() -> None:
    """However often its provider throttles, a message is pending without an attempt, and is sent when the provider accepts it."""
    throttled = harness()
    now = NOW
    for _ in range(3 * len(RETRY_DELAYS)):
        throttled.pauses = ProviderPauses()  # another instance
        throttled.channel.responses = [THROTTLED]
        throttled.send(now)
        message = throttled.message
        assert (message.status, message.attempts, message.attempt_count, message.lease) == (MessageStatus.PENDING, (), 0, None)
        assert now < message.due <= now + timedelta(minutes=15)
        assert throttled.queue.records[-1] == ("w1", "msg_1", message.due - now)
        now = message.due
    throttled.pauses = ProviderPauses()
    throttled.send(now)
    assert (throttled.message.status, [attempt.outcome for attempt in throttled.message.attempts]) == (MessageStatus.SENT, ["sent"])


def test_a_refusal_pauses_all_messages_of_the_channel() -> None:
    """After one throttled call an instance calls the provider for no message until the pause is over, and reads only their rows."""
    throttled = harness()
    throttled.messages.add(replace(pending_message(), id="msg_2"))
    throttled.channel.responses = [THROTTLED]
    throttled.send()
    rendered = len(throttled.templates.scopes)
    second = send("w1", "msg_2", NOW + SECOND / 2, "t2", throttled.dependencies())
    assert not second.changed
    assert (len(throttled.channel.calls), len(throttled.templates.scopes)) == (1, rendered)
    workspace, name, delay = throttled.queue.records[-1]
    assert (workspace, name) == ("w1", "msg_2")
    assert timedelta(0) < delay <= timedelta(minutes=15)
    send("w1", "msg_2", NOW + SECOND, "t2", throttled.dependencies())
    assert len(throttled.channel.calls) == 2


def test_throttling_of_one_channel_does_not_hold_up_another() -> None:
    """While SES throttles, webhooks are sent."""
    throttled = harness()
    throttled.channel.responses = [THROTTLED]
    throttled.send()
    throttled.messages.add(replace(pending_message(), id="msg_2", channel="webhook", step="hook"))
    assert send("w1", "msg_2", NOW, "t2", throttled.dependencies()).changed
    assert len(throttled.channel.calls) == 2


def test_a_report_during_a_throttled_call_stays() -> None:
    """A delivery report that comes during a throttled call is not undone by the record of the call."""
    throttled = harness()

    class ReportingChannel(FakeChannel):
        def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
            throttled.messages.stored["w1", "msg_1"] = replace(message, status=MessageStatus.DELIVERED)
            return THROTTLED

    throttled.channel = ReportingChannel()
    throttled.send()
    assert (throttled.message.status, throttled.message.lease) == (MessageStatus.DELIVERED, None)


def test_a_message_that_is_throttled_for_two_weeks_ends() -> None:
    """Two weeks after its creation a message that is throttled at each call uses its attempts, and has failed after the eighth."""
    throttled = harness()
    now = NOW + MAX_THROTTLED + SECOND
    for _ in range(1 + len(RETRY_DELAYS)):
        throttled.pauses = ProviderPauses()
        throttled.channel.responses = [THROTTLED]
        throttled.send(now)
        now = max(throttled.message.due, now) + SECOND
    assert (throttled.message.status, throttled.message.reason) == (MessageStatus.FAILED, MessageReason.GAVE_UP)
    assert [attempt.outcome for attempt in throttled.message.attempts] == ["refused"] * 8


@dataclass
class RateLimitedChannel(FakeChannel):
    """A channel whose provider accepts so many messages in each second and throttles the others."""

    rate: int = 5
    accepted: dict[int, int] = field(default_factory=dict)

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        self.calls.append((message, prepared))
        second = int(now.timestamp())
        if self.accepted.get(second, 0) >= self.rate:
            return THROTTLED
        self.accepted[second] = self.accepted.get(second, 0) + 1
        return ProviderResponse("sent", "accepted")


@dataclass
class CollectedPuts(FakeSendQueue):
    """A send queue whose new records the test takes out."""

    def taken(self) -> Sequence[tuple[str, str, timedelta]]:
        taken, self.records = self.records, []
        return taken


def test_a_backlog_of_messages_is_sent_at_the_rate_of_the_provider() -> None:
    """1,000 e-mails at 5 a second are sent at their first attempt in less than four times the shortest time, with few refused calls."""
    channel, queue = RateLimitedChannel(), CollectedPuts()
    instances = [SendHarness(messages=FakeMessages(), channel=channel, queue=queue) for _ in range(3)]
    messages = instances[0].messages
    for instance in instances:
        instance.messages = messages
    due = [(NOW + SECOND * number / 100, number, f"msg_{number}") for number in range(1_000)]
    for _, _, name in due:
        messages.add(replace(pending_message(), id=name))
    heapq.heapify(due)
    looks, now = 0, NOW
    while due:
        now, number, name = heapq.heappop(due)
        instance = instances[looks % len(instances)]
        instance.now = now
        send("w1", name, now, f"t{looks}", instance.dependencies())
        looks += 1
        for _, again, delay in queue.taken():
            heapq.heappush(due, (now + delay, number, again))
    assert all([attempt.outcome for attempt in each.attempts] == ["sent"] for each in messages.stored.values())
    shortest = timedelta(seconds=1_000 / channel.rate)
    assert now - NOW < 4 * shortest
    assert len(channel.calls) < 2 * 1_000
    assert looks < 10 * 1_000
