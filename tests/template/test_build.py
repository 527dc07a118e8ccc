"""The build for AWS: libraries of the right processor, bytecode, and functions that import from the build alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("build")  # one process runs all tests of this module, so it builds only once
FUNCTIONS = {"ingest": "IngestFunction", "match": "MatchFunction", "send": "SendFunction", "manage": "ManageFunction"}


def build(target: str, folder: Path, *options: str) -> str:
    """Builds one resource into a folder and returns the output of make."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "ARTIFACTS_DIR": str(folder)}
    command = ["make", "--no-print-directory", "--makefile", str(ROOT / "Makefile"), f"build-{target}", *options]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def runtime() -> str | None:
    """The interpreter of Lambda's Python version that the Makefile finds; None if there is none."""
    command = ["make", "--no-print-directory", "--makefile", str(ROOT / "Makefile"), "runtime"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() or None


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the layer and all functions, built for this machine."""
    folder = tmp_path_factory.mktemp("built")
    for target in ("CoreLayer", *FUNCTIONS.values()):
        build(target, folder / target)
    return folder


def test_every_module_is_compiled_if_the_runtime_is_installed(built: Path) -> None:
    """The build has a .pyc file for each module, or warns that it has none: without them each cold start compiles its imports."""
    if runtime() is None:
        assert "!!!" in build("IngestFunction", built / "uncompiled")
    else:
        ours = [*(built / "CoreLayer/python/waypost").rglob("*.py"), *built.glob("*Function/*.py")]
        assert [each for each in ours if not list((each.parent / "__pycache__").glob(f"{each.stem}.cpython-313.pyc"))] == []


def test_a_build_without_the_runtime_warns(tmp_path: Path) -> None:
    """A build without Lambda's Python version has no .pyc files, and its output warns and names the setting RUNTIME."""
    output = build("IngestFunction", tmp_path, "RUNTIME=")
    assert "!!!" in output
    assert "RUNTIME=" in output
    assert not list(tmp_path.rglob("*.pyc"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_from_its_build_alone(function: str, built: Path) -> None:
    """Each handler can be imported with only its own folder and the layer on the path, as in Lambda."""
    interpreter = runtime()
    if interpreter is None:
        pytest.skip("the layer has compiled packages for Python 3.13, which is not installed on this machine")
    folders = [str(built / FUNCTIONS[function]), str(built / "CoreLayer" / "python")]
    program = f"import sys; sys.path[1:1] = {folders}; import app; assert callable(app.lambda_handler)"
    environment = {"AWS_DEFAULT_REGION": "eu-west-1", "POWERTOOLS_METRICS_NAMESPACE": "Waypost", "POWERTOOLS_SERVICE_NAME": function}
    subprocess.run([interpreter, "-I", "-S", "-B", "-c", program], env=environment, check=True, capture_output=True, text=True)
