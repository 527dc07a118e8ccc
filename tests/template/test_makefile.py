"""What the make targets set for the programs that they run, and that continuous integration runs all tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("chosen", "expected"), [({}, "true"), ({"UV_SYSTEM_CERTS": "false"}, "false")], ids=["by default", "if chosen"])
def test_uv_trusts_the_certificates_of_the_system(chosen: dict[str, str], expected: str) -> None:
    """The setting that makes uv trust a company's proxy is on unless the environment says otherwise, and the locked uv knows it."""
    environment = {name: value for name, value in os.environ.items() if name != "UV_SYSTEM_CERTS"} | chosen
    command = ["make", "--no-print-directory", "--eval=certificates: ; @echo $$UV_SYSTEM_CERTS", "certificates"]
    assert subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip() == expected
    manual = subprocess.run([ROOT / ".venv/bin/uv", "pip", "install", "--help"], check=True, capture_output=True, text=True).stdout
    assert "UV_SYSTEM_CERTS" in manual


def test_continuous_integration_runs_what_make_test_leaves_out() -> None:
    """`make test` leaves out two folders and says so; `.ci/run` runs them, and requires Chromium and Docker there."""
    # What `make test TESTS=...` hands to the tests in the environment must not reach these.
    of_make = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "TESTS"}
    environment = {name: value for name, value in os.environ.items() if name not in of_make}

    def printed(target: str) -> str:
        return subprocess.run(["make", "-n", target], cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    left_out = [word for word in printed("test").split() if word.startswith(("tests/", "--ignore"))]
    assert left_out == ["--ignore=tests/sam_local", "--ignore=tests/console"]
    assert 'echo "!!! sam local and sam deploy are NOT tested' in printed("test")
    assert 'echo "!!! The console is NOT tested' in printed("test")
    assert [printed(target).split()[-1] for target in ("test-sam", "test-console")] == ["tests/sam_local", "tests/console"]
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith(("make ", "export "))]
    browser, docker = "export WAYPOST_BROWSER=required", "export WAYPOST_REQUIRE_DOCKER=1"
    model = "make model HISTORIES=10000 EXAMPLES=300"
    assert commands == ["make setup", "make check", "make test", model, browser, "make test-console", docker, "make test-sam"]
