"""E-mail: receiver, sender, the request to SES, and the outcome of each response."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.utils import getaddresses
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
from botocore.validate import ParamValidator

from tests.fakes.messages import NOW, pending_message
from waypost.adapters.aws import client
from waypost.adapters.ses import SesChannel
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.messages.message import MessageReason, PreparedMessage, SkipReason

SES = SesChannel("waypost@example.com", "reports")
RENDERED = {"subject": "Hi", "text": "Hello", "html": "<p>Hello</p>"}
PREPARED = PreparedMessage("ada@example.com", {**RENDERED, "from": "waypost@example.com", "to": "ada@example.com"})


def customer(primary_key: object = None, **attributes: Any) -> Customer:
    """A customer with this primary key and these attributes."""
    primary = Identifier("primary", str(primary_key)) if primary_key is not None else None
    return Customer("w1", "c_1", primary, primary_key, (), attributes, {})


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """SES, with the responses that each test adds."""
    client.cache_clear()
    with Stubber(client("sesv2", read_timeout=10, attempts=1)) as stubber:
        yield stubber
    client.cache_clear()


@pytest.mark.parametrize(
    ("template", "recipient", "to"),
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
def test_the_receiver_of_an_email(template: dict[str, str], recipient: Customer, to: str | None) -> None:
    """The receiver is the template's `to`, else the attribute `email`, else a primary key that is an address; two receivers are none."""
    prepared = SES.prepare({**RENDERED, **template}, recipient)
    assert (prepared.to if isinstance(prepared, PreparedMessage) else prepared.reason) == (to or MessageReason.NO_ADDRESS)


@pytest.mark.parametrize(
    ("template", "default", "sender"),
    [
        ({}, "stack@example.com", "stack@example.com"),
        ({"from": "Me <me@example.com>"}, "", "Me <me@example.com>"),
        ({"from": ""}, "s@e.com", "s@e.com"),
    ],
)
def test_the_sender_of_an_email(template: dict[str, str], default: str, sender: str) -> None:
    """The sender is the template's `from`, else the sender of the stack."""
    prepared = SesChannel(default, "").prepare({**RENDERED, **template}, customer(email="ada@example.com"))
    assert isinstance(prepared, PreparedMessage)
    assert prepared.rendered["from"] == sender


@pytest.mark.parametrize(
    ("written", "header"),
    [
        ("Ann <ann@example.com>", "Ann <ann@example.com>"),
        ("Doe, Ann <ann@example.com>", '"Doe, Ann" <ann@example.com>'),
        ('"Doe, Ann" <ann@example.com>', '"Doe, Ann" <ann@example.com>'),
        ('Ann "the boss" Doe <ann@example.com>', r'"Ann \"the boss\" Doe" <ann@example.com>'),
        ("Ann\r\nBcc: eve@example.com <ann@example.com>", '"Ann Bcc: eve@example.com" <ann@example.com>'),
        ("ann@example.com <ann@example.com>", '"ann@example.com" <ann@example.com>'),
        ("<ann@example.com>", "ann@example.com"),
        ("ann@example.com (Ann)", "Ann <ann@example.com>"),
        ("Zoë <zoe@example.com>", "=?utf-8?q?Zo=C3=AB?= <zoe@example.com>"),
        ("Doe, Zoë <zoe@example.com>", "=?utf-8?b?RG9lLCBab8Or?= <zoe@example.com>"),
        ("zoe@münchen.example", "zoe@xn--mnchen-3ya.example"),
        ("zoe@straße.example", "zoe@xn--strae-oqa.example"),
        ("a+b.c'd@sub.example.co", "a+b.c'd@sub.example.co"),
    ],
)
def test_address_headers_are_composed(stub: Stubber, written: str, header: str) -> None:
    """A name reaches SES encoded or quoted, and a domain in punycode, in `to` and in `from`, whatever the name contains."""
    prepared = SES.prepare({**RENDERED, "to": written, "from": written}, customer())
    assert isinstance(prepared, PreparedMessage)
    assert (prepared.rendered["to"], prepared.rendered["from"]) == (header, header)
    assert header.isascii()
    assert [address for _, address in getaddresses([header])] == [prepared.to]
    stub.add_response("send_email", {"MessageId": "1"}, None)
    assert SES.call_provider(pending_message(), prepared, NOW).outcome == "sent"


@pytest.mark.parametrize(
    "written",
    [
        "zoë@example.com",
        "Zoë <zoë@example.com>",
        "ann smith@example.com",
        "ann@example",
        "ann@.example.com",
        "ann@exa mple.com",
        "@example.com",
        "Doe, Ann",
        "x" * 65 + "@example.com",
        "eve@example.com, Ann <ann@example.com>",
        "Eve <eve@example.com>, Ann <ann@example.com>",
        "eve@example.com; Ann <ann@example.com>",
        "Ann <ann@example.com> Eve",
        "",
    ],
)
def test_an_address_that_ses_does_not_take_is_none(written: str) -> None:
    """A receiver that SES would refuse, or that is not exactly one, skips the message with no-address, and such a sender with no-sender."""
    to = SES.prepare({**RENDERED, "to": written}, customer(email="ada@example.com"))
    assert isinstance(to, SkipReason)
    assert to.reason is MessageReason.NO_ADDRESS
    sender = SES.prepare({**RENDERED, "from": written or "nobody"}, customer(email="ada@example.com"))
    assert sender == SkipReason(MessageReason.NO_SENDER, "`from` is not exactly one address")


def test_an_unusable_attribute_gives_way_to_the_primary_key() -> None:
    """An attribute `email` that SES does not take is no receiver; a primary key that is an address is one."""
    prepared = SES.prepare(RENDERED, customer("zoe@example.com", email="zoë@example.com"))
    assert isinstance(prepared, PreparedMessage)
    assert prepared.to == "zoe@example.com"


def test_a_long_name_is_split_into_words_of_75_characters() -> None:
    """A long name in another script becomes several encoded words of at most 75 characters (RFC 2047) on one line."""
    prepared = SES.prepare({**RENDERED, "to": "Ж" * 150 + " <ann@example.com>"}, customer())
    assert isinstance(prepared, PreparedMessage)
    words = prepared.rendered["to"].split()
    assert len(words) > 2
    assert max(map(len, words)) <= 75
    assert "\n" not in prepared.rendered["to"]


def test_an_email_without_a_sender_is_skipped() -> None:
    """If neither the template nor the stack has a sender, the message is skipped with the reason no-sender."""
    assert SesChannel("", "").prepare(RENDERED, customer(email="ada@example.com")) == SkipReason(MessageReason.NO_SENDER)


def test_a_subject_is_one_line() -> None:
    """A line break in a rendered subject becomes a space, so that it cannot start another header."""
    prepared = SES.prepare({**RENDERED, "subject": "Hi Ada\r\nBcc: eve@example.com"}, customer(email="ada@example.com"))
    assert isinstance(prepared, PreparedMessage)
    assert prepared.rendered["subject"] == "Hi Ada Bcc: eve@example.com"


def test_the_request_to_ses(stub: Stubber) -> None:
    """The request has one receiver, both parts, the configuration set, and tags with the ids of message and workspace."""
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
    response = SES.call_provider(pending_message(), PREPARED, NOW)
    assert (response.outcome, response.detail) == ("sent", "0100")


FURTHER = {
    "replyTo": " Zoë <help@example.com> ",
    "cc": ["Ann <ann@example.com>", "log@münchen.example"],
    "bcc": ["audit@example.com"],
    "headers": {"X-Order": " 17 ", "In-Reply-To": "", "Feedback-ID": "a:b:c:d"},
}


def test_the_request_with_all_fields_of_a_template(stub: Stubber) -> None:
    """`replyTo`, `cc`, `bcc` and headers are in the request as SES takes them; a header that is blank after rendering is left out."""
    prepared = SES.prepare({**RENDERED, **FURTHER}, customer(email="ada@example.com"))
    assert isinstance(prepared, PreparedMessage)
    assert prepared.to == "ada@example.com"
    sent: list[dict[str, Any]] = []
    client("sesv2", read_timeout=10, attempts=1).meta.events.register(
        "before-parameter-build.sesv2.SendEmail", lambda params, **_: sent.append(params)
    )
    stub.add_response("send_email", {"MessageId": "0100"}, None)
    assert SES.call_provider(pending_message(), prepared, NOW).outcome == "sent"
    [request] = sent
    assert request["ReplyToAddresses"] == ["=?utf-8?q?Zo=C3=AB?= <help@example.com>"]
    assert request["Destination"] == {
        "ToAddresses": ["ada@example.com"],
        "CcAddresses": ["Ann <ann@example.com>", "log@xn--mnchen-3ya.example"],
        "BccAddresses": ["audit@example.com"],
    }
    assert request["Content"]["Simple"]["Headers"] == [{"Name": "X-Order", "Value": "17"}, {"Name": "Feedback-ID", "Value": "a:b:c:d"}]


@pytest.mark.parametrize("written", ["", " ", "\n"])
def test_a_blank_reply_address_is_none(stub: Stubber, written: str) -> None:
    """Where `replyTo` renders as nothing, answers go to the sender."""
    prepared = SES.prepare({**RENDERED, "replyTo": written, "headers": {"X-A": written}}, customer(email="ada@example.com"))
    assert isinstance(prepared, PreparedMessage)
    assert not {"replyTo", "headers"} & prepared.rendered.keys()


@pytest.mark.parametrize(
    ("template", "detail"),
    [
        ({"replyTo": "ann@example.com, eve@example.com"}, "`replyTo` is not exactly one address"),
        ({"cc": ["ann@example.com", "nobody"]}, "an element of `cc` is not exactly one address"),
        ({"bcc": [""]}, "an element of `bcc` is not exactly one address"),
        (
            {"headers": {"X-A": "1\r\nBcc: eve@example.com"}},
            "header X-A: the value of a header consists of printable ASCII characters, in one line",
        ),
        ({"headers": {"X-A": "Zoë"}}, "header X-A: the value of a header consists of printable ASCII characters, in one line"),
        (
            {"headers": {"X-A": "a" * 994}},
            "header X-A: the name and the value of a header have at most 996 characters together, these have 997",
        ),
        ({"headers": {"List-Unsubscribe": "x"}}, "header List-Unsubscribe: a template may set X-... (but not X-SES-...), "),
        ({"headers": {f"X-{number}": "1" for number in range(14)}}, "an e-mail has at most 13 headers of its own"),
    ],
)
def test_a_rendered_field_that_ses_does_not_take_skips_the_email(template: dict[str, Any], detail: str) -> None:
    """After rendering, the same checks as at publish skip the message, with the reason template and the fault as its detail."""
    skipped = SES.prepare({**RENDERED, **template}, customer(email="ada@example.com"))
    assert isinstance(skipped, SkipReason)
    assert (skipped.reason, skipped.detail[: len(detail)]) == (MessageReason.TEMPLATE, detail)


def request_of(prepared: PreparedMessage) -> dict[str, Any]:
    """The request to SES for a message, which botocore's own model accepts."""
    request = SES._request(pending_message(), prepared)
    model = client("sesv2").meta.service_model.operation_model("SendEmail")
    assert not ParamValidator().validate(request, model.input_shape).has_errors()
    return request


def test_a_transactional_email_is_not_tracked() -> None:
    """The request turns both kinds of tracking off for this e-mail, whatever the configuration set does; another one says nothing."""
    off = {"Tracking": {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}}
    assert request_of(replace(PREPARED, is_tracked=False))["ConfigurationOverrides"] == off
    assert "ConfigurationOverrides" not in request_of(PREPARED)


def test_a_link_to_a_page_of_waypost_is_not_tracked() -> None:
    """The HTML part has the attribute of SES in the link; the text part, which SES does not track, stays."""
    link = "https://api.example.com/u/token"
    rendered = {**PREPARED.rendered, "text": link, "html": f'<a href="{link}">Stop</a>'}
    body = request_of(replace(PREPARED, rendered=rendered))["Content"]["Simple"]["Body"]
    assert (body["Text"]["Data"], body["Html"]["Data"]) == (link, f'<a ses:no-track href="{link}">Stop</a>')


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("TooManyRequestsException", 429, "throttled"),
        ("Anything", 429, "throttled"),
        ("ThrottlingException", 400, "throttled"),
        ("Throttling", 400, "throttled"),
        ("LimitExceededException", 400, "throttled"),
        ("SendingPausedException", 400, "throttled"),
        ("AccountSuspendedException", 400, "throttled"),
        ("ExpiredTokenException", 403, "throttled"),
        ("MessageRejected", 400, "failed"),
        ("MailFromDomainNotVerifiedException", 400, "failed"),
        ("BadRequestException", 400, "failed"),
        ("AccessDeniedException", 403, "throttled"),
        ("NotFoundException", 404, "throttled"),
        ("InternalFailure", 500, "unknown"),
        ("ServiceUnavailable", 503, "unknown"),
        ("Whatever", 502, "unknown"),
    ],
)
def test_the_outcome_of_an_error_of_ses(stub: Stubber, code: str, status: int, outcome: str) -> None:
    """What concerns the whole account is throttling, another 4xx a failure, and a 5xx an unknown outcome."""
    stub.add_client_error("send_email", code, "because", http_status_code=status)
    response = SES.call_provider(pending_message(), PREPARED, NOW)
    assert (response.outcome, response.detail) == (outcome, f"{code}: because")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (EndpointConnectionError(endpoint_url="x"), "refused"),
        (ConnectTimeoutError(endpoint_url="x"), "refused"),
        (NoCredentialsError(), "refused"),
        (ReadTimeoutError(endpoint_url="x"), "unknown"),
        (ConnectionClosedError(endpoint_url="x"), "unknown"),
        (SSLError(endpoint_url="x", error="reset"), "unknown"),
    ],
)
def test_the_outcome_of_a_connection_error(monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: str) -> None:
    """Without a connection the outcome is a refusal; an error after the connection is an unknown outcome. SES is called once."""
    calls: list[str] = []

    class BrokenClient:
        def send_email(self, **_: Any) -> None:
            calls.append("send_email")
            raise error

    monkeypatch.setattr("waypost.adapters.ses.client", lambda *_, **__: BrokenClient())
    assert SES.call_provider(pending_message(), PREPARED, NOW).outcome == outcome
    assert calls == ["send_email"]


def test_botocore_does_not_retry_a_call_of_ses() -> None:
    """The client of SES makes one attempt for each call; the default of botocore would repeat a call that timed out."""
    client.cache_clear()
    ses = client("sesv2", read_timeout=10, attempts=1)
    assert ses.meta.config.retries["total_max_attempts"] == 1


def test_an_email_with_a_link_has_the_headers_of_one_click(stub: Stubber) -> None:
    """`List-Unsubscribe` and `List-Unsubscribe-Post` come after the headers of the template.

    Without a link, or with one that is too long,
    there are none of them; there are never the contact lists of SES.
    """
    url = "https://example.com/u/token"
    for link, added in (
        (url, [("X-A", "1"), ("List-Unsubscribe", f"<{url}>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]),
        (None, [("X-A", "1")]),
        ("https://example.com/" + "a" * 980, [("X-A", "1")]),
    ):
        prepared = replace(PREPARED, rendered={**PREPARED.rendered, "headers": {"X-A": "1"}}, unsubscribe_url=link)
        request = SES._request(pending_message(), prepared)
        assert [(each["Name"], each["Value"]) for each in request["Content"]["Simple"]["Headers"]] == added
        assert "ListManagementOptions" not in request
        stub.add_response("send_email", {"MessageId": "ses-1"}, request)
        assert SES.call_provider(pending_message(), prepared, NOW).outcome == "sent"
