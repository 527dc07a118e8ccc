"""The layers of the package and the order of the domain, read from the imports of every module. Nothing imports upwards."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core"
# layer: the layers that it may import
LAYERS = {
    "function": {"wiring", "telemetry", "web", "manage", "use case", "domain"},
    "wiring": {"settings", "manage", "use case", "web", "cache", "adapter", "ports", "domain"},
    "manage": {"manage", "use case", "web", "cache", "ports", "domain"},
    "use case": {"use case", "cache", "ports", "domain"},
    "web": {"web", "cache", "ports", "domain"},
    "cache": {"cache", "ports", "domain"},
    "adapter": {"adapter", "domain"},
    "ports": {"ports", "domain"},
    "domain": {"domain"},
    "telemetry": set[str](),
    "settings": set[str](),
    "local": {"local", "wiring", "domain"},
}
# the domain from the ground: a package or module imports only packages and modules of a lower number, and itself
DOMAIN_ORDER = {
    "errors": 0,
    "reasons": 0,
    "values": 1,
    "api_keys": 2,
    "dead_letters": 2,
    "customers": 2,
    "intake": 3,
    "journeys": 3,
    "messages": 4,
    "runs": 5,
    "signals": 6,
    "signal_codec": 7,
}
# third-party package: the layers that may import it
THIRD_PARTY = {
    "boto3": {"adapter", "local"},
    "botocore": {"adapter", "local"},
    "aws_lambda_powertools": {"function", "telemetry"},
    "liquid": {"adapter"},
    "dateutil": {"adapter"},
    "pydantic": {"domain", "manage", "web", "adapter", "function"},
    "pydantic_core": {"domain"},
    "simplejson": {"domain"},
    "tzdata": {"domain"},
    "hypercorn": {"local"},
    "ministack": {"local"},
    "moto": {"local"},
    "yaml": {"local"},
    "starlette": {"local"},
    "uvicorn": {"local"},
    "werkzeug": {"local"},
    "httpx": {"local"},
}
# what the domain may not use: the time, random numbers, the machine, the network
IMPURE = {"os", "logging", "random", "secrets", "time", "socket", "subprocess", "threading", "asyncio", "pathlib", "tempfile", "sys", "ssl"}
FILE_READS = {"open", "read_text", "read_bytes", "open_text", "open_binary"}
MAY_READ_FILES = {PACKAGE / "waypost" / "domain" / "values" / "zones.py"}  # the names of time zones, in the package tzdata
# protocols that no use case needs: an adapter may not import ports (docs/decisions.md#protocols-of-one-adapter-stay-with-it)
PRIVATE_PROTOCOLS = {"WebhookSecretStore": "waypost.adapters.webhook", "HttpClient": "waypost.adapters.webhook"}
RANDOM_AND_TIME = {"now", "utcnow", "today", "uuid1", "uuid4", "time_ns", "monotonic", "perf_counter"}


def sources() -> list[Path]:
    """Every module of the package and of the functions."""
    return sorted([*(PACKAGE / "waypost").rglob("*.py"), *(ROOT / "functions").rglob("*.py")])


def layer_of(module: str) -> str:
    """The layer that a dotted module of ours belongs to."""
    parts = module.split(".")
    if parts[0] == "functions":
        return "local" if parts[1:2] == ["local"] else "function"
    name = parts[1] if len(parts) > 1 else "domain"
    name = "adapter" if name == "adapters" else name
    return name if name in LAYERS else "use case"


def domain_part_of(module: str) -> str | None:
    """The package or module of the domain that a dotted module belongs to; None outside the domain and for the domain itself."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["waypost", "domain"] and len(parts) > 2 else None


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    base = PACKAGE if path.is_relative_to(PACKAGE) else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


@cache
def nodes(path: Path) -> list[ast.AST]:
    """The syntax tree of a file, which several rules read."""
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, at the top or inside a function, as dotted names."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    here = module_of(path).split(".")
    package = here if path.name == "__init__.py" else here[:-1]
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (origin, node.module) if part)
            yield base
            if base in {"waypost", "waypost.domain", "functions"}:
                yield from (f"{base}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "files":
            # `importlib.resources.files("tzdata")`: a package whose files are read, although it is never imported
            yield from (each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str))


def ours(module: str) -> bool:
    """Whether a module is one of this project's; a bare package name says nothing about its layer."""
    return module.startswith(("waypost.", "functions."))


def label(path: Path) -> str:
    """A short name for a test's output."""
    return str(path.relative_to(ROOT))


# A rule is one test for all files, because pytest takes longer for a test than a rule does for a file.
def assert_nothing(check: Callable[[Path], Iterable[str]], paths: Iterable[Path]) -> None:
    """Fails with all that a check finds in files, a line each."""
    found = [f"{label(path)} ({layer_of(module_of(path))}): {each}" for path in paths for each in check(path)]
    assert not found, "\n".join(found)


def upward_imports(path: Path) -> Iterator[str]:
    """The modules that a module imports although their layer does not lie below its own."""
    return (each for each in imports(path) if ours(each) and layer_of(each) not in LAYERS[layer_of(module_of(path))])


def upward_imports_in_the_domain(path: Path) -> Iterator[str]:
    """The parts of the domain that a module of the domain imports although they do not lie below its own."""
    own = domain_part_of(module_of(path)) or ""
    imported = {part for each in imports(path) if (part := domain_part_of(each))}
    return (part for part in imported - {own} if DOMAIN_ORDER[part] >= DOMAIN_ORDER[own])


def foreign_packages(path: Path) -> Iterator[str]:
    """The packages of others that a module imports although its layer may not."""
    packages = {each.split(".")[0] for each in imports(path)} - sys.stdlib_module_names - {"waypost", "functions", "__future__"}
    return (each for each in packages if layer_of(module_of(path)) not in THIRD_PARTY.get(each, set()))


def impurities(path: Path) -> Iterator[str]:
    """What a module uses of the machine, the time and random numbers."""
    calls = [node.func for node in nodes(path) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else call.id for call in calls if isinstance(call, ast.Attribute | ast.Name)}
    yield from IMPURE & {each.split(".")[0] for each in imports(path)}
    yield from RANDOM_AND_TIME & names
    yield from FILE_READS & names if path not in MAY_READ_FILES else ()


def reads_of_the_environment(path: Path) -> Iterator[str]:
    """The attributes by which a module reads the environment."""
    return (node.attr for node in nodes(path) if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})


def test_no_module_imports_upwards() -> None:
    """A module imports only the layers that lie below its own."""
    assert_nothing(upward_imports, sources())


def test_the_domain_is_layered() -> None:
    """Errors and reasons lie below values, then customers, then intake and journeys, then messages, runs and signals."""
    assert_nothing(upward_imports_in_the_domain, [each for each in sources() if domain_part_of(module_of(each))])


def test_each_technology_is_imported_in_its_own_layer_only() -> None:
    """Only adapters import AWS's client, only functions import Powertools, and nobody imports a package that is not listed here."""
    assert_nothing(foreign_packages, sources())


def test_the_domain_is_pure() -> None:
    """The domain reads no clock, no random numbers and nothing of the machine: the same signals give the same run on any day.

    The only files that it reads are those of time zones, which are part of the layer.
    """
    assert_nothing(impurities, [each for each in sources() if layer_of(module_of(each)) in {"domain", "ports"}])


def test_protocols_are_ports() -> None:
    """Every protocol of the package is in `ports`, but for the listed ones of single adapters."""
    found = {
        node.name: module_of(path)
        for path in sources()
        if layer_of(module_of(path)) not in {"ports", "local"}
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    }
    assert found == PRIVATE_PROTOCOLS


def test_only_settings_reads_the_environment() -> None:
    """No module but settings.py reads os.environ."""
    assert_nothing(reads_of_the_environment, [each for each in sources() if layer_of(module_of(each)) not in {"settings", "local"}])


def test_a_function_imports_no_other_function() -> None:
    """Each function's folder is deployed alone, so it may import the layer and nothing of another function."""
    functions = [each for each in sources() if layer_of(module_of(each)) == "function"]
    assert_nothing(lambda path: (each for each in imports(path) if each.startswith("functions")), functions)


def test_every_layer_has_a_module() -> None:
    """The rules above checked something: each deployed layer has at least one module, and so has each part of the domain."""
    assert {layer_of(module_of(each)) for each in sources()} >= set(LAYERS) - {"local"}
    assert {domain_part_of(module_of(each)) for each in sources()} - {None} == set(DOMAIN_ORDER)
