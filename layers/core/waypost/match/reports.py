"""Delivery reports: events by which an app or a provider reports the state of a message."""

from __future__ import annotations

from waypost.domain.errors import UnavailableError
from waypost.domain.intake.events import Event, reported_message_id
from waypost.domain.messages.delivery_reports import after_report
from waypost.domain.reasons import Reason
from waypost.match.dependencies import MATCH_ATTEMPTS
from waypost.ports import Messages


def apply_report(messages: Messages, workspace: str, event: Event) -> Reason | None:
    """Updates the message that a delivery report names. Returns `no-message` if this workspace has no such message."""
    message_id = reported_message_id(event)
    # The sender may record the provider's response at the same moment: the second to save reads the message again.
    for _ in range(MATCH_ATTEMPTS):
        message = messages.get(workspace, message_id) if message_id else None
        if message is None:
            return Reason.NO_MESSAGE
        reported = after_report(message, event.name)
        if reported is message or messages.save(reported, message):
            return None
    raise UnavailableError("a message changed too often")
