"""The topic of texts from customers, and the rule for the events of the SMS service."""

from __future__ import annotations

from typing import Any

Resources = dict[str, dict[str, Any]]
QUEUE = {"Fn::GetAtt": ["ReportsQueue", "Arn"]}


def test_the_topic_takes_texts_of_the_account_and_feeds_the_queue(resources: Resources) -> None:
    """Only the SMS service of this account may publish, and the queue gets the envelope of SNS, which has the time."""
    [statement] = resources["SmsTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sms-voice.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == ("sns:Publish", {"Ref": "SmsTopic"})
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    subscription = resources["SmsSubscription"]["Properties"]
    assert subscription == {"TopicArn": {"Ref": "SmsTopic"}, "Protocol": "sqs", "Endpoint": QUEUE}


def test_the_rule_takes_events_about_our_texts_only(resources: Resources) -> None:
    """The default bus has the events of all senders of the account; those without a context of Waypost stay there."""
    rule = resources["SmsReportsRule"]["Properties"]
    assert rule["EventPattern"] == {
        "source": ["aws.sms-voice"],
        "detail-type": ["Text Message Delivery Status Updated"],
        "detail": {"context": {"waypost-message": [{"exists": True}]}},
    }
    [target] = rule["Targets"]
    assert (target["Arn"], target["DeadLetterConfig"]) == (QUEUE, {"Arn": {"Fn::GetAtt": ["ReportsDeadLetters", "Arn"]}})


def test_a_stack_without_an_origination_has_nothing_of_sms(template: dict[str, Any], resources: Resources) -> None:
    """Topic, policy, subscription and rule exist only with `SmsOriginationIdentity`; the queue's policy with either provider."""
    by_condition = {name for name, each in resources.items() if each.get("Condition") == "HasSms"}
    assert by_condition == {"SmsTopic", "SmsTopicPolicy", "SmsSubscription", "SmsReportsRule"}
    assert template["Conditions"]["HasSms"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SmsOriginationIdentity"}, ""]}]}
    assert template["Conditions"]["HasReports"] == {"Fn::Or": [{"Condition": "HasSesReports"}, {"Condition": "HasSms"}]}
    assert {resources[name]["Condition"] for name in ("ReportsQueuePolicy", "ReportsDeadLettersPolicy")} == {"HasReports"}
