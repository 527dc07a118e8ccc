"""Which messages their provider may track."""

from __future__ import annotations

import pytest

from tests.fakes.messages import pending_message
from tests.fakes.send_harness import JOURNEY, OneJourney, SendHarness
from waypost.domain.journeys.journey import Journey


@pytest.mark.parametrize("transactional", [True, False], ids=["transactional", "of a topic"])
def test_only_messages_of_a_topic_are_tracked(transactional: bool) -> None:
    """The channel gets a transactional message as one that it must not track; what is stored does not differ."""
    raw = JOURNEY.model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["steps"][0].update(transactional=transactional)
    harness = SendHarness(journeys=OneJourney(Journey.model_validate(raw)))
    harness.messages.add(pending_message())
    harness.send()
    [(_, outgoing)] = harness.channel.calls
    assert outgoing.is_tracked is not transactional
    assert harness.messages.bodies["w1", "msg_1"].is_tracked
