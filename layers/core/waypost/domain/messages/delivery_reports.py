"""What an app or a provider reports about a message that was sent (`docs/messages.md#delivery-reports`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from waypost.domain.messages.message import Message, MessageReason, MessageStatus

ReportedStatus = Literal[MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.OPENED, MessageStatus.CLICKED, MessageStatus.FAILED]

STATUS_OF_EVENT: Final[Mapping[str, ReportedStatus]] = {
    "$delivered": MessageStatus.DELIVERED,
    "$opened": MessageStatus.OPENED,
    "$clicked": MessageStatus.CLICKED,
}
"""The status that an event with the source `message` reports, by its name. Any other name reports nothing."""

MAX_DETAIL_CHARACTERS: Final = 500
"""How much of the text of a report a message keeps."""

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


def can_fail(message: Message) -> bool:
    """Whether a provider that has accepted the message may still report that it has not sent it."""
    # A failed message may have been redriven. A report about its earlier call, which comes a second time, must not end the new attempts.
    return message.status in (MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.UNKNOWN)


def after_report(message: Message, report: Report) -> Message:
    """The message after a delivery report; the same object if the report changes nothing.

    Reports arrive in any order and more than once, so the status only ever moves forward: delivered, bounced, opened, clicked.
    `failed` replaces only a status that says nothing of what became of the message.
    """
    if report.status is MessageStatus.FAILED:
        if not can_fail(message):
            return message
        return replace(message, status=report.status, reason=MessageReason.REJECTED, report_detail=_detail(report))
    if not may_be_reported(message) or not _is_later(report.status, message.status):
        return message
    # The lease stays: it says that the response of the call is still to be recorded. The sender needs it to add its attempt to this row,
    # and a worker that finds it expired records that the outcome of the call is unknown.
    detail = _detail(report) if report.status is MessageStatus.BOUNCED else message.report_detail
    return replace(message, status=report.status, reason=None, report_detail=detail)


def _detail(report: Report) -> str | None:
    # A mail server may write pages, and the row is written again with each later report.
    return report.detail[:MAX_DETAIL_CHARACTERS] or None


def _is_later(status: MessageStatus, current: MessageStatus) -> bool:
    return current not in _ORDER or _ORDER.index(status) > _ORDER.index(current)
