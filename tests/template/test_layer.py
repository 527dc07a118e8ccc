"""The built layer: small, right for both processors, and complete for everything that the functions call."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.template.builds import ROOT, runtime

ELF_MACHINES = {62: "x86_64", 183: "arm64"}
MAX_BYTES = 40_000_000
SERVICE = re.compile(r"\bclient\(\s*\"([a-z0-9-]+)\"")
OPERATION = re.compile(r"\bclient\(\"([a-z0-9-]+)\"[^()]*\)\.(\w+)\(")
NAMES = {"Name": "name", "GroupName": "group"}
# What is part of a path or decides about the endpoint. The clients check no other parameters.
PARAMETERS: dict[str, dict[str, Any]] = {
    "create_schedule": NAMES,
    "delete_schedule": NAMES,
    "delete_suppressed_destination": {"EmailAddress": "ada"},
    "batch_get_item": {"RequestItems": {"table": {"Keys": []}}},
    "batch_write_item": {"RequestItems": {"table": []}},
}
REST = {  # the other services have the name of the operation in a header
    "create_schedule": "post /schedules/name",
    "delete_schedule": "delete /schedules/name",
    "delete_suppressed_destination": "delete /v2/email/suppression/addresses/ada",
    "get_account": "get /v2/email/account",
    "send_email": "post /v2/email/outbound-emails",
}
ANSWER = b'{"MessageId": "1", "ScheduleArn": "arn"}'
NOT_IN_LAMBDA = {"cloudformation"}  # adapters/stacks.py: the command line reads a stack's outputs


@pytest.fixture(scope="module")
def layer(built: Path) -> Path:
    """The packages of the layer as `sam build` makes them."""
    return built / "CoreLayer" / "python"


def services() -> list[str]:
    """The AWS services for which the adapters make clients."""
    sources = (ROOT / "layers/core/waypost/adapters").rglob("*.py")
    return sorted({name for source in sources for name in SERVICE.findall(source.read_text())} - NOT_IN_LAMBDA)


def operations() -> list[tuple[str, str]]:
    """The operations of these services that the adapters call, as the names of the clients' methods."""
    sources = (ROOT / "layers/core/waypost/adapters").rglob("*.py")
    found = {call for source in sources for call in OPERATION.findall(source.read_text())}
    return sorted(call for call in found if call[0] not in NOT_IN_LAMBDA)


def test_every_compiled_package_is_there_for_both_processors(layer: Path) -> None:
    """A function of either architecture finds each compiled module: `Architecture` can be changed without a new build."""
    built: dict[str, set[str]] = {}
    for library in layer.rglob("*.so"):
        machine = ELF_MACHINES[struct.unpack("<H", library.read_bytes()[18:20])[0]]
        built.setdefault(f"{library.parent.name}/{library.name.split('.')[0]}", set()).add(machine)
    assert "pydantic_core/_pydantic_core" in built
    assert {name: machines for name, machines in built.items() if len(machines) != 2} == {}


def test_the_layer_stays_small(layer: Path) -> None:
    """The layer unpacks to less than 40 MB."""
    assert sum(each.stat().st_size for each in layer.rglob("*") if each.is_file()) < MAX_BYTES


def test_the_layer_has_the_data_of_every_service_that_is_called() -> None:
    """The adapters call exactly the services that the Makefile keeps in the layer."""
    (kept,) = re.findall(r"^LAYER_SERVICES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(kept.split()) == services() == sorted({service for service, _ in operations()})


@pytest.fixture
def aws() -> Iterator[tuple[str, list[str]]]:
    """The URL of a server that answers every request as AWS does in the plainest case, and the operations or paths that came."""
    called: list[str] = []

    class Aws(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            called.append(self.headers.get("X-Amz-Target", f"{self.command} {self.path.split('?', maxsplit=1)[0]}"))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER)

        do_POST = do_DELETE = do_PUT = do_GET = answer  # noqa: N815 - http.server calls them by these names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Aws) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", called
        server.shutdown()


@pytest.mark.parametrize("service", services())
def test_each_operation_can_be_called_from_the_layer_alone(service: str, layer: Path, aws: tuple[str, list[str]]) -> None:
    """The layer's own function for clients makes each request that the adapters make and reads its response, with the layer's data alone.

    The endpoint of the service in a region comes from that data as well.
    """
    url, called = aws
    calls = {operation: PARAMETERS.get(operation, {}) for name, operation in operations() if name == service}
    program = f"""
import os, sys; sys.path.insert(0, {str(layer)!r})
import boto3
from waypost.adapters.aws import client
assert boto3.__file__.startswith({str(layer)!r})
assert "amazonaws.com" in boto3.client({service!r}).meta.endpoint_url
os.environ["AWS_ENDPOINT_URL"] = {url!r}
for operation, parameters in {calls!r}.items():
    answer = getattr(client({service!r}), operation)(**parameters)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
"""
    run_alone(program)
    assert [each.split(".")[-1].lower() for each in called] == [REST.get(operation, operation.replace("_", "")) for operation in calls]


def test_a_template_renders_from_the_layer_alone(layer: Path) -> None:
    """python-liquid needs nothing that the layer leaves out."""
    program = f"""
import sys; sys.path.insert(0, {str(layer)!r})
from datetime import datetime, timezone
from waypost.adapters.liquid import LiquidTemplates
scope = {{"customer": {{"name": "Ada", "since": "2026-11-27"}}}}
text = "{{{{ customer.name | upcase }}}} {{{{ customer.since | date: '%B %d' }}}}"
rendered = LiquidTemplates().render({{"text": text}}, scope, datetime(2026, 11, 27, tzinfo=timezone.utc), strict=True)
assert rendered == {{"text": "ADA November 27"}}, rendered
"""
    run_alone(program)


def run_alone(program: str) -> None:
    """Runs a program with Lambda's version of Python and no package but what it adds to its path."""
    interpreter = runtime()
    if interpreter is None:
        pytest.skip("the layer's compiled packages are for Python 3.13, and there is none here")
    environment = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run([interpreter, "-I", "-S", "-B", "-c", program], env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
