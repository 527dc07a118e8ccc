"""Webhooks: the request that a receiver gets, and the outcome of each response."""

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

NOW = datetime.now(UTC)
ADA = Customer("w1", "c_1", None, None, (), {}, {})
OLD, NEW = secret_of(b"o" * 24), secret_of(b"n" * 24)
ANY_REQUEST = PreparedMessage("x", {"url": "", "method": "POST", "headers": {}, "body": "{}"})


class RotatedSecrets:
    """The secrets of a workspace that rotated them this long ago."""

    def __init__(self, ago: timedelta = timedelta(hours=1)) -> None:
        self.ago = ago

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        assert workspace == "w1"
        return WebhookSecrets((NEW, OLD), now - self.ago)


class FixedHttpClient:
    """A client that returns this response to each request, or raises this error."""

    def __init__(self, outcome: HttpResponse | Exception) -> None:
        self.outcome = outcome

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def channel(http: HttpClient, *, local: bool = False) -> WebhookChannel:
    """The channel of a workspace that rotated its secret an hour ago."""
    return WebhookChannel(RotatedSecrets(), http, local=local)


def prepare(template: dict[str, Any], *, local: bool = False) -> PreparedMessage | SkipReason:
    """The message that the channel prepares from a rendered template."""
    return channel(PinnedHttp(), local=local).prepare(template, ADA)


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    """A receiver that responds with 200 `ok`, and its URL."""
    receiver = Receiver(respond(200, body=b"ok"))
    with receiver.serving() as port:
        yield receiver, f"http://127.0.0.1:{port}/hook?a=1"


def send(url: str, **template: Any) -> ProviderResponse:
    """Prepares a webhook and sends it to a receiver on this machine."""
    prepared = prepare({"url": url, "method": "POST", "headers": {}, **template}, local=True)
    assert isinstance(prepared, PreparedMessage)
    # The time of the call: the reference library compares the timestamp with the clock of the machine.
    return channel(PinnedHttp(), local=True).call_provider(pending_message(channel="webhook"), prepared, datetime.now(UTC))


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_receiver_gets_signed_json(receiver: tuple[Receiver, str], secret: str) -> None:
    """The reference library verifies the request with either secret; `webhook-id` is the message's id, and the body is JSON."""
    assert send(receiver[1], json={"who": "Zoë", "none": None}) == ProviderResponse("sent", "HTTP 200: ok")
    [request] = receiver[0].received
    assert request.line == "POST /hook?a=1 HTTP/1.1"
    assert Webhook(secret).verify(request.body, dict(request.headers)) == {"who": "Zoë", "none": None}
    assert (request.headers["webhook-id"], request.headers["Content-Type"]) == ("msg_1", "application/json")


def test_a_day_after_a_rotation_only_the_new_secret_signs(receiver: tuple[Receiver, str]) -> None:
    """A request later than a day after a rotation has one signature."""
    prepared = prepare({"url": receiver[1]}, local=True)
    assert isinstance(prepared, PreparedMessage)
    WebhookChannel(RotatedSecrets(timedelta(days=2)), PinnedHttp(), local=True).call_provider(
        pending_message(channel="webhook"), prepared, NOW
    )
    assert len(receiver[0].received[0].headers["webhook-signature"].split()) == 1


@pytest.mark.parametrize(
    ("template", "method", "content_type", "body"),
    [
        ({}, "POST", "application/json", b"{}"),
        ({"body": "plain é", "headers": {"content-type": "text/plain"}}, "POST", "text/plain", "plain é".encode()),
        ({"body": ""}, "POST", "application/json", b""),
        ({"method": "PUT", "json": [1, "a"]}, "PUT", "application/json", b'[1,"a"]'),
        ({"method": "GET"}, "GET", None, b""),
        ({"method": "DELETE", "headers": {"X-Team": "Zoë"}}, "DELETE", None, b""),
    ],
)
def test_a_template_can_set_method_body_and_headers(
    receiver: tuple[Receiver, str], template: dict[str, Any], method: str, content_type: str | None, body: bytes
) -> None:
    """Method, body and content type are those of the template, if it sets them; GET and DELETE have no body by default."""
    assert send(receiver[1], **template).outcome == "sent"
    [request] = receiver[0].received
    assert (request.line.split()[0], request.headers["Content-Type"], request.body) == (method, content_type, body)


def test_a_template_cannot_replace_the_message_id(receiver: tuple[Receiver, str]) -> None:
    """A `webhook-id` in the headers of a template is ignored, whereas its `User-Agent` replaces the default."""
    send(receiver[1], headers={"Webhook-Id": "msg_2", "User-Agent": "Team"})
    headers = receiver[0].received[0].headers
    assert headers.get_all("webhook-id") == ["msg_1"]
    assert headers.get_all("user-agent") == ["Team"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, "sent") for status in (200, 201, 204, 299)),
        *((status, "refused") for status in (408, 425, 429, 500, 501, 502, 503, 504, 599)),
        *((status, "failed") for status in (101, 301, 302, 304, 400, 401, 403, 404, 409, 422)),
        (410, "gone"),
    ],
)
def test_the_outcome_of_each_status(status: int, outcome: str) -> None:
    """2xx is sent; 408, 425, 429 and 5xx are refusals; 410 is gone; every other status is a failure."""
    response = channel(FixedHttpClient(HttpResponse(status, {}, b""))).call_provider(pending_message(), ANY_REQUEST, NOW)
    assert (response.outcome, response.detail) == (outcome, f"HTTP {status}")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotConnectedError("not connected"), "refused"),
        (AddressRefusedError("private"), "failed"),
        (TimeoutError(), "unknown"),
        (ConnectionResetError(), "unknown"),
    ],
)
def test_the_outcome_of_a_connection_error(error: Exception, outcome: str) -> None:
    """Without a connection the outcome is a refusal, at a refused address a failure, and after a broken connection unknown."""
    assert channel(FixedHttpClient(error)).call_provider(pending_message(), ANY_REQUEST, NOW).outcome == outcome


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
        pytest.param("Mon, 23 Nov 2026 05:17:13 +99999999999999", None, id="a huge zone"),
        pytest.param("Mon, 23 Nov 99999999999999999999999 05:17:13 GMT", None, id="a huge year"),
        pytest.param("Mon, 01 Jan 0001 00:00:00 +2359", 0, id="the first year"),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """`Retry-After` is a number of seconds or a date; any other text is ignored."""
    response = channel(FixedHttpClient(HttpResponse(503, {"retry-after": text}, b""))).call_provider(pending_message(), ANY_REQUEST, NOW)
    assert response.retry_after == (pytest.approx(seconds, abs=1) if seconds is not None else None)


def test_the_detail_has_the_start_of_the_response() -> None:
    """The detail of an attempt has the status and at most 200 bytes of the body, so that a page of HTML does not fill the row."""
    response = channel(FixedHttpClient(HttpResponse(400, {}, b"no such field: whoo" + b"." * 1000 + b"\xff"))).call_provider(
        pending_message(), ANY_REQUEST, NOW
    )
    assert response.detail.startswith("HTTP 400: no such field: whoo...")
    assert len(response.detail) < 250


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
def test_a_request_that_is_not_allowed_is_skipped(template: dict[str, Any]) -> None:
    """A rendered URL that is not allowed, or a header with control characters, skips the message with the reason template."""
    prepared = prepare(template)
    assert isinstance(prepared, SkipReason)
    assert prepared.reason is MessageReason.TEMPLATE


def test_the_receiver_is_the_origin_and_path_of_the_url() -> None:
    """Suppressions store the URL without its query, so a query with values of a customer makes no other endpoint."""
    prepared = prepare({"url": "https://Example.com/hook?who=ada"})
    assert isinstance(prepared, PreparedMessage)
    assert prepared.to == "https://example.com/hook"
