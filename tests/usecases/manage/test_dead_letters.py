"""Dead letters: listed, and put back on their queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes.manage import manage_dependencies
from tests.fakes.messages import NOW, FakeDeadLetters, FakeMessages, FakeSendQueue, FakeSignals, pending_message
from waypost.domain.dead_letters import Parked, ParkedKind
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.messages.message import MessageReason, MessageStatus
from waypost.domain.signal_codec import compressed
from waypost.manage.dead_letters import content, redrive

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
        ports = {"signals": self.signals, "messages": self.messages, "send_queue": self.send_queue}
        return redrive(manage_dependencies(dead_letters=self.dead_letters, **ports), "w1", position, NOW)


def test_signals_return_to_their_customers_the_oldest_first() -> None:
    """Each goes into the message group of its customer, with its body unchanged and a deduplication id of its own."""
    harness = RedriveHarness()
    harness.park("second", minutes=1)
    harness.park("first")
    assert harness.redrive() == 2
    assert harness.dead_letters.removed == ["first", "second"]
    assert [(queue_message.group, queue_message.body) for queue_message in harness.signals.queue_messages] == [("c_1", BODY)] * 2
    assert len({queue_message.name for queue_message in harness.signals.queue_messages}) == 2


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
