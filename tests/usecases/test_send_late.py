"""Messages of journeys that were paused or stopped, and messages that come into quiet hours."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.messages import NOW, owed
from tests.fakes.send_harness import JOURNEY, OneJourney, Scene
from waypost.domain.journeys.journey import QuietHours
from waypost.domain.messages.message import Reason, Status

HOUR = timedelta(hours=1)


@pytest.fixture
def scene() -> Scene:
    """A world in which one e-mail is owed."""
    made = Scene()
    made.messages.owe(owed())
    return made


def test_a_paused_journeys_message_is_held_and_asked_for_no_more(scene: Scene) -> None:
    """It stays pending, leaves the queue, and comes once the journey goes on."""
    scene.journeys.status = "paused"
    scene.send()
    assert (scene.message.status, scene.message.held) == (Status.PENDING, True)
    assert scene.messages.held("w1", "welcome", None) == (["msg_1"], None)
    assert (scene.queue.records, scene.channel.calls) == ([], [])
    assert not scene.send().changed
    scene.journeys.status = "published"
    scene.send(NOW + HOUR)
    assert (scene.message.status, scene.message.held, len(scene.channel.calls)) == (Status.SENT, False, 1)


def test_a_stopped_journeys_message_is_skipped(scene: Scene) -> None:
    """With its reason; nobody is called."""
    scene.journeys.status = "stopped"
    scene.send()
    assert (scene.message.status, scene.message.reason) == (Status.SKIPPED, Reason.STOPPED)
    assert scene.channel.calls == []


def quiet(otherwise: str) -> OneJourney:
    """The journey, quiet from 05:00 to 07:00."""
    hours = QuietHours.model_validate({"from": "05:00", "to": "07:00", "otherwise": otherwise})
    return OneJourney(JOURNEY.model_copy(update={"quiet_hours": hours}))


def test_a_message_that_comes_late_into_quiet_hours_waits_for_their_end(scene: Scene) -> None:
    """After retries or a pause; it is 05:17."""
    scene.journeys = quiet("wait")
    scene.send()
    assert (scene.message.status, scene.message.due) == (Status.PENDING, NOW.replace(hour=7, minute=0, second=0))
    assert len(scene.queue.records) == 1
    scene.send(scene.message.due)
    assert scene.message.status is Status.SENT


def test_or_it_is_skipped(scene: Scene) -> None:
    """As its journey says."""
    scene.journeys = quiet("skip")
    scene.send()
    assert (scene.message.status, scene.message.reason) == (Status.SKIPPED, Reason.QUIET_HOURS)
