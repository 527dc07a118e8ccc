"""The command line that creates workspaces and keys in a deployed stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest

from functions.manage import cli
from tests.fakes.deployed import deployed
from waypost import wiring
from waypost.adapters import stacks

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


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--stack", "other", "workspace", "Acme"], "no stack 'other'"),
        (["--stack", "acme", "key", "--workspace", "w_unknown", "--scopes", "admin"], "workspace w_unknown"),
        (["--stack", "acme", "workspace", "Acme", "--key", "short"], "20 to 200"),
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
