"""Events as SES publishes them to EventBridge, in the documented form, with invented values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.fakes.messages import NOW
from waypost.domain.values.wire_time import iso

DETAIL_TYPES = {
    "Bounce": "Email Bounced",
    "Complaint": "Email Complaint Received",
    "Delivery": "Email Delivered",
    "DeliveryDelay": "Email Delivery Delayed",
    "Reject": "Email Rejected",
    "Rendering Failure": "Email Rendering Failed",
    "Open": "Email Opened",
    "Click": "Email Clicked",
    "Send": "Email Sent",
}
"""The `detail-type` of an event by its `eventType`."""


def ses_event(
    event_type: str,
    fields: Mapping[str, Any] | None = None,
    *,
    message: str = "msg_1",
    workspace: str = "w1",
    to: Sequence[str] = ("ada@example.com",),
    at: datetime = NOW,
) -> dict[str, Any]:
    """An event about a message; `fields` replace those of the object that describes the event."""
    name, described = _described(event_type, to, iso(at))
    return {
        "version": "0",
        "id": "12345678-1234-1234-1234-111122223333",
        "detail-type": DETAIL_TYPES[event_type],
        "source": "aws.ses",
        "account": "123456789012",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "eu-west-1",
        "resources": ["arn:aws:ses:eu-west-1:123456789012:configuration-set/waypost"],
        "detail": {
            "eventType": event_type,
            "mail": {
                "timestamp": iso(at),
                "source": "Waypost <waypost@example.com>",
                "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/example.com",
                "sendingAccountId": "123456789012",
                "messageId": "0102018b7f2a3c4d-00000000-0000-0000-0000-000000000000-000000",
                "destination": list(to),
                "headersTruncated": False,
                "headers": [{"name": "Subject", "value": "Hello"}],
                "commonHeaders": {"from": ["Waypost <waypost@example.com>"], "to": list(to), "subject": "Hello"},
                "tags": {
                    "ses:operation": ["SendEmail"],
                    "ses:configuration-set": ["waypost"],
                    "ses:from-domain": ["example.com"],
                    "waypost-message": [message],
                    "waypost-workspace": [workspace],
                },
            },
            name: {**described, **(fields or {})},
        },
    }


def _described(event_type: str, to: Sequence[str], at: str) -> tuple[str, dict[str, Any]]:
    """The name and the content of the object that describes an event of this type."""
    client = {"ipAddress": "192.0.2.1", "userAgent": "Mozilla/5.0"}
    bounced = [{"emailAddress": each, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 user unknown"} for each in to]
    described: dict[str, tuple[str, dict[str, Any]]] = {
        "Bounce": (
            "bounce",
            {
                "feedbackId": "0102018b7f2a-bounce",
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": bounced,
                "timestamp": at,
                "reportingMTA": "dsn; a.smtp-out.amazonses.com",
            },
        ),
        "Complaint": (
            "complaint",
            {
                "feedbackId": "0102018b7f2a-complaint",
                "complaintSubType": None,
                "complainedRecipients": [{"emailAddress": each} for each in to],
                "timestamp": at,
                "userAgent": "ExampleCorp Feedback Loop (V0.01)",
                "complaintFeedbackType": "abuse",
                "arrivalDate": at,
            },
        ),
        "Delivery": (
            "delivery",
            {
                "timestamp": at,
                "processingTimeMillis": 546,
                "recipients": list(to),
                "smtpResponse": "250 ok",
                "reportingMTA": "a.smtp-out.amazonses.com",
            },
        ),
        "DeliveryDelay": (
            "deliveryDelay",
            {
                "timestamp": at,
                "delayType": "TransientCommunicationFailure",
                "expirationTime": at,
                "delayedRecipients": [
                    {"emailAddress": each, "status": "4.4.1", "diagnosticCode": "smtp; 421 unable to connect"} for each in to
                ],
            },
        ),
        "Reject": ("reject", {"reason": "Bad content"}),
        "Rendering Failure": ("failure", {"errorMessage": "Attribute 'x' is not present.", "templateName": "t"}),
        "Open": ("open", {"timestamp": at, **client}),
        "Click": ("click", {"timestamp": at, "link": "https://example.com/offer", "linkTags": None, **client}),
        "Send": ("send", {}),
    }
    return described[event_type]
