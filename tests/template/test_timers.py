"""The permissions around EventBridge Scheduler in the template."""

from __future__ import annotations

from typing import Any

Resources = dict[str, dict[str, Any]]
ROLE = {"Fn::GetAtt": ["SchedulerRole", "Arn"]}


def test_the_scheduler_can_only_send_signals(resources: Resources) -> None:
    """The scheduler's role may send to the signals queue and to its dead-letter queue, and nothing else."""
    [policy] = resources["SchedulerRole"]["Properties"]["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    assert [each["Fn::GetAtt"] for each in statement["Resource"]] == [["SignalsQueue", "Arn"], ["SchedulerDeadLetters", "Arn"]]


def test_only_schedules_of_this_stack_can_use_the_role(resources: Resources) -> None:
    """The scheduler can assume the role only for schedules of this account and this group."""
    [statement] = resources["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    expected = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": {"Fn::GetAtt": ["Timers", "Arn"]}}
    assert statement["Condition"] == {"StringEquals": expected}


def test_the_dead_letter_queue_of_the_scheduler_is_standard(resources: Resources) -> None:
    """The scheduler's dead-letter queue is an encrypted standard queue: EventBridge Scheduler accepts no FIFO queue there."""
    assert "FifoQueue" not in resources["SchedulerDeadLetters"]["Properties"]
    assert resources["SchedulerDeadLetters"]["Properties"]["SqsManagedSseEnabled"] is True


def test_the_delays_queue_is_standard(resources: Resources) -> None:
    """Short timers wait in a standard queue, because a FIFO queue has no delay for a single message."""
    assert "FifoQueue" not in resources["DelaysQueue"]["Properties"]


def test_only_the_matcher_creates_timers_in_their_group_only(functions: Resources) -> None:
    """Only the matcher may create schedules, only in the group of timers, and it may pass the scheduler's role only to the scheduler."""
    statements = [(name, each) for name, function in functions.items() for each in function["Policies"]["Statement"]]
    [(_, schedules)] = [(name, each) for name, each in statements if "scheduler:CreateSchedule" in each["Action"]]
    assert schedules["Resource"]["Fn::Sub"].endswith(":schedule/${Timers}/*")
    [(name, passing)] = [(name, each) for name, each in statements if "iam:PassRole" in each["Action"]]
    assert (name, passing["Resource"]) == ("match", ROLE)
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
