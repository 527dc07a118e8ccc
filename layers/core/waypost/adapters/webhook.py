"""Webhooks: signed HTTPS requests to a URL that the template names (`docs/messages.md#webhooks`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Final, Protocol
from urllib.parse import urlsplit

from waypost.adapters.pinned_http import AddressRefusedError, HttpResponse, NotConnectedError
from waypost.adapters.silent_hosts import SilentHosts
from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import Message, MessageReason, PreparedMessage, ProviderResponse, RenderedTemplate, SkipReason
from waypost.domain.messages.webhook_addresses import address_error, endpoint
from waypost.domain.messages.webhook_signatures import WebhookSecrets, signed_headers
from waypost.domain.values import exact_json
from waypost.domain.values.header_values import is_header_value

_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429})
_BODY_BYTES_IN_DETAIL: Final = 200
_METHODS_WITHOUT_BODY: Final = frozenset({"GET", "DELETE"})


class WebhookSecretStore(Protocol):
    """Reads the signing secrets of a workspace."""

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        """The secrets of the workspace."""


class HttpClient(Protocol):
    """Makes one HTTP request; `PinnedHttp` outside of tests."""

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        """The response; raises what `PinnedHttp.request` raises."""


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Calls webhooks. `local` allows plain HTTP to this machine. `monotonic` returns seconds on a clock that never goes back."""

    secrets: WebhookSecretStore
    http: HttpClient
    local: bool = False
    silent_hosts: SilentHosts = field(default_factory=SilentHosts)
    monotonic: Callable[[], float] = time.monotonic

    def prepare(self, rendered: RenderedTemplate, customer: Customer) -> PreparedMessage | SkipReason:  # noqa: ARG002 - the template names the receiver
        """The request with method, headers and body; the origin and path of the URL identify the receiver."""
        url, headers = rendered["url"].strip(), rendered.get("headers", {})
        # Publishing checked only the fixed part of the template. The values of a customer are in the URL and the headers now, and a value
        # can be another host, or a line break that would start another header.
        problem = address_error(url, local=self.local)
        if problem is not None:
            return SkipReason(MessageReason.TEMPLATE, problem)
        if not all(map(is_header_value, headers.values())):
            return SkipReason(MessageReason.TEMPLATE, "a header contains control characters")
        method, body = rendered.get("method", "POST"), _body(rendered)
        typed = {"Content-Type": "application/json"} if body is not None and "content-type" not in map(str.lower, headers) else {}
        return PreparedMessage(endpoint(url), {"url": url, "method": method, "headers": {**typed, **headers}, "body": body})

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:
        """Makes the request once. The body is the same for each attempt; the signature is new, because it covers the time.

        A host that has been silent is not called for a while: that is a refusal, and the next attempt comes after the pause.
        """
        host = urlsplit(prepared.rendered["url"]).netloc.lower()
        pause = self.silent_hosts.pause(message.workspace, host, now)
        if pause is not None:
            detail = "the request was not made: the host gave no answer to the requests before"
            return ProviderResponse("refused", detail, pause.total_seconds())
        started = self.monotonic()
        response, answered = self._answer(message, prepared, now)
        seconds = self.monotonic() - started
        self.silent_hosts.record(message.workspace, host, now + timedelta(seconds=seconds), seconds, answered=answered)
        return response

    def _answer(self, message: Message, prepared: PreparedMessage, now: datetime) -> tuple[ProviderResponse, bool]:
        """The outcome of the request, and whether the host has answered."""
        rendered = prepared.rendered
        body = rendered["body"].encode("utf-8", "replace") if rendered["body"] is not None else None
        secrets = self.secrets.of(message.workspace, now).active(now)
        signed = signed_headers(message.id, now, body or b"", secrets)
        headers = _merged_headers({"user-agent": "Waypost"}, rendered["headers"], {"connection": "close", **signed})
        try:
            response = self.http.request(rendered["method"], rendered["url"], headers, body)
        except AddressRefusedError as error:
            return ProviderResponse("failed", str(error)), False
        except NotConnectedError as error:
            return ProviderResponse("refused", str(error)), False
        except (OSError, HTTPException) as error:
            return ProviderResponse("unknown", f"no complete answer: {type(error).__name__}"), False
        return _provider_response(response, now), True


def _merged_headers(*layers: Mapping[str, str]) -> Mapping[str, str]:
    """Headers by their names in lower case. A later layer wins, so that no template can replace the signature or the message id."""
    return {name.lower(): value for layer in layers for name, value in layer.items()}


def _body(rendered: RenderedTemplate) -> str | None:
    if "body" in rendered:
        return str(rendered["body"])
    if "json" in rendered:
        return exact_json.dumps(rendered["json"])
    return None if rendered.get("method") in _METHODS_WITHOUT_BODY else "{}"


def _provider_response(response: HttpResponse, now: datetime) -> ProviderResponse:
    text = response.body[:_BODY_BYTES_IN_DETAIL].decode("utf-8", "replace").strip()
    detail = f"HTTP {response.status}" + (f": {text}" if text else "")
    if response.status // 100 == 2:
        return ProviderResponse("sent", detail)
    if response.status == 410:
        return ProviderResponse("gone", detail)
    # Unlike SES, a webhook that answers 5xx is not `unknown`: its receiver recognizes a repeat, so trying again is safe either way.
    if response.status in _RETRYABLE_STATUSES or response.status >= 500:
        return ProviderResponse("refused", detail, _retry_after_seconds(response.headers.get("retry-after", ""), now))
    return ProviderResponse("failed", detail)


def _retry_after_seconds(text: str, now: datetime) -> float | None:
    """The delay of a `Retry-After` header (RFC 9110, section 10.2.3): a number of seconds or a date; None for any other text."""
    try:
        if text.isascii() and text.isdecimal():
            return float(text)
        date = parsedate_to_datetime(text)
        return max((date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds(), 0)
    except (ValueError, TypeError, ArithmeticError, LookupError):
        # Python's parser of dates raises more than ValueError: a zone of a thousand digits overflows.
        return None
