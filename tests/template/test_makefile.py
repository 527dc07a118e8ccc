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
    """`make test` leaves out the tests of the SAM CLI and says so; `.ci/run` runs them with `make test-sam`, and requires Docker there."""
    # What `make test TESTS=...` hands to the tests in the environment must not reach these.
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "TESTS"}}

    def printed(target: str) -> str:
        return subprocess.run(["make", "-n", target], cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    assert [word for word in printed("test").split() if word.startswith(("tests/", "--ignore"))] == ["--ignore=tests/sam_local"]
    assert 'echo "!!! sam local and sam deploy are NOT tested' in printed("test")
    assert printed("test-sam").split()[-1] == "tests/sam_local"
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith(("make ", "export "))]
    browser, docker = "export WAYPOST_BROWSER=required", "export WAYPOST_REQUIRE_DOCKER=1"
    assert commands == ["make setup", browser, "make check", "make test", docker, "make test-sam"]
