"""A workspace that sends again: what it held goes back to the send queue, page by page."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.match_harness import MatchHarness
from tests.fakes.messages import NOW, pending_message
from waypost.domain.messages.message import WHOLE_WORKSPACE, MessageReason
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import JourneyResumed
from waypost.domain.values import exact_json


def test_all_messages_that_the_workspace_held_are_released() -> None:
    """Five messages, of which a page lists two, go to the send queue; what a paused journey holds stays."""
    harness = MatchHarness()
    for number in range(5):
        harness.messages.add(replace(pending_message(id=f"msg_{number}"), held=True, reason=MessageReason.SENDING_OFF))
    harness.messages.add(replace(pending_message(id="msg_paused"), held=True))
    signals = [JourneyResumed("w1", WHOLE_WORKSPACE, 3, phase="messages")]
    while signals:
        harness.match(signals.pop(0), NOW)
        signals += [from_wire(exact_json.loads(each.body)) for each in harness.signals.queue_messages]  # type: ignore[misc]
        harness.signals.queue_messages.clear()
    assert sorted(name for _, name, _ in harness.send_queue.records) == [f"msg_{number}" for number in range(5)]
