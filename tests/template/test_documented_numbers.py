"""The numbers that the pages state about functions, queues, alarms and parameters are those of the template."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

Resources = dict[str, dict[str, Any]]
DOCS = Path(__file__).parents[2] / "docs"
QUEUES = ["SignalsQueue", "SendQueue", "DelaysQueue", "ReportsQueue"]
DAY = 86400
MOST_PAUSE = 60  # seconds; the pauses between receives are 2, 4, 8, ... seconds up to this (docs/architecture.md#queues)
WORDS = {6: "six", 20: "twenty", 25: "twenty-five"}


def page(name: str) -> str:
    """The text of a page in one line, so that a sentence may continue on the next line."""
    return " ".join((DOCS / f"{name}.md").read_text().split())


def stated(name: str, pattern: str) -> list[str]:
    """What a pattern's group matches in a page, wherever it matches; the page has to state it at least once."""
    found = re.findall(pattern, page(name))
    assert found, f"docs/{name}.md no longer says {pattern!r}"
    return list(found)


def only(values: list[Any]) -> Any:
    """The value that all of these are."""
    (value,) = set(values)
    return value


@pytest.fixture(scope="module")
def receives(resources: Resources) -> int:
    """After how many receives SQS moves a record of any queue to its dead-letter queue."""
    return int(only([resources[queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"] for queue in QUEUES]))


@pytest.mark.parametrize("name", ["ingest", "match", "send", "manage"])
def test_the_timeouts_of_functions(name: str, functions: Resources) -> None:
    """The table of functions states the timeout of each."""
    [seconds] = stated("architecture", rf"\| `{name}` \|[^|]*\|(?:[^|]*)\| (\d+) s \|")
    assert int(seconds) == functions[name]["Timeout"]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("architecture", r"dead-letter queues after ([\d,]+) receives"),
        ("architecture", r"After ([\d,]+) receives"),
        ("operate", r"After ([\d,]+) receives"),
        ("operate", r"another ([\d,]+) receives"),
        ("operate", r"(?:received|delivered) ([\d,]+) times"),
        ("deploy", r"After ([\d,]+) receives"),
    ],
)
def test_the_receives_before_a_dead_letter_queue(name: str, pattern: str, receives: int) -> None:
    """Each page states the receives after which SQS gives up on a record."""
    assert set(stated(name, pattern)) == {f"{receives:,}"}


@pytest.mark.parametrize(("name", "pattern"), [("operate", r"receives \(([\d.]+) hours\)"), ("deploy", r"receives \(about ([\d.]+) hours")])
def test_the_time_before_a_dead_letter_queue(name: str, pattern: str, receives: int) -> None:
    """The hours that the pages state are, to half an hour, those of so many receives with a pause of up to a minute between two of them."""
    hours = sum(min(2**receive, MOST_PAUSE) for receive in range(1, receives)) / 3600
    for each in stated(name, pattern):
        assert hours - 1 < float(each) <= hours


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("architecture", r"All queues keep records for (\d+) days"),
        ("operate", r"five queues, kept for (\d+) days"),
        ("deploy", r"until matched, at most (\d+) days"),
        ("deploy", r"It is kept there for (\d+) days"),
    ],
)
def test_how_long_queues_keep_records(name: str, pattern: str, resources: Resources) -> None:
    """Each page states the retention period that all queues have."""
    queues = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::SQS::Queue"]
    assert {int(days) * DAY for days in stated(name, pattern)} == {only([queue["MessageRetentionPeriod"] for queue in queues])}


def test_the_visibility_timeout(resources: Resources, functions: Resources) -> None:
    """The pages state the visibility timeout of the queues in minutes, and as a multiple of the timeout of a function."""
    seconds = only([resources[queue]["Properties"]["VisibilityTimeout"] for queue in QUEUES])
    consumers = only([functions[name]["Timeout"] for name in ("match", "send")])
    assert stated("architecture", r"(\w+) minutes of the visibility timeout") == [WORDS[seconds // 60]]
    assert stated("architecture", r"visibility timeout is (\w+) times the timeout") == [WORDS[seconds // consumers]]
    assert stated("operate", r"failed signals are received again after (\d+) minutes") == [str(seconds // 60)]


def test_the_records_of_a_batch(resources: Resources) -> None:
    """The page of the architecture states how many records a mapping passes to an invocation at most."""
    mappings = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert stated("architecture", r"takes at most (\d+) records") == [str(only([mapping["BatchSize"] for mapping in mappings]))]


def test_the_thresholds_of_alarms(resources: Resources, template: dict[str, Any]) -> None:
    """The table of alarms states thresholds and periods of those that have some, and the text how many alarms there are."""
    alarms = {name: each["Properties"] for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert stated("operate", r"The template has ([\w-]+) alarms") == [WORDS[len(alarms)]]
    assert stated("operate", r"older than `OldestMessageSeconds` \((\d+)\)") == [
        str(template["Parameters"]["OldestMessageSeconds"]["Default"])
    ]
    assert alarms["SignalsAgeAlarm"]["Threshold"] == {"Ref": "OldestMessageSeconds"}

    send, delays, throttled = alarms["SendAgeAlarm"], alarms["DelaysAgeAlarm"], alarms["ApiThrottledAlarm"]
    assert stated("operate", r"for (\d+) minutes, the oldest record of the send queue") == [
        str(send["Period"] * send["EvaluationPeriods"] // 60)
    ]
    assert "oldest record of the send queue is older than an hour" in page("operate")
    assert send["Threshold"] == 3600
    assert stated("operate", r"the delays queue is older than (\d+) minutes") == [str(delays["Threshold"] // 60)]
    assert stated("operate", r"in 5 minutes, more than (\d+) requests were answered by the gateway") == [str(throttled["Threshold"])]
    assert {each["MetricStat"]["Period"] for each in throttled["Metrics"] if "MetricStat" in each} == {5 * 60}


@pytest.mark.parametrize(
    ("name", "pattern"), [("deploy", r"starts up to (\d+) consumers"), ("operate", r"by default, up to (\d+) consumers")]
)
def test_the_number_of_consumers(name: str, pattern: str, template: dict[str, Any]) -> None:
    """Each page states how many consumers the default parameters let run: matchers on two queues, and senders on two."""
    match, send = (template["Parameters"][f"{each}Concurrency"]["Default"] for each in ("Match", "Send"))
    assert stated(name, pattern) == [str(2 * match + 2 * send)]


def test_the_defaults_of_parameters(template: dict[str, Any]) -> None:
    """The table of parameters has every parameter of the template with its default."""
    rows = re.findall(r"^\| (`[A-Z][^|]*) \| ([^|]*) \|", (DOCS / "deploy.md").read_text(), re.MULTILINE)
    documented: dict[str, str] = {}
    for names, defaults in rows:
        documented |= dict(zip(re.findall(r"`(\w+)`", names), [each.strip("` ") for each in defaults.split(",")], strict=True))
    in_template = {name: str(each["Default"]) or "empty" for name, each in template["Parameters"].items()}
    assert documented == in_template


def test_how_long_receipts_are_kept(template: dict[str, Any]) -> None:
    """The page states for how many days receipts are kept if the parameter is not set."""
    assert stated("operate", r"`ReceiptDays` \((\d+) days\)") == [str(template["Parameters"]["ReceiptDays"]["Default"])]
