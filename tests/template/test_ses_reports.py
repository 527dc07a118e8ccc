"""The way of the reports of SES in the template: configuration set, event destination, rule, queue."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, dict[str, Any]]
SET_IN_USE = {"Fn::If": ["HasOwnConfigurationSet", {"Ref": "OutgoingMail"}, {"Ref": "ConfigurationSet"}]}
"""The configuration set of outgoing e-mail: the one of the stack, or the one that a parameter names."""


def test_the_default_bus_gets_all_events_that_reports_are_made_of(resources: Resources) -> None:
    """SES publishes each type of event that the code reads, and `send`, which says nothing new, not."""
    destination = resources["SesReportsDestination"]["Properties"]
    assert destination["ConfigurationSetName"] == SET_IN_USE
    event = destination["EventDestination"]
    types = {"delivery", "bounce", "complaint", "reject", "deliveryDelay", "open", "click", "renderingFailure"}
    assert (set(event["MatchingEventTypes"]), event["Enabled"]) == (types, True)
    assert event["EventBridgeDestination"]["EventBusArn"]["Fn::Sub"].endswith(":event-bus/default")


def test_the_rule_matches_events_about_its_own_configuration_set_only(resources: Resources) -> None:
    """All stacks of an account share the default bus. The rule takes the events of SES about the set that the sender uses."""
    rule = resources["SesReportsRule"]["Properties"]
    assert rule["EventPattern"] == {"source": ["aws.ses"], "detail": {"mail": {"tags": {"ses:configuration-set": [SET_IN_USE]}}}}
    assert resources["SendFunction"]["Properties"]["Environment"]["Variables"]["CONFIGURATION_SET"] == SET_IN_USE


def test_what_the_rule_cannot_deliver_is_kept(resources: Resources) -> None:
    """The target is the reports queue, with the dead-letter queue that has an alarm."""
    [target] = resources["SesReportsRule"]["Properties"]["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["ReportsQueue", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["ReportsDeadLetters", "Arn"]}}


@pytest.mark.parametrize(("policy", "queue"), [("ReportsQueuePolicy", "ReportsQueue"), ("ReportsDeadLettersPolicy", "ReportsDeadLetters")])
def test_only_the_rule_may_put_reports_on_the_queue(policy: str, queue: str, resources: Resources) -> None:
    """The policy of each queue allows EventBridge to send to it, for the rules of the stack and no other; SNS, for its topic only."""
    properties = resources[policy]["Properties"]
    assert properties["Queues"] == [{"Ref": queue}]
    of_rules, *of_topic = properties["PolicyDocument"]["Statement"]
    rules = {"HasSesReports": "SesReportsRule", "HasSms": "SmsReportsRule"}
    sources = [{"Fn::If": [condition, {"Fn::GetAtt": [rule, "Arn"]}, {"Ref": "AWS::NoValue"}]} for condition, rule in rules.items()]
    topics = [each["Fn::If"][1]["Condition"] for each in of_topic]
    assert topics == ([{"ArnEquals": {"aws:SourceArn": {"Ref": "SmsTopic"}}}] if queue == "ReportsQueue" else [])
    assert of_rules == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
    }


def test_the_suppression_list_of_ses_stays_on(resources: Resources) -> None:
    """The set of the stack keeps what bounces and complains on the list of SES, and has metrics of its reputation."""
    mail = resources["OutgoingMail"]["Properties"]
    assert mail["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
    assert mail["ReputationOptions"] == {"ReputationMetricsEnabled": True}


def test_reports_come_by_default_if_there_is_a_sender(template: dict[str, Any], resources: Resources) -> None:
    """`SesReports` is `auto`, which is on with a `SenderAddress`; the stack makes a set only if it has none from a parameter."""
    assert template["Parameters"]["SesReports"]["Default"] == "auto"
    has_sender = {"Fn::Not": [{"Fn::Equals": [{"Ref": "SenderAddress"}, ""]}]}
    on, auto = ({"Fn::Equals": [{"Ref": "SesReports"}, value]} for value in ("on", "auto"))
    assert template["Conditions"]["HasSesReports"] == {"Fn::Or": [on, {"Fn::And": [auto, has_sender]}]}
    by_condition = {name for name, each in resources.items() if each.get("Condition") == "HasSesReports"}
    assert by_condition == {
        "SesReportsDestination",
        "SesReportsRule",
        "BounceRateAlarm",
        "ComplaintRateAlarm",
    }
    assert resources["OutgoingMail"]["Condition"] == "HasOwnConfigurationSet"
    own = {"Fn::And": [{"Condition": "HasSesReports"}, {"Fn::Not": [{"Condition": "HasConfigurationSet"}]}]}
    assert template["Conditions"]["HasOwnConfigurationSet"] == own
