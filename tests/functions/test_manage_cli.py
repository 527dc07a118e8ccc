"""The command line that creates workspaces and keys in a deployed stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from functions.local import seed
from functions.manage import cli
from tests.fakes.deployed import deployed
from waypost import wiring
from waypost.adapters import stacks
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.adapters.dynamodb.table import Table
from waypost.domain import signal_codec
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import RefusedError

EVENTS = Path(__file__).parents[2] / "events"
TABLES = ("KeysTable", "WorkspacesTable")
TEMPLATE = json.dumps({"Resources": {"T": {"Type": "AWS::SQS::Queue"}}, "Outputs": {name: {"Value": name} for name in TABLES}})


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployed stack. Only its outputs name its tables, and nothing in the environment does."""
    with deployed(monkeypatch):
        for name in ("KEYS_TABLE", "WORKSPACES_TABLE"):
            monkeypatch.delenv(name)
        boto3.client("cloudformation").create_stack(StackName="acme", TemplateBody=TEMPLATE)
        yield


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The last word of each printed line, by the first word of the line."""
    return {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}


def test_a_workspace_is_created_and_then_a_key_for_its_app(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both printed keys authenticate for the new workspace, the first with the scope `admin` and the second with `events`."""
    assert cli.main(["--stack", "acme", "workspace", "Acme"]) == 0
    created = printed(capsys)
    assert cli.main(["--stack", "acme", "key", "--workspace", created["workspace"], "--scopes", "events", "--key", "k" * 20]) == 0
    assert printed(capsys)["key"] == "k" * 20
    for name in ("Keys", "Workspaces"):
        monkeypatch.setenv(f"{name.upper()}_TABLE", f"{name}Table")
    now = datetime.now(UTC)
    assert wiring.authenticator().authenticate(f"Api-Key {created['key']}", "admin", now).workspace == created["workspace"]
    assert wiring.authenticator().authenticate(f"Api-Key {'k' * 20}", "events", now).workspace == created["workspace"]


def test_the_demo_workspace_has_the_id_and_the_key_of_the_example_events(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace that is created with an id and a key has both. A second one with this id is refused, and its key is not added."""
    assert cli.main(["--stack", "acme", "workspace", "Demo", "--id", seed.WORKSPACE, "--key", seed.ADMIN_KEY]) == 0
    assert printed(capsys)["workspace"] == seed.WORKSPACE
    assert cli.main(["--stack", "acme", "workspace", "Demo", "--id", seed.WORKSPACE, "--key", "k" * 20]) == 1
    assert "There is a workspace w_demo already" in capsys.readouterr().err
    for name in ("Keys", "Workspaces"):
        monkeypatch.setenv(f"{name.upper()}_TABLE", f"{name}Table")
    now = datetime.now(UTC)
    assert wiring.authenticator().authenticate(f"Api-Key {seed.ADMIN_KEY}", "admin", now).workspace == seed.WORKSPACE
    with pytest.raises(RefusedError):
        wiring.authenticator().authenticate(f"Api-Key {'k' * 20}", "admin", now)


OPERATED = ("DeadTable", "MessagesTable", "SignalsQueueUrl", "SendQueueUrl", "SchedulerDeadLettersUrl")


@pytest.fixture
def queues() -> dict[str, str]:
    """A stack "shop" with queues. Returns the URLs of its queues by the names of its outputs."""
    sqs = boto3.client("sqs")
    fifo = {"FifoQueue": "true"}
    urls = {
        "SignalsQueueUrl": sqs.create_queue(QueueName="shop-signals.fifo", Attributes=fifo)["QueueUrl"],
        "SendQueueUrl": sqs.create_queue(QueueName="shop-send")["QueueUrl"],
        "SchedulerDeadLettersUrl": sqs.create_queue(QueueName="shop-undelivered")["QueueUrl"],
    }
    outputs = {name: {"Value": urls.get(name, name)} for name in OPERATED}
    template = json.dumps({"Resources": {"T": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs})
    boto3.client("cloudformation").create_stack(StackName="shop", TemplateBody=template)
    return urls


def received(url: str) -> list[tuple[str, str]]:
    """The message group and the body of the messages of a queue."""
    answer = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return [(each["Attributes"]["MessageGroupId"], each["Body"]) for each in answer.get("Messages", [])]


def test_records_of_no_workspace_are_listed_and_redriven(queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """An operator sees each unreadable record that names no workspace, and puts it back after a rollback or an upgrade."""
    dead_letters = DynamoDeadLetters(Table("DeadTable"))
    now = datetime(2026, 11, 23, tzinfo=UTC)
    dead_letters.park(Parked("unknown", "signal", "m-1", '{"customer":"c_1"}', "unreadable", now))
    dead_letters.park(Parked("w_other", "signal", "m-2", "{}", "unreadable", now))
    assert cli.main(["--stack", "shop", "dead-letters"]) == 0
    assert capsys.readouterr().out == "2026-11-23T00:00:00.000Z#m-1 signal unreadable\n"
    assert cli.main(["--stack", "shop", "dead-letters", "--redrive"]) == 0
    assert printed(capsys) == {"redriven": "1"}
    assert received(queues["SignalsQueueUrl"]) == [("c_1", '{"customer":"c_1"}')]
    assert dead_letters.page("unknown", limit=10) == ([], None)


def test_timers_that_were_not_delivered_are_sent_to_their_customers(queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each goes into the message group of its customer and leaves its queue; what is no timer stays there and is counted."""
    [record] = json.loads((EVENTS / "match-delayed.json").read_text())["Records"][:1]
    timer = signal_codec.from_delays_record(record["body"])
    sqs, url = boto3.client("sqs"), queues["SchedulerDeadLettersUrl"]
    for body in (timer.body, signal_codec.compressed(timer.body), "nonsense"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert cli.main(["--stack", "shop", "redrive-timers"]) == 0
    assert printed(capsys) == {"sent": "2", "unreadable": "1"}
    first = received(queues["SignalsQueueUrl"])
    assert {group for group, _ in first} == {timer.group}
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--stack", "other", "workspace", "Acme"], "no stack 'other'"),
        (["--stack", "acme", "key", "--workspace", "w_unknown", "--scopes", "admin"], "workspace w_unknown"),
        (["--stack", "acme", "workspace", "Acme", "--key", "short"], "20 to 200"),
        (["--stack", "acme", "workspace", "Acme", "--id", "demo"], "A workspace id is w_"),
    ],
)
def test_an_error_is_printed_in_one_line(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command prints its reason to stderr without a traceback, and exits with 1."""
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_the_outputs_of_a_stack_are_read_by_name() -> None:
    """An output is found under the name that the template gives it."""
    assert stacks.outputs("acme")["KeysTable"] == "KeysTable"
