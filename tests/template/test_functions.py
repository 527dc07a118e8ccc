"""The settings and the permissions of each function in the template."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.local.providers import ENDPOINTS
from tests.template.grants import grants

Resources = dict[str, dict[str, Any]]
ROOT = Path(__file__).parents[2]
NAMES = ["ingest", "match", "send", "manage"]
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}
# function: the tables that it may write
WRITERS = {
    "ingest": {"CustomersTable", "EventsTable", "KeysTable"},
    "match": {"CustomersTable", "RunsTable", "EventsTable", "MessagesTable", "DeadTable", "WorkspacesTable"},
    "send": {"MessagesTable", "WorkspacesTable", "DeadTable"},
    "manage": {"JourneysTable", "KeysTable", "WorkspacesTable", "DeadTable", "MessagesTable", "CustomersTable", "RunsTable", "EventsTable"},
}
TIMERS = {"scheduler:CreateSchedule", "scheduler:DeleteSchedule", "iam:PassRole"}
DYNAMODB = {"GetItem", "BatchGetItem", "Query", "ConditionCheckItem"} | WRITES
EMAIL = {"ses:SendEmail", "ses:DeleteSuppressedDestination", "ses:GetAccount"}
WITHOUT_RESOURCE = {"ses:DeleteSuppressedDestination", "ses:GetAccount"}
"""The actions for which AWS knows no resource, so that a policy can name only all of them."""
CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}


def environment(function: dict[str, Any]) -> dict[str, Any]:
    """The environment variables of a function, without those that all functions share."""
    return dict(function["Environment"]["Variables"])


@pytest.mark.parametrize("name", NAMES)
def test_a_function_has_a_variable_for_each_table_that_it_may_use(name: str, functions: Resources) -> None:
    """Each variable of a table has a permission, and each permission on a table has a variable."""
    in_variables = {value["Ref"] for key, value in environment(functions[name]).items() if key.endswith("_TABLE")}
    assert in_variables == {resource for action, resource in grants(functions[name]) if action.startswith("dynamodb:")}


@pytest.mark.parametrize("name", NAMES)
def test_permissions_name_actions_and_resources(name: str, functions: Resources) -> None:
    """No permission allows a whole service, a scan, the deletion of a table, or an action on every resource that could name one."""
    for action, resource in grants(functions[name]):
        service, verb = action.split(":")
        assert resource != "*" or action in WITHOUT_RESOURCE
        if service == "dynamodb":
            assert verb in DYNAMODB
        else:
            assert action in CONSUME | TIMERS | {"sqs:ChangeMessageVisibility*", "sqs:SendMessage", "sqs:SendMessage*"} | EMAIL | {
                "sms-voice:SendTextMessage"
            }


@pytest.mark.parametrize("name", NAMES)
def test_a_function_can_write_its_own_tables_only(name: str, functions: Resources) -> None:
    """The tables that a function may write are the listed ones, so a bug in it cannot damage others."""
    written = {resource for action, resource in grants(functions[name]) if action.split(":")[1] in WRITES}
    assert written == WRITERS[name]


def test_only_two_functions_can_send_email(functions: Resources) -> None:
    """Only the sender and the management function, which sends test messages, may send: from the same identities and configuration set."""
    of_ses = {name: {each for each in grants(functions[name]) if each[0].startswith("ses:")} for name in NAMES}
    assert {(name, action) for name in NAMES for action, _ in of_ses[name]} == {
        ("send", "ses:SendEmail"),
        ("send", "ses:GetAccount"),
        ("manage", "ses:SendEmail"),
        ("manage", "ses:GetAccount"),
        ("manage", "ses:DeleteSuppressedDestination"),
    }
    sending = [{target for action, target in of_ses[name] if action == "ses:SendEmail"} for name in ("send", "manage")]
    assert sending[0] == sending[1]


def test_only_the_sender_can_send_sms(functions: Resources) -> None:
    """Only the sender may send, and only by originations of the account: numbers, pools and sender ids."""
    of_sms = {(name, action, target) for name in NAMES for action, target in grants(functions[name]) if action.startswith("sms-voice:")}
    assert {(name, action) for name, action, _ in of_sms} == {("send", "sms-voice:SendTextMessage")}
    assert {target.split(":")[-1].rstrip("'}") for _, _, target in of_sms} == {"phone-number/*", "pool/*", "sender-id/*"}


def test_each_queue_has_one_consumer(functions: Resources) -> None:
    """The matcher consumes signals and delays, the sender consumes the send queue and the reports, and no other function does."""
    consumers = {(name, resource) for name in NAMES for action, resource in grants(functions[name]) if action == "sqs:ReceiveMessage"}
    assert consumers == {("match", "SignalsQueue"), ("match", "DelaysQueue"), ("send", "SendQueue"), ("send", "ReportsQueue")}


@pytest.mark.parametrize("name", NAMES)
def test_a_function_has_a_variable_for_each_queue_that_it_may_call(name: str, functions: Resources) -> None:
    """Each variable of a queue has a permission to send or to postpone a record, and each of these permissions has a variable."""
    in_variables = {value["Ref"] for key, value in environment(functions[name]).items() if key.endswith("_QUEUE_URL")}
    called = ("sqs:SendMessage", "sqs:ChangeMessageVisibility")
    assert in_variables == {resource for action, resource in grants(functions[name]) if action.startswith(called)}


def test_the_template_sets_the_variables_that_the_code_reads(template: dict[str, Any], functions: Resources) -> None:
    """The template sets every variable that the code reads, and no variable that no code reads."""
    shared = template["Globals"]["Function"]["Environment"]["Variables"]
    given = {key for name in NAMES for key in environment(functions[name])} | set(shared)
    sources = [*(ROOT / "layers/core/waypost").rglob("*.py"), *(ROOT / "functions").glob("*/app.py")]
    read = {name for each in sources for name in re.findall(r"""(?:required|optional|integer|table)\(\s*"([A-Z_]+)\"""", each.read_text())}
    of_libraries = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL", "AWS_ENDPOINT_URL", *ENDPOINTS}
    assert given - of_libraries == read - {"WAYPOST_LOCAL_WEBHOOKS", "WAYPOST_CLOCK_FILE", "WAYPOST_SNAPSHOT_SECONDS"}


def test_the_template_sets_no_variable_of_the_local_run() -> None:
    """The template sets neither the variable that allows webhooks to 127.0.0.1 nor the one that changes the clock."""
    template = (ROOT / "template.yaml").read_text()
    assert "WAYPOST_LOCAL" not in template
    assert "WAYPOST_CLOCK" not in template


def test_every_parameter_has_a_default(template: dict[str, Any]) -> None:
    """A deployment needs no parameters, and the default processor is arm64, which is cheaper."""
    assert [name for name, each in template["Parameters"].items() if "Default" not in each] == []
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"


@pytest.mark.parametrize("name", NAMES)
def test_logs_expire(name: str, resources: Resources, functions: Resources) -> None:
    """Each function has a log group of its own whose retention is a parameter."""
    group = functions[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("name", NAMES)
def test_no_function_reserves_concurrency(name: str, functions: Resources) -> None:
    """No function reserves concurrency: what one reserves the others cannot use, and a new account has little."""
    assert "ReservedConcurrentExecutions" not in functions[name]


def test_functions_time_out_before_the_gateway_does(functions: Resources) -> None:
    """The functions behind the API have timeouts within the 29 seconds that API Gateway waits."""
    assert functions["ingest"]["Timeout"] < 29
    assert functions["manage"]["Timeout"] <= 29


def test_outputs_have_the_url_and_all_resources_of_use(template: dict[str, Any], resources: Resources) -> None:
    """The outputs of the stack have the URLs of the API and of the console, and every function, table and queue."""
    expected = {"ApiUrl", "ConsoleUrl"}
    for name, each in resources.items():
        expected |= {name} if each["Type"] in {"AWS::DynamoDB::Table", "AWS::Serverless::Function"} else set()
        expected |= {f"{name}Url"} if each["Type"] == "AWS::SQS::Queue" else set()
    assert expected <= set(template["Outputs"])


def test_an_empty_endpoint_is_no_endpoint(template: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The template declares AWS_ENDPOINT_URL as an empty text, so that `sam local` can set it; botocore then calls AWS itself."""
    assert template["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] == ""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert boto3.session.Session().client("sqs").meta.endpoint_url == "https://sqs.eu-west-1.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert boto3.session.Session().client("sqs").meta.endpoint_url == "http://127.0.0.1:9"


@pytest.mark.parametrize(("variable", "service"), list(zip(ENDPOINTS, ("sesv2", "pinpoint-sms-voice-v2"), strict=True)))
def test_an_empty_endpoint_of_a_provider_is_no_endpoint(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch, variable: str, service: str
) -> None:
    """The template declares the address of a provider's emulator as an empty text; botocore then calls AWS."""
    assert template["Globals"]["Function"]["Environment"]["Variables"][variable] == ""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv(variable, "")
    assert boto3.session.Session().client(service).meta.endpoint_url.endswith(".amazonaws.com")
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert boto3.session.Session().client(service).meta.endpoint_url == "http://127.0.0.1:9"


def test_system_logs_are_json_and_hold_warnings_only(functions: Resources) -> None:
    """Lambda's own log lines are JSON from level WARN on, so an invocation writes no START, END and REPORT lines."""
    for name in NAMES:
        logging = functions[name]["LoggingConfig"]
        assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")
        assert logging["ApplicationLogLevel"] == {"Fn::FindInMap": ["LogLevels", {"Ref": "LogLevel"}, "Lambda"]}


def test_management_answers_before_the_gateway_gives_up(functions: Resources) -> None:
    """The management function ends before the 29 seconds after which API Gateway answers in its place."""
    assert functions["manage"]["Timeout"] < 29


def test_the_sender_may_read_the_counted_messages_of_merged_customers(functions: Resources) -> None:
    """The rows of caps of the ids that were merged into a customer are read in one batch; without it every capped message would wait."""
    assert ("dynamodb:BatchGetItem", "MessagesTable") in set(grants(functions["send"]))
