"""Parked records on their way again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters, FakeMessages, FakeSendQueue, FakeSignals, pending_message
from waypost.domain.dead_letters import Kind, Parked
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.messages.message import MessageReason, MessageStatus
from waypost.manage.dead_letters import Queues, content, redrive

BODY = '{"customer": "c_1"}'


@dataclass
class ListedDeadLetters(FakeDeadLetters):
    """Parked records that can be listed and forgotten; `gone` are the ones that were."""

    gone: list[str] = field(default_factory=list)

    def get(self, workspace: str, position: str) -> Parked | None:
        found = self.parked.get(position)
        return found if found and found.workspace == workspace else None

    def remove(self, parked: Parked) -> None:
        self.gone.append(parked.subject)
        del self.parked[parked.position]

    def page(self, workspace: str, *, limit: int, before: str | None = None) -> tuple[list[Parked], str | None]:
        own = [
            each for at, each in sorted(self.parked.items(), reverse=True) if each.workspace == workspace and (not before or at < before)
        ]
        return own[:limit], own[limit - 1].position if len(own) > limit else None


@dataclass
class StepContext:
    """Everything that a redrive touches."""

    dead: ListedDeadLetters = field(default_factory=ListedDeadLetters)
    signals: FakeSignals = field(default_factory=FakeSignals)
    messages: FakeMessages = field(default_factory=FakeMessages)
    queue: FakeSendQueue = field(default_factory=FakeSendQueue)

    def park(
        self, subject: str, kind: Kind = "signal", body: str = '{"customer": "c_1"}', workspace: str = "w1", minutes: int = 0
    ) -> Parked:
        """Parks a record."""
        parked = Parked(workspace, kind, subject, body, "gave-up", NOW + timedelta(minutes=minutes))
        self.dead.park(parked)
        return parked

    def redrive(self, position: str | None = None) -> int:
        """Sends one or all on their way."""
        return redrive(Queues(self.dead, self.signals, self.messages, self.queue), "w1", position, NOW)


def test_signals_go_back_to_their_customer_the_oldest_first() -> None:
    """Each into its customer's group, as it was, under a name that the queue has not seen."""
    context = StepContext()
    context.park("second", minutes=1)
    context.park("first")
    assert context.redrive() == 2
    assert context.dead.gone == ["first", "second"]
    assert [(queue_message.group, queue_message.body) for queue_message in context.signals.queue_messages] == [("c_1", BODY)] * 2
    assert len({queue_message.name for queue_message in context.signals.queue_messages}) == 2


@pytest.mark.parametrize("body", ["not JSON", "[]", "{}", '{"customer": 7}'])
def test_a_signal_that_names_nobody_goes_back_too(body: str) -> None:
    """It is parked again if nobody can read it, and blocks no customer's group."""
    context = StepContext()
    context.park("odd", body=body)
    assert context.redrive() == 1
    assert context.signals.queue_messages[0].group != "c_1"


def test_a_failed_message_gets_all_its_retries_again() -> None:
    """It is pending, due now, and asked for."""
    context = StepContext()
    context.messages.add(pending_message(status=MessageStatus.FAILED, reason=MessageReason.GAVE_UP, attempt_count=8))
    parked = context.park("msg_1", "message")
    assert context.redrive(parked.position) == 1
    message = context.messages.stored["w1", "msg_1"]
    assert (message.status, message.attempt_count, message.reason) == (MessageStatus.PENDING, 0, None)
    assert context.queue.records == [("w1", "msg_1", timedelta(0))]


def test_a_message_that_was_sent_meanwhile_is_not_sent_again() -> None:
    """Only a failed message starts over; the queue asks, and the sender sees that nothing is left to do."""
    context = StepContext()
    context.messages.add(pending_message(status=MessageStatus.SENT))
    context.park("msg_1", "message")
    context.redrive()
    assert context.messages.stored["w1", "msg_1"].status is MessageStatus.SENT


def test_a_message_that_is_gone_is_only_forgotten() -> None:
    """Nothing is sent to somebody who was erased."""
    context = StepContext()
    context.park("msg_1", "message")
    context.redrive()
    assert (context.queue.records, context.dead.parked) == ([], {})


def test_what_the_queue_refuses_stays_parked() -> None:
    """Nothing is forgotten before it is somewhere else."""
    context = StepContext(signals=FakeSignals(full=True))
    context.park("first")
    with pytest.raises(UnavailableError):
        context.redrive()
    assert len(context.dead.parked) == 1


def test_a_record_of_another_workspace_is_not_there() -> None:
    """404, and it stays where it is; redriving all leaves it alone too."""
    context = StepContext()
    parked = context.park("theirs", workspace="w2")
    with pytest.raises(RefusedError) as refused:
        context.redrive(parked.position)
    assert refused.value.status == 404
    assert context.redrive() == 0
    assert len(context.dead.parked) == 1


def test_a_list_shows_what_lay_on_the_queue() -> None:
    """JSON as JSON, anything else as it is."""
    context = StepContext()
    assert content(context.park("one")) == {"customer": "c_1"}
    assert content(context.park("two", body="not JSON")) == "not JSON"
