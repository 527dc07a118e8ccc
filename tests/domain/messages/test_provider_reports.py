"""What the documented events of SES report of a message."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.messages import NOW
from tests.fakes.ses_events import ses_event
from waypost.domain.messages.provider_report import ProviderReport, ReportKind
from waypost.domain.messages.provider_reports import report_in


def read(event: dict[str, Any]) -> ProviderReport | None:
    """The report in an event, as the queue delivers it."""
    return report_in(json.dumps(event))


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        pytest.param(ses_event("Delivery"), ReportKind.DELIVERED, id="delivery"),
        pytest.param(ses_event("DeliveryDelay"), ReportKind.DELAYED, id="delay"),
        pytest.param(ses_event("Bounce"), ReportKind.BOUNCED, id="permanent bounce"),
        pytest.param(ses_event("Bounce", {"bounceType": "Transient"}), ReportKind.SOFT_BOUNCED, id="transient bounce"),
        pytest.param(ses_event("Bounce", {"bounceType": "Undetermined"}), ReportKind.SOFT_BOUNCED, id="undetermined bounce"),
        pytest.param(ses_event("Complaint"), ReportKind.COMPLAINED, id="complaint"),
        pytest.param(ses_event("Complaint", {"complaintFeedbackType": None}), ReportKind.COMPLAINED, id="complaint without a type"),
        pytest.param(ses_event("Complaint", {"complaintFeedbackType": "not-spam"}), ReportKind.DELIVERED, id="taken out of the spam"),
        pytest.param(ses_event("Reject"), ReportKind.REJECTED, id="reject"),
        pytest.param(ses_event("Rendering Failure"), ReportKind.REJECTED, id="rendering failure"),
        pytest.param(ses_event("Open"), ReportKind.OPENED, id="open"),
        pytest.param(ses_event("Click"), ReportKind.CLICKED, id="click"),
    ],
)
def test_each_documented_event_is_a_report_about_its_message(event: dict[str, Any], kind: ReportKind) -> None:
    """An event of SES reports its kind about the message and the workspace in its tags, at the time that it names."""
    report = read(event)
    assert report is not None
    assert (report.workspace, report.message, report.kind, report.at) == ("w1", "msg_1", kind, NOW)


@pytest.mark.parametrize("event_type", ["Bounce", "Complaint", "Delivery", "DeliveryDelay"])
def test_a_report_names_the_receivers_of_the_event_and_not_of_the_message(event_type: str) -> None:
    """Of a message with two receivers, the report is about the one that the event names."""
    event = ses_event(event_type, to=["copy@example.com"])
    event["detail"]["mail"]["destination"] = ["ada@example.com", "copy@example.com"]
    report = read(event)
    assert report is not None
    assert (report.addresses, report.has_several_receivers) == (("copy@example.com",), True)


def test_an_address_with_a_name_is_read_as_the_address() -> None:
    """A mail server may report the receiver with a display name."""
    report = read(ses_event("Bounce", to=["Ada <ada@example.com>"]))
    assert report is not None
    assert report.addresses == ("ada@example.com",)


def test_a_click_has_its_link_and_a_bounce_its_cause() -> None:
    """A report of a click names the URL, and one of a bounce the type and the answer of the mail server."""
    clicked, bounced = read(ses_event("Click")), read(ses_event("Bounce"))
    assert clicked is not None
    assert bounced is not None
    assert clicked.link == "https://example.com/offer"
    assert bounced.detail == "Permanent; General; smtp; 550 user unknown"


def test_an_event_without_a_time_of_its_own_has_that_of_its_envelope() -> None:
    """A reject names no time; it has that at which SES has published the event."""
    report = read(ses_event("Reject", at=NOW + timedelta(minutes=1)))
    assert report is not None
    assert report.at == NOW + timedelta(minutes=1)


def _with_tags(tags: Any) -> dict[str, Any]:
    event = ses_event("Bounce")
    event["detail"]["mail"]["tags"] = tags
    return event


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(ses_event("Send"), id="send"),
        pytest.param(_with_tags({"waypost-message": ["msg_1"]}), id="no workspace"),
        pytest.param(_with_tags({"ses:configuration-set": ["waypost"]}), id="e-mail of another sender"),
        pytest.param(_with_tags(None), id="no tags"),
        pytest.param(_with_tags({"waypost-message": ["w1#msg_1#rendered"], "waypost-workspace": ["w1"]}), id="no message id"),
        pytest.param(_with_tags({"waypost-message": [], "waypost-workspace": ["w1"]}), id="empty tag"),
        pytest.param({**ses_event("Bounce"), "source": "aws.other"}, id="another service"),
    ],
)
def test_an_event_about_no_message_of_waypost_reports_nothing(event: dict[str, Any]) -> None:
    """Events of other types, senders and services, and those whose tags name no message, are no reports and no errors."""
    assert read(event) is None


def test_an_event_of_a_type_that_is_not_known_yet_reports_nothing() -> None:
    """A type of event that SES may add is no error."""
    event = ses_event("Bounce")
    event["detail"]["eventType"] = "Forward"
    assert read(event) is None


@pytest.mark.parametrize(
    "body",
    ["", "no JSON", "[]", "{}", '{"source": "aws.ses"}', '{"source": "aws.ses", "detail": {"eventType": "Bounce"}}'],
)
def test_a_text_that_is_no_event_is_an_error(body: str) -> None:
    """A record that has not the documented form of a report raises an error, so that it ends in the dead-letter queue."""
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        report_in(body)
