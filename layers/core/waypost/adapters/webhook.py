"""Webhooks: signed HTTPS requests to an address of the team's choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Final, Protocol

from waypost.adapters.pinned_http import AddressRefusedError, HttpResponse, NotConnectedError
from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import Message, MessageReason, PreparedMessage, ProviderResponse, Rendered, Skip
from waypost.domain.messages.webhook_addresses import address_refused, endpoint
from waypost.domain.messages.webhook_signatures import Secrets, signed_headers
from waypost.domain.values import exact_json

_AGAIN: Final = frozenset({408, 425, 429})
_SHOWN: Final = 200
_BODILESS: Final = frozenset({"GET", "DELETE"})


class SigningSecrets(Protocol):
    """Where the secrets are kept."""

    def of(self, workspace: str, now: datetime) -> Secrets:
        """The workspace's secrets."""


class Transport(Protocol):
    """What makes the request."""

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        """The receiver's answer; `PinnedHttp` says what is raised where there is none."""


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Posts to webhooks. `local` allows plain HTTP to this machine."""

    secrets: SigningSecrets
    http: Transport
    local: bool = False

    def prepare(self, rendered: Rendered, customer: Customer) -> PreparedMessage | Skip:  # noqa: ARG002 - the template names the receiver
        """The request with method, headers and body complete; the receiver is known by origin and path."""
        url, headers = rendered["url"].strip(), rendered.get("headers", {})
        refused = address_refused(url, local=self.local)
        if refused is not None:
            return Skip(MessageReason.TEMPLATE, refused)
        if any(mark < " " or mark == "\x7f" for value in headers.values() for mark in value):
            return Skip(MessageReason.TEMPLATE, "a header holds control characters")
        method, body = rendered.get("method", "POST"), _body(rendered)
        typed = {"Content-Type": "application/json"} if body is not None and "content-type" not in map(str.lower, headers) else {}
        return PreparedMessage(endpoint(url), {"url": url, "method": method, "headers": {**typed, **headers}, "body": body})

    def deliver(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        """Makes the request once, signed for this moment."""
        rendered = prepared.rendered
        body = rendered["body"].encode("utf-8", "replace") if rendered["body"] is not None else None
        secrets = self.secrets.of(message.workspace, now).active(now)
        signed = signed_headers(message.id, now, body or b"", secrets)
        headers = _merged({"user-agent": "Waypost"}, rendered["headers"], {"connection": "close", **signed})
        try:
            response = self.http.request(rendered["method"], rendered["url"], headers, body)
        except AddressRefusedError as error:
            return ProviderResponse("failed", str(error))
        except NotConnectedError as error:
            return ProviderResponse("refused", str(error))
        except (OSError, HTTPException) as error:
            return ProviderResponse("unknown", f"no complete answer: {type(error).__name__}")
        return _answer(response, now)


def _merged(*layers: Mapping[str, str]) -> Mapping[str, str]:
    """Headers by lower-case name, later layers over earlier ones."""
    return {name.lower(): value for layer in layers for name, value in layer.items()}


def _body(rendered: Rendered) -> str | None:
    if "body" in rendered:
        return str(rendered["body"])
    if "json" in rendered:
        return exact_json.dumps(rendered["json"])
    return None if rendered.get("method") in _BODILESS else "{}"


def _answer(response: HttpResponse, now: datetime) -> ProviderResponse:
    said = response.body[:_SHOWN].decode("utf-8", "replace").strip()
    detail = f"HTTP {response.status}" + (f": {said}" if said else "")
    if response.status // 100 == 2:
        return ProviderResponse("sent", detail)
    if response.status == 410:
        return ProviderResponse("gone", detail)
    if response.status in _AGAIN or response.status >= 500:
        return ProviderResponse("refused", detail, _retry_after(response.headers.get("retry-after", ""), now))
    return ProviderResponse("failed", detail)


def _retry_after(text: str, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or a date (RFC 9110); None for any other text."""
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        asked = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((asked.replace(tzinfo=asked.tzinfo or UTC) - now).total_seconds(), 0)
