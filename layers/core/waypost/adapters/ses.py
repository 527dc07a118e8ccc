"""E-mail through Amazon SES, API version 2 (`docs/messages.md#email`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from waypost.adapters.aws import OUTAGE_STATUSES, client, error_code, is_outage
from waypost.adapters.failed_calls import response_of_failed_call
from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import Message, MessageReason, PreparedMessage, ProviderResponse, RenderedTemplate, SkipReason
from waypost.domain.messages.tracking import with_untracked_links
from waypost.domain.values.email_headers import MAX_HEADER_CHARACTERS, headers_error
from waypost.domain.values.mailboxes import Mailbox, mailbox, usable_address

# Besides the outages of all services: SES accepts no e-mail of this account at the moment, or its configuration set does not exist.
_ACCOUNT_ERRORS: Final = frozenset({"AccountSuspendedException", "NotFoundException", "SendingPausedException"})

_COMPOSED: Final = frozenset({"replyTo", "cc", "bcc", "headers"})
"""The fields of a template that `_further_headers` completes."""

_WITHOUT_TRACKING: Final = {"Tracking": {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}}


@dataclass(frozen=True, slots=True)
class SesChannel:
    """Sends e-mails. `sender` is the default sender, `configuration_set` the one of SES that gets the events; either may be empty."""

    sender: str
    configuration_set: str

    def prepare(self, rendered: RenderedTemplate, customer: Customer) -> PreparedMessage | SkipReason:
        """The e-mail with sender and receiver.

        The receiver is the template's `to`, else the customer's attribute `email`, else a primary key value in the form of an address.
        Both headers are composed from name and address, whatever a customer's name contains.
        """
        to = _receiver(rendered, customer)
        sender = (rendered.get("from") or "").strip() or self.sender.strip()
        if to is None:
            # With two addresses in `to`, only one could be checked against the suppressions, and SES might send to both.
            return SkipReason(MessageReason.NO_ADDRESS, "`to` is not exactly one address" if rendered.get("to", "").strip() else "")
        if not sender:
            return SkipReason(MessageReason.NO_SENDER)
        composed_sender = mailbox(sender)
        if composed_sender is None:
            return SkipReason(MessageReason.NO_SENDER, "`from` is not exactly one address")
        further = _further_headers(rendered)
        if isinstance(further, str):
            return SkipReason(MessageReason.TEMPLATE, further)
        # A line break in a rendered value would end the header and start another one, such as Bcc.
        subject = " ".join(rendered["subject"].split())
        fixed = {name: value for name, value in rendered.items() if name not in _COMPOSED}
        return PreparedMessage(to.address, {**fixed, "from": composed_sender.header, "to": to.header, "subject": subject, **further})

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:  # noqa: ARG002 - SES dates an e-mail itself
        """Calls SES once."""
        # SES has no idempotency key: it accepts the same e-mail twice. botocore by default repeats a call that timed out, so `attempts=1`
        # turns that off. An error after the connection was made is `unknown`, because SES may have accepted the e-mail before it.
        try:
            sent = client("sesv2", read_timeout=10, attempts=1).send_email(**self._request(message, prepared))
        except ClientError as error:
            return _response_of_error(error)
        except BotoCoreError as error:
            return response_of_failed_call(error)
        return ProviderResponse("sent", sent["MessageId"])

    def _request(self, message: Message, prepared: PreparedMessage) -> dict[str, Any]:
        rendered = prepared.rendered
        parts = {"text": rendered.get("text"), "html": with_untracked_links(rendered.get("html") or "")}
        body = {part.capitalize(): _content(text) for part, text in parts.items() if text}
        all_headers = {**rendered.get("headers", {}), **_unsubscribe_headers(prepared)}
        headers = [{"Name": name, "Value": value} for name, value in all_headers.items()]
        copies = {member: rendered[name] for name, member in (("cc", "CcAddresses"), ("bcc", "BccAddresses")) if rendered.get(name)}
        request: dict[str, Any] = {
            "FromEmailAddress": rendered["from"],
            "Destination": {"ToAddresses": [rendered["to"]], **copies},
            "Content": {"Simple": {"Subject": _content(rendered["subject"]), "Body": body, **({"Headers": headers} if headers else {})}},
            "EmailTags": [{"Name": name, "Value": value} for name, value in _tags(message, prepared).items()],
        }
        if "replyTo" in rendered:
            request["ReplyToAddresses"] = [rendered["replyTo"]]
        request |= {"ConfigurationSetName": self.configuration_set} if self.configuration_set else {}
        return request if prepared.is_tracked else request | {"ConfigurationOverrides": _WITHOUT_TRACKING}


def _tags(message: Message, prepared: PreparedMessage) -> Mapping[str, str]:
    """The tags by which the events of SES name the message. No message has the id that a test has."""
    if prepared.is_test:
        return {"waypost-message": "test", "waypost-workspace": message.workspace, "waypost-test": "true"}
    return {"waypost-message": message.id, "waypost-workspace": message.workspace}


def _further_headers(rendered: RenderedTemplate) -> dict[str, Any] | str:
    """The fields `replyTo`, `cc`, `bcc` and `headers` as SES takes them, without those that are blank; or the first fault."""
    # Publishing checked what is fixed in the template. The values of an event or a customer are in the texts now.
    found: dict[str, Any] = {}
    if reply_to := rendered.get("replyTo", "").strip():
        composed = mailbox(reply_to)
        if composed is None:
            return "`replyTo` is not exactly one address"
        found["replyTo"] = composed.header
    for name in ("cc", "bcc"):
        copies = [mailbox(text) for text in rendered.get(name, ())]
        if None in copies:
            return f"an element of `{name}` is not exactly one address"
        if copies:
            found[name] = [copy.header for copy in copies if copy is not None]
    # SES takes no empty value. A header such as In-Reply-To is often known for some customers only.
    headers = {name: value.strip() for name, value in rendered.get("headers", {}).items() if value.strip()}
    fault = headers_error(headers)
    if fault is not None:
        return fault
    return found | ({"headers": headers} if headers else {})


def _receiver(rendered: RenderedTemplate, customer: Customer) -> Mailbox | None:
    if "to" in rendered:
        return mailbox(rendered["to"])
    candidates = (customer.attributes.get("email"), customer.primary_key)
    addresses = (usable_address(text.strip()) for text in candidates if isinstance(text, str))
    return next((Mailbox("", address) for address in addresses if address), None)


def _unsubscribe_headers(prepared: PreparedMessage) -> Mapping[str, str]:
    """The headers of one-click unsubscription (RFC 8058), if the message has the link."""
    # Not `ListManagementOptions`: SES would then add headers of its own, for contact lists of its own.
    name, value = "List-Unsubscribe", f"<{prepared.unsubscribe_url}>"
    if prepared.unsubscribe_url is None or len(name) + len(value) > MAX_HEADER_CHARACTERS:
        return {}
    return {name: value, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _content(text: str) -> Mapping[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _response_of_error(error: ClientError) -> ProviderResponse:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    detail = f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}"
    if status >= 500:
        return ProviderResponse("unknown", detail)
    # Of a million e-mails at 14 a second, most are refused more often than the retry schedule has attempts. These errors say nothing about
    # the e-mail, so they use up none of its attempts.
    concerns_account = status in OUTAGE_STATUSES or is_outage(error_code(error)) or error_code(error) in _ACCOUNT_ERRORS
    return ProviderResponse("throttled" if concerns_account else "failed", detail)
