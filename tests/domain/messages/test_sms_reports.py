"""The documented events of AWS End User Messaging SMS, by EventBridge and in the envelope of SNS."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from waypost.domain.messages.provider_report import ReportKind
from waypost.domain.messages.provider_reports import report_in
from waypost.domain.values.generated_ids import message_id

MESSAGE = message_id("w1", "welcome", 3, "r_1", "text", 1)
CONTEXT = {"waypost-message": MESSAGE, "waypost-workspace": "w1"}


def event(**detail: Any) -> dict[str, Any]:
    """An event about a text message, with these members of its detail."""
    text = {
        "eventType": "TEXT_DELIVERED",
        "eventVersion": "1.0",
        "eventTimestamp": 1729099299998,
        "isFinal": True,
        "originationPhoneNumber": "+18445550123",
        "isoCountryCode": "US",
        "messageId": "9539975a-e71f-45f3-b496-8d98dc098a77",
        "messageStatus": "DELIVERED",
        "messageStatusDescription": "Message has been accepted by phone",
        "context": CONTEXT,
        "totalMessageParts": 1,
    }
    return {
        "version": "0",
        "id": "15226fe5-c283-a862-e5e5-0a29ad450fd9",
        "detail-type": "Text Message Delivery Status Updated",
        "source": "aws.sms-voice",
        "detail": text | detail,
    }


@pytest.mark.parametrize(
    ("event_type", "final", "kind"),
    [
        ("TEXT_DELIVERED", True, ReportKind.DELIVERED),
        ("TEXT_SUCCESSFUL", True, ReportKind.DELIVERED),
        ("TEXT_INVALID", True, ReportKind.BOUNCED),
        ("TEXT_BLOCKED", True, ReportKind.SOFT_BOUNCED),
        ("TEXT_SPAM", True, ReportKind.SOFT_BOUNCED),
        ("TEXT_CARRIER_UNREACHABLE", False, ReportKind.DELAYED),
        ("TEXT_CARRIER_UNREACHABLE", True, ReportKind.SOFT_BOUNCED),
        ("TEXT_TTL_EXPIRED", True, ReportKind.SOFT_BOUNCED),
        ("TEXT_PENDING", False, None),
        ("TEXT_UNKNOWN", True, None),
        ("TEXT_NEW", True, None),
    ],
)
def test_an_event_has_its_kind(event_type: str, final: bool, kind: ReportKind | None) -> None:
    """Each documented type says what became of the message, or nothing; one that is not final is a delay."""
    report = report_in(json.dumps(event(eventType=event_type, isFinal=final)))
    assert (report.kind if report else None) == kind


def test_an_event_names_message_and_time() -> None:
    """The context names the message; the time is that of the event, and the number is there if the event has it."""
    report = report_in(json.dumps(event(destinationPhoneNumber="+14255550156")))
    assert report is not None
    assert (report.workspace, report.message, report.addresses) == ("w1", MESSAGE, ("+14255550156",))
    assert report.at == datetime(2024, 10, 16, 17, 21, 39, 998000, UTC)
    assert report.detail == "DELIVERED; Message has been accepted by phone"
    assert report.is_for_only_receiver


def test_the_same_event_may_come_by_the_topic() -> None:
    """A configuration set that publishes to the topic of the stack brings the same report, without EventBridge."""
    body = json.dumps({"Type": "Notification", "Message": json.dumps(event()["detail"]), "Timestamp": "2026-11-27T00:00:00.000Z"})
    assert report_in(body) == report_in(json.dumps(event()))


@pytest.mark.parametrize("context", [None, {}, {"waypost-message": MESSAGE}, {"waypost-message": "m", "waypost-workspace": "w1"}])
def test_an_event_of_another_sender_reports_nothing(context: Any) -> None:
    """Another application of the account has a context of its own, or none."""
    assert report_in(json.dumps(event(context=context))) is None
