"""`make deploy` with the real SAM CLI on the emulator in place of AWS: a first deployment, a changed parameter, the end of the stack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from functions.local.cloud import Cloud
from functions.local.emulator import REGION, running_emulator
from functions.local.paths import ROOT
from tests.sam_local.conftest import SAM

STACK = "waypost-deployed"


class Account:
    """An empty AWS account on the emulator, and the commands that a person runs against it."""

    def __init__(self, url: str) -> None:
        """Takes the emulator's address, which the AWS clients of the commands use too."""
        self.cloud = Cloud(url)
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = own | self.cloud.environment() | {"SAM_CLI_TELEMETRY": "0"}

    def run(self, *command: str) -> str:
        """What a command prints; it must succeed."""
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=False, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def deploy(self, *parameters: str, **settings: str) -> None:
        """`make deploy` with these template parameters, and make variables such as TAGS."""
        variables = [f"{name}={value}" for name, value in settings.items()]
        self.run("make", "deploy", f"STACK={STACK}", f"PARAMETERS={' '.join(parameters)}", *variables)

    def tags(self) -> dict[str, dict[str, str]]:
        """The tags of the functions, tables and queues of the stack, by the names of their outputs."""
        lambdas, tables, queues = (self.cloud.client(name) for name in ("lambda", "dynamodb", "sqs"))
        found: dict[str, dict[str, str]] = {}
        for output, name in self.outputs().items():
            if output.endswith("Function"):
                found[output] = lambdas.list_tags(Resource=self.function(output)["FunctionArn"])["Tags"]
            elif output.endswith("Table"):
                arn = tables.describe_table(TableName=name)["Table"]["TableArn"]
                found[output] = {tag["Key"]: tag["Value"] for tag in tables.list_tags_of_resource(ResourceArn=arn)["Tags"]}
            elif output.endswith(("QueueUrl", "DeadLettersUrl")):
                found[output] = queues.list_queue_tags(QueueUrl=name).get("Tags", {})
        return found

    def status(self) -> str | None:
        """The state of the stack, or None if there is no such stack."""
        stacks = self.cloud.client("cloudformation").describe_stacks()["Stacks"]
        return next((stack["StackStatus"] for stack in stacks if stack["StackName"] == STACK), None)

    def outputs(self) -> dict[str, str]:
        """The outputs of the stack."""
        (stack,) = self.cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def function(self, name: str) -> dict[str, Any]:
        """The configuration of a function, by the name of its output."""
        found: dict[str, Any] = self.cloud.client("lambda").get_function_configuration(FunctionName=self.outputs()[name])
        return found

    def tables(self) -> list[str]:
        """The tables in the account."""
        names: list[str] = self.cloud.client("dynamodb").list_tables()["TableNames"]
        return names


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """An account of this module's own."""
    with running_emulator() as emulator:
        yield Account(emulator.url)


@pytest.fixture(scope="module")
def deployed(account: Account) -> Account:
    """The account after a first `make deploy`."""
    account.deploy("SenderAddress=hello@example.com")
    return account


def test_a_first_deployment_asks_nothing_and_is_complete(deployed: Account) -> None:
    """`make deploy` with a sender makes the whole stack without a question, with its four functions and eight tables."""
    assert deployed.status() == "CREATE_COMPLETE"
    assert deployed.function("SendFunction")["Environment"]["Variables"]["SENDER_ADDRESS"] == "hello@example.com"
    assert len([name for name in deployed.tables() if name.startswith(STACK)]) == 8
    assert f"execute-api.{REGION}" in deployed.outputs()["ApiUrl"]


def test_every_resource_has_the_tag_of_the_stack(deployed: Account) -> None:
    """The functions, tables and queues have the tag of samconfig.toml, which CloudFormation copies from the stack."""
    tags = deployed.tags()
    assert len(tags) == 4 + 8 + 9
    assert {name for name, each in tags.items() if each.get("project") != "waypost"} == set()


def test_a_second_deployment_changes_a_parameter(deployed: Account) -> None:
    """A deployment with another parameter and other tags updates the stack in place and keeps the tables."""
    before = deployed.tables()
    deployed.deploy("SenderAddress=hello@example.com", "EventLog=effects", TAGS="project=acme team=crm")
    assert deployed.status() == "UPDATE_COMPLETE"
    assert deployed.function("MatchFunction")["Environment"]["Variables"]["EVENT_LOG"] == "effects"
    assert deployed.tags()["MatchFunction"].items() >= {"project": "acme", "team": "crm"}.items()
    assert deployed.tables() == before


def test_a_deleted_stack_leaves_its_tables(deployed: Account) -> None:
    """`sam delete` removes functions and queues; the tables with the customers stay."""
    before = deployed.tables()
    deployed.run(*SAM, "delete", "--stack-name", STACK, "--no-prompts", "--region", REGION)
    assert deployed.status() in (None, "DELETE_COMPLETE")
    assert deployed.tables() == before
    assert not [each for each in deployed.cloud.client("lambda").list_functions()["Functions"] if each["FunctionName"].startswith(STACK)]


def test_a_long_stack_name_is_refused_before_anything_is_built() -> None:
    """A name with which the FIFO queues could not be created fails at once, with the reason."""
    done = subprocess.run(["make", "deploy", f"STACK={'x' * 41}"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "over 40 characters" in done.stderr
    assert "Building" not in done.stdout
