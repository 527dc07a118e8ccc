"""Caps at the sender: what waits and what is skipped, that each message counts once, and what that costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Barrier, local
from typing import Any

import pytest

from tests.fakes.messages import NOW, FakeCapCounts, pending_message
from tests.fakes.send_harness import ADA, JOURNEY, OneJourney, SendHarness
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, pair_key
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.caps import CountedMessage, StoredCount
from waypost.domain.messages.delivery import LEASE, redriven
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage, ProviderResponse
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.message_caps import remove_from_count
from waypost.send import send

HOUR = timedelta(hours=1)
ONE_A_DAY = {"messages": 1, "per": "P1D"}
REFUSED, FAILED = ProviderResponse("refused", "try later"), ProviderResponse("failed", "no such address")


def capped(*caps: dict[str, Any], count: int = 2, **step: Any) -> SendHarness:
    """A harness whose workspace has these caps, with the pending e-mails `msg_1`, `msg_2` and so on of a step with these fields."""
    raw = JOURNEY.model_dump(by_alias=True, exclude_none=True)
    raw["steps"][0].update(step)
    harness = SendHarness(journeys=OneJourney(Journey.model_validate(raw)))
    harness.settings.save("w1", WorkspaceSettings.model_validate({"caps": caps, "topics": [{"id": "news"}]}), 0)
    for number in range(count):
        harness.messages.add(pending_message(id=f"msg_{number + 1}"))
    return harness


def sent(harness: SendHarness, message: str, now: datetime = NOW, token: str = "t1") -> Message:
    """The row of a message after a delivery of its record."""
    harness.now = now
    send("w1", message, now, token, harness.dependencies())
    return harness.messages.stored["w1", message]


def counting(harness: SendHarness) -> set[str]:
    """The messages that count for Ada."""
    return {each.message for each in harness.cap_counts.stored.get(("w1", "c_1"), StoredCount()).counted}


def test_a_message_over_the_cap_waits_until_its_window_has_moved() -> None:
    """The second message of a day is pending with reason `cap` and not rendered for good; a day after the first one it is sent."""
    harness = capped(ONE_A_DAY)
    assert sent(harness, "msg_1").status is MessageStatus.SENT
    waiting = sent(harness, "msg_2", NOW + HOUR)
    assert (waiting.status, waiting.reason, waiting.due, waiting.attempts) == (
        MessageStatus.PENDING,
        MessageReason.CAP,
        NOW + timedelta(days=1),
        (),
    )
    assert harness.queue.records[-1] == ("w1", "msg_2", 23 * HOUR)
    assert ("w1", "msg_2") not in harness.messages.bodies
    assert len(harness.channel.calls) == 1
    assert sent(harness, "msg_2", waiting.due).status is MessageStatus.SENT
    assert (harness.message.reason, counting(harness)) == (None, {"msg_2"})


def test_a_message_over_a_cap_that_skips_is_skipped() -> None:
    """With `otherwise: skip`, the second message of a day is skipped with reason `cap`, without a call."""
    harness = capped({**ONE_A_DAY, "otherwise": "skip"})
    sent(harness, "msg_1")
    skipped = sent(harness, "msg_2")
    assert (skipped.status, skipped.reason, len(harness.channel.calls)) == (MessageStatus.SKIPPED, MessageReason.CAP, 1)
    assert counting(harness) == {"msg_1"}


def test_a_transactional_message_neither_counts_nor_waits() -> None:
    """A transactional message is sent although the cap is reached, does not count, and costs no call."""
    harness = capped(ONE_A_DAY, transactional=True)
    for message in ("msg_1", "msg_2"):
        assert sent(harness, message).status is MessageStatus.SENT
    assert (harness.cap_counts.calls, harness.message.counted) == ([], None)


def test_a_message_that_no_cap_covers_costs_no_call() -> None:
    """Without caps, and with caps of another topic or channel only, nothing is read or written for them."""
    for caps in ((), ({**ONE_A_DAY, "topic": "news"}, {**ONE_A_DAY, "channel": "webhook"})):
        harness = capped(*caps)
        for message in ("msg_1", "msg_2"):
            assert sent(harness, message).status is MessageStatus.SENT
        assert (harness.cap_counts.calls, harness.message.counted) == ([], None)


def test_several_caps_are_one_write() -> None:
    """A message that counts under the caps of its workspace, its topic and its channel is counted by one read and one write."""
    harness = capped(ONE_A_DAY, {**ONE_A_DAY, "topic": "news"}, {**ONE_A_DAY, "channel": "email"}, topic="news")
    assert sent(harness, "msg_1").status is MessageStatus.SENT
    assert harness.cap_counts.calls == ["read", "save"]


def test_a_retry_counts_once() -> None:
    """A message that is refused and sent at its second attempt counts once, at the time of the second attempt."""
    harness = capped(ONE_A_DAY)
    harness.channel.responses = [REFUSED]
    refused = sent(harness, "msg_1")
    assert refused.status is MessageStatus.PENDING
    assert sent(harness, "msg_1", refused.due, "t2").status is MessageStatus.SENT
    assert harness.cap_counts.stored["w1", "c_1"].counted == (CountedMessage("msg_1", refused.due, "general", "email"),)
    assert sent(harness, "msg_2", refused.due + HOUR).due == refused.due + timedelta(days=1)


@dataclass
class DyingCounts(FakeCapCounts):
    """Counts whose process dies before or after the first write."""

    dies: str = ""

    def save(self, workspace: str, customer: str, counted: StoredCount) -> StoredCount | None:
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise UnavailableError("died before the write")
        result = super().save(workspace, customer, counted)
        if dies == "after":
            raise UnavailableError("died after the write")
        return result


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_crash_around_the_write_counts_once(dies: str) -> None:
    """A worker that dies before or after it counted its message leaves a message that the next delivery sends, and that counts once."""
    harness = capped({"messages": 2, "per": "P1D"})
    harness.cap_counts = DyingCounts(dies=dies)
    with pytest.raises(UnavailableError):
        sent(harness, "msg_1")
    assert harness.message.status is MessageStatus.PENDING
    assert sent(harness, "msg_1", NOW + timedelta(seconds=2)).status is MessageStatus.SENT
    assert len(harness.cap_counts.stored["w1", "c_1"].counted) == 1
    assert sent(harness, "msg_2", NOW + timedelta(seconds=3)).status is MessageStatus.SENT


def test_a_worker_that_dies_after_the_claim_leaves_a_counted_message() -> None:
    """An e-mail whose worker died during the call is unknown and counts: the customer may have it."""
    harness = capped(ONE_A_DAY)
    harness.channel.responses = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        sent(harness, "msg_1")
    assert sent(harness, "msg_1", NOW + LEASE).status is MessageStatus.UNKNOWN
    assert counting(harness) == {"msg_1"}


def test_a_message_that_failed_for_good_counts_no_more() -> None:
    """After a message that its provider refused for good, the next one is sent; the failed one counts again when it is redriven."""
    harness = capped(ONE_A_DAY, count=3)
    harness.channel.responses = [FAILED]
    assert sent(harness, "msg_1").status is MessageStatus.FAILED
    assert counting(harness) == set()
    assert sent(harness, "msg_2").status is MessageStatus.SENT
    harness.messages.stored["w1", "msg_1"] = redriven(harness.message, NOW + HOUR)
    assert sent(harness, "msg_1", NOW + HOUR, "t2").reason is MessageReason.CAP


def test_a_message_that_may_have_arrived_counts() -> None:
    """A message that fails after an attempt with unknown outcome counts: the receiver may have it."""
    harness = capped(ONE_A_DAY)
    harness.channel.responses = [ProviderResponse("unknown", "no answer"), FAILED]
    harness.messages.stored["w1", "msg_1"] = pending_message(channel="webhook", step="hook")
    retried = sent(harness, "msg_1")
    assert sent(harness, "msg_1", retried.due, "t2").status is MessageStatus.FAILED
    assert counting(harness) == {"msg_1"}


def test_a_counted_message_from_a_refused_sender_counts_no_more() -> None:
    """A message that was counted, and whose stored content turns out to come from a refused sender, leaves its place to another one."""
    harness = capped(ONE_A_DAY)
    harness.messages.bodies["w1", "msg_1"] = PreparedMessage("ada@example.com", {"subject": "Hi", "from": "ceo@bank.example"})
    assert sent(harness, "msg_1").reason is MessageReason.NO_SENDER
    assert counting(harness) == set()
    assert sent(harness, "msg_2").status is MessageStatus.SENT


def test_a_counted_message_that_is_skipped_after_a_lost_claim_counts_no_more() -> None:
    """If the row changes between count and claim, and the message is skipped by the second decision, its place is free again."""
    harness = capped(ONE_A_DAY)

    def stop(_: Message) -> None:
        harness.messages.before_save = lambda _: None
        harness.messages.stored["w1", "msg_1"] = pending_message(id="msg_1", token="t0")
        harness.customers.rows.clear()

    harness.messages.before_save = stop
    assert sent(harness, "msg_1").reason is MessageReason.ERASED
    assert counting(harness) == set()


def test_a_failed_message_is_removed_from_the_count_at_once() -> None:
    """A failed message counts no more although an eventually consistent read would not show it yet; twice is as good as once."""
    harness = capped(ONE_A_DAY)
    harness.cap_counts.lag = True
    harness.channel.responses = [FAILED]
    sent(harness, "msg_1")
    assert counting(harness) == set()
    remove_from_count("w1", "c_1", "msg_1", harness.cap_counts)
    assert counting(harness) == set()


def test_an_old_read_does_not_exceed_the_cap() -> None:
    """A worker whose read is older than the count of another message finds out by its write, and waits."""
    harness = capped(ONE_A_DAY)
    sent(harness, "msg_1")
    harness.cap_counts.lag = True
    harness.cap_counts.calls.clear()
    assert sent(harness, "msg_2").reason is MessageReason.CAP
    assert (harness.cap_counts.calls, counting(harness)) == (["read", "save"], {"msg_1"})


def test_a_message_whose_claim_was_lost_is_counted_by_one_write() -> None:
    """A worker that finds its message changed after it counted it decides again, and does not write the same count again."""
    harness = capped(ONE_A_DAY, count=1)
    changes = [MessageStatus.PENDING]

    def change(_: Message) -> None:
        if changes:
            changes.pop()
            harness.messages.stored["w1", "msg_1"] = replace(harness.message, token="other")

    harness.messages.before_save = change
    assert sent(harness, "msg_1").status is MessageStatus.SENT
    assert harness.cap_counts.calls == ["read", "save", "read"]


@dataclass
class RacingCounts(FakeCapCounts):
    """Counts that all workers read before the first of them writes."""

    workers: int = 8
    first: local = field(default_factory=local)

    def __post_init__(self) -> None:
        self.barrier = Barrier(self.workers)

    def save(self, workspace: str, customer: str, counted: StoredCount) -> StoredCount | None:
        if not hasattr(self.first, "done"):
            self.first.done = True
            self.barrier.wait(timeout=10)
        return super().save(workspace, customer, counted)


@pytest.mark.parametrize("allowed", [1, 3, 7])
def test_workers_at_the_same_time_never_exceed_the_cap(allowed: int) -> None:
    """Eight workers that all read the same state and write at the same time send exactly as many messages as the cap allows."""
    harness = capped({"messages": allowed, "per": "P1D"}, count=8)
    harness.cap_counts = RacingCounts()
    dependencies = harness.dependencies()
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda number: send("w1", f"msg_{number}", NOW, f"t{number}", dependencies), range(1, 9)))
    statuses = [each.status for each in harness.messages.stored.values()]
    assert (statuses.count(MessageStatus.SENT), statuses.count(MessageStatus.PENDING)) == (allowed, 8 - allowed)
    assert len(counting(harness)) == len(harness.channel.calls) == allowed


def test_two_deliveries_of_one_message_count_once() -> None:
    """Two workers with the same record count it once together, and one of them sends it."""
    harness = capped({"messages": 2, "per": "P1D"}, count=1)
    harness.cap_counts = RacingCounts(workers=2)
    dependencies = harness.dependencies()
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda number: send("w1", "msg_1", NOW + timedelta(milliseconds=number), f"t{number}", dependencies), range(2)))
    assert (len(harness.channel.calls), counting(harness)) == (1, {"msg_1"})


def test_the_messages_of_a_merged_id_count_for_the_customer() -> None:
    """What a customer got as an anonymous one counts after the merge; the row of the merged id is read once and not with each message."""
    harness = capped(ONE_A_DAY, count=3)
    device = Identifier("correlation", "phone")
    pair = pair_key("w1", ADA, device)
    harness.customers.rows[pair] = Row(pair, "c_1", revision=1, merged_id="c_anonymous")
    earlier = StoredCount((CountedMessage("msg_0", NOW - HOUR, "general", "email"),), revision=1)
    harness.cap_counts.stored["w1", "c_anonymous"] = earlier
    assert sent(harness, "msg_1").due == NOW - HOUR + timedelta(days=1)
    assert sent(harness, "msg_1", NOW - HOUR + timedelta(days=1)).status is MessageStatus.SENT
    assert harness.cap_counts.calls == ["read", "counted_of", "read", "counted_of", "save"]
    harness.cap_counts.calls.clear()
    sent(harness, "msg_2", NOW + timedelta(days=2))
    assert harness.cap_counts.calls == ["read", "save"]


def test_an_outage_of_the_counts_sends_nothing() -> None:
    """A message that cannot be counted because the table is unavailable is neither sent nor skipped."""
    harness = capped(ONE_A_DAY)
    harness.cap_counts = DyingCounts(dies="before")
    with pytest.raises(UnavailableError):
        sent(harness, "msg_1")
    assert (harness.message.status, harness.channel.calls) == (MessageStatus.PENDING, [])


def test_a_row_that_others_change_again_and_again_is_left_to_a_later_delivery() -> None:
    """A worker that loses every race for the row gives up as in an outage, and has sent nothing."""
    harness = capped({"messages": 100, "per": "P1D"})

    def interfere(counted: StoredCount) -> None:
        harness.cap_counts.stored["w1", "c_1"] = StoredCount(revision=counted.revision + 1)

    harness.cap_counts.before_save = interfere
    with pytest.raises(UnavailableError):
        sent(harness, "msg_1")
    assert harness.channel.calls == []
