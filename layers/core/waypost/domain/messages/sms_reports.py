"""What AWS End User Messaging SMS reports of a message, as its documented events say it (`docs/messages.md#reports-of-sms`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from waypost.domain.messages.provider_report import MESSAGE_TAG, WORKSPACE_TAG, ProviderReport, ReportKind
from waypost.domain.values.generated_ids import is_message_id

SMS_EVENTS: Final = "aws.sms-voice"
"""The `source` of the events in EventBridge."""

_KINDS: Final[Mapping[str, ReportKind]] = {
    # Which of these two comes depends on the country: some carriers report the phone, others only that they took the text.
    "TEXT_DELIVERED": ReportKind.DELIVERED,
    "TEXT_SUCCESSFUL": ReportKind.DELIVERED,
    "TEXT_INVALID": ReportKind.BOUNCED,
    "TEXT_BLOCKED": ReportKind.SOFT_BOUNCED,
    "TEXT_CARRIER_BLOCKED": ReportKind.SOFT_BOUNCED,
    "TEXT_CARRIER_UNREACHABLE": ReportKind.SOFT_BOUNCED,
    "TEXT_INVALID_MESSAGE": ReportKind.SOFT_BOUNCED,
    "TEXT_PROTECT_BLOCKED": ReportKind.SOFT_BOUNCED,
    "TEXT_SPAM": ReportKind.SOFT_BOUNCED,
    "TEXT_TTL_EXPIRED": ReportKind.SOFT_BOUNCED,
    "TEXT_UNREACHABLE": ReportKind.SOFT_BOUNCED,
}
"""By the `eventType`. Events of other types, such as TEXT_PENDING and TEXT_UNKNOWN, report nothing."""


def report_of_sms(event: Mapping[str, Any]) -> ProviderReport | None:
    """The report in an event about a text message. None for an event that reports nothing about a message of Waypost."""
    detail = event["detail"]
    context, kind = detail.get("context") or {}, _KINDS.get(detail.get("eventType", ""))
    message, workspace = context.get(MESSAGE_TAG), context.get(WORKSPACE_TAG)
    # Another sender of the account has a context of its own, or none.
    if kind is None or not isinstance(workspace, str) or not isinstance(message, str) or not is_message_id(message):
        return None
    if kind is ReportKind.SOFT_BOUNCED and detail.get("isFinal") is False:
        kind = ReportKind.DELAYED
    number = detail.get("destinationPhoneNumber")
    return ProviderReport(
        workspace=workspace,
        message=message,
        kind=kind,
        at=datetime.fromtimestamp(detail["eventTimestamp"] / 1000, UTC),
        addresses=(number,) if isinstance(number, str) else (),
        is_for_only_receiver=True,
        detail="; ".join(str(detail[name]) for name in ("messageStatus", "messageStatusDescription") if detail.get(name)),
    )
