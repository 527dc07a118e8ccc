"""Delivery reports: events by which an app reports the state of a message."""

from __future__ import annotations

from datetime import datetime

from waypost.domain.intake.events import Event, reported_message_id
from waypost.domain.messages.delivery_reports import STATUS_OF_EVENT, Report
from waypost.domain.reasons import Reason
from waypost.message_reports import ReportDependencies, apply_report


def apply_report_event(dependencies: ReportDependencies, workspace: str, event: Event, received_at: datetime) -> Reason | None:
    """Updates the message that a delivery report names. Returns `no-message` if this workspace has no such message."""
    message_id, status = reported_message_id(event), STATUS_OF_EVENT.get(event.name)
    if message_id is None:
        return Reason.NO_MESSAGE
    if status is None:
        return None if dependencies.messages.get(workspace, message_id) else Reason.NO_MESSAGE
    return apply_report(dependencies, workspace, message_id, Report(status, received_at, link=_link_in(event)))


def _link_in(event: Event) -> str | None:
    link = event.payload.get("link")
    return link if isinstance(link, str) else None
