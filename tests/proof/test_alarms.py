"""Each way in which something can be lost or stand still is counted by a metric that an alarm watches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from tests.proof.counted import count
from tests.proof.system import QUEUES, TEMPLATE

ROOT: Final = Path(__file__).parents[2]
COUNTED: Final = re.compile(r'(?:count|add_metric)\(\s*"(\w+)"')
HARMLESS: Final = frozenset(
    {
        "EventsAccepted",
        "EventsDropped",  # of an erased customer
        "EventsDuplicate",
        "EventsParked",  # beside Parked
        "EventsRecorded",
        "EventsRejected",  # the client has the reason
        "MessagesReported",
        "MessagesSent",
        "MessagesSkipped",  # its reason is in the message
        "RejectedEventsNotKept",  # the client has the reason
        "Requests",
        "TextsReceived",
        "Unavailable",  # the client has a 503, which Api5xxAlarm watches
    }
)
"""Metrics of what loses nothing."""


def _alarms() -> list[dict[str, Any]]:
    return [each["Properties"] for each in TEMPLATE["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]


def test_each_metric_of_a_loss_has_an_alarm() -> None:
    """A metric that the code counts is watched by an alarm, or is listed here as one of what loses nothing."""
    files = [*ROOT.glob("layers/core/waypost/**/*.py"), *ROOT.glob("functions/*/app.py")]
    counted = {name for file in files for name in COUNTED.findall(file.read_text(encoding="utf-8"))}
    watched = {alarm.get("MetricName") for alarm in _alarms()}
    assert counted - watched == HARMLESS & counted
    assert not HARMLESS - counted
    count("metrics with an alarm", len(counted & watched))


def test_each_queue_of_lost_records_has_an_alarm() -> None:
    """Where records go that no function could process, an alarm counts them; and where they wait, an alarm watches their age."""
    dead = {settings.dead_letters for settings in QUEUES.values() if settings.dead_letters} | {"SchedulerDeadLetters"}
    watched: dict[str, set[str]] = {}
    for alarm in _alarms():
        for dimension in alarm.get("Dimensions", ()):
            if dimension["Name"] == "QueueName":
                watched.setdefault(alarm["MetricName"], set()).add(dimension["Value"]["Fn::GetAtt"][0])
    assert watched == {"ApproximateNumberOfMessagesVisible": dead, "ApproximateAgeOfOldestMessage": set(QUEUES) - dead}
    count("queues with an alarm", len(QUEUES))
