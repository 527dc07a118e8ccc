"""Webhooks to real servers on this machine that misbehave: how each message ends, and with which attempts."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.fakes.messages import NOW, pending_message
from tests.fakes.receiver import Behaviour, Receiver, respond
from tests.fakes.send_harness import SendHarness
from waypost.adapters.pinned_http import MAX_RESPONSE_BYTES, PinnedHttp
from waypost.adapters.silent_hosts import SilentHosts
from waypost.adapters.webhook import WebhookChannel
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, RenderedTemplate
from waypost.domain.messages.retry_schedule import RETRY_DELAYS
from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of
from waypost.manage.responses.messages import MessageResponse
from waypost.send import send
from waypost.sending_dependencies import SendDependencies

TIME_LIMIT = 0.4
"""The seconds of one request, which are 15 in the send function."""

OLD, NEW = secret_of(b"o" * 24), secret_of(b"n" * 24)


@dataclass
class RotatingSecrets:
    """The secret of a workspace, which a test can rotate."""

    current: WebhookSecrets = field(default_factory=lambda: WebhookSecrets((OLD,), NOW - timedelta(days=9)))

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        return self.current


@dataclass
class UrlTemplates:
    """Renders the URL of a webhook from the payload of the message's event."""

    def render(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool) -> RenderedTemplate:
        return {"url": scope["event"]["payload"]["url"], "json": {"id": scope["message"]["id"]}}

    def missing_variables(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
        return ()


@dataclass
class Sending:
    """A sender with the webhook channel of the send function, and messages to receivers of this machine."""

    harness: SendHarness = field(default_factory=SendHarness)
    secrets: RotatingSecrets = field(default_factory=RotatingSecrets)
    silent_hosts: SilentHosts = field(default_factory=lambda: SilentHosts(slow_seconds=TIME_LIMIT / 2))

    def __post_init__(self) -> None:
        self.channel = WebhookChannel(self.secrets, PinnedHttp(seconds=TIME_LIMIT), local=True, silent_hosts=self.silent_hosts)

    def add(self, message_id: str, port: int, **changes: Any) -> None:
        """Adds a pending webhook to the receiver at this port."""
        event = {"name": "go", "payload": {"url": f"http://127.0.0.1:{port}/hook"}, "port": port}
        self.harness.messages.add(pending_message(**{"id": message_id, "channel": "webhook", "step": "hook", "event": event, **changes}))

    def send(self, message_id: str = "msg_1", now: datetime = NOW) -> Message:
        """Sends a message at this time, and returns its row."""
        self.harness.now = now
        send("w1", message_id, now, f"t-{message_id}-{now}", self._dependencies())
        return self.row(message_id)

    def send_until_settled(self, message_id: str = "msg_1") -> Message:
        """Sends a message at each time at which it is due, until its outcome is known."""
        message = self.send(message_id)
        while not message.is_settled:
            message = self.send(message_id, message.due)
        return message

    def row(self, message_id: str = "msg_1") -> Message:
        """The row of a message."""
        return self.harness.messages.stored["w1", message_id]

    def _dependencies(self) -> SendDependencies:
        return replace(self.harness.dependencies(), channels={"webhook": self.channel}, templates=UrlTemplates())


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """A behaviour that is another one for each request; the last one is that of all further requests."""
    left = list(behaviours)

    def behave(stream: socket.socket) -> None:
        behaviour = left.pop(0) if len(left) > 1 else left[0]
        behaviour(stream)

    return behave


def hang(stream: socket.socket) -> None:
    """Sends nothing until the client gives up."""
    with suppress(OSError):
        stream.recv(1)


def reset(stream: socket.socket) -> None:
    """Breaks the connection with a reset."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def raw(answer: bytes) -> Behaviour:
    """A behaviour that sends these bytes and closes the connection."""
    return lambda stream: stream.sendall(answer)


@contextmanager
def sending_to(behaviour: Behaviour, **changes: Any) -> Iterator[tuple[Sending, Receiver]]:
    """A pending webhook to a receiver with this behaviour."""
    receiver, sending = Receiver(behaviour), Sending()
    with receiver.serving() as port:
        sending.add("msg_1", port, **changes)
        yield sending, receiver


def outcomes(message: Message) -> list[tuple[str, str]]:
    """The outcomes and details of all attempts that the API shows of a message."""
    return [(attempt.outcome, attempt.detail) for attempt in MessageResponse.of(message, None).attempts]


def test_a_receiver_that_recovers_gets_the_message_at_the_third_attempt() -> None:
    """After 500, 500, 200 the message is sent, each attempt is shown with its answer, and all requests have one id and one body."""
    with sending_to(in_turn(respond(500, body=b"down"), respond(500), respond(200, body=b"thanks"))) as (sending, receiver):
        message = sending.send_until_settled()
    assert message.status is MessageStatus.SENT
    assert outcomes(message) == [("refused", "HTTP 500: down"), ("refused", "HTTP 500"), ("sent", "HTTP 200: thanks")]
    assert {(request.headers["webhook-id"], request.body) for request in receiver.received} == {("msg_1", b'{"id":"msg_1"}')}


def test_a_receiver_that_never_answers_ends_in_a_dead_letter() -> None:
    """Each attempt ends at the time limit with an unknown outcome. After eight of them the message has failed and is parked."""
    with sending_to(hang) as (sending, receiver):
        sending.silent_hosts.slow_seconds = 60
        message = sending.send_until_settled()
    assert (message.status, message.reason) == (MessageStatus.FAILED, MessageReason.GAVE_UP)
    shown = [(outcome, detail.partition(":")[0]) for outcome, detail in outcomes(message)]
    assert shown == [("unknown", "no complete answer")] * (len(RETRY_DELAYS) + 1)
    assert len(receiver.received) == len(RETRY_DELAYS) + 1
    assert [parked.reason for parked in sending.harness.dead.parked.values()] == ["gave-up"]


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        pytest.param(reset, "ConnectionResetError", id="reset"),
        pytest.param(raw(b""), "RemoteDisconnected", id="no answer"),
        pytest.param(raw(b"HTTP/1.1 2"), "BadStatusLine", id="half a status"),
        pytest.param(raw(b"\x16\x03\x01\x02\x00\r\n"), "BadStatusLine", id="no HTTP"),
    ],
)
def test_a_broken_answer_is_unknown_and_sent_again(behaviour: Behaviour, error: str) -> None:
    """An answer that breaks off before its status is complete says nothing: the attempt is unknown, and the next one is made."""
    with sending_to(in_turn(behaviour, respond(204))) as (sending, receiver):
        message = sending.send_until_settled()
    assert message.status is MessageStatus.SENT
    assert outcomes(message) == [("unknown", f"no complete answer: {error}"), ("sent", "HTTP 204")]
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", MessageStatus.SENT, ("sent", "HTTP 200")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of", MessageStatus.SENT, ("sent", "HTTP 200: half of")),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nhalf of", MessageStatus.FAILED, ("failed", "HTTP 404: half of")),
    ],
)
def test_an_answer_that_breaks_off_behind_its_status_counts(answer: bytes, status: MessageStatus, outcome: tuple[str, str]) -> None:
    """The status decides: what is missing of the headers or of the body changes nothing."""
    with sending_to(raw(answer)) as (sending, receiver):
        message = sending.send_until_settled()
    assert (message.status, outcomes(message), len(receiver.received)) == (status, [outcome], 1)


def test_a_redirect_to_a_private_address_is_a_failure() -> None:
    """The request is not repeated at the address of the redirect, whether that is private or not; the message has failed."""
    other = Receiver(respond(200))
    with other.serving() as port, sending_to(respond(307, f"Location: http://127.0.0.1:{port}/admin")) as (sending, receiver):
        message = sending.send_until_settled()
    assert (message.status, message.reason, outcomes(message)) == (MessageStatus.FAILED, MessageReason.REJECTED, [("failed", "HTTP 307")])
    assert (len(receiver.received), len(other.received)) == (1, 0)


def test_an_answer_of_64_mb_is_read_in_part() -> None:
    """The message is sent, and the connection ends after 64 KiB: neither memory nor time follow from what a receiver sends."""
    sent = 0

    def send_64_mb(stream: socket.socket) -> None:
        nonlocal sent
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
        while sent < 64 * 1024 * 1024:
            sent += stream.send(b"x" * MAX_RESPONSE_BYTES)

    with sending_to(send_64_mb) as (sending, _):
        message = sending.send_until_settled()
    assert (message.status, outcomes(message)) == (MessageStatus.SENT, [("sent", "HTTP 200: " + "x" * 200)])
    assert sent < 16 * 1024 * 1024


@pytest.mark.parametrize(
    ("answer", "outcome"), [(respond(200), "sent"), (respond(500), "refused"), (hang, "unknown"), (respond(404), "failed")]
)
def test_a_report_before_the_answer_counts_whatever_the_answer_is(answer: Behaviour, outcome: str) -> None:
    """A receiver that reports during the request has the message: it is delivered, is not sent again, and the attempt is shown."""
    reports: list[Callable[[], None]] = []

    def report_and_answer(stream: socket.socket) -> None:
        reports[0]()
        answer(stream)

    with sending_to(report_and_answer, awaited=True) as (sending, receiver):

        def report() -> None:
            stored = sending.harness.messages.stored
            stored["w1", "msg_1"] = replace(sending.row(), status=MessageStatus.DELIVERED, reason=None)

        reports.append(report)
        message = sending.send_until_settled()
    assert message.status is MessageStatus.DELIVERED
    assert [attempt.outcome for attempt in message.attempts] == [outcome]
    assert (len(receiver.received), len(sending.harness.signals.queue_messages)) == (1, 1)


def test_the_reference_library_verifies_each_attempt_while_the_secret_rotates() -> None:
    """A request before a rotation verifies with the old secret; for a day after it with both, and then with the new one only."""
    now = datetime.now(UTC)  # the library compares the timestamp of a request with the clock of the machine
    with sending_to(in_turn(respond(500), respond(500), respond(200))) as (sending, receiver):
        sending.send(now=now)
        sending.secrets.current = sending.secrets.current.rotated(NEW, now)
        sending.send(now=now + timedelta(seconds=30))
        sending.secrets.current = replace(sending.secrets.current, rotated_at=now - timedelta(days=1))
        assert sending.send(now=now + timedelta(seconds=200)).status is MessageStatus.SENT

    def verified_by(secret: str, position: int) -> bool:
        request = receiver.received[position]
        try:
            verified = Webhook(secret).verify(request.body, dict(request.headers))
        except WebhookVerificationError:
            return False
        return bool(verified == json.loads(request.body))

    verified = [(verified_by(OLD, position), verified_by(NEW, position)) for position in range(3)]
    assert verified == [(True, False), (True, True), (False, True)]


def test_one_dead_destination_does_not_slow_another() -> None:
    """Of 12 batches with messages to a host that hangs and to one that answers, only the first ones take the time limit of a call.

    All messages to the answering host are sent at once, and those to the dead one have a refused attempt and are tried again later.
    """
    dead, answering, sending = Receiver(hang), Receiver(respond(200)), Sending()
    with ExitStack() as stack:
        ports = [stack.enter_context(each.serving()) for each in (dead, answering)]
        durations = []
        for batch in range(12):
            ids = [f"msg_{batch}x{number}" for number in range(4)]
            for number, message_id in enumerate(ids):
                sending.add(message_id, ports[number % 2])
            started = time.monotonic()
            with ThreadPoolExecutor(len(ids)) as pool:
                list(pool.map(sending.send, ids))
            durations.append(time.monotonic() - started)
    rows = {message_id: row for (_, message_id), row in sending.harness.messages.stored.items()}
    to_answering = [row for message_id, row in rows.items() if message_id[-1] in "13"]
    to_dead = [row for message_id, row in rows.items() if message_id[-1] in "02"]
    assert {row.status for row in to_answering} == {MessageStatus.SENT}
    assert len(answering.received) == 24
    assert sum(duration >= TIME_LIMIT for duration in durations) <= 6
    assert {row.status for row in to_dead} == {MessageStatus.PENDING}
    refused = [row for row in to_dead if row.attempts[0].outcome == "refused"]
    assert len(refused) >= 20
    assert all(row.due >= NOW + timedelta(seconds=50) for row in refused)
    assert refused[0].attempts[0].detail == "the request was not made: the host gave no answer to the requests before"


def test_a_host_that_answers_slowly_is_called_for_each_message() -> None:
    """An answer that takes as long as silence would, but comes, is no silence: all messages are sent at their first attempt."""

    def answer_slowly(stream: socket.socket) -> None:
        time.sleep(0.75 * TIME_LIMIT)
        respond(200)(stream)

    with sending_to(answer_slowly) as (sending, _):
        for number in range(2, 6):
            sending.add(f"msg_{number}", sending.row().event["port"])
        rows = [sending.send(f"msg_{number}") for number in range(1, 6)]
    assert [[attempt.outcome for attempt in row.attempts] for row in rows] == [["sent"]] * 5


def test_a_host_that_answers_again_gets_the_messages_that_waited() -> None:
    """After the pause one call finds the host alive, and the messages that were refused meanwhile are sent by their next attempt."""
    with sending_to(in_turn(hang, hang, hang, respond(200))) as (sending, _):
        for number in range(2, 7):
            sending.add(f"msg_{number}", sending.row().event["port"])
        rows = [sending.send(f"msg_{number}") for number in range(1, 7)]
        assert [row.attempts[0].outcome for row in rows] == ["unknown"] * 3 + ["refused"] * 3
        settled = [sending.send(f"msg_{number}", sending.row(f"msg_{number}").due + timedelta(minutes=2)) for number in range(1, 7)]
    assert {row.status for row in settled} == {MessageStatus.SENT}
