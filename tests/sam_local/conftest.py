"""A Docker engine, the local run, and `make invoke` and `make api` on it, as a person uses them in three terminals."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from functions.local.cloud import Cloud
from functions.local.paths import ROOT
from tests.stories.http_client import http

SAM = [".venv/bin/uv", "tool", "run", "--quiet", "--from", "aws-sam-cli==1.170.0", "sam"]
READY_WITHIN = 120.0  # seconds
SKIPPED = "sam local is NOT tested: no Docker engine answers. `.ci/docker-engine FOLDER` starts one on Debian."


@dataclass(frozen=True)
class SamLocal:
    """A running `make run`, and the make targets that use it from containers."""

    url: str
    variables: Path

    def make(self, target: str, **settings: str) -> list[str]:
        """The command line of a make target with this run's variables."""
        return [
            "make",
            "--no-print-directory",
            target,
            f"SAM_VARIABLES={self.variables}",
            *(f"{name}={value}" for name, value in settings.items()),
        ]

    def invoke(self, function: str, event: str) -> Any:
        """What a function returns for a file of events/, by `make invoke`."""
        command = self.make("invoke", FUNCTION=function, EVENT=f"events/{event}.json")
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    def invoke_without_credentials(self, function: str, event: str) -> tuple[Any, str]:
        """What a function returns, and its log, by a plain `sam local invoke` in a shell that has no credentials for AWS."""
        nowhere = {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        options = ["--env-vars", str(self.variables), "--parameter-overrides", f"Architecture={architecture}"]
        done = subprocess.run(
            [*SAM, "local", "invoke", function, "--event", f"events/{event}.json", *options],
            cwd=ROOT,
            env=own | nowhere | {"SAM_CLI_TELEMETRY": "0"},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1]), done.stderr

    @property
    def cloud(self) -> Cloud:
        """Clients for the emulator of the run, whose port is in the file of variables."""
        endpoint = json.loads(self.variables.read_text())["Parameters"]["AWS_ENDPOINT_URL"]
        return Cloud(f"http://127.0.0.1:{urlsplit(endpoint).port}")

    @contextmanager
    def without_consumer(self, queue: str) -> Iterator[None]:
        """Keeps the records of a queue, such as `SendQueue`, from the run's own functions: only an invoked function acts on them."""
        client = self.cloud.client("lambda")
        mappings = client.list_event_source_mappings()["EventSourceMappings"]
        (mapping,) = [each["UUID"] for each in mappings if f"-{queue}" in each["EventSourceArn"]]
        client.update_event_source_mapping(UUID=mapping, Enabled=False)
        try:
            yield
        finally:
            client.update_event_source_mapping(UUID=mapping, Enabled=True)

    def settle(self) -> None:
        """Waits until all queues of the run are empty."""
        http.post(f"{self.url}/_local/settle", timeout=90).raise_for_status()


def free_port() -> int:
    """A port of the loopback address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: list[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, ended as by Ctrl-C."""
    with output.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    """Waits until something answers at a URL."""
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            http.get(url, timeout=60)
        except httpx.HTTPError:
            time.sleep(0.3)
        else:
            return
    pytest.fail(f"nothing answers at {url}:\n{output.read_text()[-3000:]}")


@pytest.fixture(scope="session", autouse=True)
def built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The build in `.aws-sam/build`, made by one process: two at the same time would write the same files."""
    lock = tmp_path_factory.getbasetemp().parent / "sam-build.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = subprocess.run(["make", f"{ROOT}/.aws-sam/build/template.yaml"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """A Docker engine; without one the tests are skipped, but where WAYPOST_REQUIRE_DOCKER is set they fail."""
    try:
        answers = subprocess.run(["docker", "info"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        answers = False
    if answers:
        return
    if os.environ.get("WAYPOST_REQUIRE_DOCKER"):
        pytest.fail(SKIPPED)
    pytest.skip(SKIPPED)


@contextmanager
def local_run(folder: Path, *settings: str) -> Iterator[SamLocal]:
    """A `make run` on a free port with these make variables, whose variables of functions are in a file of its own."""
    port, variables, log = free_port(), folder / "sam.json", folder / "run.log"
    command = ["make", "--no-print-directory", "run", f"PORT={port}", f"SAM_VARIABLES={variables}", *settings]
    with started(command, log) as process:
        run = SamLocal(f"http://127.0.0.1:{port}", variables)
        wait_for(f"{run.url}/api/health", process, log)
        yield run


@pytest.fixture(scope="session")
def sam_local(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    """The local run on MiniStack that most tests share."""
    with local_run(tmp_path_factory.mktemp("sam-local")) as run:
        yield run


@pytest.fixture(scope="session")
def api(sam_local: SamLocal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API that `make api` serves from containers."""
    port, log = free_port(), tmp_path_factory.mktemp("sam-api") / "api.log"
    with started(sam_local.make("api", API_PORT=str(port)), log) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/api/health", process, log)
        yield url
