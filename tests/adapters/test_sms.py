"""SMS: receiver, text, the request to AWS by a real boto3 client, and the outcome of each response."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError
from botocore.stub import Stubber

from functions.local.providers import PlannedResponse, Providers, running_providers
from tests.fakes.messages import NOW, pending_message
from waypost.adapters.aws import client
from waypost.adapters.sms import SmsChannel
from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import MessageReason, PreparedMessage, SkipReason

NUMBER = "+4915112345678"
SMS = SmsChannel("Shop", "TRANSACTIONAL", "reports")
MESSAGE = pending_message(channel="sms")
PREPARED = PreparedMessage(NUMBER, {"to": NUMBER, "text": "Hello", "type": "TRANSACTIONAL", "encoding": "GSM-7", "segments": 1})


def customer(**attributes: Any) -> Customer:
    """A customer with these attributes."""
    return Customer("w1", "c_1", None, None, (), attributes, {})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    """The emulator of the SMS service, which the channel calls by its endpoint variable."""
    with running_providers() as providers:
        for name, value in providers.environment().items():
            monkeypatch.setenv(name, value)
        client.cache_clear()
        yield providers
    client.cache_clear()


@pytest.mark.parametrize(
    ("template", "recipient", "to"),
    [
        ({}, customer(phone="+49 151 12345678"), NUMBER),
        ({"to": "+49 (151) 1234-5678"}, customer(phone="+12065550142"), NUMBER),
        ({"to": ""}, customer(phone=NUMBER), None),
        ({"to": "0151 12345678"}, customer(phone=NUMBER), None),
        ({}, customer(phone="0151 12345678"), None),
        ({}, customer(phone=4915112345678), None),
        ({}, customer(), None),
    ],
)
def test_the_receiver_is_a_number_with_a_country_code(template: dict[str, str], recipient: Customer, to: str | None) -> None:
    """`to` of the template comes before the attribute `phone`; without a number in E.164 nothing is sent."""
    prepared = SMS.prepare({"text": "Hi", **template}, recipient)
    if isinstance(prepared, SkipReason):
        assert (prepared.reason, to) == (MessageReason.NO_ADDRESS, None)
    else:
        assert (prepared.to, prepared.rendered["to"]) == (to, to)


def test_a_prepared_text_shows_its_parts() -> None:
    """The stored message has the text without blanks around it, the type, the encoding and the number of parts."""
    prepared = SMS.prepare({"text": f" {'ж' * 71}\n", "type": "promotional"}, customer(phone=NUMBER))
    assert prepared == PreparedMessage(NUMBER, {"to": NUMBER, "text": "ж" * 71, "type": "promotional", "encoding": "UCS-2", "segments": 2})


@pytest.mark.parametrize(("text", "sent"), [("a" * 1600, True), ("a" * 1601, False), (" \n", False)])
def test_a_text_has_at_most_1600_characters(text: str, sent: bool) -> None:
    """A longer text and a blank one are not sent, reason `template`."""
    prepared = SMS.prepare({"text": text}, customer(phone=NUMBER))
    assert isinstance(prepared, PreparedMessage) == sent
    assert sent or (isinstance(prepared, SkipReason) and prepared.reason is MessageReason.TEMPLATE)


def test_without_an_origination_nothing_is_sent() -> None:
    """A stack without SmsOriginationIdentity skips the message, reason `no-sender`."""
    skipped = SmsChannel("", "TRANSACTIONAL", "").prepare({"text": "Hi"}, customer(phone=NUMBER))
    assert isinstance(skipped, SkipReason)
    assert skipped.reason is MessageReason.NO_SENDER


def test_the_request_has_everything_that_joins_its_reports(aws: Providers) -> None:
    """Origination, type, configuration set, and the ids of message and workspace in the context; the detail has id and parts."""
    response = SMS.call_provider(MESSAGE, PREPARED, NOW)
    [text] = aws.texts()
    assert text["request"] == {
        "DestinationPhoneNumber": NUMBER,
        "OriginationIdentity": "Shop",
        "MessageBody": "Hello",
        "MessageType": "TRANSACTIONAL",
        "Context": {"waypost-message": "msg_1", "waypost-workspace": "w1"},
        "ConfigurationSetName": "reports",
    }
    assert (response.outcome, response.detail) == ("sent", f"{text['messageId']} (1 x GSM-7)")


def test_the_template_decides_the_type(aws: Providers) -> None:
    """A `type` of the template replaces that of the stack, and an empty configuration set is left out."""
    promotional = replace(PREPARED, rendered={**PREPARED.rendered, "type": "promotional"})
    SmsChannel("Shop", "TRANSACTIONAL", "").call_provider(MESSAGE, promotional, NOW)
    [text] = aws.texts()
    assert text["type"] == "PROMOTIONAL"
    assert "ConfigurationSetName" not in text["request"]


@pytest.mark.parametrize(
    ("error", "reason", "outcome"),
    [
        ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", "opted-out"),
        ("ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND", "throttled"),
        ("ConflictException", "RESOURCE_NOT_ACTIVE", "throttled"),
        ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED", "failed"),
        ("ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", "failed"),
        ("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", "throttled"),
        ("ThrottlingException", "", "throttled"),
        ("AccessDeniedException", "ACCOUNT_DISABLED", "throttled"),
        ("ResourceNotFoundException", "", "throttled"),
        ("ValidationException", "INVALID_PARAMETER", "failed"),
        ("InternalServerException", "", "unknown"),
    ],
)
def test_an_error_has_its_outcome(aws: Providers, error: str, reason: str, outcome: str) -> None:
    """Each documented error, as the real client reads it, has the outcome of the page; code and reason are in the detail."""
    aws.plan(NUMBER, PlannedResponse.parse({"error": error, "message": "why", "body": {"Reason": reason} if reason else {}}))
    response = SMS.call_provider(MESSAGE, PREPARED, NOW)
    assert response.outcome == outcome
    assert response.detail == ": ".join(part for part in (error, reason, "why") if part)
    assert aws.texts() == []


@pytest.mark.parametrize("plan", [{"reset": True}, {"reset": True, "accept": True}, {"truncate": True}], ids=str)
def test_a_lost_answer_is_unknown(aws: Providers, plan: dict[str, Any]) -> None:
    """A connection that breaks and half an answer are `unknown`, and there is no second call: another attempt could send the text twice."""
    aws.plan(NUMBER, PlannedResponse.parse(plan))
    assert SMS.call_provider(MESSAGE, PREPARED, NOW).outcome == "unknown"
    assert len(aws.texts()) == (0 if plan == {"reset": True} else 1)


def test_a_wrong_request_is_failed(aws: Providers) -> None:
    """What the service itself finds wrong is a ValidationException with the field, and the message has failed."""
    response = SmsChannel("", "TRANSACTIONAL", "").call_provider(MESSAGE, PREPARED, NOW)
    assert response.outcome == "failed"
    assert response.detail.startswith("ValidationException: FIELD_VALIDATION_FAILED: OriginationIdentity")


def test_no_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a connection, and without credentials, the text was certainly not sent."""
    client.cache_clear()
    service = client("pinpoint-sms-voice-v2", read_timeout=10, attempts=1)
    for error in (ConnectTimeoutError(endpoint_url="https://sms-voice"), NoCredentialsError()):
        with Stubber(service) as stubber:
            monkeypatch.setattr(service, "send_text_message", lambda error=error, **_: (_ for _ in ()).throw(error))
            assert SMS.call_provider(MESSAGE, PREPARED, NOW).outcome == "refused"
            stubber.assert_no_pending_responses()
    client.cache_clear()
