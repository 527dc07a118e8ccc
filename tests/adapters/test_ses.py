"""E-mail: who it goes to, what SES is asked, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.stub import Stubber

from tests.fakes.messages import NOW, pending_message
from waypost.adapters.aws import client
from waypost.adapters.ses import SesChannel
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.messages.message import MessageReason, PreparedMessage, SkipReason

SES = SesChannel("waypost@example.com", "reports")
RENDERED = {"subject": "Hi", "text": "Hello", "html": "<p>Hello</p>"}
ADDRESSED = PreparedMessage("ada@example.com", {**RENDERED, "from": "waypost@example.com", "to": "ada@example.com"})


def customer(primary_key: object = None, **attributes: Any) -> Customer:
    """A customer with this primary key and these attributes."""
    primary = Identifier("primary", str(primary_key)) if primary_key is not None else None
    return Customer("w1", "c_1", primary, primary_key, (), attributes, {})


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """SES, answering as each test says."""
    client.cache_clear()
    with Stubber(client("sesv2", read_timeout=10, attempts=1)) as stubber:
        yield stubber
    client.cache_clear()


@pytest.mark.parametrize(
    ("template", "who", "to"),
    [
        ({}, customer(email="ada@example.com"), "ada@example.com"),
        ({}, customer("ada@example.com"), "ada@example.com"),
        ({}, customer("ada@example.com", email="new@example.com"), "new@example.com"),
        ({}, customer("ada@example.com", email="gone"), "ada@example.com"),
        ({"to": "Boss <boss@example.com>"}, customer(email="ada@example.com"), "boss@example.com"),
        ({"to": " boss@example.com "}, customer(), "boss@example.com"),
        ({}, customer(), None),
        ({}, customer("u-17", email=None), None),
        ({}, customer(17, email=17), None),
        ({"to": ""}, customer(email="ada@example.com"), None),
        ({"to": '"Lovelace, Ada" <ada@example.com>'}, customer(), "ada@example.com"),
        ({"to": "ada@example.com, eve@example.com"}, customer(), None),
        ({"to": "ada@example.com;eve@example.com"}, customer(), None),
    ],
)
def test_who_a_mail_goes_to(template: dict[str, str], who: Customer, to: str | None) -> None:
    """The template's `to`, else the customer's email, else a primary key that is an address, else nobody."""
    found = SES.prepare({**RENDERED, **template}, who)
    assert (found.to if isinstance(found, PreparedMessage) else found.reason) == (to or MessageReason.NO_ADDRESS)


@pytest.mark.parametrize(
    ("template", "stack", "sender"),
    [
        ({}, "stack@example.com", "stack@example.com"),
        ({"from": "Me <me@example.com>"}, "", "Me <me@example.com>"),
        ({"from": ""}, "s@e.com", "s@e.com"),
    ],
)
def test_who_a_mail_comes_from(template: dict[str, str], stack: str, sender: str) -> None:
    """The template's `from`, else the stack's sender."""
    found = SesChannel(stack, "").prepare({**RENDERED, **template}, customer(email="ada@example.com"))
    assert isinstance(found, PreparedMessage)
    assert found.rendered["from"] == sender


def test_without_a_sender_there_is_no_mail() -> None:
    """A stack without a sender address skips the message and says so."""
    assert SesChannel("", "").prepare(RENDERED, customer(email="ada@example.com")) == SkipReason(MessageReason.NO_SENDER)


def test_a_subject_is_one_line() -> None:
    """A line break in a customer's name is no second header."""
    found = SES.prepare({**RENDERED, "subject": "Hi Ada\r\nBcc: eve@example.com"}, customer(email="ada@example.com"))
    assert isinstance(found, PreparedMessage)
    assert found.rendered["subject"] == "Hi Ada Bcc: eve@example.com"


def test_what_ses_is_asked(stub: Stubber) -> None:
    """One receiver, both parts, and the message's id as a tag, so that reports find their message."""
    content = {"Data": "Hello", "Charset": "UTF-8"}
    request = {
        "FromEmailAddress": "waypost@example.com",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "Hi", "Charset": "UTF-8"},
                "Body": {"Text": content, "Html": {"Data": "<p>Hello</p>", "Charset": "UTF-8"}},
            }
        },
        "EmailTags": [{"Name": "waypost-message", "Value": "msg_1"}, {"Name": "waypost-workspace", "Value": "w1"}],
        "ConfigurationSetName": "reports",
    }
    stub.add_response("send_email", {"MessageId": "0100"}, request)
    answer = SES.call_provider(pending_message(), ADDRESSED, NOW)
    assert (answer.outcome, answer.detail) == ("sent", "0100")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 429, "refused"),
        ("Anything", 429, "refused"),
        ("ThrottlingException", 400, "refused"),
        ("Throttling", 400, "refused"),
        ("LimitExceededException", 400, "refused"),
        ("SendingPausedException", 400, "refused"),
        ("AccountSuspendedException", 400, "refused"),
        ("ExpiredTokenException", 403, "refused"),
        ("MessageRejected", 400, "failed"),
        ("MailFromDomainNotVerifiedException", 400, "failed"),
        ("BadRequestException", 400, "failed"),
        ("NotFoundException", 404, "failed"),
        ("AccessDeniedException", 403, "failed"),
        ("InternalFailure", 500, "unknown"),
        ("ServiceUnavailable", 503, "unknown"),
        ("Whatever", 502, "unknown"),
    ],
)
def test_what_an_error_of_ses_means(stub: Stubber, code: str, status: int, kind: str) -> None:
    """Throttled or paused: later. Another 4xx: never. 5xx: it may have gone out."""
    stub.add_client_error("send_email", code, "because", http_status_code=status)
    answer = SES.call_provider(pending_message(), ADDRESSED, NOW)
    assert (answer.outcome, answer.detail) == (kind, f"{code}: because")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointConnectionError(endpoint_url="x"), "refused"),
        (ConnectTimeoutError(endpoint_url="x"), "refused"),
        (NoCredentialsError(), "refused"),
        (ReadTimeoutError(endpoint_url="x"), "unknown"),
        (ConnectionClosedError(endpoint_url="x"), "unknown"),
        (SSLError(endpoint_url="x", error="reset"), "unknown"),
    ],
)
def test_what_a_broken_connection_means(monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str) -> None:
    """Nobody reached: certainly not sent. Reached and no answer: nobody knows."""
    asked: list[str] = []

    class Broken:
        def send_email(self, **_: Any) -> None:
            asked.append("send_email")
            raise error

    monkeypatch.setattr("waypost.adapters.ses.client", lambda *_, **__: Broken())
    assert SES.call_provider(pending_message(), ADDRESSED, NOW).outcome == kind
    assert asked == ["send_email"]


def test_botocore_itself_never_calls_ses_twice() -> None:
    """Its default retries a read timeout: two mails in one call."""
    client.cache_clear()
    made = client("sesv2", read_timeout=10, attempts=1)
    assert made.meta.config.retries["total_max_attempts"] == 1
