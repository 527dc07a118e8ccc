"""What each function is given: its settings and its permissions, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

Resources = dict[str, dict[str, Any]]
ROOT = Path(__file__).parents[2]
NAMES = ["ingest", "match", "send", "manage"]
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}
# function: the tables that it may change
WRITERS = {
    "ingest": {"CustomersTable", "EventsTable", "KeysTable"},
    "match": {"CustomersTable", "RunsTable", "EventsTable", "MessagesTable", "DeadTable"},
    "send": {"MessagesTable", "WorkspacesTable", "DeadTable"},
    "manage": {"JourneysTable", "KeysTable", "WorkspacesTable", "DeadTable", "MessagesTable", "CustomersTable", "RunsTable", "EventsTable"},
}
TIMERS = {"scheduler:CreateSchedule", "scheduler:DeleteSchedule", "iam:PassRole"}
DYNAMODB = {"GetItem", "BatchGetItem", "Query", "ConditionCheckItem"} | WRITES
CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}


def grants(function: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every (action, resource's logical id) of a function; an index counts as its table."""
    for statement in function["Policies"]["Statement"]:
        actions, targets = statement["Action"], statement["Resource"]
        for action in actions if isinstance(actions, list) else [actions]:
            for target in targets if isinstance(targets, list) else [targets]:
                yield action, place(target)


def place(target: dict[str, Any]) -> str:
    """The logical id of a resource in a statement, or an ARN's pattern as it is."""
    if "Fn::GetAtt" in target:
        return str(target["Fn::GetAtt"][0])
    if "Fn::Sub" in target and (found := re.match(r"\$\{(\w+)\.Arn\}/index/\w+$", target["Fn::Sub"])):
        return found[1]
    return str(target)


def environment(function: dict[str, Any]) -> dict[str, Any]:
    """A function's own variables."""
    return dict(function["Environment"]["Variables"])


@pytest.mark.parametrize("name", NAMES)
def test_a_function_knows_the_tables_that_it_may_touch_and_no_others(name: str, functions: Resources) -> None:
    """Each table variable has a permission and each permission has a variable."""
    known = {value["Ref"] for key, value in environment(functions[name]).items() if key.endswith("_TABLE")}
    assert known == {resource for action, resource in grants(functions[name]) if action.startswith("dynamodb:")}


@pytest.mark.parametrize("name", NAMES)
def test_permissions_are_named_one_by_one(name: str, functions: Resources) -> None:
    """No wildcard of a whole service, no scan, no deletion of a table, nothing on every resource."""
    for action, resource in grants(functions[name]):
        service, verb = action.split(":")
        assert resource != "*"
        if service == "dynamodb":
            assert verb in DYNAMODB
        else:
            assert action in CONSUME | TIMERS | {"sqs:ChangeMessageVisibility*", "sqs:SendMessage", "sqs:SendMessage*", "ses:SendEmail"}


@pytest.mark.parametrize("name", NAMES)
def test_who_may_change_what(name: str, functions: Resources) -> None:
    """A bug in one function cannot spoil another's tables."""
    changed = {resource for action, resource in grants(functions[name]) if action.split(":")[1] in WRITES}
    assert changed == WRITERS[name]


def test_only_the_sender_may_send_mail(functions: Resources) -> None:
    """One door to the providers."""
    assert {name for name in NAMES for action, _ in grants(functions[name]) if action.startswith("ses:")} == {"send"}


def test_each_queue_has_one_reader(functions: Resources) -> None:
    """The matcher reads signals and passes on delayed ones, the sender reads what is to be sent."""
    readers = {(name, resource) for name in NAMES for action, resource in grants(functions[name]) if action == "sqs:ReceiveMessage"}
    assert readers == {("match", "SignalsQueue"), ("match", "DelaysQueue"), ("send", "SendQueue")}


@pytest.mark.parametrize("name", NAMES)
def test_a_function_knows_the_queues_that_it_may_write_to(name: str, functions: Resources) -> None:
    """Each queue's address comes with the permission to use it."""
    known = {value["Ref"] for key, value in environment(functions[name]).items() if key.endswith("_QUEUE_URL")}
    assert known == {resource for action, resource in grants(functions[name]) if action.startswith("sqs:SendMessage")}


def test_the_template_sets_what_the_code_reads_and_nothing_else(template: dict[str, Any], functions: Resources) -> None:
    """A misspelt variable, or one that nobody reads any more, fails here and not in production."""
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    given = {key for name in NAMES for key in environment(functions[name])} | set(shared)
    sources = [*(ROOT / "layers/core/waypost").rglob("*.py"), *(ROOT / "functions").glob("*/app.py")]
    read = {name for each in sources for name in re.findall(r"""(?:required|optional|integer|table)\(\s*"([A-Z_]+)\"""", each.read_text())}
    of_powertools = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}
    assert given - of_powertools == read - {"WAYPOST_LOCAL_WEBHOOKS", "WAYPOST_CLOCK_FILE"}


def test_the_local_run_alone_may_call_loopback_webhooks() -> None:
    """No template sets the setting that lets a webhook reach 127.0.0.1, nor the one that pushes the clock."""
    template = (ROOT / "template.yaml").read_text()
    assert "WAYPOST_LOCAL" not in template
    assert "WAYPOST_CLOCK" not in template


def test_a_stack_name_is_all_that_a_deploy_needs(template: dict[str, Any]) -> None:
    """Every parameter has a default, and the cheaper processor is it."""
    assert [name for name, each in template["Parameters"].items() if "Default" not in each] == []
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"


@pytest.mark.parametrize("name", NAMES)
def test_logs_do_not_pile_up(name: str, resources: Resources, functions: Resources) -> None:
    """Each function writes to a log group of its own that forgets."""
    group = functions[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", NAMES)
def test_the_intake_never_starves(name: str, functions: Resources) -> None:
    """No reserved concurrency: small accounts have little, and what one function reserves the others lose."""
    assert "ReservedConcurrentExecutions" not in functions[name]


def test_answers_come_before_the_gateway_gives_up(functions: Resources) -> None:
    """API Gateway waits 29 seconds; our own answer comes first."""
    assert functions["ingest"]["Timeout"] < 29
    assert functions["manage"]["Timeout"] <= 29


def test_outputs_name_what_a_person_looks_for(template: dict[str, Any], resources: Resources) -> None:
    """The address, every function, every table and every queue."""
    wanted = {"ApiUrl"}
    for name, each in resources.items():
        wanted |= {name} if each["Type"] in {"AWS::DynamoDB::Table", "AWS::Serverless::Function"} else set()
        wanted |= {f"{name}Url"} if each["Type"] == "AWS::SQS::Queue" else set()
    assert wanted <= set(template["Outputs"])
