"""The simulation of queues, schedules and providers gives the adapters the answers that the emulators give them.

Each scenario makes the same calls of real adapters on both and returns what it has seen. Where an emulator differs from the documentation
of AWS, the simulation follows the documentation, and `test_the_simulation_follows_the_documentation` states the difference.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from functions.local.emulator import free_port
from functions.local.providers import EmulatedResponse, PlannedResponse
from tests.fakes.messages import pending_message
from tests.fakes.receiver import Receiver, respond
from tests.proof.aws import providers as simulated
from tests.proof.queue_backends import (
    GROUP,
    SETTINGS,
    SPEED,
    Backend,
    Emulators,
    ManualClock,
    Simulated,
    adapters_call,
    received,
    running_emulators,
    with_receives,
)
from waypost.adapters import aws
from waypost.adapters.aws import error_code
from waypost.adapters.pinned_http import PinnedHttp
from waypost.adapters.scheduler import ScheduledTimers, Schedules, ScheduleTarget
from waypost.adapters.ses import SesChannel
from waypost.adapters.ses_account import SesAccount, SesSuppressions
from waypost.adapters.sms import SmsChannel
from waypost.adapters.sqs import SqsDelays, SqsReports, SqsSendQueue, SqsSignals, SqsUndeliveredTimers
from waypost.adapters.webhook import WebhookChannel
from waypost.domain import signal_codec
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.messages.webhook_signatures import WebhookSecrets, secret_of
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import QueueMessage

EMAIL = {"subject": "Hi", "text": "Hello", "html": "<p>Hello</p>", "from": "waypost@example.com", "to": "ada@example.com"}
TEXT = {"to": "+15555550100", "text": "Hello", "type": "promotional"}
Scenario = Callable[[Backend], Any]


@pytest.fixture(scope="module")
def emulators() -> Iterator[Emulators]:
    """The running emulators of all tests of this module."""
    with running_emulators() as running:
        yield running


def message(group: str, name: str, body: str = "{}") -> QueueMessage:
    """A message of the signals queue."""
    return QueueMessage(group, name, body)


def seen(messages: list[dict[str, Any]]) -> list[tuple[str | None, str | None, str, str]]:
    """Group, deduplication id, body and number of receives of each message."""
    parts = [each["Attributes"] for each in messages]
    return [
        (part.get("MessageGroupId"), part.get("MessageDeduplicationId"), each["Body"], part["ApproximateReceiveCount"])
        for part, each in zip(parts, messages, strict=True)
    ]


def outcome(call: Callable[[], Any]) -> Any:
    """The result of a call, or the type and code of its error."""
    try:
        return call()
    except ClientError as error:
        return ("ClientError", error_code(error))
    except UnavailableError as error:
        return ("UnavailableError", str(error))


# ------------------------------------------------------------------------------------------------ SqsSignals


def signals_are_sent_and_deduplicated(backend: Backend) -> Any:
    """Ten groups in one call; a repeat within five minutes is dropped, also after the deletion of the first one, and stored after them."""
    queue, batch = SqsSignals(backend.url("SignalsQueue")), [message(f"c_{number}", f"n{number}", f"{number}") for number in range(10)]
    steps: list[Any] = [len(queue.send(batch)), len(queue.send(batch[:3]))]
    found = received(backend, "SignalsQueue")
    steps += [seen(found), set(found[0]), set(found[0]["Attributes"])]
    for each in found:
        backend.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=each["ReceiptHandle"])
    steps += [len(queue.send(batch)), seen(received(backend, "SignalsQueue"))]
    backend.advance(301)
    return [*steps, len(queue.send(batch)), seen(received(backend, "SignalsQueue"))]


def a_group_is_in_order(backend: Backend) -> Any:
    """A group with messages in flight is locked; those that are made visible again come first."""
    queue = SqsSignals(backend.url("SignalsQueue"))
    steps: list[Any] = [[len(queue.send([message("c_1", name, name)])) for name in ("a", "b")], len(queue.send([message("c_2", "x")]))]
    first = received(backend, "SignalsQueue")
    queue.send([message("c_1", "c", "c")])
    steps += [seen(first), seen(received(backend, "SignalsQueue"))]
    queue.delay([(first[0]["ReceiptHandle"], 0), (first[1]["ReceiptHandle"], 0)])
    again = received(backend, "SignalsQueue", 5)
    steps.append(seen(again))
    backend.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=again[0]["ReceiptHandle"])
    steps.append(seen(received(backend, "SignalsQueue")))
    backend.advance(6)
    steps.append(seen(received(backend, "SignalsQueue")))
    backend.advance(361)
    return [*steps, seen(received(backend, "SignalsQueue"))]


def unknown_receipts_are_ignored(backend: Backend) -> Any:
    """A batch call with a handle that SQS does not know is a success, and makes the other message visible."""
    queue = SqsSignals(backend.url("SignalsQueue"))
    queue.send([message("c_1", "a")])
    (found,) = received(backend, "SignalsQueue")
    queue.delay([("unknown", 0), (found["ReceiptHandle"], 0)])
    return seen(received(backend, "SignalsQueue"))


def refused_signals_are_returned(backend: Backend) -> Any:
    """A body that SQS refuses is returned by `send`, and the others of the call are stored."""
    queue = SqsSignals(backend.url("SignalsQueue"))
    refused = queue.send([message("c_1", "a", "good"), message("c_2", "b", "bad \x00"), message("c_3", "c", "")])
    return [refused, seen(received(backend, "SignalsQueue"))]


def a_missing_queue_is_an_outage(backend: Backend) -> Any:
    """Every call to a queue that does not exist raises UnavailableError."""
    url = backend.url("none")
    calls: list[Callable[[], Any]] = [
        lambda: SqsSignals(url).send([message("c_1", "a")]),
        lambda: SqsSignals(url).delay([("x", 0)]),
        lambda: SqsDelays(url).put(message("c_1", "a"), timedelta(0)),
        lambda: SqsSendQueue(url).put("w1", [("msg_1", timedelta(0))]),
        lambda: SqsReports(url).postpone("x", 0),
        lambda: SqsUndeliveredTimers(url).receive(),
        lambda: SqsUndeliveredTimers(url).delete("x"),
    ]
    return [outcome(call) for call in calls]


# ------------------------------------------------------------------------------------------------ The standard queues


def delayed_signals_come_after_their_delay(backend: Backend) -> Any:
    """The record is invisible for the delay; a received one comes again when it is postponed to."""
    queue = SqsDelays(backend.url("DelaysQueue"))
    queue.put(message("c_1", "a", "x"), timedelta(seconds=30))
    steps: list[Any] = [seen(received(backend, "DelaysQueue"))]
    backend.advance(31)
    (found,) = received(backend, "DelaysQueue")
    steps.append(seen([found]))
    queue.postpone(found["ReceiptHandle"], 60)
    backend.advance(31)
    steps.append(seen(received(backend, "DelaysQueue")))
    backend.advance(31)
    return [*steps, seen(received(backend, "DelaysQueue"))]


def messages_to_send_are_all_there(backend: Backend) -> Any:
    """25 messages are on the queue at their delays, in the group of their workspace; a released one comes after five seconds."""
    queue = SqsSendQueue(backend.url("SendQueue"))
    queue.put("w1", [(f"msg_{number}", timedelta(seconds=60 * (number % 2))) for number in range(25)])
    queue.put_released("w1", "msg_0", "t1")
    steps: list[Any] = [sorted(seen(received(backend, "SendQueue") + received(backend, "SendQueue")))]
    backend.advance(6)
    steps.append(seen(received(backend, "SendQueue")))
    backend.advance(56)
    return [*steps, sorted(seen(received(backend, "SendQueue") + received(backend, "SendQueue")))]


def a_report_is_postponed(backend: Backend) -> Any:
    """A postponed report comes again after its pause, with a higher number of receives; an unknown handle is an error."""
    queue = SqsReports(backend.url("ReportsQueue"))
    backend.client("sqs").send_message(QueueUrl=queue.url, MessageBody="{}")
    (found,) = received(backend, "ReportsQueue")
    queue.postpone(found["ReceiptHandle"], 30)
    steps: list[Any] = [seen(received(backend, "ReportsQueue")), outcome(lambda: queue.postpone("unknown", 30))]
    backend.advance(31)
    return [*steps, seen(received(backend, "ReportsQueue"))]


def a_record_moves_to_the_dead_letter_queue(backend: Backend) -> Any:
    """After its third receive without a deletion, a record is on the dead-letter queue, and a group goes on behind it."""
    signals = SqsSignals(backend.url("SignalsQueue"))
    signals.send([message("c_1", "a", "a")])
    signals.send([message("c_1", "b", "b")])
    backend.client("sqs").send_message(QueueUrl=backend.url("SendQueue"), MessageBody="s")
    steps: list[Any] = []
    for _ in range(4):
        found = received(backend, "SignalsQueue") + received(backend, "SendQueue")
        steps.append(seen(found))
        backend.advance(361)
    dead = received(backend, "SignalsDeadLetters") + received(backend, "SendDeadLetters")
    return [*steps, [(each["Body"], each["Attributes"].get("MessageGroupId")) for each in dead]]


# ------------------------------------------------------------------------------------------------ Timers


def timers(backend: Backend, group: str = GROUP) -> ScheduledTimers:
    """The adapter of timers, for a schedule group."""
    role = "arn:aws:iam::123456789012:role/scheduler"
    target = ScheduleTarget(backend.arn("SignalsQueue"), role, backend.arn("SchedulerDeadLetters"))
    return ScheduledTimers(Schedules(group), target, SqsDelays(backend.url("DelaysQueue")))


def timer(due: datetime, run: str = "r_1", customer: str = "ada@example.org") -> Timer:
    """A timer of a run."""
    return Timer("w1", "c_1", Identifier("primary", customer), run, "bought", 1, 0, due)


def full_minute(backend: Backend, minutes: int) -> datetime:
    """A full minute that lies ahead, which both backends fire at the same time."""
    return (backend.now() + timedelta(minutes=minutes)).replace(second=0, microsecond=0)


def a_long_timer_fires_once(backend: Backend) -> Any:
    """A timer that is armed twice comes once, in the group of its customer, when it is due, and its schedule is gone then."""
    armed, now = timers(backend), backend.now()
    due = full_minute(backend, 30)
    for _ in range(2):
        armed.arm(timer(due, f"r_{backend.arn('SignalsQueue')}"), now)
    steps: list[Any] = [seen(received(backend, "SignalsQueue"))]
    backend.advance((due - backend.now()).total_seconds() + 1)
    (found,) = received(backend, "SignalsQueue")
    signal: Any = signal_codec.from_body(found["Body"])
    steps += [found["Attributes"]["MessageGroupId"], signal.timer.due == due, signal.timer.step]
    armed.disarm(timer(due).name)
    return [*steps, seen(received(backend, "SignalsQueue"))]


def a_disarmed_timer_does_not_fire(backend: Backend) -> Any:
    """A timer that is disarmed once or twice never comes."""
    armed, due = timers(backend), full_minute(backend, 30)
    armed.arm(timer(due), backend.now())
    armed.disarm(timer(due).name)
    armed.disarm(timer(due).name)
    backend.advance(3600)
    return seen(received(backend, "SignalsQueue"))


def a_short_timer_goes_through_the_delays_queue(backend: Backend) -> Any:
    """A timer of less than 15 minutes is a record of the delays queue."""
    now = backend.now()
    timers(backend).arm(timer(now + timedelta(seconds=30)), now)
    steps: list[Any] = [seen(received(backend, "DelaysQueue"))]
    backend.advance(31)
    (found,) = received(backend, "DelaysQueue")
    return [*steps, signal_codec.from_delays_record(found["Body"]).group]


def a_timer_keeps_what_looks_like_a_keyword(backend: Backend) -> Any:
    """An id with a keyword of Scheduler comes back as it was."""
    due = full_minute(backend, 30)
    timers(backend).arm(timer(due, customer="<aws.scheduler.execution-id>"), backend.now())
    backend.advance((due - backend.now()).total_seconds() + 1)
    (found,) = received(backend, "SignalsQueue")
    signal: Any = signal_codec.from_body(found["Body"])
    return signal.timer.lookup_id.value


def a_missing_group_is_an_outage(backend: Backend) -> Any:
    """Arming in a schedule group that does not exist raises UnavailableError; disarming does not."""
    armed, due = timers(backend, "missing"), full_minute(backend, 30)
    return [outcome(lambda: armed.arm(timer(due), backend.now())), outcome(lambda: armed.disarm(timer(due).name))]


def undelivered_timers_are_received_and_deleted(backend: Backend) -> Any:
    """A record of the dead-letter queue of Scheduler is invisible for a minute, comes again, and is gone once it is deleted."""
    queue = SqsUndeliveredTimers(backend.url("SchedulerDeadLetters"))
    steps: list[Any] = [queue.receive()]
    for body in ("1", "2"):
        backend.client("sqs").send_message(QueueUrl=queue.url, MessageBody=body)
    steps += [sorted(each.body for each in queue.receive()), queue.receive()]
    backend.advance(61)
    found = queue.receive()
    queue.delete(found[0].receipt_handle)
    backend.advance(61)
    return [*steps, len(found), len(queue.receive())]


SCENARIOS: list[Scenario] = [
    signals_are_sent_and_deduplicated,
    a_group_is_in_order,
    unknown_receipts_are_ignored,
    refused_signals_are_returned,
    a_missing_queue_is_an_outage,
    delayed_signals_come_after_their_delay,
    messages_to_send_are_all_there,
    a_report_is_postponed,
    a_record_moves_to_the_dead_letter_queue,
    a_long_timer_fires_once,
    a_disarmed_timer_does_not_fire,
    a_short_timer_goes_through_the_delays_queue,
    a_timer_keeps_what_looks_like_a_keyword,
    a_missing_group_is_an_outage,
    undelivered_timers_are_received_and_deleted,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_queues_and_schedules_behave_as_those_of_the_emulator(
    scenario: Scenario, emulators: Emulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The adapters see the same messages, results and errors on the simulation and on MiniStack."""
    settings = with_receives(3) if scenario is a_record_moves_to_the_dead_letter_queue else SETTINGS
    found = []
    for backend in (Simulated(settings), emulators.backend(settings)):
        with adapters_call(backend, monkeypatch):
            found.append(scenario(backend))
    assert found[0] == found[1]


# ------------------------------------------------------------------------------------------------ Sequences of calls


ADVANCES = (31, 61, 301)
"""Seconds to advance by. No sum of them is just below a visibility timeout or the time of deduplication, so a slow test changes nothing."""


def sequence(seed: int) -> Scenario:
    """A scenario of 60 calls of the client, drawn from this seed, on a FIFO and on a standard queue."""

    def calls(backend: Backend) -> Any:
        random, client, steps = Random(seed), backend.client("sqs"), list[Any]()
        handles: dict[str, dict[tuple[Any, ...], str]] = {"SignalsQueue": {}, "SendQueue": {}}
        numbers = dict.fromkeys(handles, 0)
        for number in range(60):
            queue = random.choice(("SignalsQueue", "SignalsQueue", "SendQueue"))
            fifo, url = SETTINGS[queue].fifo, backend.url(queue)
            act = random.choice(("send", "send", "send", "receive", "receive", "delete", "delete", "hide", "advance"))
            if act == "send" and numbers[queue] < 10:  # which ones come of more is not documented
                ids = {"MessageGroupId": f"g{random.randrange(3)}", "MessageDeduplicationId": f"d{random.randrange(12)}"} if fifo else {}
                delay = {} if fifo else {"DelaySeconds": random.choice((0, 0, 30))}
                client.send_message(QueueUrl=url, MessageBody=f"{number}", **ids, **delay)
            elif act == "receive":
                found = received(backend, queue, 60)
                steps.append([number, sorted(seen(found), key=str) if not fifo else seen(found)])
                handles[queue] = {each[:3]: message["ReceiptHandle"] for each, message in zip(seen(found), found, strict=True)}
            elif act in {"delete", "hide"} and handles[queue]:
                handle = handles[queue].pop(min(handles[queue], key=str))
                if act == "delete":
                    client.delete_message(QueueUrl=url, ReceiptHandle=handle)
                else:
                    seconds = random.choice((0, 30))
                    client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds)
            elif act == "advance":
                backend.advance(random.choice(ADVANCES))
                handles = {name: {} for name in handles}  # they have expired
            counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            steps.append([int(counts[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed")])
            numbers[queue] = sum(steps[-1])
        return steps

    return calls


@pytest.mark.parametrize("seed", range(12))
def test_drawn_sequences_of_calls_have_the_same_answers(seed: int, emulators: Emulators) -> None:
    """Any sequence of sending, receiving, deleting, hiding and waiting shows the same messages and numbers of messages on both."""
    assert sequence(seed)(Simulated()) == sequence(seed)(emulators.backend())


# ------------------------------------------------------------------------------------------------ Where the documentation differs


def errors_of_receipts(backend: Backend) -> dict[str, Any]:
    """What calls with a receipt handle that is not the newest one, or is of a message that is visible or deleted, do."""
    client, found = backend.client("sqs"), dict[str, Any]()

    def call(name: str, operation: str, queue: str, handle: str, **options: Any) -> None:
        arguments = {"QueueUrl": backend.url(queue), "ReceiptHandle": handle, **options}
        found[name] = outcome(lambda: bool(getattr(client, operation)(**arguments)))

    client.send_message(QueueUrl=backend.url("SendQueue"), MessageBody="x")
    client.send_message(QueueUrl=backend.url("SignalsQueue"), MessageBody="x", MessageGroupId="g")
    old, fifo = (received(backend, queue)[0]["ReceiptHandle"] for queue in ("SendQueue", "SignalsQueue"))
    backend.advance(361)
    call("hide a visible message", "change_message_visibility", "SendQueue", old, VisibilityTimeout=0)
    call("delete from a FIFO queue too late", "delete_message", "SignalsQueue", fifo)
    new = received(backend, "SendQueue")[0]["ReceiptHandle"]
    call("delete by an old receipt", "delete_message", "SendQueue", old)
    client.delete_message(QueueUrl=backend.url("SendQueue"), ReceiptHandle=new)
    call("hide a deleted message", "change_message_visibility", "SendQueue", new, VisibilityTimeout=0)
    call("delete a deleted message", "delete_message", "SendQueue", new)
    return found


def test_the_simulation_follows_the_documentation(emulators: Emulators) -> None:
    """What SQS documents of old receipt handles is what the simulation does, and the emulator is known to do something else.

    The errors of the emulator would hide a call too many, or show one that AWS does not refuse. If the emulator changes, this test says so.
    """
    in_flight = "AWS.SimpleQueueService.MessageNotInflight"
    assert errors_of_receipts(Simulated()) == {
        "hide a visible message": ("ClientError", in_flight),
        "delete from a FIFO queue too late": ("ClientError", "InvalidParameterValue"),
        "delete by an old receipt": True,
        "hide a deleted message": ("ClientError", "InvalidParameterValue"),
        "delete a deleted message": True,
    }
    unknown = ("ClientError", "ReceiptHandleIsInvalid")
    assert errors_of_receipts(emulators.backend()) == {
        "hide a visible message": True,
        "delete from a FIFO queue too late": True,
        "delete by an old receipt": unknown,
        "hide a deleted message": unknown,
        "delete a deleted message": unknown,
    }


def past_and_repeated(backend: Backend) -> list[Any]:
    """What Scheduler does with a schedule in the past, and with a repeat that has the same client token."""
    target = {"Arn": backend.arn("SignalsQueue"), "RoleArn": "arn:aws:iam::123456789012:role/x", "SqsParameters": {"MessageGroupId": "g"}}
    name = f"t-{uuid4().hex}"

    def create(at: datetime) -> Any:
        text = f'{{"due": "{at:%Y-%m-%dT%H:%M:%S}"}}'
        request = {"Name": name, "GroupName": GROUP, "ClientToken": name, "FlexibleTimeWindow": {"Mode": "OFF"}}
        expression = f"at({at:%Y-%m-%dT%H:%M:%S})"
        backend.client("scheduler").create_schedule(**request, ScheduleExpression=expression, Target={**target, "Input": text})
        return "created"

    later = backend.now() + timedelta(hours=5)
    first = [outcome(lambda: create(later)), outcome(lambda: create(later))]
    backend.client("scheduler").delete_schedule(Name=name, GroupName=GROUP, ClientToken=name)
    name += "2"
    return [*first, outcome(lambda: create(backend.now() - timedelta(hours=5)))]


def test_the_emulator_knows_no_client_tokens_and_no_past(emulators: Emulators) -> None:
    """Scheduler answers a repeat with the same client token as the first request, and refuses a time in the past; the emulator does not."""
    assert past_and_repeated(Simulated()) == ["created", "created", ("ClientError", "ValidationException")]
    assert past_and_repeated(emulators.backend()) == ["created", ("ClientError", "ConflictException"), "created"]


# ------------------------------------------------------------------------------------------------ Providers


def planned(error: str, status: int, **body: Any) -> PlannedResponse:
    """The planned answer of the provider emulator with an error."""
    return PlannedResponse(EmulatedResponse(status, {"message": "scripted", **body}, error))


SHARED = {
    "usual": (PlannedResponse(), simulated.answered()),
    "reset after it was accepted": (PlannedResponse(reset=True, accept=True), simulated.reset(accepts=True)),
    "reset before it was accepted": (PlannedResponse(reset=True), simulated.reset(accepts=False)),
    "hanging": (PlannedResponse(hang=15 / SPEED, accept=True), simulated.hanging(accepts=True)),
    "access denied": (planned("AccessDeniedException", 400), simulated.failed("AccessDeniedException", 400)),
    "server error": (planned("InternalFailure", 500), simulated.failed("InternalFailure", 500)),
    "unavailable": (planned("ServiceUnavailable", 503), simulated.failed("ServiceUnavailable", 503)),
    "expired credentials": (planned("ExpiredTokenException", 403), simulated.failed("ExpiredTokenException", 403)),
}
OF_SES = {
    "throttled": (planned("TooManyRequestsException", 429), simulated.throttled()),
    "rejected": (planned("MessageRejected", 400), simulated.failed("MessageRejected")),
    "bad request": (planned("BadRequestException", 400), simulated.failed("BadRequestException")),
    "paused": (planned("SendingPausedException", 400), simulated.failed("SendingPausedException")),
    "suspended": (planned("AccountSuspendedException", 400), simulated.failed("AccountSuspendedException")),
    "limit": (planned("LimitExceededException", 400), simulated.failed("LimitExceededException")),
    "no configuration set": (planned("NotFoundException", 404), simulated.failed("NotFoundException", 404)),
}
OF_SMS = {
    "throttled": (planned("ThrottlingException", 400), simulated.failed("ThrottlingException")),
    "spent limit": (planned("ServiceQuotaExceededException", 400), simulated.failed("ServiceQuotaExceededException")),
    "truncated": (PlannedResponse(truncate=True), simulated.truncated()),
    "not registered": (
        planned("ConflictException", 400, Reason="REGISTRATION_NOT_COMPLETE"),
        simulated.failed("ConflictException", 400, "REGISTRATION_NOT_COMPLETE"),
    ),
    "opted out": (
        planned("ConflictException", 400, Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT"),
        simulated.failed("ConflictException", 400, "DESTINATION_PHONE_NUMBER_OPTED_OUT"),
    ),
    "no such number": (planned("ResourceNotFoundException", 400), simulated.failed("ResourceNotFoundException")),
}


def call_provider(backend: Backend, channel: SesChannel | SmsChannel, prepared: PreparedMessage) -> tuple[str, str, list[Any]]:
    """The outcome of a call without ids, its detail, and the requests that the provider accepted."""
    found = channel.call_provider(pending_message(), prepared, datetime.now(UTC))
    detail = "" if found.outcome == "sent" else found.detail
    return found.outcome, detail, backend.accepted()


def both(emulators: Emulators, patch: pytest.MonkeyPatch, scenario: Scenario) -> tuple[Any, Any]:
    """What a scenario has seen on the simulation and on the emulators."""
    found = []
    for backend in (Simulated(), emulators.backend()):
        with adapters_call(backend, patch):
            found.append(scenario(backend))
    return found[0], found[1]


@pytest.mark.parametrize("case", [*SHARED, *OF_SES])
def test_ses_behaves_as_that_of_the_emulator(case: str, emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter sees the same outcome, and the same e-mail goes out or does not."""

    def scenario(backend: Backend) -> Any:
        backend.plan(EMAIL["to"], *{**SHARED, **OF_SES}[case])
        return call_provider(backend, SesChannel("waypost@example.com", "reports"), PreparedMessage("ada@example.com", EMAIL))

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs


@pytest.mark.parametrize("case", [*SHARED, *OF_SMS])
def test_sms_behaves_as_that_of_the_emulator(case: str, emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter sees the same outcome, and the same text goes out or does not."""

    def scenario(backend: Backend) -> Any:
        backend.plan(TEXT["to"], *{**SHARED, **OF_SMS}[case])
        return call_provider(backend, SmsChannel("+15555550000", "PROMOTIONAL", "reports"), PreparedMessage(TEXT["to"], TEXT))

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs


def test_providers_refuse_the_same_requests(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that is too long for SES and an unknown type of text are refused alike, and nothing goes out."""

    def scenario(backend: Backend) -> Any:
        mail = PreparedMessage("ada@example.com", {**EMAIL, "headers": {"X-Long": "x" * 996}})
        text = PreparedMessage(TEXT["to"], {**TEXT, "type": "secret"})
        return [
            call_provider(backend, SesChannel("waypost@example.com", "reports"), mail),
            call_provider(backend, SmsChannel("+15555550000", "PROMOTIONAL", ""), text),
        ]

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs
    assert [part[::2] for part in ours] == [("failed", []), ("failed", [])]


def test_the_account_of_ses_is_the_same(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quota counts what went out, and an address is lifted from the suppression list once."""

    def scenario(backend: Backend) -> Any:
        before = SesAccount().quota().used
        call_provider(backend, SesChannel("waypost@example.com", ""), PreparedMessage("ada@example.com", EMAIL))
        quota = SesAccount().quota()
        suppressed = backend.ses.suppressed if isinstance(backend, Simulated) else backend.providers.suppressed  # type: ignore[attr-defined]
        suppressed.add("ada@example.com")
        lifted = [SesSuppressions().lift("Ada@example.com") for _ in range(2)]
        return [quota.used - before, quota.per_day, quota.per_second, quota.sandbox, quota.enabled, lifted]

    ours, theirs = both(emulators, monkeypatch, scenario)
    assert ours == theirs
    assert ours[-1] == [True, False]


def test_the_time_limits_of_the_simulation_are_those_of_the_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """SES and the SMS service are called with one attempt and the time limits that a call of the simulation takes when it hangs."""
    limits: list[tuple[float, float, int]] = []
    backend = Simulated()

    def create(service: str, config: Any) -> Any:
        limits.append((config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]))
        return backend.client(service)

    monkeypatch.setattr("boto3.client", create)
    aws.client.cache_clear()
    call_provider(backend, SesChannel("waypost@example.com", ""), PreparedMessage("ada@example.com", EMAIL))
    call_provider(backend, SmsChannel("+15555550000", "PROMOTIONAL", ""), PreparedMessage(TEXT["to"], TEXT))
    aws.client.cache_clear()
    assert limits == [(simulated.CONNECT_TIMEOUT, simulated.READ_TIMEOUT, 1)] * 2
    assert PinnedHttp().seconds == simulated.WEBHOOK_TIMEOUT


# ------------------------------------------------------------------------------------------------ Receivers of webhooks


class OneSecret:
    """The one signing secret of all workspaces."""

    def of(self, workspace: str, now: datetime) -> WebhookSecrets:
        return WebhookSecrets((secret_of(b"o" * 24),), datetime(2026, 1, 1, tzinfo=UTC))


def closed(stream: socket.socket) -> None:
    """Ends the connection with a TCP reset and without an answer."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(_: socket.socket) -> None:
    """Gives no answer for longer than the time limit of the caller."""
    time.sleep(0.6)


def cut_off(stream: socket.socket) -> None:
    """Ends the connection in the middle of the body."""
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


RECEIVERS = {
    "200": (respond(200, body=b"ok"), simulated.http(200, body=b"ok")),
    "500": (respond(500, body=b"broken"), simulated.http(500, body=b"broken")),
    "410": (respond(410), simulated.http(410)),
    "404": (respond(404), simulated.http(404)),
    "429 with Retry-After": (respond(429, "Retry-After: 90"), simulated.http(429, {"retry-after": "90"})),
    "302": (respond(302, "Location: https://example.com"), simulated.http(302, {"location": "https://example.com"})),
    "reset": (closed, simulated.reset(accepts=True)),
    "silent": (silent, simulated.hanging(accepts=True, seconds=simulated.WEBHOOK_TIMEOUT)),
    "truncated": (cut_off, simulated.truncated(body=b"half" * 2)),
}


@pytest.mark.parametrize("case", RECEIVERS)
def test_receivers_behave_as_a_server(case: str) -> None:
    """The adapter of webhooks sees the same outcome of a receiver in the simulation as of a real server, which gets the same request."""
    real, behaviour = RECEIVERS[case]
    server, receivers = Receiver(real), simulated.Receivers(ManualClock(), Random(1), lambda _call: behaviour)
    with server.serving() as port:
        prepared = PreparedMessage("x", {"url": f"http://127.0.0.1:{port}/hook", "method": "POST", "headers": {}, "body": "{}"})
        message, now = pending_message(channel="webhook"), datetime.now(UTC)
        outcomes = [
            WebhookChannel(OneSecret(), http, local=True).call_provider(message, prepared, now) for http in (receivers, PinnedHttp(0.5))
        ]
    assert outcomes[0] == outcomes[1]
    assert receivers.delivered[0].message == server.received[0].headers["webhook-id"] == message.id
    assert receivers.delivered[0].request["body"] == server.received[0].body


def test_a_receiver_that_refuses_connections_is_not_connected() -> None:
    """No server, and an outcome without a connection, are the same to the adapter."""
    receivers = simulated.Receivers(ManualClock(), Random(1), lambda _call: simulated.unreachable())
    prepared = PreparedMessage("x", {"url": f"http://127.0.0.1:{free_port()}/hook", "method": "POST", "headers": {}, "body": "{}"})
    outcomes = [
        WebhookChannel(OneSecret(), http, local=True).call_provider(pending_message(), prepared, datetime.now(UTC))
        for http in (receivers, PinnedHttp(0.5))
    ]
    assert outcomes[0] == outcomes[1]
    assert receivers.delivered == []
