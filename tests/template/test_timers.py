"""What the scheduler may do, and who may use it."""

from __future__ import annotations

from typing import Any

Resources = dict[str, dict[str, Any]]
ROLE = {"Fn::GetAtt": ["SchedulerRole", "Arn"]}


def test_a_timer_can_only_become_a_signal(resources: Resources) -> None:
    """The scheduler's role sends to the signals queue and to the queue for what it could not deliver, and does nothing else."""
    [policy] = resources["SchedulerRole"]["Properties"]["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    assert [each["Fn::GetAtt"] for each in statement["Resource"]] == [["SignalsQueue", "Arn"], ["SchedulerDeadLetters", "Arn"]]


def test_only_our_own_schedules_use_the_role(resources: Resources) -> None:
    """Nobody else's schedule can borrow it: the scheduler must come for this account and this group."""
    [statement] = resources["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    expected = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": {"Fn::GetAtt": ["Timers", "Arn"]}}
    assert statement["Condition"] == {"StringEquals": expected}


def test_what_the_scheduler_cannot_deliver_goes_to_a_standard_queue(resources: Resources) -> None:
    """EventBridge Scheduler takes no FIFO queue for it."""
    assert "FifoQueue" not in resources["SchedulerDeadLetters"]["Properties"]
    assert resources["SchedulerDeadLetters"]["Properties"]["SqsManagedSseEnabled"] is True


def test_short_timers_wait_in_a_standard_queue(resources: Resources) -> None:
    """Only there has each message a delay of its own."""
    assert "FifoQueue" not in resources["DelaysQueue"]["Properties"]


def test_only_the_matcher_makes_timers_and_only_in_their_group(functions: Resources) -> None:
    """It passes on one role, to the scheduler alone."""
    statements = [(name, each) for name, function in functions.items() for each in function["Policies"]["Statement"]]
    [(_, schedules)] = [(name, each) for name, each in statements if "scheduler:CreateSchedule" in each["Action"]]
    assert schedules["Resource"]["Fn::Sub"].endswith(":schedule/${Timers}/*")
    [(name, passing)] = [(name, each) for name, each in statements if "iam:PassRole" in each["Action"]]
    assert (name, passing["Resource"]) == ("match", ROLE)
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
