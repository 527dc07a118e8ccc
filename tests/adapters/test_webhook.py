"""Webhooks: the request that a receiver gets and what its answer means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.fakes.messages import pending_message
from tests.fakes.receiver import Receiver, respond
from waypost.adapters.pinned_http import AddressRefusedError, HttpResponse, NotConnectedError, PinnedHttp
from waypost.adapters.webhook import HttpClient, WebhookChannel
from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import MessageReason, PreparedMessage, ProviderResponse, SkipReason
from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of

NOW = datetime.now(UTC)  # the oracle compares the timestamp with its own clock
ADA = Customer("w1", "c_1", None, None, (), {}, {})
OLD, NEW = secret_of(b"o" * 24), secret_of(b"n" * 24)


class TwoSecrets:
    """A workspace that rotated its secret some time ago."""

    def __init__(self, ago: timedelta = timedelta(hours=1)) -> None:
        self.ago = ago

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        assert workspace == "w1"
        return WebhookSecrets((NEW, OLD), now - self.ago)


class Told:
    """A transport that answers, or fails, as it is told."""

    def __init__(self, outcome: HttpResponse | Exception) -> None:
        self.outcome = outcome

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def channel(http: HttpClient, *, local: bool = False) -> WebhookChannel:
    """The channel of a workspace in the middle of a rotation."""
    return WebhookChannel(TwoSecrets(), http, local=local)


def prepared(template: dict[str, Any], *, local: bool = False) -> PreparedMessage | SkipReason:
    """What a rendered template becomes."""
    return channel(PinnedHttp(), local=local).prepare(template, ADA)


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    """A receiver that says ok, and its address."""
    made = Receiver(respond(200, body=b"ok"))
    with made.serving() as port:
        yield made, f"http://127.0.0.1:{port}/hook?a=1"


def send(url: str, **template: Any) -> ProviderResponse:
    """Sends to a receiver on this machine."""
    made = prepared({"url": url, "method": "POST", "headers": {}, **template}, local=True)
    assert isinstance(made, PreparedMessage)
    return channel(PinnedHttp(), local=True).call_provider(pending_message(channel="webhook"), made, NOW)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_receiver_gets_signed_json(receiver: tuple[Receiver, str], secret: str) -> None:
    """Any Standard Webhooks library verifies it with either secret; the id is the message's."""
    assert send(receiver[1], json={"who": "Zoë", "none": None}) == ProviderResponse("sent", "HTTP 200: ok")
    [request] = receiver[0].received
    assert request.line == "POST /hook?a=1 HTTP/1.1"
    assert Webhook(secret).verify(request.body, dict(request.headers)) == {"who": "Zoë", "none": None}
    assert (request.headers["webhook-id"], request.headers["Content-Type"]) == ("msg_1", "application/json")


def test_a_day_after_a_rotation_only_the_new_secret_signs(receiver: tuple[Receiver, str]) -> None:
    """The old one is dead on the wire, too."""
    made = prepared({"url": receiver[1]}, local=True)
    assert isinstance(made, PreparedMessage)
    WebhookChannel(TwoSecrets(timedelta(days=2)), PinnedHttp(), local=True).call_provider(pending_message(channel="webhook"), made, NOW)
    assert len(receiver[0].received[0].headers["webhook-signature"].split()) == 1


@pytest.mark.parametrize(
    ("template", "line", "kind", "body"),
    [
        ({}, "POST", "application/json", b"{}"),
        ({"body": "plain é", "headers": {"content-type": "text/plain"}}, "POST", "text/plain", "plain é".encode()),
        ({"body": ""}, "POST", "application/json", b""),
        ({"method": "PUT", "json": [1, "a"]}, "PUT", "application/json", b'[1,"a"]'),
        ({"method": "GET"}, "GET", None, b""),
        ({"method": "DELETE", "headers": {"X-Team": "Zoë"}}, "DELETE", None, b""),
    ],
)
def test_a_template_may_say_otherwise(
    receiver: tuple[Receiver, str], template: dict[str, Any], line: str, kind: str | None, body: bytes
) -> None:
    """Method, body and content type are the template's where it names them."""
    assert send(receiver[1], **template).outcome == "sent"
    [request] = receiver[0].received
    assert (request.line.split()[0], request.headers["Content-Type"], request.body) == (line, kind, body)


def test_our_headers_are_ours(receiver: tuple[Receiver, str]) -> None:
    """A template cannot sign in our name with another id."""
    send(receiver[1], headers={"Webhook-Id": "msg_2", "User-Agent": "Team"})
    headers = receiver[0].received[0].headers
    assert headers.get_all("webhook-id") == ["msg_1"]
    assert headers.get_all("user-agent") == ["Team"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "sent") for status in (200, 201, 204, 299)),
        *((status, "refused") for status in (408, 425, 429, 500, 501, 502, 503, 504, 599)),
        *((status, "failed") for status in (101, 301, 302, 304, 400, 401, 403, 404, 409, 422)),
        (410, "gone"),
    ],
)
def test_what_a_status_means(status: int, kind: str) -> None:
    """408, 425, 429 and 5xx are tried again, 410 ends the endpoint, all else that is no 2xx is final."""
    answer = channel(Told(HttpResponse(status, {}, b""))).call_provider(
        pending_message(), PreparedMessage("x", {"url": "", "method": "POST", "headers": {}, "body": "{}"}), NOW
    )
    assert (answer.outcome, answer.detail) == (kind, f"HTTP {status}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotConnectedError("nobody"), "refused"),
        (AddressRefusedError("private"), "failed"),
        (TimeoutError(), "unknown"),
        (ConnectionResetError(), "unknown"),
    ],
)
def test_what_a_broken_connection_means(error: Exception, kind: str) -> None:
    """Not reached: later. A private address: never. Broken off: it may have arrived."""
    made = PreparedMessage("x", {"url": "", "method": "POST", "headers": {}, "body": "{}"})
    assert channel(Told(error)).call_provider(pending_message(), made, NOW).outcome == kind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        pytest.param(format_datetime(NOW.replace(microsecond=0) + timedelta(seconds=90), usegmt=True), 90, id="in 90 seconds"),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
        ("9" * 400, float("inf")),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """Both forms of RFC 9110; anything else is as if it were not there."""
    made = PreparedMessage("x", {"url": "", "method": "POST", "headers": {}, "body": "{}"})
    answer = channel(Told(HttpResponse(503, {"retry-after": text}, b""))).call_provider(pending_message(), made, NOW)
    assert answer.retry_after == (pytest.approx(seconds, abs=1) if seconds is not None else None)


def test_the_start_of_an_answer_is_kept_for_a_person() -> None:
    """200 characters tell what was wrong; a page of HTML does not belong in a message's row."""
    made = PreparedMessage("x", {"url": "", "method": "POST", "headers": {}, "body": "{}"})
    answer = channel(Told(HttpResponse(400, {}, b"no such field: whoo" + b"." * 1000 + b"\xff"))).call_provider(
        pending_message(), made, NOW
    )
    assert answer.detail.startswith("HTTP 400: no such field: whoo...")
    assert len(answer.detail) < 250


@pytest.mark.parametrize(
    "template",
    [
        {"url": "https://example.com/a b"},
        {"url": "http://example.com/"},
        {"url": "https://10.0.0.1/"},
        {"url": "http://127.0.0.1/"},
        {"url": ""},
        {"url": "https://example.com/", "headers": {"X-Who": "Ada\r\nX-Evil: 1"}},
        {"url": "https://example.com/", "headers": {"X-Who": "Ada\x00"}},
    ],
)
def test_a_request_that_may_not_be_made_is_a_skip(template: dict[str, Any]) -> None:
    """What a customer's values make of an address or a header is checked again once they are in it."""
    made = prepared(template)
    assert isinstance(made, SkipReason)
    assert made.reason is MessageReason.TEMPLATE


def test_a_receiver_is_known_by_origin_and_path() -> None:
    """A query that differs for each customer does not make another endpoint."""
    made = prepared({"url": "https://Example.com/hook?who=ada"})
    assert isinstance(made, PreparedMessage)
    assert made.to == "https://example.com/hook"
