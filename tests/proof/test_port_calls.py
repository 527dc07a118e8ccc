"""How many calls of AWS each method of each port makes: one, but for the methods that are listed here with the reason.

The simulation of the whole system stops a function between any two calls of AWS, also between those of one method.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from datetime import timedelta
from functools import cache
from random import Random
from types import MappingProxyType
from typing import Any, Final

import pytest

from functions.local import template
from tests.fakes.messages import NOW, pending_message
from tests.fakes.tables import TEMPLATE
from tests.proof.adapter_log import logged_adapters
from tests.proof.adapter_scripts import ADA, SCRIPTS
from tests.proof.aws.dynamodb import DynamoDb
from tests.proof.aws.tables import tables_of
from tests.proof.test_dynamodb import SetClock
from waypost import ports
from waypost.adapters.scheduler import ScheduledTimers, Schedules, ScheduleTarget
from waypost.adapters.ses import SesChannel
from waypost.adapters.ses_account import SesAccount, SesSuppressions
from waypost.adapters.sms import SmsChannel
from waypost.adapters.sqs import SqsDelays, SqsSendQueue, SqsSignals, SqsUndeliveredTimers
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import QueueMessage

ADAPTERS: Final = MappingProxyType(
    {
        "ActiveRuns": ("DynamoRuns",),
        "ArmedTimers": ("Schedules", "ScheduledTimers"),
        "CapCounts": ("DynamoCapCounts",),
        "Channel": ("SesChannel", "SmsChannel"),
        "ConsentHistory": ("DynamoConsentHistory",),
        "CustomerData": ("DynamoCustomerData",),
        "Customers": ("DynamoCustomers",),
        "DeadLetters": ("DynamoDeadLetters",),
        "Delays": ("SqsDelays",),
        "Erasures": ("DynamoErasures",),
        "EventCounts": ("DynamoLog",),
        "EventHistory": ("DynamoLog",),
        "EventLog": ("DynamoLog",),
        "FoundSuppressions": ("DynamoSuppressions",),
        "JourneyCounters": ("DynamoJourneyCounters",),
        "JourneyPointer": ("DynamoJourneys",),
        "JourneyVersions": ("DynamoJourneys",),
        "Journeys": ("DynamoJourneys",),
        "Keys": ("DynamoKeys",),
        "LastMessages": ("DynamoLastMessages",),
        "LinkKeys": ("DynamoLinkKeys",),
        "ManagedCustomers": ("DynamoCustomers",),
        "ManagedDeadLetters": ("DynamoDeadLetters",),
        "ManagedJourneyCounters": ("DynamoJourneyCounters",),
        "ManagedJourneys": ("DynamoJourneys",),
        "ManagedKeys": ("DynamoKeys",),
        "ManagedLinkKeys": ("DynamoLinkKeys",),
        "ManagedLog": ("DynamoLog",),
        "ManagedMessages": ("DynamoMessages",),
        "ManagedRejectedEvents": ("DynamoRejectedEvents",),
        "ManagedRuns": ("DynamoRuns",),
        "ManagedSuppressions": ("DynamoSuppressions",),
        "ManagedWebhookSecrets": ("DynamoWebhookSecrets",),
        "ManagedWorkspaceSettings": ("DynamoWorkspaceSettings",),
        "ManagedWorkspaces": ("DynamoWorkspaces",),
        "Messages": ("DynamoMessages",),
        "OptOuts": ("DynamoOptOuts",),
        "Permissions": ("DynamoPermissions",),
        "ProviderAccount": ("SesAccount",),
        "ProviderSuppressions": ("SesSuppressions",),
        "Receipts": ("DynamoReceipts",),
        "ReceivedRecords": ("SqsSendQueue", "SqsDelays"),
        "ReceivedSignals": ("SqsSignals",),
        "RejectedCounts": ("DynamoRejectedEvents",),
        "RejectedEventHistory": ("DynamoRejectedEvents",),
        "RejectedEvents": ("DynamoRejectedEvents",),
        "RunCounts": ("DynamoRuns",),
        "RunHistory": ("DynamoRuns",),
        "Runs": ("DynamoRuns",),
        "SendQueue": ("SqsSendQueue",),
        "SenderSettings": ("DynamoWorkspaceSettings",),
        "SentTests": ("DynamoSentTests",),
        "Signals": ("SqsSignals",),
        "StartedAttempts": ("DynamoStartedAttempts",),
        "Suppressions": ("DynamoSuppressions",),
        "Timers": ("ScheduledTimers",),
        "UndeliveredTimers": ("SqsUndeliveredTimers",),
        "Workspaces": ("DynamoWorkspaces",),
    }
)
"""The adapters of each port that reaches AWS."""

WITHOUT_AWS: Final = MappingProxyType(
    {
        "Caller": "runs the call of another port",
        "RedrivePorts": "holds other ports",
        "Telemetry": "writes to the log of the function",
        "Templates": "computes",
    }
)

SEVERAL_CALLS: Final = MappingProxyType(
    {
        "DynamoCustomerData.messages": "the index has keys only: a page of it, then the messages; pages of deleted messages are skipped",
        "DynamoCustomerData.remove_consents": "finds a page of rows, and deletes them",
        "DynamoCustomerData.remove_events": "finds pages and lists, deletes the receipts that they name, then themselves",
        "DynamoCustomerData.remove_messages": "deletes rendered contents, then messages: more than one batch",
        "DynamoCustomerData.remove_parked": "finds dead letters, reads what they name, deletes receipts, then dead letters",
        "DynamoCustomerData.remove_rejected": "finds references of each identifier, deletes the events, then the references",
        "DynamoCustomerData.remove_runs": "finds a page of runs, and deletes them",
        "DynamoCustomers.find_by_id": "the index has keys only, and may have a deleted row: then the row itself is read",
        "DynamoCustomers.primary_of": "a value of more than 256 bytes is not in the key: then the row is read",
        "DynamoCustomers.save": "the first customer of a workspace is preceded by the marker of the workspace",
        "DynamoErasures.begin": "blocks the runs, then marks the erasure as begun",
        "DynamoErasures.complete": "finds the scope, deletes it, then marks the erasure as complete",
        "DynamoErasures.status": "a merged customer leads to the one with which it is erased",
        "DynamoJourneyCounters.add": "one call for each 100 numbers",
        "DynamoLastMessages.of": "finds the workspaces of the channel, then their last messages",
        "DynamoLastMessages.remember": "the first message of an instance for a workspace lists the workspace",
        "DynamoLinkKeys.of": "reads; the first read creates a key",
        "DynamoLinkKeys.rotate": "reads, then writes under the revision that it has read",
        "DynamoLog.counts": "four partitions for each day, then the pages",
        "DynamoLog.of_day": "four partitions, then the pages at the keys that they hold",
        "DynamoLog.write": "receipts that may be contested in a transaction, each refused one alone, then the pages in batches",
        "DynamoMessages.page": "keys of an index (of a day: of four partitions), then the messages",
        "DynamoOptOuts.add": "creates the map, then sets each topic in it",
        "DynamoOptOuts.add_by_hash": "the same",
        "DynamoRejectedEvents.counts": "one query for each day",
        "DynamoSentTests.count": "reads, then writes under the revision that it has read",
        "DynamoWebhookSecrets.of": "reads; the first read creates the secrets",
        "DynamoWebhookSecrets.rotate": "reads, then writes over what it has read",
    }
)
"""Methods that make several calls even where each list has one page, with the reason."""


class FixedAnswers:
    """A client of any service, each call of which succeeds."""

    ANSWER: Final = MappingProxyType(
        {
            "MessageId": "m",
            "SendQuota": {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 0.0},
            "Messages": [{"MessageId": "m", "Body": "{}", "ReceiptHandle": "r"}],
        }
    )

    def __getattr__(self, operation: str) -> Any:
        return lambda **_: dict(self.ANSWER)


@cache
def calls() -> dict[str, list[tuple[str, ...]]]:
    """The calls of each invocation, by adapter and method."""
    simulated = DynamoDb(SetClock(), Random(1), tables_of(template.load(TEMPLATE)), index_lag=0, table_lag=0)
    with logged_adapters(simulated) as (adapters, tables_log):
        for script in SCRIPTS:
            script(adapters)
        adapters.webhook_secrets.of("new", NOW)
    with logged_adapters(FixedAnswers()) as (_, log):
        invoke_queues_and_providers(log.wrapped)
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for each in (*tables_log.invocations, *log.invocations):
        found[f"{each.adapter}.{each.method}"].append(each.calls)
    return found


def invoke_queues_and_providers(wrapped: Any) -> None:
    """Invokes each method of the adapters that do not use DynamoDB."""
    queue_message = QueueMessage("w1#c", "name", "{}")
    signals, delays, send_queue = wrapped(SqsSignals("u")), wrapped(SqsDelays("u")), wrapped(SqsSendQueue("u"))
    signals.send([queue_message, queue_message._replace(group="w1#d")])
    signals.delay([("r1", 1), ("r2", 2)])
    delays.put(queue_message, timedelta(seconds=5))
    delays.postpone("r", 5)
    send_queue.put("w1", [("msg_1", timedelta(0)), ("msg_2", timedelta(0))])
    send_queue.put_released("w1", "msg_1", "t")
    send_queue.postpone("r", 5)
    undelivered = wrapped(SqsUndeliveredTimers("u"))
    undelivered.receive()
    undelivered.delete("r")
    schedules = Schedules("group")
    timers = wrapped(ScheduledTimers(schedules, ScheduleTarget("q", "r", "d"), SqsDelays("u")))
    for minutes in (1, 60):
        timers.arm(Timer("w1", "c_1", ADA, "r_1", "wait", 1, 0, NOW + timedelta(minutes=minutes)), NOW)
    timers.disarm("name")
    wrapped(schedules).disarm("name")
    wrapped(SesAccount()).quota()
    wrapped(SesSuppressions()).lift("ada@example.com")
    email = {"from": "a@shop.example", "to": "b@shop.example", "subject": "Hi", "text": "Hello"}
    text = {"to": "+12065550142", "text": "Hello", "type": "transactional"}
    wrapped(SesChannel("a@shop.example", "")).call_provider(pending_message(), PreparedMessage("b@shop.example", email), NOW)
    wrapped(SmsChannel("+1", "transactional", "")).call_provider(pending_message(), PreparedMessage("+12065550142", text), NOW)


def methods(port: type) -> set[str]:
    """The methods that a port names, those of the ports that it extends included."""
    return {name for name, _ in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")}


def test_every_port_has_its_adapters_here() -> None:
    """No port is left out of the count."""
    found = {name for name in ports.__all__ if inspect.isclass(getattr(ports, name))}
    assert found == {*ADAPTERS, *WITHOUT_AWS}


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_method_of_a_port_is_one_call_of_aws(name: str) -> None:
    """Each method of the port was invoked, and made at most one call, but for the listed methods."""
    found = calls()
    for adapter in ADAPTERS[name]:
        for method in methods(getattr(ports, name)) - {"prepare"}:  # `prepare` of a channel computes
            made = found[f"{adapter}.{method}"]
            assert made, f"{adapter}.{method} was not invoked"
            if f"{adapter}.{method}" not in SEVERAL_CALLS:
                assert max(map(len, made)) <= 1, f"{adapter}.{method}: {made}"


def test_every_listed_exception_is_one() -> None:
    """Each listed method makes several calls at least once."""
    found = calls()
    assert {name for name in SEVERAL_CALLS if max(map(len, found[name]), default=0) > 1} == set(SEVERAL_CALLS)
