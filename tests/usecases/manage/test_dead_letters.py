"""Parked records on their way again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, FakeDeadLetters, FakeMessages, FakeSendQueue, FakeSignals, owed
from waypost.domain.dead_letters import Kind, Parked
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.messages.message import Reason, Status
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
class Scene:
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
    scene = Scene()
    scene.park("second", minutes=1)
    scene.park("first")
    assert scene.redrive() == 2
    assert scene.dead.gone == ["first", "second"]
    assert [(parcel.group, parcel.body) for parcel in scene.signals.parcels] == [("c_1", BODY)] * 2
    assert len({parcel.name for parcel in scene.signals.parcels}) == 2


@pytest.mark.parametrize("body", ["not JSON", "[]", "{}", '{"customer": 7}'])
def test_a_signal_that_names_nobody_goes_back_too(body: str) -> None:
    """It is parked again if nobody can read it, and blocks no customer's group."""
    scene = Scene()
    scene.park("odd", body=body)
    assert scene.redrive() == 1
    assert scene.signals.parcels[0].group != "c_1"


def test_a_failed_message_gets_all_its_retries_again() -> None:
    """It is pending, due now, and asked for."""
    scene = Scene()
    scene.messages.owe(owed(status=Status.FAILED, reason=Reason.GAVE_UP, tries=8))
    parked = scene.park("msg_1", "message")
    assert scene.redrive(parked.position) == 1
    message = scene.messages.stored["w1", "msg_1"]
    assert (message.status, message.tries, message.reason) == (Status.PENDING, 0, None)
    assert scene.queue.records == [("w1", "msg_1", timedelta(0))]


def test_a_message_that_was_sent_meanwhile_is_not_sent_again() -> None:
    """Only a failed message starts over; the queue asks, and the sender sees that nothing is left to do."""
    scene = Scene()
    scene.messages.owe(owed(status=Status.SENT))
    scene.park("msg_1", "message")
    scene.redrive()
    assert scene.messages.stored["w1", "msg_1"].status is Status.SENT


def test_a_message_that_is_gone_is_only_forgotten() -> None:
    """Nothing is sent to somebody who was erased."""
    scene = Scene()
    scene.park("msg_1", "message")
    scene.redrive()
    assert (scene.queue.records, scene.dead.parked) == ([], {})


def test_what_the_queue_refuses_stays_parked() -> None:
    """Nothing is forgotten before it is somewhere else."""
    scene = Scene(signals=FakeSignals(full=True))
    scene.park("first")
    with pytest.raises(UnavailableError):
        scene.redrive()
    assert len(scene.dead.parked) == 1


def test_a_record_of_another_workspace_is_not_there() -> None:
    """404, and it stays where it is; redriving all leaves it alone too."""
    scene = Scene()
    parked = scene.park("theirs", workspace="w2")
    with pytest.raises(RefusedError) as refused:
        scene.redrive(parked.position)
    assert refused.value.status == 404
    assert scene.redrive() == 0
    assert len(scene.dead.parked) == 1


def test_a_list_shows_what_lay_on_the_queue() -> None:
    """JSON as JSON, anything else as it is."""
    scene = Scene()
    assert content(scene.park("one")) == {"customer": "c_1"}
    assert content(scene.park("two", body="not JSON")) == "not JSON"
