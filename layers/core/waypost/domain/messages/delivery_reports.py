"""What an app or a provider reports about a message that was sent (`docs/messages.md#delivery-reports`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from waypost.domain.messages.message import Message, MessageStatus

ReportedStatus = Literal[MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.OPENED, MessageStatus.CLICKED]

STATUS_OF_EVENT: Final[Mapping[str, ReportedStatus]] = {
    "$delivered": MessageStatus.DELIVERED,
    "$opened": MessageStatus.OPENED,
    "$clicked": MessageStatus.CLICKED,
}
"""The status that an event with the source `message` reports, by its name. Any other name reports nothing."""

_ORDER: Final = (MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.OPENED, MessageStatus.CLICKED)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message: its new status, and when Waypost received the report.

    `detail` is text for a person, such as the reason of a bounce. `link` is the URL that was clicked, if that is known.
    """

    status: ReportedStatus
    at: datetime
    detail: str = ""
    link: str | None = None


def may_be_reported(message: Message) -> bool:
    """Whether a report can be about this message: a worker has claimed it at least once."""
    # Without this condition an app that knows or guesses an id could report a pending message as delivered, and the message would never be
    # sent.
    return message.token is not None


def after_report(message: Message, report: Report) -> Message:
    """The message after a delivery report; the same object if the report changes nothing.

    Reports arrive in any order and more than once, so the status only ever moves forward: delivered, bounced, opened, clicked.
    """
    if not may_be_reported(message) or not _is_later(report.status, message.status):
        return message
    # The lease stays: it says that the response of the call is still to be recorded. The sender needs it to add its attempt to this row,
    # and a worker that finds it expired records that the outcome of the call is unknown.
    return replace(message, status=report.status, reason=None)


def _is_later(status: MessageStatus, current: MessageStatus) -> bool:
    return current not in _ORDER or _ORDER.index(status) > _ORDER.index(current)
