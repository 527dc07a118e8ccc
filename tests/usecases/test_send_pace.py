"""The rate and the daily quota of SES at the sender: what waits, what goes on, and that no attempt is used up."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import pytest

from tests.fakes.messages import NOW, FakeChannel, FakeMessages, FakeSendQueue, FakeStartedAttempts, pending_message
from tests.fakes.send_harness import SendHarness
from tests.fakes.telemetry import counts, named_context
from waypost.cache.sending_quotas import QUOTA_RETRY_SECONDS, QUOTA_SECONDS, CachedQuota, Pace, SendLater, SendNow
from waypost.cache.workspace_settings_cache import CachedSettings
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage, ProviderResponse
from waypost.domain.messages.sending_quota import SendingQuota
from waypost.domain.messages.workspace_settings import StoredSettings, WorkspaceSettings
from waypost.redelivery import QueueRecord
from waypost.send import send
from waypost.send_records import RecordSender
from waypost.telemetry import FunctionTelemetry

SECOND = timedelta(seconds=1)
QUOTA = SendingQuota(per_second=10, per_day=1_000, used=0, sandbox=False, enabled=True)


@dataclass
class FakeAccount:
    """An account with this quota; `reads` counts the reads, and while it is `down` they fail."""

    stored: SendingQuota = QUOTA
    reads: int = 0
    down: bool = False

    def quota(self) -> SendingQuota:
        self.reads += 1
        if self.down:
            raise UnavailableError("SES is down")
        return self.stored


def paced(account: FakeAccount, *, instances: int = 1, count: int = 3) -> SendHarness:
    """A harness with pending e-mails, whose instance is one of so many."""
    harness = SendHarness(paces={"email": Pace(CachedQuota(account), instances)})
    for number in range(count):
        harness.messages.add(pending_message(id=f"msg_{number + 1}"))
    return harness


def deliver(harness: SendHarness, message: str, now: datetime = NOW) -> Message:
    """The row of a message after a delivery of its record."""
    harness.now = now
    send("w1", message, now, "t1", harness.dependencies())
    return harness.messages.stored["w1", message]


def test_a_message_waits_below_a_second_in_its_batch() -> None:
    """With two messages in a second, the third of a moment waits for half a second, and is sent in the same call."""
    harness = paced(FakeAccount(replace(QUOTA, per_second=2)))
    assert [deliver(harness, f"msg_{number}").status for number in (1, 2, 3)] == [MessageStatus.SENT] * 3
    assert harness.slept == [0.5]


def test_a_message_that_has_to_wait_longer_goes_back_to_the_queue() -> None:
    """A message whose turn is a second away or more is not tried: nothing is read for it but its row, and it has no attempt."""
    harness = paced(FakeAccount(replace(QUOTA, per_second=2)), instances=4)
    deliver(harness, "msg_1")
    rendered = len(harness.templates.scopes)
    waiting = deliver(harness, "msg_2")
    assert waiting == pending_message(id="msg_2")
    deliver(harness, "msg_3")
    assert harness.queue.records == [("w1", "msg_2", 2 * SECOND), ("w1", "msg_3", 4 * SECOND)]
    assert (len(harness.templates.scopes), harness.slept) == (rendered, [])
    assert deliver(harness, "msg_2", NOW + 2 * SECOND).status is MessageStatus.SENT


def test_the_rate_counts_recipients() -> None:
    """A message to three recipients takes three places, so that the next one waits for the other two."""
    harness = paced(FakeAccount(replace(QUOTA, per_second=1)))
    harness.messages.bodies["w1", "msg_1"] = PreparedMessage("a@x.de", {"subject": "Hi", "cc": ["b@x.de"], "bcc": ["c@x.de"]})
    deliver(harness, "msg_1")
    deliver(harness, "msg_2")
    assert harness.queue.records == [("w1", "msg_2", 3 * SECOND)]


def test_another_channel_is_not_paced() -> None:
    """While e-mails wait for their turn, webhooks are sent."""
    harness = paced(FakeAccount(replace(QUOTA, per_second=0.1)))
    deliver(harness, "msg_1")
    harness.messages.add(pending_message(id="msg_9", channel="webhook", step="hook"))
    assert deliver(harness, "msg_9").status is MessageStatus.SENT


def test_a_message_that_is_not_sent_gives_its_turn_back() -> None:
    """A message that is held or skipped takes nothing from the rate."""
    harness = paced(FakeAccount(replace(QUOTA, per_second=1)))
    harness.journeys.status = "paused"
    assert deliver(harness, "msg_1").held
    harness.journeys.status = "published"
    assert deliver(harness, "msg_2", NOW + SECOND / 10).status is MessageStatus.SENT
    assert harness.slept == []


@pytest.mark.parametrize("fails", ["before the claim", "in the claim", "between claim and call"])
def test_an_outage_gives_the_turn_back(fails: str) -> None:
    """A message whose delivery ends with an error before its call takes nothing from the rate."""
    harness = paced(FakeAccount(replace(QUOTA, per_second=1)))

    def fail(*_: object) -> None:
        raise UnavailableError("throttled")

    with pytest.MonkeyPatch.context() as patch:
        if fails == "before the claim":
            patch.setattr(harness.settings, "read", fail)
        elif fails == "in the claim":
            patch.setattr(harness.messages, "before_save", fail)
        else:
            patch.setattr(harness.permissions, "before_read", fail)
        with suppress(UnavailableError):
            deliver(harness, "msg_1")
    assert harness.channel.calls == []
    assert deliver(harness, "msg_2", NOW + SECOND / 10).status is MessageStatus.SENT
    assert harness.slept == []


def test_a_workspace_that_sends_nothing_says_so_while_the_quota_is_used_up() -> None:
    """Its messages are held with reason `sending-off` and not `quota`, and their records do not come back."""
    harness = paced(FakeAccount(replace(QUOTA, used=1_000)))
    harness.settings.stored["w1"] = StoredSettings(WorkspaceSettings(sending=False), 1)
    assert deliver(harness, "msg_1").reason is MessageReason.SENDING_OFF
    assert harness.queue.records == []


@pytest.mark.parametrize(("status", "shown"), [("paused", MessageReason.PAUSED), ("stopped", MessageReason.STOPPED)])
def test_a_journey_that_sends_nothing_says_so_while_the_quota_is_used_up(
    status: Literal["paused", "stopped"], shown: MessageReason
) -> None:
    """Its messages are held or skipped at once, as without a quota."""
    harness = paced(FakeAccount(replace(QUOTA, used=1_000)))
    harness.journeys.status = status
    assert deliver(harness, "msg_1").shown_reason is shown
    assert harness.queue.records == []


def test_a_workspace_that_was_just_switched_on_waits_for_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the workspace sends again between the two looks at its switch, the message waits, and is not sent beyond the quota."""
    harness = paced(FakeAccount(replace(QUOTA, used=1_000)))
    answers = iter([False, True])
    monkeypatch.setattr(CachedSettings, "is_sending", lambda *_: next(answers))
    assert deliver(harness, "msg_1").reason is MessageReason.QUOTA
    assert harness.channel.calls == []


def test_the_daily_quota_holds_messages_back_until_it_is_larger() -> None:
    """While the daily quota is used up, messages are pending with reason `quota` and no attempt, in one write; then they are sent."""
    account = FakeAccount(replace(QUOTA, used=999))
    harness = paced(account)
    assert deliver(harness, "msg_1").status is MessageStatus.SENT
    saves: list[Message] = []
    harness.messages.before_save = saves.append
    now = NOW
    for _ in range(5):
        waiting = deliver(harness, "msg_2", now)
        assert (waiting.status, waiting.reason, waiting.attempt_count) == (MessageStatus.PENDING, MessageReason.QUOTA, 0)
        workspace, name, delay = harness.queue.records[-1]
        assert (workspace, name) == ("w1", "msg_2")
        assert timedelta(0) < delay <= timedelta(minutes=15)
        now += delay
    assert len(saves) == 1
    account.stored = replace(QUOTA, used=100)
    now += timedelta(seconds=QUOTA_SECONDS)
    sent = deliver(harness, "msg_2", now)
    assert (sent.status, sent.reason) == (MessageStatus.SENT, None)


def test_a_message_that_changes_while_it_begins_to_wait_is_read_again() -> None:
    """If the row of a message changes before it is marked as waiting for the quota, the new row counts."""
    harness = paced(FakeAccount(replace(QUOTA, used=1_000)))

    def settle(_: Message) -> None:
        harness.messages.stored["w1", "msg_1"] = pending_message(status=MessageStatus.DELIVERED, token="other")

    harness.messages.before_save = settle
    assert deliver(harness, "msg_1").status is MessageStatus.DELIVERED


def test_the_quota_is_read_every_ten_minutes() -> None:
    """An instance reads the quota once in ten minutes, however much it sends."""
    account = FakeAccount()
    harness = paced(account)
    for seconds in (0, 1, QUOTA_SECONDS - 1):
        deliver(harness, "msg_1", NOW + seconds * SECOND)
    assert account.reads == 1
    deliver(harness, "msg_2", NOW + QUOTA_SECONDS * SECOND)
    assert account.reads == 2


def test_an_outage_leaves_the_last_quota_or_none() -> None:
    """While SES does not return its quota, the last one counts; without one nothing is paced. A failed read is not repeated at once."""
    account = FakeAccount(down=True)
    quota = CachedQuota(account)
    assert [quota.of(NOW), quota.of(NOW + SECOND), account.reads] == [None, None, 1]
    harness = paced(account)
    assert [deliver(harness, f"msg_{number}").status for number in (1, 2, 3)] == [MessageStatus.SENT] * 3
    account.down = False
    assert quota.of(NOW + QUOTA_RETRY_SECONDS * SECOND) == QUOTA
    account.down = True
    assert quota.of(NOW + (QUOTA_RETRY_SECONDS + QUOTA_SECONDS) * SECOND) == QUOTA


def test_what_was_sent_since_the_last_read_uses_the_quota() -> None:
    """An instance does not wait for the next read to find out that it has used up the quota itself."""
    pace = Pace(CachedQuota(FakeAccount(replace(QUOTA, per_day=2, per_second=100))), 1)
    for _ in range(2):
        assert isinstance(pace.turn("m", NOW), SendNow)
        pace.sent(1)
    turn = pace.turn("m", NOW)
    assert isinstance(turn, SendLater)
    assert turn.quota


class Unpostponed:
    """A queue whose records need no other visibility timeout."""

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        raise AssertionError(receipt_handle, seconds)


@pytest.mark.parametrize(("used", "warnings"), [(799, 0), (800, 1), (998, 1)])
def test_the_alarm_is_counted_once_for_each_read(used: float, warnings: int, capsys: pytest.CaptureFixture[str]) -> None:
    """From 80 percent of the daily quota on, each read of it is counted once, before the quota is used up."""
    harness, telemetry = paced(FakeAccount(replace(QUOTA, used=used))), FunctionTelemetry(named_context("send"))
    own = lambda: 0.0, lambda: NOW, lambda: "t"
    sender = RecordSender(harness.dependencies, lambda: harness.dead, FakeStartedAttempts, Unpostponed, *own, telemetry)
    for number in (1, 2):
        sender.process(QueueRecord("r", f'{{"workspace": "w1", "message": "msg_{number}"}}', 1, "h"))
    telemetry.write_counts()
    counted = counts(capsys)
    assert (counted.get(("EmailQuotaLow", ""), 0), counted["MessagesSent", ""]) == (warnings, 2)


@dataclass
class RateLimitedChannel(FakeChannel):
    """A channel that records when its provider was called."""

    times: list[datetime] = field(default_factory=list)

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        self.times.append(now)
        return ProviderResponse("sent", "accepted")


@dataclass
class CollectedPuts(FakeSendQueue):
    """A send queue whose new records the test takes out."""

    def taken(self) -> Sequence[tuple[str, str, timedelta]]:
        taken, self.records = self.records, []
        return taken


def test_a_backlog_is_sent_within_the_rate_of_the_account() -> None:
    """1,000 e-mails by four instances at 8 a second never exceed the rate, and take less than twice the shortest time and few looks."""
    channel, queue, messages = RateLimitedChannel(), CollectedPuts(), FakeMessages()
    instances = [
        SendHarness(
            messages=messages,
            channel=channel,
            queue=queue,
            paces={"email": Pace(CachedQuota(FakeAccount(replace(QUOTA, per_second=8, per_day=None))), 4)},
        )
        for _ in range(4)
    ]
    due = [(NOW + SECOND * number / 100, number, f"msg_{number}") for number in range(1_000)]
    for _, _, name in due:
        messages.add(replace(pending_message(), id=name))
    heapq.heapify(due)
    looks, now = 0, NOW
    while due:
        now, number, name = heapq.heappop(due)
        instance = instances[looks % len(instances)]
        instance.now = now
        before = len(instance.slept)
        send("w1", name, now, f"t{looks}", instance.dependencies())
        if len(instance.slept) > before:
            channel.times[-1] += timedelta(seconds=instance.slept[-1])
        looks += 1
        for _, again, delay in queue.taken():
            heapq.heappush(due, (now + delay, number, again))
    times = sorted(channel.times)
    assert len(times) == 1_000
    # In any second at most what the rate allows in it, and what the four buckets held before.
    assert all(times[first + 16] - times[first] >= SECOND for first in range(1_000 - 16))
    assert times[-1] - NOW < 2 * timedelta(seconds=1_000 / 8)
    assert looks < 5 * 1_000
