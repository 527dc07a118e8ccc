"""Applies a report about a message, from an app or a provider, to the row of the message, and does all that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from waypost.domain.errors import UnavailableError
from waypost.domain.messages.delivery_reports import Report, after_report
from waypost.domain.reasons import Reason
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
        if reported is message or dependencies.messages.save(reported, message):
            return None
    raise UnavailableError("a message changed too often")
