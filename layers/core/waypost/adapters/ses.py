"""E-mail through Amazon SES v2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectionLostError

from waypost.adapters.aws import UNAVAILABLE_CODES, client, error_code
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.schema import looks_like_email
from waypost.domain.messages.message import Message, MessageReason, PreparedMessage, ProviderResponse, Rendered, Skip

# Not accepted, and not for good: an account is paused, a quota is used up, a token has to be renewed.
_LATER: Final = UNAVAILABLE_CODES | {
    "AccountSuspendedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "SendingPausedException",
}


@dataclass(frozen=True, slots=True)
class SesChannel:
    """Sends as `sender` where the template names nobody; reports go to the configuration set, where there is one."""

    sender: str
    configuration_set: str

    def prepare(self, rendered: Rendered, customer: Customer) -> PreparedMessage | Skip:
        """The e-mail with sender and receiver filled in: the template's, else the customer's `email`, else a primary key that is one."""
        to = _receiver(rendered, customer)
        sender = (rendered.get("from") or self.sender).strip()
        if to is None:
            return Skip(MessageReason.NO_ADDRESS)
        receivers = [address for _, address in getaddresses([to])]
        if len(receivers) != 1 or not receivers[0]:  # suppressions would know one of two, and SES might take both
            return Skip(MessageReason.NO_ADDRESS, "not one address")
        if not sender:
            return Skip(MessageReason.NO_SENDER)
        subject = " ".join(rendered["subject"].split())
        return PreparedMessage(receivers[0], {**rendered, "from": sender, "to": to, "subject": subject})

    def deliver(self, message: Message, prepared: PreparedMessage, now: datetime) -> ProviderResponse:  # noqa: ARG002 - an e-mail is dated by SES
        """Calls SES once. A call that may have reached it is `unknown`: SES knows no idempotency."""
        try:
            sent = client("sesv2", read_timeout=10, attempts=1).send_email(**self._request(message, prepared.rendered))
        except ClientError as error:
            return _is_client_error(error)
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            return ProviderResponse("refused", type(error).__name__)
        except (HTTPClientError, ConnectionLostError) as error:
            return ProviderResponse("unknown", type(error).__name__)
        except BotoCoreError as error:
            return ProviderResponse("refused", type(error).__name__)
        return ProviderResponse("sent", sent["MessageId"])

    def _request(self, message: Message, rendered: Rendered) -> dict[str, Any]:
        body = {part.capitalize(): _content(rendered[part]) for part in ("text", "html") if rendered.get(part)}
        request: dict[str, Any] = {
            "FromEmailAddress": rendered["from"],
            "Destination": {"ToAddresses": [rendered["to"]]},
            "Content": {"Simple": {"Subject": _content(rendered["subject"]), "Body": body}},
            "EmailTags": [{"Name": "waypost-message", "Value": message.id}, {"Name": "waypost-workspace", "Value": message.workspace}],
        }
        return request | ({"ConfigurationSetName": self.configuration_set} if self.configuration_set else {})


def _receiver(rendered: Rendered, customer: Customer) -> str | None:
    if "to" in rendered:
        return rendered["to"].strip() or None
    wanted = (customer.attributes.get("email"), customer.primary_key)
    return next((text.strip() for text in wanted if isinstance(text, str) and looks_like_email(text.strip())), None)


def _content(text: str) -> Mapping[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _is_client_error(error: ClientError) -> ProviderResponse:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    detail = f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}"
    if status >= 500:
        return ProviderResponse("unknown", detail)
    return ProviderResponse("refused" if status == 429 or error_code(error) in _LATER else "failed", detail)
