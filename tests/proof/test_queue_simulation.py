"""The simulation of queues, schedules and providers: what the documentation of AWS says and no emulator shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from functions.local import template as templates
from tests.proof.aws import providers
from tests.proof.aws.providers import Receivers, Report, Ses, Sms
from tests.proof.aws.scheduler import Scheduler
from tests.proof.aws.sqs import Sqs, queues_of
from waypost.adapters.pinned_http import NotConnectedError
from waypost.adapters.sqs import SqsSendQueue, SqsSignals
from waypost.domain.signals import QueueMessage

TEMPLATE = templates.load(Path(__file__).parents[2] / "template.yaml")
ROOT = Path(__file__).parents[2]


@dataclass
class AdvancedClock:
    """A clock that only a test advances."""

    now: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> AdvancedClock:
    """The clock of a test."""
    return AdvancedClock()


@pytest.fixture
def sqs(clock: AdvancedClock) -> Sqs:
    """The queues of the template."""
    return Sqs(clock, Random(1), queues_of(TEMPLATE))


@pytest.fixture
def scheduler(clock: AdvancedClock, sqs: Sqs) -> Scheduler:
    """A scheduler that delivers to these queues."""
    return Scheduler(clock, Random(2), sqs)


@pytest.fixture
def ses(clock: AdvancedClock, sqs: Sqs) -> Ses:
    """SES, which reports to these queues."""
    return Ses(clock, Random(3), sqs)


@pytest.fixture
def sms(clock: AdvancedClock, sqs: Sqs) -> Sms:
    """The SMS service, which reports to these queues."""
    return Sms(clock, Random(4), sqs)


def signal(sqs: Sqs, group: str, body: str, name: str = "") -> dict[str, Any]:
    """Sends a message to the FIFO queue."""
    return sqs.send_message(
        QueueUrl=sqs.url("SignalsQueue"), MessageBody=body, MessageGroupId=group, MessageDeduplicationId=name or f"{group}-{body}"
    )


def bodies(records: list[dict[str, Any]]) -> list[str]:
    """The bodies of records."""
    return [record["body"] for record in records]


def test_the_queues_have_the_attributes_of_the_template() -> None:
    """The signals queue is FIFO with a deduplication by group, and each consumed queue has a dead-letter queue after 1,000 receives."""
    settings = queues_of(TEMPLATE)
    signals, send = settings["SignalsQueue"], settings["SendQueue"]
    assert (signals.fifo, signals.content_deduplication, signals.deduplication_by_group) == (True, True, True)
    assert (signals.visibility_timeout, signals.max_receives, signals.dead_letters) == (360, 1000, "SignalsDeadLetters")
    assert (send.fifo, send.visibility_timeout, send.retention, send.dead_letters) == (False, 360, 1_209_600, "SendDeadLetters")
    assert settings["SchedulerDeadLetters"].max_receives is None


@pytest.mark.parametrize(("queue", "file"), [("SignalsQueue", "match-signal.json"), ("SendQueue", "send-message.json")])
def test_a_record_has_the_shape_of_an_event_of_lambda(sqs: Sqs, queue: str, file: str) -> None:
    """A record has the members and attributes of the stored event of Lambda."""
    documented = json.loads((ROOT / "events" / file).read_text())["Records"][0]
    options = {"MessageDeduplicationId": "d"} if sqs.settings[queue].fifo else {}
    sqs.send_message(QueueUrl=sqs.url(queue), MessageBody="x", MessageGroupId="g", **options)
    (record,) = sqs.receive(queue, 10)
    assert set(record) == set(documented)
    assert set(record["attributes"]) == set(documented["attributes"])
    assert all(isinstance(value, str) for value in record["attributes"].values())


def test_a_group_is_locked_while_one_of_its_messages_is_in_flight(sqs: Sqs, clock: AdvancedClock) -> None:
    """The next message of a group comes after the deletion of those in flight, or they come again in their order; other groups go on."""
    for body in ("1", "2", "3"):
        signal(sqs, "a", body)
    signal(sqs, "b", "4")
    first = sqs.receive("SignalsQueue", 2)
    assert bodies(first) == ["1", "2"]
    assert bodies(sqs.receive("SignalsQueue", 10)) == ["4"]
    assert sqs.delete("SignalsQueue", first[0]["receiptHandle"])
    assert not sqs.visible("SignalsQueue")
    assert sqs.next_visible("SignalsQueue") == 360
    clock.advance(360)
    assert bodies(sqs.receive("SignalsQueue", 10)) == ["2", "3", "4"]


def test_a_hidden_message_locks_its_group_until_its_own_time(sqs: Sqs, clock: AdvancedClock) -> None:
    """Of two messages in flight, the group waits for the one that becomes visible last."""
    signal(sqs, "a", "1")
    signal(sqs, "a", "2")
    first, second = sqs.receive("SignalsQueue", 10)
    url = sqs.url("SignalsQueue")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["receiptHandle"], VisibilityTimeout=4)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["receiptHandle"], VisibilityTimeout=9)
    clock.advance(4)
    assert not sqs.visible("SignalsQueue")
    clock.advance(5)
    again = sqs.receive("SignalsQueue", 10)
    assert bodies(again) == ["1", "2"]
    assert [record["attributes"]["ApproximateReceiveCount"] for record in again] == ["2", "2"]


def test_a_repeated_message_is_dropped_for_five_minutes(sqs: Sqs, clock: AdvancedClock) -> None:
    """A message with a known id is not stored, even after the first one was deleted, but after five minutes; each group has its own ids."""
    first = signal(sqs, "a", "1", "id")
    (record,) = sqs.receive("SignalsQueue", 10)
    sqs.delete("SignalsQueue", record["receiptHandle"])
    clock.advance(299.9)
    assert signal(sqs, "a", "2", "id")["MessageId"] == first["MessageId"]
    assert not sqs.visible("SignalsQueue")
    signal(sqs, "b", "3", "id")
    clock.advance(0.1)
    signal(sqs, "a", "4", "id")
    assert sorted(bodies(sqs.receive("SignalsQueue", 10))) == ["3", "4"]


def test_a_message_moves_to_the_dead_letter_queue_after_its_last_receive(clock: AdvancedClock) -> None:
    """A message comes as often as the queue allows; at the next receive it moves, and the rest of its group comes."""
    settings = queues_of(TEMPLATE)
    signals = settings["SignalsQueue"]
    sqs = Sqs(clock, Random(1), {**settings, "SignalsQueue": replace(signals, max_receives=3)})
    signal(sqs, "a", "1")
    for _ in range(3):
        assert bodies(sqs.receive("SignalsQueue", 1)) == ["1"]
        clock.advance(360)
    signal(sqs, "a", "2")
    assert bodies(sqs.receive("SignalsQueue", 1)) == ["2"]
    assert [(message.body, message.sent) for message in sqs.stored("SignalsDeadLetters")] == [("1", clock.now)]


def test_a_message_expires(sqs: Sqs, clock: AdvancedClock) -> None:
    """After its retention of 14 days, a message that nobody deleted is not received."""
    signal(sqs, "a", "1")
    sqs.put("SendQueue", "2")
    clock.advance(14 * 86_400)
    assert sqs.receive("SignalsQueue", 10) == sqs.receive("SendQueue", 10) == []
    assert sqs.stored("SignalsQueue") == sqs.stored("SendQueue") == []


def test_a_delayed_message_is_invisible_at_first(sqs: Sqs, clock: AdvancedClock) -> None:
    """A delayed message becomes visible when its delay is over, and not before. A FIFO queue refuses a delay for a single message."""
    sqs.send_message(QueueUrl=sqs.url("DelaysQueue"), MessageBody="x", DelaySeconds=7)
    assert sqs.receive("DelaysQueue", 10) == []
    assert sqs.next_visible("DelaysQueue") == 7
    clock.advance(7)
    assert bodies(sqs.receive("DelaysQueue", 10)) == ["x"]
    with pytest.raises(ClientError, match="DelaySeconds"):
        sqs.send_message(QueueUrl=sqs.url("SignalsQueue"), MessageBody="x", MessageGroupId="a", DelaySeconds=7)


def test_a_delayed_message_does_not_come_with_the_ones_before_it(clock: AdvancedClock) -> None:
    """In a FIFO queue with a delay, each message of a group comes after its own delay."""
    settings = queues_of(TEMPLATE)
    slow = replace(settings["SignalsQueue"], delay=10)
    sqs = Sqs(clock, Random(1), {**settings, "SignalsQueue": slow})
    signal(sqs, "a", "1")
    clock.advance(6)
    signal(sqs, "a", "2")
    clock.advance(6)
    assert bodies(sqs.receive("SignalsQueue", 10)) == ["1"]


def test_the_adapters_repeat_or_return_what_sqs_refuses(sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The send queue gets each message once although SQS refuses some entries at first; a refused signal is returned to the caller."""
    refused: list[str] = []

    def refuses(_queue: str, entry: Mapping[str, Any]) -> bool:
        is_first = entry["Id"] in {"1", "4"} and entry["MessageBody"] not in refused
        refused.extend([entry["MessageBody"]] if is_first else [])
        return is_first

    sqs.refuses = refuses
    monkeypatch.setattr("waypost.adapters.sqs.client", lambda *_, **__: sqs)
    monkeypatch.setattr("waypost.adapters.backoff.random_pause", lambda *_: None)
    SqsSendQueue(sqs.url("SendQueue")).put("w1", [(f"msg_{number}", timedelta(0)) for number in range(15)])
    assert sorted(json.loads(message.body)["message"] for message in sqs.stored("SendQueue")) == sorted(f"msg_{n}" for n in range(15))
    assert len(refused) == 4
    signals = [QueueMessage(f"c_{number}", f"n{number}", f"{number}") for number in range(3)]
    assert SqsSignals(sqs.url("SignalsQueue")).send(signals) == [signals[1]]
    assert [message.body for message in sqs.stored("SignalsQueue")] == ["0", "2"]


def test_a_standard_queue_may_deliver_twice_and_in_any_order(sqs: Sqs, clock: AdvancedClock) -> None:
    """With both chances at 1, each deleted message comes once more, and a batch is no run of the oldest messages."""
    sqs.duplicate, sqs.reorder = 1.0, 1.0
    for number in range(100):
        sqs.put("SendQueue", str(number))
    received: list[str] = []
    sqs.duplicate = 1.0
    for _ in range(10):
        for record in sqs.receive("SendQueue", 10):
            received.append(record["body"])
            assert sqs.delete("SendQueue", record["receiptHandle"])
    assert sorted(received, key=int) == [str(number) for number in range(100)] != received
    sqs.duplicate = 0.0
    clock.advance(720)
    repeated = [body for _ in range(10) for body in bodies(sqs.receive("SendQueue", 10))]
    assert sorted(repeated, key=int) == sorted(received, key=int)


def test_a_fifo_queue_keeps_the_order_of_a_group_in_any_order_of_groups(sqs: Sqs) -> None:
    """With both chances at 1, the messages of each group come once and in their order."""
    sqs.duplicate, sqs.reorder = 1.0, 1.0
    for number in range(60):
        signal(sqs, f"g{number % 6}", str(number))
    received: list[str] = []
    while records := sqs.receive("SignalsQueue", 10):
        for record in records:
            received.append(record["body"])
            sqs.delete("SignalsQueue", record["receiptHandle"])
    assert sorted(received, key=int) == [str(number) for number in range(60)] != received
    for group in range(6):
        assert [body for body in received if int(body) % 6 == group] == [str(number) for number in range(group, 60, 6)]


def test_an_old_receipt_handle_deletes_nothing(sqs: Sqs, clock: AdvancedClock) -> None:
    """A standard queue ignores the handle of an earlier receive; a FIFO queue refuses one whose visibility timeout has ended."""
    sqs.put("SendQueue", "x")
    old = sqs.receive("SendQueue", 1)[0]["receiptHandle"]
    clock.advance(360)
    sqs.receive("SendQueue", 1)
    sqs.delete_message(QueueUrl=sqs.url("SendQueue"), ReceiptHandle=old)
    assert len(sqs.stored("SendQueue")) == 1
    signal(sqs, "a", "1")
    handle = sqs.receive("SignalsQueue", 1)[0]["receiptHandle"]
    clock.advance(360)
    with pytest.raises(ClientError, match="has expired"):
        sqs.delete_message(QueueUrl=sqs.url("SignalsQueue"), ReceiptHandle=handle)
    assert not sqs.delete("SignalsQueue", handle)


def test_sqs_may_refuse_some_entries_of_a_batch(sqs: Sqs) -> None:
    """The refused entry is in the answer as failed and not on the queue; the others are stored."""
    sqs.refuses = lambda queue, entry: queue == "SendQueue" and entry["MessageBody"] == "2"
    answer = sqs.send_message_batch(
        QueueUrl=sqs.url("SendQueue"), Entries=[{"Id": body, "MessageBody": body, "DelaySeconds": 0} for body in ("1", "2", "3")]
    )
    assert [entry["Id"] for entry in answer["Failed"]] == ["2"]
    assert [message.body for message in sqs.stored("SendQueue")] == ["1", "3"]


def schedule(scheduler: Scheduler, name: str, at: datetime, text: str = "{}", **more: Any) -> dict[str, Any]:
    """Creates the schedule of a timer as the adapter does."""
    sqs = scheduler.sqs
    return scheduler.create_schedule(
        Name=name,
        GroupName="timers",
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": sqs.arn("SignalsQueue"),
            "RoleArn": "arn:aws:iam::123456789012:role/x",
            "Input": text,
            "SqsParameters": {"MessageGroupId": "c_1"},
            "DeadLetterConfig": {"Arn": sqs.arn("SchedulerDeadLetters")},
        },
        **more,
    )


def test_a_schedule_fires_in_its_minute_and_deletes_itself(scheduler: Scheduler, sqs: Sqs, clock: AdvancedClock) -> None:
    """The input is on the target queue, in its group, at most a minute after the time and never before it; the schedule is gone then."""
    due = clock.now + timedelta(hours=1)
    schedule(scheduler, "t", due)
    clock.advance(3599)
    assert scheduler.fire() == 0
    wait = scheduler.next_due()
    assert wait is not None
    assert 1 <= wait <= 61
    clock.advance(wait)
    assert scheduler.fire() == 1
    assert [(message.body, message.group) for message in sqs.stored("SignalsQueue")] == [("{}", "c_1")]
    assert scheduler.next_due() is None
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scheduler.delete_schedule(Name="t", GroupName="timers")


def test_a_schedule_may_fire_twice(scheduler: Scheduler, sqs: Sqs, clock: AdvancedClock) -> None:
    """The second delivery comes up to ten minutes later; the queue drops it in the first five minutes, because the content is the same."""
    scheduler.twice = 1.0
    for number in range(40):
        schedule(scheduler, f"t{number}", clock.now + timedelta(hours=1), f'{{"number": {number}}}')
    delivered = 0
    while (wait := scheduler.next_due()) is not None:
        clock.advance(wait)
        delivered += scheduler.fire()
    assert delivered == 80
    assert 40 < len(sqs.stored("SignalsQueue")) < 80


def test_keywords_of_the_scheduler_are_replaced_in_the_input(scheduler: Scheduler, sqs: Sqs, clock: AdvancedClock) -> None:
    """Scheduler replaces its four keywords when it delivers, and nothing else in brackets."""
    names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number", "other")
    schedule(scheduler, "t", clock.now + timedelta(minutes=30), "|".join(f"<aws.scheduler.{name}>" for name in names))
    clock.advance(1860)
    scheduler.fire()
    arn, at, execution, attempt, other = sqs.stored("SignalsQueue")[0].body.split("|")
    assert arn == "arn:aws:scheduler:eu-west-1:123456789012:schedule/timers/t"
    assert (at, attempt, other) == ("2026-11-23T09:30:00Z", "1", "<aws.scheduler.other>")
    assert "<" not in execution


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(scheduler: Scheduler, sqs: Sqs, clock: AdvancedClock) -> None:
    """The input of a failed delivery is on the dead-letter queue of the schedule and not on the target queue."""
    scheduler.undeliverable = 1.0
    schedule(scheduler, "t", clock.now + timedelta(minutes=30), '{"a": 1}')
    clock.advance(1860)
    scheduler.fire()
    assert sqs.stored("SignalsQueue") == []
    found = sqs.receive_message(QueueUrl=sqs.url("SchedulerDeadLetters"), MaxNumberOfMessages=10, WaitTimeSeconds=1)
    assert [message["Body"] for message in found["Messages"]] == ['{"a": 1}']


def test_a_schedule_with_a_known_name_is_a_conflict(scheduler: Scheduler, clock: AdvancedClock) -> None:
    """A repeat with the same token is a success without a second schedule; another request with the same name is a conflict."""
    at = clock.now + timedelta(hours=1)
    assert schedule(scheduler, "t", at, ClientToken="k") == schedule(scheduler, "t", at, ClientToken="k")
    assert len(scheduler.schedules) == 1
    with pytest.raises(ClientError, match="ConflictException"):
        schedule(scheduler, "t", at, ClientToken="other")
    clock.advance(700)
    with pytest.raises(ClientError, match="ConflictException"):
        schedule(scheduler, "t", at, ClientToken="k")
    with pytest.raises(ClientError, match="ValidationException"):
        schedule(scheduler, "u", clock.now - timedelta(minutes=1))


def email(ses: Ses, message: str = "msg_1", to: str = "Ada <ada@example.com>") -> dict[str, Any]:
    """Sends an e-mail as the adapter does."""
    return ses.send_email(
        FromEmailAddress="waypost@example.com",
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hi"}}}},
        EmailTags=[{"Name": "waypost-message", "Value": message}, {"Name": "waypost-workspace", "Value": "w1"}],
    )


def reported(sqs: Sqs) -> list[tuple[str, str]]:
    """The event type and the message of each report that is visible."""
    events = [json.loads(record["body"])["detail"] for record in sqs.receive("ReportsQueue", 10)]
    return [(event["eventType"], event["mail"]["tags"]["waypost-message"][0]) for event in events]


def test_a_report_may_come_before_the_answer(ses: Ses, sqs: Sqs, clock: AdvancedClock) -> None:
    """While the caller waits for an answer that never comes, the report of the e-mail is on the queue, and the e-mail has gone out."""
    seen: list[tuple[str, str]] = []
    ses.behaviour = lambda _call: providers.hanging(Report("Delivery", 3.0), Report("Open", 30.0), accepts=True)
    ses.meanwhile = lambda _call: seen.extend(reported(sqs))
    before = clock.now
    with pytest.raises(ReadTimeoutError):
        email(ses)
    assert seen == [("Delivery", "msg_1")]
    assert clock.now - before == timedelta(seconds=providers.READ_TIMEOUT)
    assert [(each.message, each.workspace) for each in ses.delivered] == [("msg_1", "w1")]
    assert reported(sqs) == []
    clock.advance(20)
    assert reported(sqs) == [("Open", "msg_1")]


def test_a_call_without_a_connection_sends_nothing(ses: Ses) -> None:
    """Neither a refused connection nor an error lets the e-mail out, and the behaviours are used in their order for each message."""
    ses.behaviour = providers.in_order(providers.unconnected(), providers.throttled(), providers.answered())
    with pytest.raises(ConnectTimeoutError):
        email(ses)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        email(ses)
    assert ses.delivered == []
    assert email(ses)["MessageId"] == ses.delivered[0].provider_id
    assert ses.get_account()["SendQuota"]["SentLast24Hours"] == 1.0


def test_a_bounce_suppresses_the_address_for_the_account(ses: Ses, sqs: Sqs, clock: AdvancedClock) -> None:
    """After a permanent bounce SES accepts an e-mail to the address, does not send it and reports a bounce, until the address is lifted."""
    ses.behaviour = providers.in_order(providers.answered(Report("Bounce")))
    email(ses, "msg_1")
    email(ses, "msg_2")
    clock.advance(5)
    assert [each.message for each in ses.delivered] == ["msg_1"]
    assert reported(sqs) == [("Bounce", "msg_1"), ("Bounce", "msg_2")]
    ses.delete_suppressed_destination(EmailAddress="Ada@example.com")
    with pytest.raises(ClientError, match="NotFoundException"):
        ses.delete_suppressed_destination(EmailAddress="ada@example.com")


def test_sms_reports_with_the_context_of_the_message(sms: Sms, sqs: Sqs, clock: AdvancedClock) -> None:
    """The event of a delivery has the context of the request; a number that has opted out is a conflict."""
    sms.behaviour = providers.in_order(providers.answered(Report("TEXT_DELIVERED")))
    request = {"DestinationPhoneNumber": "+15555550100", "OriginationIdentity": "x", "MessageBody": "Hi", "MessageType": "PROMOTIONAL"}
    context = {"waypost-message": "msg_1", "waypost-workspace": "w1"}
    sms.send_text_message(**request, Context=context)
    clock.advance(5)
    (event,) = [json.loads(record["body"]) for record in sqs.receive("ReportsQueue", 10)]
    assert event["source"] == "aws.sms-voice"
    assert event["detail"]["context"] == context
    sms.opted_out.add("+15555550100")
    with pytest.raises(ClientError, match="ConflictException") as error:
        sms.send_text_message(**request, Context=context)
    assert error.value.response["Reason"] == "DESTINATION_PHONE_NUMBER_OPTED_OUT"


def test_a_receiver_does_what_its_behaviours_say(clock: AdvancedClock) -> None:
    """The receiver answers 500 twice, then 200; one that hangs takes the whole time limit; without a connection, nothing is sent."""
    receivers = Receivers(clock, Random(1))
    receivers.behaviour = providers.in_order(providers.http(500, accepts=False), providers.http(500), providers.http(200, body=b"ok"))
    headers = {"webhook-id": "msg_1"}
    answers = [receivers.request("POST", "https://example.com/a", headers, b"{}") for _ in range(3)]
    assert [(answer.status, answer.body) for answer in answers] == [(500, b""), (500, b""), (200, b"ok")]
    assert [each.message for each in receivers.delivered] == ["msg_1", "msg_1"]
    before = clock.now
    receivers.behaviour = lambda _call: providers.hanging(accepts=True, seconds=providers.WEBHOOK_TIMEOUT)
    with pytest.raises(OSError, match="closed connection"):
        receivers.request("POST", "https://example.com/a", headers, b"{}")
    assert clock.now - before == timedelta(seconds=15)
    receivers.behaviour = lambda _call: providers.unreachable()
    with pytest.raises(NotConnectedError):
        receivers.request("POST", "https://example.com/a", headers, b"{}")
    assert len(receivers.delivered) == 3
