"""What a provider reports of a message, as its documented events say it (`docs/messages.md#reports-of-ses`).

A new provider needs a function that reads its events, and its place in `_READERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from waypost.domain.messages.inbound_texts import notification_in
from waypost.domain.messages.provider_report import MESSAGE_TAG, WORKSPACE_TAG, ProviderReport, ReportKind
from waypost.domain.messages.sms_reports import SMS_EVENTS, report_of_sms
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import is_message_id
from waypost.domain.values.mailboxes import mailbox
from waypost.domain.values.wire_time import instant


def report_in(body: str) -> ProviderReport | None:
    """The report in an event of EventBridge. None for an event that reports nothing about a message of Waypost.

    ValueError, KeyError, TypeError or AttributeError for a text that is not one of the documented events.
    """
    event = exact_json.loads(body)
    # A configuration set of the SMS service can also send its events to the topic of the stack, with nothing around them but the envelope.
    if (content := notification_in(event)) is not None:
        event = {"source": SMS_EVENTS, "detail": content}
    read = _READERS.get(event["source"])
    return read(event) if read is not None else None


def _report_of_ses(event: Mapping[str, Any]) -> ProviderReport | None:
    """The report in an event that SES publishes to EventBridge, by its `eventType`."""
    detail = event["detail"]
    mail, event_type = detail["mail"], detail["eventType"]
    tags = mail.get("tags") or {}
    message, workspace = _first(tags.get(MESSAGE_TAG)), _first(tags.get(WORKSPACE_TAG))
    name = _FIELD_OF_TYPE.get(event_type)
    # Another sender of the account may use the same configuration set. Its e-mails have no tags of Waypost.
    if name is None or workspace is None or message is None or not is_message_id(message):
        return None
    fields = detail.get(name) or {}
    kind = _kind(event_type, fields)
    return ProviderReport(
        workspace=workspace,
        message=message,
        kind=kind,
        at=instant(fields.get("timestamp") or event["time"]),
        addresses=tuple(_addresses(fields)),
        has_several_receivers=len(mail.get("destination") or ()) > 1,
        detail=_detail(fields),
        link=fields.get("link"),
    )


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], ProviderReport | None]]] = {
    "aws.ses": _report_of_ses,
    SMS_EVENTS: report_of_sms,
}
"""By the `source` of an event of EventBridge."""

_FIELD_OF_TYPE: Final = {
    "Delivery": "delivery",
    "DeliveryDelay": "deliveryDelay",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Reject": "reject",
    "Rendering Failure": "failure",
    "Open": "open",
    "Click": "click",
}
"""The name of the object that describes an event of SES, by the type of the event. Events of other types report nothing."""

_KIND_OF_TYPE: Final = {
    "Delivery": ReportKind.DELIVERED,
    "DeliveryDelay": ReportKind.DELAYED,
    "Reject": ReportKind.REJECTED,
    "Rendering Failure": ReportKind.REJECTED,
    "Open": ReportKind.OPENED,
    "Click": ReportKind.CLICKED,
}


def _kind(event_type: str, fields: Mapping[str, Any]) -> ReportKind:
    if event_type == "Bounce":
        return ReportKind.BOUNCED if fields["bounceType"] == "Permanent" else ReportKind.SOFT_BOUNCED
    if event_type == "Complaint":
        # A mailbox provider sends the type `not-spam` when a person takes a message out of the spam folder: the opposite of a complaint.
        return ReportKind.DELIVERED if fields.get("complaintFeedbackType") == "not-spam" else ReportKind.COMPLAINED
    return _KIND_OF_TYPE[event_type]


def _addresses(fields: Mapping[str, Any]) -> list[str]:
    """The receivers that an event of SES is about."""
    named = [
        each["emailAddress"]
        for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients")
        for each in fields.get(name) or ()
    ]
    # SES repeats what a mail server has written, which may be an address with a display name.
    texts = [*named, *(fields.get("recipients") or ())]
    found = [(text, mailbox(text)) for text in texts if isinstance(text, str)]
    return [box.address if box else text.strip() for text, box in found]


def _detail(fields: Mapping[str, Any]) -> str:
    codes = [each.get("diagnosticCode") for each in fields.get("bouncedRecipients") or ()]
    names = ("bounceType", "bounceSubType", "complaintFeedbackType", "complaintSubType", "delayType", "reason", "errorMessage")
    return "; ".join(str(each) for each in (*(fields.get(name) for name in names), *codes) if each)


def _first(values: Any) -> str | None:
    """The value of a tag, which SES gives as a list."""
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else None
