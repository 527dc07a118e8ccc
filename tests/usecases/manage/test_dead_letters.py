"""Dead letters: listed, and put back on their queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes.manage import manage_dependencies
from tests.fakes.messages import NOW, FakeDeadLetters, FakeMessages, FakeSendQueue, FakeSignals, pending_message
from tests.fakes.slow_clock import SlowClock
from waypost.domain.dead_letters import Parked, ParkedKind
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.messages.message import MessageReason, MessageStatus
from waypost.domain.signal_codec import compressed
from waypost.manage.dead_letters import MAX_REDRIVEN, content, redrive, redrive_all
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.time_limit import HasTime, time_limit, unlimited

BODY = '{"customer": "c_1"}'


@dataclass
class ListedDeadLetters(FakeDeadLetters):
    """Dead letters that can be listed and removed. `removed` are the subjects of the removed ones."""

    removed: list[str] = field(default_factory=list)

    def get(self, workspace: str, position: str) -> Parked | None:
        found = self.parked.get(position)
        return found if found and found.workspace == workspace else None

    def remove(self, parked: Parked) -> None:
        self.removed.append(parked.subject)
        del self.parked[parked.position]

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Parked], str | None]:
        own = [
            each for at, each in sorted(self.parked.items(), reverse=True) if each.workspace == workspace and (not before or at < before)
        ]
        return own[:limit], own[limit - 1].position if len(own) > limit else None

    def oldest(self, workspace: str, *, limit: int, after: str | None = None) -> tuple[list[Parked], str | None]:
        own = [each for at, each in sorted(self.parked.items()) if each.workspace == workspace and (not after or at > after)]
        return own[:limit], own[limit - 1].position if len(own) > limit else None


@dataclass
class RedriveHarness:
    """Everything that a redrive reads and writes, in memory."""

    dead_letters: ListedDeadLetters = field(default_factory=ListedDeadLetters)
    signals: FakeSignals = field(default_factory=FakeSignals)
    messages: FakeMessages = field(default_factory=FakeMessages)
    send_queue: FakeSendQueue = field(default_factory=FakeSendQueue)

    def park(self, subject: str, kind: ParkedKind = "signal", body: str = BODY, workspace: str = "w1", minutes: int = 0) -> Parked:
        """Parks a record."""
        parked = Parked(workspace, kind, subject, body, "gave-up", NOW + timedelta(minutes=minutes))
        self.dead_letters.park(parked)
        return parked

    def redrive(self, position: str | None = None) -> int:
        """Redrives one record of the workspace w1, or all of them."""
        if position is None:
            return self.redrive_all()[0]
        redrive(self._dependencies, "w1", position, NOW)
        return 1

    def redrive_all(self, cursor: str | None = None, has_time: HasTime = unlimited) -> tuple[int, str | None]:
        """Redrives the records of the workspace w1 after a cursor."""
        return redrive_all(self._dependencies, "w1", cursor, NOW, has_time)

    @property
    def _dependencies(self) -> ManageDependencies:
        ports = {"signals": self.signals, "messages": self.messages, "send_queue": self.send_queue}
        return manage_dependencies(dead_letters=self.dead_letters, **ports)


def test_signals_return_to_their_customers_the_oldest_first() -> None:
    """Each goes into the message group of its customer, with its body unchanged and a deduplication id of its own."""
    harness = RedriveHarness()
    harness.park("second", minutes=1)
    harness.park("first")
    assert harness.redrive() == 2
    assert harness.dead_letters.removed == ["first", "second"]
    assert [(queue_message.group, queue_message.body) for queue_message in harness.signals.queue_messages] == [("c_1", BODY)] * 2
    assert len({queue_message.name for queue_message in harness.signals.queue_messages}) == 2


def test_a_redrive_ends_in_time_and_goes_on_at_its_cursor() -> None:
    """With queues that take 3 seconds for a record, a request ends after 20 seconds; the following ones redrive the others in order."""
    harness, clock = RedriveHarness(), SlowClock(3)
    for minute in range(18):
        harness.park(f"s{minute:02}", minutes=minute)
    numbers: list[int] = []
    cursor = None
    while cursor is not None or not numbers:
        started = clock.now
        number, cursor = harness.redrive_all(cursor, time_limit(clock))
        numbers.append(number)
        assert clock.now - started <= 24
    assert numbers == [7, 7, 4]
    assert harness.dead_letters.removed == [f"s{minute:02}" for minute in range(18)]


def test_a_redrive_without_time_makes_progress() -> None:
    """Each request redrives one record at least, so that a client that repeats it comes to the end."""
    harness = RedriveHarness()
    for minute in range(3):
        harness.park(f"s{minute}", minutes=minute)
    number, cursor = harness.redrive_all(has_time=lambda: False)
    assert (number, cursor is None) == (1, False)
    assert harness.redrive_all(cursor, lambda: False)[0] == 1


def test_one_request_redrives_a_thousand_records_and_the_oldest_first() -> None:
    """Of 1,100 records the first request redrives the oldest 1,000: the newest ones before them would change a customer's order."""
    harness = RedriveHarness()
    for minute in range(1_100):
        harness.park(f"s{minute:04}", minutes=minute)
    number, cursor = harness.redrive_all()
    assert (number, harness.dead_letters.removed[:2]) == (MAX_REDRIVEN, ["s0000", "s0001"])
    assert harness.redrive_all(cursor) == (100, None)


@pytest.mark.parametrize("body", ["not JSON", "[]", "{}", '{"customer": 7}'])
def test_a_signal_without_a_customer_gets_a_group_of_its_own(body: str) -> None:
    """A record that names no customer is redriven too, and blocks no customer's group."""
    harness = RedriveHarness()
    harness.park("odd", body=body)
    assert harness.redrive() == 1
    assert harness.signals.queue_messages[0].group != "c_1"


def test_a_compressed_signal_returns_to_its_customer() -> None:
    """A compressed record, such as one that an older version could not read, is redriven in the message group of its customer."""
    harness = RedriveHarness()
    harness.park("s1", body=compressed(BODY))
    harness.redrive()
    [sent] = harness.signals.queue_messages
    assert (sent.group, sent.body) == ("c_1", compressed(BODY))


def test_a_failed_message_gets_all_its_retries_again() -> None:
    """A redriven message is pending again with no attempts, and is on the send queue without a delay."""
    harness = RedriveHarness()
    harness.messages.add(pending_message(status=MessageStatus.FAILED, reason=MessageReason.GAVE_UP, attempt_count=8))
    parked = harness.park("msg_1", "message")
    assert harness.redrive(parked.position) == 1
    message = harness.messages.stored["w1", "msg_1"]
    assert (message.status, message.attempt_count, message.reason) == (MessageStatus.PENDING, 0, None)
    assert harness.send_queue.records == [("w1", "msg_1", timedelta(0))]


def test_a_message_that_was_sent_in_the_meantime_keeps_its_status() -> None:
    """Only a failed message starts again. A sent one is enqueued, and the sender finds nothing left to do."""
    harness = RedriveHarness()
    harness.messages.add(pending_message(status=MessageStatus.SENT))
    harness.park("msg_1", "message")
    harness.redrive()
    assert harness.messages.stored["w1", "msg_1"].status is MessageStatus.SENT


def test_the_dead_letter_of_an_erased_message_is_only_removed() -> None:
    """Nothing is enqueued for a message that no longer exists."""
    harness = RedriveHarness()
    harness.park("msg_1", "message")
    harness.redrive()
    assert (harness.send_queue.records, harness.dead_letters.parked) == ([], {})


def test_a_record_that_its_queue_refuses_stays_parked() -> None:
    """A dead letter is removed only after its queue has it."""
    harness = RedriveHarness(signals=FakeSignals(full=True))
    harness.park("first")
    with pytest.raises(UnavailableError):
        harness.redrive()
    assert len(harness.dead_letters.parked) == 1


def test_the_records_of_another_workspace_cannot_be_redriven() -> None:
    """Such a record is 404 by its id and is not among all records. It stays parked."""
    harness = RedriveHarness()
    parked = harness.park("theirs", workspace="w2")
    with pytest.raises(RefusedError) as refused:
        harness.redrive(parked.position)
    assert refused.value.status == 404
    assert harness.redrive() == 0
    assert len(harness.dead_letters.parked) == 1


def test_the_content_of_a_record_is_json_or_text() -> None:
    """A body that is JSON is shown as JSON, and any other body as text."""
    harness = RedriveHarness()
    assert content(harness.park("one")) == {"customer": "c_1"}
    assert content(harness.park("two", body="not JSON")) == "not JSON"
