"""The command line that makes workspaces and keys on a deployed stack."""

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
    """A deployed stack whose outputs name its tables; nothing in the environment does."""
    with deployed(monkeypatch):
        for name in ("KEYS_TABLE", "WORKSPACES_TABLE"):
            monkeypatch.delenv(name)
        boto3.client("cloudformation").create_stack(StackName="acme", TemplateBody=TEMPLATE)
        yield


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What was printed, by its first words."""
    return {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}


def test_a_workspace_and_then_a_key_for_its_app(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both keys open the door that they are for."""
    assert cli.main(["--stack", "acme", "workspace", "Acme"]) == 0
    made = lines(capsys)
    assert cli.main(["--stack", "acme", "key", "--workspace", made["workspace"], "--scopes", "events", "--key", "k" * 20]) == 0
    assert lines(capsys)["key"] == "k" * 20
    for name in ("Keys", "Workspaces"):
        monkeypatch.setenv(f"{name.upper()}_TABLE", f"{name}Table")
    now = datetime.now(UTC)
    assert wiring.access().admit(f"Api-Key {made['key']}", "admin", now).workspace == made["workspace"]
    assert wiring.access().admit(f"Api-Key {'k' * 20}", "events", now).workspace == made["workspace"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stack", "other", "workspace", "Acme"], "no stack 'other'"),
        (["--stack", "acme", "key", "--workspace", "w_unknown", "--scopes", "admin"], "workspace w_unknown"),
        (["--stack", "acme", "workspace", "Acme", "--key", "short"], "20 to 200"),
    ],
)
def test_a_mistake_is_told_in_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a trace, and with an exit code that a script sees."""
    assert cli.main(arguments) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_outputs_are_read_by_name() -> None:
    """The names that the template gives them."""
    assert stacks.outputs("acme")["KeysTable"] == "KeysTable"
