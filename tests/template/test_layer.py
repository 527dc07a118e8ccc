"""The built layer: small, right for both processors, and complete for everything that the functions call."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests.template.test_build import ROOT, build, runtime

pytestmark = pytest.mark.xdist_group("build")
ELF_MACHINES = {62: "x86_64", 183: "arm64"}
MAX_BYTES = 40_000_000
SERVICE = re.compile(r"\bclient\(\s*\"([a-z0-9-]+)\"")
NOT_IN_LAMBDA = {"cloudformation"}  # adapters/stacks.py: the command line reads a stack's outputs


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the layer as `sam build` makes them."""
    folder = tmp_path_factory.mktemp("layer")
    build("CoreLayer", folder)
    return folder / "python"


def services() -> list[str]:
    """The AWS services for which the adapters make clients."""
    sources = (ROOT / "layers/core/waypost/adapters").rglob("*.py")
    return sorted({name for source in sources for name in SERVICE.findall(source.read_text())} - NOT_IN_LAMBDA)


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
    assert sorted(kept.split()) == services()


@pytest.mark.parametrize("service", services())
def test_each_service_can_be_called_from_the_layer_alone(service: str, layer: Path) -> None:
    """Botocore makes each client, with its endpoint, paginators and retries, from the layer's data alone."""
    program = f"""
import sys; sys.path.insert(0, {str(layer)!r})
import boto3
from botocore.exceptions import EndpointConnectionError
client = boto3.client({service!r}, endpoint_url="http://127.0.0.1:9")
assert client.meta.endpoint_url and client.meta.service_model.operation_names
assert "amazonaws.com" in boto3.client({service!r}).meta.endpoint_url
"""
    run_alone(program)


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
