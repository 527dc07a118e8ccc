"""The simulation of queues and schedules gives the adapters the answers that the emulators give them.

Each scenario makes the same calls of real adapters on both and returns what it has seen. Where an emulator differs from the documentation
of AWS, the simulation follows the documentation, and `test_the_simulation_follows_the_documentation` states the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.proof.queue_backends import (
    GROUP,
    SETTINGS,
    Backend,
    Emulators,
    Simulated,
    adapters_call,
    received,
    with_receives,
)
from waypost.adapters.aws import error_code
from waypost.adapters.scheduler import ScheduledTimers, Schedules, ScheduleTarget
from waypost.adapters.sqs import SqsDelays, SqsReports, SqsSendQueue, SqsSignals, SqsUndeliveredTimers
from waypost.domain import signal_codec
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import QueueMessage

Scenario = Callable[[Backend], Any]


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
    again = received(backend, "SignalsQueue", 30)
    steps.append(seen(again))
    backend.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=again[0]["ReceiptHandle"])
    steps.append(seen(received(backend, "SignalsQueue")))
    backend.advance(31)
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
    steps: list[Any] = [sorted(seen(received(backend, "SendQueue") + received(backend, "SendQueue")))]
    queue.put_released("w1", "msg_0", "t1")
    steps.append(seen(received(backend, "SendQueue")))
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
