"""Carries out what a provider reports of a message: the status of the message, suppressed addresses, and the end of a consent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from waypost import ports
from waypost.domain.customers.consents import ConsentChange
from waypost.domain.customers.topics import GENERAL
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.consent_payloads import consent_event
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages import send_request, template_scope
from waypost.domain.messages.delivery_reports import Report, ReportedStatus, can_fail, may_be_reported
from waypost.domain.messages.message import Message, MessageReason, MessageStatus
from waypost.domain.messages.provider_report import ProviderReport, ReportKind
from waypost.domain.messages.send_request import SendRequest
from waypost.domain.messages.suppression import SuppressionCause, SuppressionReason
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import EventsArrived
from waypost.domain.values.generated_ids import digest
from waypost.message_reports import ReportDependencies, apply_report
from waypost.redelivery import park

_STATUSES: Final[dict[ReportKind, ReportedStatus]] = {
    ReportKind.DELIVERED: MessageStatus.DELIVERED,
    ReportKind.BOUNCED: MessageStatus.BOUNCED,
    ReportKind.SOFT_BOUNCED: MessageStatus.BOUNCED,
    ReportKind.COMPLAINED: MessageStatus.DELIVERED,
    ReportKind.REJECTED: MessageStatus.FAILED,
    ReportKind.OPENED: MessageStatus.OPENED,
    ReportKind.CLICKED: MessageStatus.CLICKED,
}
"""The status that a message gets by a report. Reports of other kinds change none."""

_SUPPRESSING: Final[dict[ReportKind, SuppressionReason]] = {ReportKind.BOUNCED: "bounce", ReportKind.COMPLAINED: "complaint"}
_ARRIVED: Final = frozenset({MessageStatus.DELIVERED, MessageStatus.OPENED, MessageStatus.CLICKED})


@dataclass(frozen=True, slots=True)
class ProviderReportDependencies:
    """The ports that reports of providers use."""

    messages: ports.Messages
    journeys: ports.JourneyVersions
    suppressions: ports.Suppressions
    signals: ports.Signals
    dead: ports.DeadLetters


def apply_provider_report(report: ProviderReport, now: datetime, dependencies: ProviderReportDependencies) -> Message | None:
    """Does all that follows from a report, and returns the message as it was before.

    None if the workspace has no such message: its customer was erased, or another stack has sent it. Then nothing follows.

    Each part may be repeated and comes in any order with other reports. UnavailableError if a dependency is down: the report has to be
    applied again, which does what is missing.
    """
    message = dependencies.messages.get(report.workspace, report.message)
    if message is None or not may_be_reported(message):
        return None
    # The provider's clock may be ahead. A time in the future would win against everything that happens until then.
    at = min(report.at, now)
    _suppress(report, message, at, dependencies)
    if report.kind is ReportKind.COMPLAINED:
        _unsubscribe(message, at, now, dependencies)
    _update(report, message, at, dependencies)
    return message


def _suppress(report: ProviderReport, message: Message, at: datetime, dependencies: ProviderReportDependencies) -> None:
    """Suppresses the receivers that the report is about, and not the address to which the message was sent."""
    # They can be different: the message may have several receivers, of which one has bounced, or the mailbox may forward to another one.
    reason = _SUPPRESSING.get(report.kind)
    if reason is None:
        return
    only = (message.to,) if report.is_for_only_receiver and message.to else ()
    for address in report.addresses or only:
        cause = SuppressionCause(reason, "provider", at, message.id)
        dependencies.suppressions.add(message.workspace, message.channel, address, cause)


def _unsubscribe(message: Message, at: datetime, now: datetime, dependencies: ProviderReportDependencies) -> None:
    """Ends the customer's subscription to the topic of the message, by an event on which journeys can exit."""
    if message.is_to_other:
        return  # the owner of the address has complained, which is suppressed; the customer has not
    step = template_scope.message_step(dependencies.journeys.version(message.workspace, message.journey, message.version), message.step)
    if step.transactional:
        return  # it has no topic; the suppression of the address stops what the customer has complained about
    change = ConsentChange(
        state="unsubscribed",
        topic=step.topic or GENERAL,
        channel=message.channel,
        at=at,
        uuid=digest("complaint", message.workspace, message.id),  # one for each message, so that a repeated report is a duplicate
        source="provider",
    )
    send_consent(change, message, now, dependencies.signals)


def send_consent(change: ConsentChange, message: Message, now: datetime, signals: ports.Signals) -> None:
    """Sends a change of consent of the customer of a message as an event. UnavailableError if the signals queue does not take it."""
    signal = EventsArrived(
        workspace=message.workspace,
        customer=message.customer,
        primary=message.lookup_id if message.lookup_id.kind == "primary" else None,
        known=True,
        received_at=now,
        historical=False,
        events=(consent_event(change, message.lookup_id),),
    )
    if signals.send([to_queue_message(signal)]):
        raise UnavailableError("the signals queue did not take a change of consent")


def _update(report: ProviderReport, message: Message, at: datetime, dependencies: ProviderReportDependencies) -> None:
    status = _STATUSES.get(report.kind)
    if status is None or not _is_about_receiver(report, message):
        return
    # An automatic reply, such as that of a person on holiday, comes as a soft bounce after the delivery.
    if report.kind is ReportKind.SOFT_BOUNCED and message.status in _ARRIVED:
        return
    if status is MessageStatus.FAILED and can_fail(message):
        body = send_request.to_text(SendRequest(message.workspace, message.id))
        park(dependencies.dead, "message", message.workspace, message.id, body, MessageReason.REJECTED.value, at)
    reports = ReportDependencies(dependencies.messages, dependencies.signals)
    apply_report(reports, message.workspace, message.id, Report(status, at, report.detail, report.link))


def _is_about_receiver(report: ProviderReport, message: Message) -> bool:
    """Whether a report is about the receiver that the row of the message names, and not about one that gets a copy."""
    if not report.has_several_receivers or not report.addresses or message.to is None:
        return True
    comparable = step_class(message.channel).comparable_address
    return comparable(message.to) in {comparable(address) for address in report.addresses}
