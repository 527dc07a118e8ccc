"""The providers of messages as actors: SES, the SMS service, and the receivers of webhooks.

A test gives each of them a `behaviour`, which decides what becomes of a call: an answer, an error, or no answer, with or without the
message on its way. Providers report what became of a message before, during or after their answer. `delivered` is what really went out.
"""

# ruff: noqa: N803 - the arguments have the names that boto3 gives them

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import RemoteDisconnected
from random import Random
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from functions.local.provider_models import problems
from functions.local.providers import HEADER_LENGTH
from tests.fakes.ses_events import ses_event
from tests.proof.aws.client_errors import client_error
from tests.proof.aws.sqs import Sqs
from tests.proof.aws.time_source import TimeSource
from waypost.adapters.pinned_http import MAX_RESPONSE_BYTES, AddressRefusedError, HttpResponse, NotConnectedError
from waypost.domain.values.wire_time import iso

CONNECT_TIMEOUT: Final = 1.0
READ_TIMEOUT: Final = 10.0
"""What the adapters of SES and of the SMS service give their one attempt to send a message, in seconds."""
WEBHOOK_TIMEOUT: Final = 15.0
"""What `PinnedHttp` gives a request, from the resolution of the name to the last byte."""
MESSAGE_TAG: Final = "waypost-message"
WORKSPACE_TAG: Final = "waypost-workspace"

Outcome = Literal["answer", "error", "read-timeout", "reset", "truncated", "connect-timeout", "unreachable", "address-refused"]


class Report(NamedTuple):
    """What a provider reports of a message: the `eventType`, and the seconds from the start of the call until the report is on the queue.

    Reports of a call that lasts longer than these seconds come before its answer. `fields` are further members of the event.
    """

    kind: str
    seconds: float = 1.0
    fields: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Behaviour:
    """What becomes of one call. `accepts`: the message goes out, whatever the caller learns of it. `seconds`: how long the call takes."""

    outcome: Outcome = "answer"
    accepts: bool = True
    seconds: float = 0.05
    reports: tuple[Report, ...] = ()
    status: int = 200
    code: str = ""
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def answered(*reports: Report, seconds: float = 0.05) -> Behaviour:
    """The usual answer."""
    return Behaviour(reports=reports, seconds=seconds)


def hanging(*reports: Report, accepts: bool, seconds: float | None = None) -> Behaviour:
    """No answer until the caller's time limit, which is that of SES and SMS unless `seconds` says another one."""
    return Behaviour("read-timeout", accepts, READ_TIMEOUT if seconds is None else seconds, reports)


def reset(*reports: Report, accepts: bool) -> Behaviour:
    """The connection ends without an answer."""
    return Behaviour("reset", accepts, reports=reports)


def truncated(*reports: Report, accepts: bool = True, body: bytes = b"") -> Behaviour:
    """The connection ends in the middle of the body of the answer."""
    return Behaviour("truncated", accepts, reports=reports, body=body)


def unconnected() -> Behaviour:
    """No connection within the time limit."""
    return Behaviour("connect-timeout", accepts=False, seconds=CONNECT_TIMEOUT)


def unreachable() -> Behaviour:
    """The connection is refused at once, or the name cannot be resolved."""
    return Behaviour("unreachable", accepts=False)


def failed(code: str, status: int = 400, reason: str = "", *reports: Report, accepts: bool = False) -> Behaviour:
    """An error of AWS. A provider that answers with a status of 5xx may have accepted the message."""
    return Behaviour("error", accepts, reports=reports, status=status, code=code, reason=reason)


def throttled() -> Behaviour:
    """Too many calls in this second."""
    return failed("TooManyRequestsException", 429)


def http(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"", *, accepts: bool = True) -> Behaviour:
    """The answer of the receiver of a webhook, with the names of the headers in lower case."""
    return Behaviour("answer", accepts, status=status, headers=headers or {}, body=body)


class ProviderCall(NamedTuple):
    """A call of a provider. `number` counts the calls for this message from 1; `message` is empty for a request without an id."""

    service: str
    message: str
    workspace: str
    address: str
    number: int
    request: Any


class Delivered(NamedTuple):
    """A message that went out: its id, the provider's id of it, the address, the time, and what was sent."""

    service: str
    message: str
    workspace: str
    address: str
    at: datetime
    provider_id: str
    request: Any


def in_order(*behaviours: Behaviour) -> Callable[[ProviderCall], Behaviour]:
    """The first behaviour for the first call of each message, and so on; the last one for all further calls."""
    return lambda call: behaviours[min(call.number, len(behaviours)) - 1]


def always_answered(_: ProviderCall) -> Behaviour:
    """The usual answer, without a report."""
    return answered()


@dataclass
class _Provider:
    clock: TimeSource
    random: Random
    behaviour: Callable[[ProviderCall], Behaviour] = always_answered
    meanwhile: Callable[[ProviderCall], None] = lambda _call: None
    """Runs after each report that comes before the answer, so that a test can deliver it while the caller waits."""
    delivered: list[Delivered] = field(default_factory=list)
    calls: list[ProviderCall] = field(default_factory=list)
    _numbers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def _call(self, service: str, message: str, workspace: str, address: str, request: Any) -> ProviderCall:
        self._numbers[workspace, message] += 1
        call = ProviderCall(service, message, workspace, address, self._numbers[workspace, message], request)
        self.calls.append(call)
        return call

    def _id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _deliver(self, call: ProviderCall, provider_id: str) -> None:
        self.delivered.append(
            Delivered(call.service, call.message, call.workspace, call.address, self.clock.now, provider_id, call.request)
        )

    def _pass_time(self, call: ProviderCall, behaviour: Behaviour, report: Callable[[Report, datetime], None]) -> None:
        """Lets the time of a call pass, with the reports that come in it."""
        started, elapsed = self.clock.now, 0.0
        for each in sorted(behaviour.reports if behaviour.accepts else (), key=lambda each: each.seconds):
            at = max(each.seconds, 0.0)
            if at > behaviour.seconds:
                report(each, started + timedelta(seconds=at))
                continue
            self.clock.advance(at - elapsed)
            elapsed = at
            report(each, self.clock.now)
            self.meanwhile(call)
        self.clock.advance(behaviour.seconds - elapsed)


@dataclass
class _AwsProvider(_Provider):
    queue: str = "ReportsQueue"
    sqs: Sqs = field(kw_only=True)

    def _raise(self, operation: str, behaviour: Behaviour, **members: Any) -> None:
        """Raises what botocore raises for an outcome that is no answer."""
        url = "https://provider.invalid"
        match behaviour.outcome:
            case "error":
                reason = {"Reason": behaviour.reason} if behaviour.reason else {}
                raise client_error(operation, behaviour.code, "scripted", behaviour.status, **reason, **members)
            case "read-timeout":
                raise ReadTimeoutError(endpoint_url=url, error="timed out")
            case "reset":
                raise ConnectionClosedError(endpoint_url=url)
            case "connect-timeout":
                raise ConnectTimeoutError(endpoint_url=url, error="timed out")
            case "unreachable":
                raise EndpointConnectionError(endpoint_url=url, error="refused")
            case _:
                pass

    def _put_report(self, event: Mapping[str, Any], at: datetime) -> None:
        self.sqs.put(self.queue, json.dumps(event), at)


def _ok(**members: Any) -> dict[str, Any]:
    return {**members, "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}


class Ses(_AwsProvider):
    """Amazon SES. `suppressed` are addresses in lower case on the suppression list of the account, which bounces and complaints fill."""

    def __init__(self, clock: TimeSource, random: Random, sqs: Sqs) -> None:
        super().__init__(clock, random, sqs=sqs)
        self.suppressed: set[str] = set()
        quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 500.0}
        self.account: dict[str, Any] = {"SendQuota": quota, "SendingEnabled": True, "ProductionAccessEnabled": True}

    def send_email(self, **request: Any) -> dict[str, Any]:
        """Takes an e-mail, or does what the behaviour says."""
        found = problems("sesv2", "SendEmail", request) or _header_problems(request)
        if found:
            raise client_error("SendEmail", "BadRequestException", "; ".join(found))
        tags = {tag["Name"]: tag["Value"] for tag in request.get("EmailTags", ())}
        receivers = request["Destination"]["ToAddresses"]
        call = self._call("sesv2", tags.get(MESSAGE_TAG, ""), tags.get(WORKSPACE_TAG, ""), receivers[0], request)
        behaviour, provider_id = self.behaviour(call), f"0100{self.random.getrandbits(48):012x}-{self._id()}-000000"
        if behaviour.accepts:
            behaviour = self._accepted(call, behaviour, provider_id)

        def report(each: Report, at: datetime) -> None:
            event = ses_event(each.kind, each.fields, message=call.message, workspace=call.workspace, to=[_address(call.address)], at=at)
            event["id"], event["detail"]["mail"]["messageId"] = self._id(), provider_id
            self._put_report(event, at)
            if each.kind == "Complaint" or (each.kind == "Bounce" and event["detail"]["bounce"]["bounceType"] == "Permanent"):
                self.suppressed.add(_address(call.address).lower())

        self._pass_time(call, behaviour, report)
        self._raise("SendEmail", behaviour)
        if behaviour.outcome == "truncated":
            return _ok()  # botocore takes a body that breaks off for an answer without members
        return _ok(MessageId=provider_id)

    def get_account(self) -> dict[str, Any]:
        """The quota of the account, and what it has used in the last 24 hours."""
        since = self.clock.now - timedelta(days=1)
        sent = sum(each.at > since for each in self.delivered)
        return _ok(**{**self.account, "SendQuota": {**self.account["SendQuota"], "SentLast24Hours": float(sent)}})

    def delete_suppressed_destination(self, *, EmailAddress: str) -> dict[str, Any]:
        """Takes an address from the suppression list. NotFoundException if it is not there."""
        if EmailAddress.lower() not in self.suppressed:
            text = f"Email address {EmailAddress} does not exist on your suppression list."
            raise client_error("DeleteSuppressedDestination", "NotFoundException", text, 404)
        self.suppressed.discard(EmailAddress.lower())
        return _ok()

    def _accepted(self, call: ProviderCall, behaviour: Behaviour, provider_id: str) -> Behaviour:
        """Sends an e-mail. SES accepts one to an address on the suppression list, does not send it, and reports a bounce."""
        if _address(call.address).lower() not in self.suppressed:
            self._deliver(call, provider_id)
            return behaviour
        bounce = Report("Bounce", 1.0, {"bounceSubType": "OnAccountSuppressionList"})
        return Behaviour(**{**vars(behaviour), "reports": (bounce,)})


class Sms(_AwsProvider):
    """AWS End User Messaging SMS. `opted_out` are the numbers on the opt-out list of the account."""

    def __init__(self, clock: TimeSource, random: Random, sqs: Sqs) -> None:
        super().__init__(clock, random, sqs=sqs)
        self.opted_out: set[str] = set()

    def send_text_message(self, **request: Any) -> dict[str, Any]:
        """Takes a text message, or does what the behaviour says."""
        if found := problems("pinpoint-sms-voice-v2", "SendTextMessage", request):
            fields = [{"Name": text.split(" ")[0], "Message": text} for text in found]
            members: dict[str, Any] = {"Reason": "FIELD_VALIDATION_FAILED", "Fields": fields}
            raise client_error("SendTextMessage", "ValidationException", "; ".join(found), **members)
        number, context = request["DestinationPhoneNumber"], request.get("Context", {})
        if number in self.opted_out:
            members = {"Reason": "DESTINATION_PHONE_NUMBER_OPTED_OUT", "ResourceType": "opted-out-number", "ResourceId": number}
            raise client_error("SendTextMessage", "ConflictException", "The destination phone number has opted out.", **members)
        call = self._call("pinpoint-sms-voice-v2", context.get(MESSAGE_TAG, ""), context.get(WORKSPACE_TAG, ""), number, request)
        behaviour, provider_id = self.behaviour(call), self._id()
        if behaviour.accepts:
            self._deliver(call, provider_id)
        self._pass_time(call, behaviour, lambda each, at: self._put_report(self._event(call, each, provider_id, at), at))
        self._raise("SendTextMessage", behaviour)
        return _ok() if behaviour.outcome == "truncated" else _ok(MessageId=provider_id)

    def _event(self, call: ProviderCall, report: Report, provider_id: str, at: datetime) -> dict[str, Any]:
        """The event of a report; `TEXT_DELIVERED` and other types of the service."""
        detail = {
            "eventType": report.kind,
            "eventVersion": "1.0",
            "eventTimestamp": round(at.timestamp() * 1000),
            "isFinal": report.kind != "TEXT_CARRIER_UNREACHABLE",
            "originationPhoneNumber": "+18445550123",
            "destinationPhoneNumber": call.address,
            "isoCountryCode": "US",
            "messageId": provider_id,
            "messageStatus": report.kind.removeprefix("TEXT_"),
            "messageStatusDescription": "scripted",
            "context": dict(call.request.get("Context", {})),
            "totalMessageParts": 1,
        }
        return {
            "version": "0",
            "id": self._id(),
            "detail-type": "Text Message Delivery Status Updated",
            "source": "aws.sms-voice",
            "account": "123456789012",
            "time": iso(at),
            "region": "eu-west-1",
            "detail": {**detail, **report.fields},
        }


class Receivers(_Provider):
    """The receivers of all webhooks, in place of `PinnedHttp`. They know a message by its header `webhook-id`."""

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        """The response of the receiver; raises what `PinnedHttp.request` raises."""
        names = {name.lower(): value for name, value in headers.items()}
        sent = {"method": method, "url": url, "headers": dict(headers), "body": body}
        call = self._call("webhook", names.get("webhook-id", ""), "", url, sent)
        behaviour = self.behaviour(call)
        if behaviour.accepts:
            self._deliver(call, "")
        self._pass_time(call, behaviour, lambda _report, _at: None)
        match behaviour.outcome:
            case "read-timeout":
                raise RemoteDisconnected("Remote end closed connection without response")
            case "reset":
                raise ConnectionResetError(104, "Connection reset by peer")
            case "truncated":  # the status has come, and decides
                return HttpResponse(behaviour.status, behaviour.headers, behaviour.body[: len(behaviour.body) // 2])
            case "connect-timeout" | "unreachable":
                raise NotConnectedError("no address of the host accepts a connection")
            case "address-refused":
                raise AddressRefusedError("the host name resolves to a private or reserved address")
            case _:
                return HttpResponse(behaviour.status, behaviour.headers, behaviour.body[:MAX_RESPONSE_BYTES])


def _header_problems(request: Mapping[str, Any]) -> list[str]:
    """What botocore's model does not state of headers: the length of name and value together."""
    headers = request["Content"].get("Simple", {}).get("Headers", [])
    return [
        f"the header {header['Name']} has over {HEADER_LENGTH} characters"
        for header in headers
        if len(header["Name"]) + len(header["Value"]) > HEADER_LENGTH
    ]


def _address(mailbox: str) -> str:
    """The address of a mailbox with or without a name."""
    return mailbox.rpartition("<")[2].rstrip(">")
