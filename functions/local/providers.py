"""An HTTP emulator of the providers of messages: SES and AWS End User Messaging SMS, as far as Waypost calls them.

Neither MiniStack nor moto has the SMS service, and neither keeps the headers and tags of an e-mail. So the functions of the local run, and
tests with a real boto3 client, call this server by `AWS_ENDPOINT_URL_SESV2` and `AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2`. It checks each
request against botocore's model of the service, keeps what it accepts, and can be planned to answer with an error, late, or not at all.

An e-mail is passed on to MiniStack or moto (`upstream`) as it is signed, so that MiniStack checks the role and the identity of the sender.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from functions.local import browser_guard
from functions.local.provider_models import problems, status_of_error

SES: Final = "sesv2"
SMS: Final = "pinpoint-sms-voice-v2"
ENDPOINTS: Final = ("AWS_ENDPOINT_URL_SESV2", "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2")
SEND_EMAIL: Final = "/v2/email/outbound-emails"
ACCOUNT: Final = "/v2/email/account"
SUPPRESSED: Final = "/v2/email/suppression/addresses/"
SMS_TARGET: Final = "PinpointSMSVoiceV2."
HEADER_LENGTH: Final = 996  # of a header's name and value together, in SES
FORWARD_TIMEOUT: Final = 30.0  # seconds
OPT_OUT_KEYWORDS: Final = frozenset({"ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"})


@dataclass(frozen=True, slots=True)
class EmulatedResponse:
    """An answer of a provider: status, JSON body and, for an error, its code."""

    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class PlannedResponse:
    """What the next call gets in place of the usual answer.

    `answer` (None: the usual one), after `hang` seconds; `reset` ends the connection without an answer; `truncate` ends it in the middle of
    the body. `accept` keeps the message in spite of the answer: the provider has it, and the caller does not know.
    """

    answer: EmulatedResponse | None = None
    hang: float = 0.0
    reset: bool = False
    truncate: bool = False
    accept: bool = False

    @classmethod
    def parse(cls, plan: Mapping[str, Any]) -> PlannedResponse:
        """The plan of a JSON object with these names, and `error`, `message`, `status`, `body` of the answer. ValueError if it is none."""
        known = {"error", "message", "status", "body", "hang", "reset", "truncate", "accept"}
        if unknown := sorted(set(plan) - known):
            raise ValueError(f"unknown: {', '.join(unknown)}")
        answer = None
        if {"error", "status", "body"} & set(plan):
            error = str(plan.get("error", ""))
            default = max(status_of_error(service, error) for service in (SES, SMS)) if error else 200
            message = {"message": plan.get("message", "planned"), "Message": plan.get("message", "planned")} if error else {}
            answer = EmulatedResponse(int(plan.get("status", default)), message | dict(plan.get("body", {})), error)
        flags = {name: bool(plan.get(name)) for name in ("reset", "truncate", "accept")}
        return cls(answer, float(plan.get("hang", 0)), **flags)


@dataclass
class Providers:
    """The provider emulator: what it accepted, what it is planned to answer, and the state of both accounts."""

    url: str = ""
    now: Callable[[], float] = time.time
    upstream: str | None = None
    """The URL of MiniStack or moto, which gets each e-mail too; None: neither."""
    account: dict[str, Any] = field(default_factory=dict)
    """What `GetAccount` answers besides the number of recipients of the last 24 hours."""
    suppressed: set[str] = field(default_factory=set)
    """The addresses on the suppression list of the account of SES."""
    opted_out: set[str] = field(default_factory=set)
    """The phone numbers on the opt-out list of the account of SMS."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._mails: list[dict[str, Any]] = []
        self._texts: list[dict[str, Any]] = []
        self._planned: dict[str, list[PlannedResponse]] = {}
        quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 500.0}
        self.account = {"SendQuota": quota, "SendingEnabled": True, "ProductionAccessEnabled": True} | self.account

    def environment(self, url: str | None = None) -> dict[str, str]:
        """The variables with which boto3 calls the provider emulator: at its address, or at another one that leads to it."""
        return dict.fromkeys(ENDPOINTS, self.url if url is None else url)

    def plan(self, target: str, *answers: PlannedResponse) -> None:
        """Sets how the emulator answers the next calls to a receiver, or of an operation such as `GetAccount`, in order."""
        with self._lock:
            self._planned.setdefault(target, []).extend(answers)

    def clear_plans(self) -> None:
        """Forgets what was planned and not yet called for, so that it does not answer a later call."""
        with self._lock:
            self._planned.clear()

    def mails(self) -> list[dict[str, Any]]:
        """The accepted e-mails, newest first."""
        with self._lock:
            return self._mails[::-1]

    def texts(self) -> list[dict[str, Any]]:
        """The accepted text messages, newest first."""
        with self._lock:
            return self._texts[::-1]

    def receive_text(self, number: str, body: str) -> None:
        """Does what the SMS service does with a text from a phone: a keyword such as STOP adds the number to the opt-out list.

        That START takes it from the list is not documented for every country.
        """
        with self._lock:
            if body.strip().upper() in OPT_OUT_KEYWORDS:
                self.opted_out.add(number)
            elif body.strip().upper() == "START":
                self.opted_out.discard(number)

    def next_planned(self, *targets: str) -> PlannedResponse:
        """The planned answer to a call for one of the targets; without one, the usual answer is planned."""
        with self._lock:
            queues = [self._planned[target] for target in targets if self._planned.get(target)]
            return queues[0].pop(0) if queues else PlannedResponse()

    def send_email(self, request: Any, forward: Callable[[], EmulatedResponse | None]) -> EmulatedResponse:
        """Accepts an e-mail, unless the request is wrong or the upstream emulator refuses it."""
        found = problems(SES, "SendEmail", request) or list(_header_problems(request))
        if found:
            return error("BadRequestException", "; ".join(found))
        answer = forward() or EmulatedResponse(body={"MessageId": f"0100{uuid4().hex[:12]}-{uuid4()}-000000"})
        if answer.status == 200:
            self._keep(self._mails, _mail(request, answer.body["MessageId"], self.now()))
        return answer

    def get_account(self) -> EmulatedResponse:
        """The answer of `GetAccount`."""
        with self._lock:
            sent = sum(len(mail["to"] + mail["cc"] + mail["bcc"]) for mail in self._mails if mail["at"] > self.now() - 86_400)
            return EmulatedResponse(body=self.account | {"SendQuota": self.account["SendQuota"] | {"SentLast24Hours": float(sent)}})

    def delete_suppressed(self, address: str) -> EmulatedResponse:
        """Removes an address from the account's suppression list."""
        with self._lock:
            if address.lower() not in self.suppressed:
                return error("NotFoundException", f"Email address {address} does not exist on your suppression list.", status=404)
            self.suppressed.discard(address.lower())
            return EmulatedResponse()

    def send_text(self, request: Any) -> EmulatedResponse:
        """Accepts a text message, unless the request is wrong or the number has opted out."""
        if found := problems(SMS, "SendTextMessage", request):
            fields = [{"Name": text.split(" ")[0], "Message": text} for text in found]
            body = {"Message": "; ".join(found), "Reason": "FIELD_VALIDATION_FAILED", "Fields": fields}
            return EmulatedResponse(400, body, "ValidationException")
        number = request["DestinationPhoneNumber"]
        if number in self.opted_out:
            body = {"Message": "The destination phone number has opted out.", "Reason": "DESTINATION_PHONE_NUMBER_OPTED_OUT"}
            return EmulatedResponse(400, body | {"ResourceType": "opted-out-number", "ResourceId": number}, "ConflictException")
        answer = EmulatedResponse(body={"MessageId": str(uuid4())})
        self._keep(self._texts, _text(request, str(answer.body["MessageId"]), self.now()))
        return answer

    def _keep(self, messages: list[dict[str, Any]], message: dict[str, Any]) -> None:
        with self._lock:
            messages.append(message)


def error(code: str, message: str, status: int = 400) -> EmulatedResponse:
    """The answer with an error of SES."""
    return EmulatedResponse(status, {"message": message}, code)


def _header_problems(request: dict[str, Any]) -> Iterator[str]:
    """What botocore's model does not state of headers: the length of name and value together."""
    for header in request.get("Content", {}).get("Simple", {}).get("Headers", []):
        if len(header["Name"]) + len(header["Value"]) > HEADER_LENGTH:
            yield f"the header {header['Name']} has over {HEADER_LENGTH} characters"


def _mail(request: dict[str, Any], message_id: str, at: float) -> dict[str, Any]:
    content, destination = request["Content"].get("Simple", {}), request.get("Destination", {})
    return {
        "messageId": message_id,
        "from": request.get("FromEmailAddress", ""),
        "to": destination.get("ToAddresses", []),
        "cc": destination.get("CcAddresses", []),
        "bcc": destination.get("BccAddresses", []),
        "replyTo": request.get("ReplyToAddresses", []),
        "subject": content.get("Subject", {}).get("Data", ""),
        "text": content.get("Body", {}).get("Text", {}).get("Data", ""),
        "html": content.get("Body", {}).get("Html", {}).get("Data", ""),
        "headers": {header["Name"]: header["Value"] for header in content.get("Headers", [])},
        "tags": {tag["Name"]: tag["Value"] for tag in request.get("EmailTags", [])},
        "configurationSet": request.get("ConfigurationSetName", ""),
        "request": request,
        "at": at,
    }


def _text(request: dict[str, Any], message_id: str, at: float) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "from": request.get("OriginationIdentity", ""),
        "to": request["DestinationPhoneNumber"],
        "text": request.get("MessageBody", ""),
        "type": request.get("MessageType", ""),
        "context": request.get("Context", {}),
        "configurationSet": request.get("ConfigurationSetName", ""),
        "request": request,
        "at": at,
    }


class _Handler(BaseHTTPRequestHandler):
    """Reads a request of boto3, lets the provider emulator answer it, and writes the answer as it is planned."""

    protocol_version = "HTTP/1.1"
    providers: Providers
    bridge: str = ""

    def __getattr__(self, name: str) -> Any:
        """The base class calls `do_GET`, `do_POST` and so on: all methods are served alike."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Logs nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        values = (self.headers.get_all(name) or [] for name in ("Host", "Origin", "Sec-Fetch-Site"))
        at_bridge = bool(self.bridge) and str(self.connection.getsockname()[0]) == self.bridge
        if refusal := browser_guard.emulator_refusal(*values, at_bridge=at_bridge):
            self._write(refusal.status.value, browser_guard.headers(refusal), refusal.body())
            return
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            request = None
        planned, usual = self._call(request, body)
        usual_answer = usual() if planned.accept or not (planned.answer or planned.reset) else EmulatedResponse()
        answer = planned.answer or usual_answer
        if planned.hang:
            time.sleep(planned.hang)
        if planned.reset:
            self._reset()
            return
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid4())}
        named = {"__type": answer.error, **answer.body} if answer.error else answer.body
        headers |= {"x-amzn-ErrorType": answer.error} if answer.error else {}
        self._write(answer.status, headers, json.dumps(named).encode(), truncate=planned.truncate)

    def _call(self, request: Any, body: bytes) -> tuple[PlannedResponse, Callable[[], EmulatedResponse]]:
        """What is planned for the call, and what makes its usual answer."""
        providers, path = self.providers, urlsplit(self.path).path
        target = self.headers.get("X-Amz-Target", "")
        if (self.command, path) == ("POST", SEND_EMAIL):
            receivers = ((request or {}).get("Destination") or {}).get("ToAddresses") or []
            return providers.next_planned(*receivers, "SendEmail"), lambda: providers.send_email(request, lambda: self._forwarded(body))
        if (self.command, path) == ("GET", ACCOUNT):
            return providers.next_planned("GetAccount"), providers.get_account
        if self.command == "DELETE" and path.startswith(SUPPRESSED):
            address = unquote(path.removeprefix(SUPPRESSED))
            return providers.next_planned(address, "DeleteSuppressedDestination"), lambda: providers.delete_suppressed(address)
        if target == f"{SMS_TARGET}SendTextMessage":
            number = str((request or {}).get("DestinationPhoneNumber", ""))
            return providers.next_planned(number, "SendTextMessage"), lambda: providers.send_text(request)
        return PlannedResponse(), lambda: error("UnknownOperationException", f"{self.command} {path} {target} is not emulated", status=404)

    def _forwarded(self, body: bytes) -> EmulatedResponse | None:
        """What the upstream emulator answers to the same request, with the host that its signature covers; None without one."""
        if self.providers.upstream is None:
            return None
        connection = HTTPConnection(urlsplit(self.providers.upstream).netloc, timeout=FORWARD_TIMEOUT)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            response = connection.getresponse()
            content = json.loads(response.read() or b"{}")
        except (OSError, HTTPException, ValueError) as failure:
            return error("InternalFailure", f"the upstream emulator does not answer: {failure!r}", status=500)
        finally:
            connection.close()
        code = response.headers.get("x-amzn-ErrorType") or content.get("__type", "")
        return EmulatedResponse(response.status, content, "" if response.status == 200 else code or "BadRequestException")

    def _write(self, status: int, headers: Mapping[str, str], content: bytes, *, truncate: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if truncate else content)
        self.close_connection = self.close_connection or truncate

    def _reset(self) -> None:
        """Ends the connection with a TCP reset: a socket that is closed with a linger time of 0 sends one."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def _ignore_failure(self, request: Any, client_address: Any) -> None:
        """A caller that closed its connection, or a planned reset, is no error of the provider emulator."""

    handle_error = _ignore_failure

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection, unless a planned reset has closed it."""
        if request.fileno() >= 0:
            super().shutdown_request(request)


@contextmanager
def running_providers(upstream: str | None = None, now: Callable[[], float] = time.time, bridge: str | None = None) -> Iterator[Providers]:
    """Serves the provider emulator on a free port of the loopback address, and on Docker's bridge if there is one; at exit it ends."""
    providers = Providers(now=now, upstream=upstream)
    handler = type("Handler", (_Handler,), {"providers": providers, "bridge": bridge or ""})
    with ExitStack() as parts:
        server = parts.enter_context(_serving("127.0.0.1", 0, handler))
        providers.url = f"http://127.0.0.1:{server.server_port}"
        if bridge:
            parts.enter_context(_serving(bridge, server.server_port, handler))
        yield providers


@contextmanager
def _serving(host: str, port: int, handler: type[_Handler]) -> Iterator[ThreadingHTTPServer]:
    with _Server((host, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
