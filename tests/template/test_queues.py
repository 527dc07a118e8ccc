"""The queues in the template, their mappings to functions, and the alarms."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, dict[str, Any]]
PAIRS = [
    ("SignalsQueue", "SignalsDeadLetters", "match"),
    ("SendQueue", "SendDeadLetters", "send"),
    ("DelaysQueue", "DelaysDeadLetters", "match"),
    ("ReportsQueue", "ReportsDeadLetters", "send"),
]


def test_the_signals_queue_orders_by_message_group(resources: Resources) -> None:
    """The signals queue is FIFO in high-throughput mode: order, deduplication and throughput limit are those of a message group."""
    queue = resources["SignalsQueue"]["Properties"]
    assert queue["FifoQueue"] is True
    assert queue["ContentBasedDeduplication"] is True
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")


def test_the_send_queue_is_standard(resources: Resources) -> None:
    """The send queue is a standard queue, so a message that waits for its retry delays no other message."""
    assert "FifoQueue" not in resources["SendQueue"]["Properties"]


@pytest.mark.parametrize(("queue", "dead", "function"), PAIRS)
def test_a_message_is_invisible_while_its_function_runs(
    queue: str, dead: str, function: str, resources: Resources, functions: Resources
) -> None:
    """The visibility timeout of a queue is six times the timeout of its function, as AWS recommends."""
    assert resources[queue]["Properties"]["VisibilityTimeout"] == 6 * functions[function]["Timeout"], dead


@pytest.mark.parametrize(("queue", "dead", "function"), PAIRS)
def test_a_message_that_always_fails_is_kept_for_two_weeks(queue: str, dead: str, function: str, resources: Resources) -> None:
    """Each queue has a dead-letter queue of its own kind behind 1,000 receives, so an outage or a rollback of hours does not fill it."""
    redrive = resources[queue]["Properties"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}, function
    assert redrive["maxReceiveCount"] == 1000
    for name in (queue, dead):
        assert resources[name]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True
    assert resources[dead]["Properties"].get("FifoQueue") == resources[queue]["Properties"].get("FifoQueue")


@pytest.mark.parametrize(("queue", "dead", "function"), PAIRS)
def test_a_failed_record_does_not_fail_its_batch(queue: str, dead: str, function: str, resources: Resources) -> None:
    """A mapping reports failures by record, passes at most ten records to an invocation, and has a parameter for its concurrency."""
    mappings = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    [mapping] = [each for each in mappings if each["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}]
    assert mapping["FunctionName"] == {"Ref": f"{function.title()}Function"}, dead
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] <= 10
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": f"{function.title()}Concurrency"}}


def test_the_sender_has_time_for_webhooks_that_do_not_respond(functions: Resources) -> None:
    """The messages of a batch are sent in parallel, and the timeout of the sender is at least three times the 15 seconds of a webhook."""
    assert functions["send"]["Timeout"] >= 3 * 15


@pytest.mark.parametrize(
    ("function", "name", "metric"),
    [
        ("match", "MatchNewerFormatAlarm", "NewerFormat"),
        ("send", "SendNewerFormatAlarm", "NewerFormat"),
        ("match", "MatchUnreadableJourneyAlarm", "UnreadableJourneys"),
    ],
)
def test_metrics_of_functions_raise_an_alarm(function: str, name: str, metric: str, resources: Resources, template: dict[str, Any]) -> None:
    """The alarm of a function watches the metric under the namespace and the two dimensions with which that function publishes it."""
    alarm = resources[name]["Properties"]
    variables = resources[f"{function.title()}Function"]["Properties"]["Environment"]["Variables"]
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert (alarm["Namespace"], alarm["MetricName"]) == (shared["POWERTOOLS_METRICS_NAMESPACE"], metric)
    assert dimensions == {"service": variables["POWERTOOLS_SERVICE_NAME"], "function_name": {"Ref": f"{function.title()}Function"}}
    assert (alarm["Threshold"], alarm["Statistic"], alarm["ComparisonOperator"]) == (0, "Sum", "GreaterThanThreshold")


def test_every_alarm_exists(resources: Resources) -> None:
    """Every way to get lost or to stand still has an alarm, and each alarm notifies the topic if it is set."""
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
        ("ReportsDeadLetters", "ApproximateNumberOfMessagesVisible"),
        ("SignalsQueue", "ApproximateAgeOfOldestMessage"),
        ("SendQueue", "ApproximateAgeOfOldestMessage"),
        ("DelaysQueue", "ApproximateAgeOfOldestMessage"),
        ("ReportsQueue", "ApproximateAgeOfOldestMessage"),
    }
    assert {"ApiThrottledAlarm", "Api5xxAlarm"} <= set(alarms)
    of_ses = {(alarm["MetricName"], alarm["Threshold"]) for alarm in alarms.values() if alarm.get("Namespace") == "AWS/SES"}
    assert of_ses == {("Reputation.BounceRate", 0.05), ("Reputation.ComplaintRate", 0.001)}
    counted = {
        (dimension["Value"]["Ref"], alarm["MetricName"])
        for alarm in alarms.values()
        for dimension in alarm.get("Dimensions", [])
        if dimension["Name"] == "function_name"
    }
    assert counted == {
        *((function, name) for function in ("MatchFunction", "SendFunction") for name in ("NewerFormat", "Parked")),
        ("MatchFunction", "UnreadableJourneys"),
        ("SendFunction", "MessagesFailed"),
        ("SendFunction", "MessagesUnknown"),
        ("SendFunction", "EmailQuotaLow"),
    }
    summed = {
        (name, metric["MetricStat"]["Metric"]["MetricName"], metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"])
        for name, alarm in alarms.items()
        if name != "ApiThrottledAlarm"
        for metric in alarm.get("Metrics", [])
        if "MetricStat" in metric
    }
    functions = {name for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}
    tables = {name for name, each in resources.items() if each["Type"] == "AWS::DynamoDB::Table"}
    assert summed == {
        *(("FunctionErrorsAlarm", "Errors", each) for each in functions),
        *(("FunctionThrottlesAlarm", "Throttles", each) for each in functions),
        *(("ReadThrottlesAlarm", "ReadThrottleEvents", each) for each in tables),
        *(("WriteThrottlesAlarm", "WriteThrottleEvents", each) for each in tables),
    }
    topic = [{"Ref": "AlarmTopicArn"}]
    always = {"Fn::If": ["HasAlarmTopic", topic, {"Ref": "AWS::NoValue"}]}
    assert all(alarm["AlarmActions"] == (topic if "Metrics" in alarm else always) for alarm in alarms.values())


@pytest.mark.parametrize(("queue", "dead", "function"), PAIRS)
def test_the_alarm_of_a_dead_letter_queue_says_what_is_in_it(queue: str, dead: str, function: str, resources: Resources) -> None:
    """A dead-letter alarm states the receive count of its queue, and that a newer version may have written the record."""
    text = resources[f"{dead}Alarm"]["Properties"]["AlarmDescription"]
    assert f"{resources[queue]['Properties']['RedrivePolicy']['maxReceiveCount']:,} times" in text, function
    assert "newer version" in text
    assert len(text) <= 1024  # the limit of CloudWatch
