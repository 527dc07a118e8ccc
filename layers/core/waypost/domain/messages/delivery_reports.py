"""What an app or a provider reports about a message that was sent (`docs/messages.md#delivery-reports`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from waypost.domain.messages.message import Message, MessageStatus

_STATUS_OF_EVENT: Final = {"$delivered": MessageStatus.DELIVERED, "$opened": MessageStatus.OPENED, "$clicked": MessageStatus.CLICKED}
_ORDER: Final = (MessageStatus.DELIVERED, MessageStatus.OPENED, MessageStatus.CLICKED)


def after_report(message: Message, event_name: str) -> Message:
    """The message after a delivery report with this event name; the same object if the report changes nothing.

    Reports arrive in any order and more than once, so the status only ever moves forward: delivered, opened, clicked.
    """
    # A token means that a worker has claimed the message at least once. Without this condition an app that knows or guesses an id could
    # report a pending message as delivered, and the message would never be sent.
    status = _STATUS_OF_EVENT.get(event_name)
    if status is None or message.token is None or not _is_later(status, message.status):
        return message
    return replace(message, status=status, reason=None, lease=None)


def _is_later(status: MessageStatus, current: MessageStatus) -> bool:
    return current not in _ORDER or _ORDER.index(status) > _ORDER.index(current)
