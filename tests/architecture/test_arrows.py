"""The floors of the house and who may look at whom, read from the imports. Nothing points up."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core"
# floor: the floors that it may import
FLOORS = {
    "door": {"wiring", "telemetry", "use case", "domain"},
    "wiring": {"settings", "use case", "adapter", "ports", "domain"},
    "use case": {"use case", "ports", "domain"},
    "adapter": {"adapter", "domain"},
    "ports": {"domain"},
    "domain": {"domain"},
    "telemetry": set[str](),
    "settings": set[str](),
    "local": {"local", "wiring", "domain"},
}
# package of others: the floors that may import it
GUESTS = {
    "boto3": {"adapter", "local"},
    "botocore": {"adapter", "local"},
    "aws_lambda_powertools": {"door", "telemetry"},
    "liquid": {"adapter"},
    "pydantic": {"domain", "use case", "adapter", "door", "ports"},
    "pydantic_core": {"domain"},
    "simplejson": {"domain"},
    "ministack": {"local"},
    "yaml": {"local"},
    "starlette": {"local"},
    "uvicorn": {"local"},
    "httpx": {"local"},
}
# what a pure rule cannot know: the time, chance, the machine, the network
IMPURE = {"os", "logging", "random", "secrets", "time", "socket", "subprocess", "threading", "asyncio", "pathlib", "tempfile", "sys", "ssl"}
CHANCE_AND_TIME = {"now", "utcnow", "today", "uuid1", "uuid4", "time_ns", "monotonic", "perf_counter"}


def sources() -> list[Path]:
    """Every module of the house."""
    return sorted([*(PACKAGE / "waypost").rglob("*.py"), *(ROOT / "functions").rglob("*.py")])


def floor_of(module: str) -> str:
    """The floor on which a dotted module of ours stands."""
    parts = module.split(".")
    if parts[0] == "functions":
        return "local" if parts[1:2] == ["local"] else "door"
    room = parts[1] if len(parts) > 1 else "domain"
    room = "adapter" if room == "adapters" else room
    return room if room in FLOORS else "use case"


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    base = PACKAGE if path.is_relative_to(PACKAGE) else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at the top or inside a function, as dotted names."""
    here = module_of(path).split(".")
    package = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (origin, node.module) if part)
            yield base
            if base in {"waypost", "functions"}:
                yield from (f"{base}.{each.name}" for each in node.names)


def ours(module: str) -> bool:
    """Whether a module is of this house; a bare package name says nothing about a floor."""
    return module.startswith(("waypost.", "functions."))


def label(path: Path) -> str:
    """A short name for a test's output."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=label)
def test_no_arrow_points_up(path: Path) -> None:
    """A module imports only floors that lie below its own."""
    floor = floor_of(module_of(path))
    bent = [each for each in imports(path) if ours(each) and floor_of(each) not in FLOORS[floor]]
    assert not bent, f"{label(path)} ({floor}) may not import {bent}"


@pytest.mark.parametrize("path", sources(), ids=label)
def test_each_technology_is_known_on_its_own_floor_only(path: Path) -> None:
    """AWS's client below adapters, Powertools in doors, and nobody brings in a package that is not listed here."""
    floor = floor_of(module_of(path))
    for each in imports(path):
        top = each.split(".")[0]
        if top not in sys.stdlib_module_names | {"waypost", "functions", "__future__"}:
            assert floor in GUESTS.get(top, set()), f"{label(path)} ({floor}) may not import {top}"


@pytest.mark.parametrize("path", [each for each in sources() if floor_of(module_of(each)) in {"domain", "ports"}], ids=label)
def test_the_domain_is_pure(path: Path) -> None:
    """No clock, no dice, no machine: the same signals give the same run on any day."""
    assert not IMPURE & {each.split(".")[0] for each in imports(path)}
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [call.attr for call in calls if isinstance(call, ast.Attribute) and call.attr in CHANCE_AND_TIME]


@pytest.mark.parametrize("path", [each for each in sources() if floor_of(module_of(each)) not in {"settings", "local"}], ids=label)
def test_one_room_reads_the_environment(path: Path) -> None:
    """os.environ is settings.py's alone."""
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not names & {"environ", "getenv"}, label(path)


@pytest.mark.parametrize("path", [each for each in sources() if floor_of(module_of(each)) == "door"], ids=label)
def test_a_door_does_not_lean_on_another(path: Path) -> None:
    """Each function's folder is deployed alone: it may import the layer, never a neighbour."""
    assert not [each for each in imports(path) if each.startswith("functions")]


def test_the_floors_are_furnished() -> None:
    """The rules above looked at something: each floor of the deployed house has at least one module."""
    assert {floor_of(module_of(each)) for each in sources()} >= set(FLOORS) - {"local"}
