"""Text messages through AWS End User Messaging SMS (`docs/messages.md#sms`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from waypost.adapters.aws import OUTAGE_STATUSES, client, error_code, is_outage
from waypost.adapters.failed_calls import response_of_failed_call
from waypost.domain.customers.customer import Customer
from waypost.domain.messages.message import Message, MessageReason, PreparedMessage, ProviderResponse, RenderedTemplate, SkipReason
from waypost.domain.values.phone_numbers import phone_number
from waypost.domain.values.sms_segments import MAX_CHARACTERS, sms_parts

_ADDRESS_ATTRIBUTE: Final = "phone"
_OPTED_OUT: Final = "DESTINATION_PHONE_NUMBER_OPTED_OUT"

# Reasons of a ConflictException that concern the origination identity or the account, not the message: an operator repairs them.
_ACCOUNT_REASONS: Final = frozenset(
    {"NO_ORIGINATION_IDENTITIES_FOUND", "REGISTRATION_NOT_COMPLETE", "RESOURCE_NOT_ACTIVE", "NOTIFY_CONFIGURATION_NOT_ACTIVE"}
)


@dataclass(frozen=True, slots=True)
class SmsChannel:
    """Sends text messages.

    `origination` is the phone number, sender id or pool that sends them, `message_type` the type of a message whose template names none,
    `configuration_set` the one that gets the events, which may be empty. Without an origination nothing is sent.
    """

    origination: str
    message_type: str
    configuration_set: str

    def prepare(self, rendered: RenderedTemplate, customer: Customer) -> PreparedMessage | SkipReason:
        """The text with its receiver: the template's `to`, else the customer's attribute `phone`; with the parts in which it is sent."""
        given = rendered["to"] if "to" in rendered else customer.attributes.get(_ADDRESS_ATTRIBUTE)
        number = phone_number(given) if isinstance(given, str) else None
        if number is None:
            detail = "" if given is None or given == "" else f"`{'to' if 'to' in rendered else _ADDRESS_ATTRIBUTE}` is no number in E.164"
            return SkipReason(MessageReason.NO_ADDRESS, detail)
        if not self.origination:
            return SkipReason(MessageReason.NO_SENDER, "the stack has no SmsOriginationIdentity")
        text = rendered["text"].strip()
        if not text:
            return SkipReason(MessageReason.TEMPLATE, "the text is empty")
        if len(text) > MAX_CHARACTERS:
            return SkipReason(MessageReason.TEMPLATE, f"the text has {len(text)} characters; the most is {MAX_CHARACTERS}")
        encoding, number_of_parts = sms_parts(text)
        message_type = rendered.get("type", self.message_type)
        return PreparedMessage(
            number, {"to": number, "text": text, "type": message_type, "encoding": encoding, "segments": number_of_parts}
        )

    def call_provider(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:  # noqa: ARG002 - AWS dates it
        """Calls the SMS service once."""
        # SendTextMessage has no idempotency key, as SES has none: one attempt, and an error after the connection was made is `unknown`.
        text = prepared.rendered["text"]
        if len(text) > MAX_CHARACTERS:
            # Only now it has its real links, which are longer than the inert ones that `prepare` has counted.
            return ProviderResponse("failed", f"with its links, the text has {len(text)} characters; the most is {MAX_CHARACTERS}")
        try:
            request = self._request(message, prepared.rendered)
            sent = client("pinpoint-sms-voice-v2", read_timeout=10, attempts=1).send_text_message(**request)
        except ClientError as error:
            return _response_of_error(error)
        except BotoCoreError as error:
            return response_of_failed_call(error)
        # Without a `Content-Length`, botocore takes a body that breaks off for an answer without members.
        if "MessageId" not in sent:
            return ProviderResponse("unknown", "the answer of the SMS service is incomplete")
        encoding, number_of_parts = sms_parts(text)
        return ProviderResponse("sent", f"{sent['MessageId']} ({number_of_parts} x {encoding})")

    def _request(self, message: Message, rendered: RenderedTemplate) -> dict[str, Any]:
        request: dict[str, Any] = {
            "DestinationPhoneNumber": rendered["to"],
            "OriginationIdentity": self.origination,
            "MessageBody": rendered["text"],
            "MessageType": rendered["type"].upper(),
            "Context": {"waypost-message": message.id, "waypost-workspace": message.workspace},
        }
        return request | ({"ConfigurationSetName": self.configuration_set} if self.configuration_set else {})


def _response_of_error(error: ClientError) -> ProviderResponse:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code, reason = error_code(error), str(error.response.get("Reason", ""))
    detail = ": ".join(part for part in (code, reason, str(error.response.get("Error", {}).get("Message", ""))) if part)
    if status >= 500:
        return ProviderResponse("unknown", detail)
    if reason == _OPTED_OUT:
        return ProviderResponse("opted-out", detail)
    # Throttling, a spent monthly limit, a missing permission or identity: nothing of this concerns the message, which waits.
    concerns_account = status in OUTAGE_STATUSES or is_outage(code) or reason in _ACCOUNT_REASONS
    return ProviderResponse("throttled" if concerns_account else "failed", detail)
