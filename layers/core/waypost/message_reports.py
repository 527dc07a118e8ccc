"""Applies a report about a message, from an app or a provider, to the row of the message, and does all that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery_reports import Report, after_report, may_be_reported
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.message_knowledge import known_status
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import MessageReported
from waypost.ports import Messages, Signals

REPORT_ATTEMPTS: Final = 8
"""How often a message that other workers change is read again before the report is left to a later delivery."""


@dataclass(frozen=True, slots=True)
class ReportDependencies:
    """The ports that a report needs."""

    messages: Messages
    signals: Signals


def apply_report(dependencies: ReportDependencies, workspace: str, message_id: str, report: Report) -> Reason | None:
    """Updates the message with this id. Returns `no-message` if this workspace has no such message.

    Applying a report again, or one that is older than what is known, changes nothing. UnavailableError if a dependency is down or other
    workers change the message again and again; then the report has to be applied again.
    """
    # The sender may record the provider's response at the same moment: the second to save reads the message again.
    for _ in range(REPORT_ATTEMPTS):
        message = dependencies.messages.get(workspace, message_id)
        if message is None:
            return Reason.NO_MESSAGE
        reported = after_report(message, report)
        # The run gets the report before the row is saved. The other way round, a crash in between would lose the signal: the report that
        # comes again would find its status in the row, and look like a repeat. A click on another link changes no row.
        if reported is not message or (report.link is not None and may_be_reported(message)):
            report_to_run(dependencies.signals, message, report.status, report.at, report.link)
        if reported is message or dependencies.messages.save(reported, message):
            return None
    raise UnavailableError("a message changed too often")


def report_to_run(signals: Signals, message: Message, status: MessageStatus, at: datetime, link: str | None = None) -> None:
    """Sends what became of a message to its run, if a wait or a condition of the journey names the message and can name the status.

    The run ignores a repeat. UnavailableError if the signals queue does not take the signal.
    """
    known = known_status(status)
    if not message.listened or known is None:
        return
    step_visit = (message.workspace, message.customer, message.lookup_id, message.run, message.step, message.visit)
    if signals.send([to_queue_message(MessageReported(*step_visit, message.id, known, link, at))]):
        raise UnavailableError("the signals queue did not take a report about a message")
