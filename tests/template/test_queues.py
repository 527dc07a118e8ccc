"""What the queues and their mappings promise."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, dict[str, Any]]
PAIRS = [
    ("SignalsQueue", "SignalsDeadLetters", "match"),
    ("SendQueue", "SendDeadLetters", "send"),
    ("DelaysQueue", "DelaysDeadLetters", "match"),
]


def test_signals_keep_the_order_of_each_customer_at_high_throughput(resources: Resources) -> None:
    """FIFO by message group, with deduplication and throughput limit by group as well."""
    queue = resources["SignalsQueue"]["Properties"]
    assert queue["FifoQueue"] is True
    assert queue["ContentBasedDeduplication"] is True
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")


def test_messages_to_send_do_not_wait_for_each_other(resources: Resources) -> None:
    """The send queue is standard: a retry's delay is its own."""
    assert "FifoQueue" not in resources["SendQueue"]["Properties"]


@pytest.mark.parametrize(("queue", "dead", "function"), PAIRS)
def test_a_message_is_not_seen_twice_while_its_function_runs(
    queue: str, dead: str, function: str, resources: Resources, functions: Resources
) -> None:
    """Visibility is six times the function's timeout, as AWS asks for."""
    assert resources[queue]["Properties"]["VisibilityTimeout"] == 6 * functions[function]["Timeout"], dead


@pytest.mark.parametrize(("queue", "dead", "function"), PAIRS)
def test_what_nobody_can_take_is_kept_for_two_weeks(queue: str, dead: str, function: str, resources: Resources) -> None:
    """Each queue has a dead-letter queue of its own kind behind 1,000 receives: an outage, or a rollback, of hours does not fill it."""
    redrive = resources[queue]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}, function
    assert redrive["maxReceiveCount"] == 1000
    for name in (queue, dead):
        assert resources[name]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True
    assert resources[dead]["Properties"].get("FifoQueue") == resources[queue]["Properties"].get("FifoQueue")


@pytest.mark.parametrize(("queue", "dead", "function"), PAIRS)
def test_one_bad_record_fails_alone(queue: str, dead: str, function: str, resources: Resources) -> None:
    """Partial batch responses are on, at most ten records come at once, and concurrency is bounded by a parameter."""
    mappings = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    [mapping] = [each for each in mappings if each["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}]
    assert mapping["FunctionName"] == {"Ref": f"{function.title()}Function"}, dead
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] <= 10
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": f"{function.title()}Concurrency"}}


def test_the_sender_has_time_for_dead_webhooks(functions: Resources) -> None:
    """A batch is sent at the same time and each webhook gets 15 seconds; what is recorded around them has as much again, and more."""
    assert functions["send"]["Timeout"] >= 3 * 15


@pytest.mark.parametrize("function", ["match", "send"])
def test_messages_of_a_newer_format_raise_an_alarm(function: str, resources: Resources, template: dict[str, Any]) -> None:
    """The alarm of a function watches the metric under the namespace and the two dimensions with which that function publishes it."""
    alarm = resources[f"{function.title()}NewerFormatAlarm"]["Properties"]
    variables = resources[f"{function.title()}Function"]["Properties"]["Environment"]["Variables"]
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert (alarm["Namespace"], alarm["MetricName"]) == (shared["POWERTOOLS_METRICS_NAMESPACE"], "NewerFormat")
    assert dimensions == {"service": variables["POWERTOOLS_SERVICE_NAME"], "function_name": {"Ref": f"{function.title()}Function"}}
    assert (alarm["Threshold"], alarm["Statistic"], alarm["ComparisonOperator"]) == (0, "Sum", "GreaterThanThreshold")


def test_every_alarm_that_was_promised(resources: Resources) -> None:
    """Dead letters, the age of the oldest message, the gateway's own answers and its 5xx; each notifies the topic if there is one."""
    alarms = {name: each["Properties"] for name, each in resources.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    watched = {
        (dimension["Value"]["Fn::GetAtt"][0], alarm["MetricName"])
        for alarm in alarms.values()
        for dimension in alarm.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }
    assert watched == {
        ("SignalsDeadLetters", "ApproximateNumberOfMessagesVisible"),
        ("SendDeadLetters", "ApproximateNumberOfMessagesVisible"),
        ("DelaysDeadLetters", "ApproximateNumberOfMessagesVisible"),
        ("SchedulerDeadLetters", "ApproximateNumberOfMessagesVisible"),
        ("SignalsQueue", "ApproximateAgeOfOldestMessage"),
        ("SendQueue", "ApproximateAgeOfOldestMessage"),
        ("DelaysQueue", "ApproximateAgeOfOldestMessage"),
    }
    assert {"ApiThrottledAlarm", "Api5xxAlarm"} <= set(alarms)
    topic = [{"Ref": "AlarmTopicArn"}]
    always = {"Fn::If": ["HasAlarmTopic", topic, {"Ref": "AWS::NoValue"}]}
    assert all(alarm["AlarmActions"] == (topic if name == "ApiThrottledAlarm" else always) for name, alarm in alarms.items())
