"""The build for AWS: libraries of the right processor, bytecode, and functions that import from the build alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.template.builds import FUNCTIONS, ROOT, build, runtime


def test_every_module_is_compiled_if_the_runtime_is_installed(built: Path) -> None:
    """The build has a .pyc file for each module, or warns that it has none: without them each cold start compiles its imports."""
    if runtime() is None:
        assert "!!!" in build("IngestFunction", built / "uncompiled")
    else:
        ours = [*(built / "CoreLayer/python/waypost").rglob("*.py"), *built.glob("*Function/*.py")]
        assert [each for each in ours if not list((each.parent / "__pycache__").glob(f"{each.stem}.cpython-313.pyc"))] == []


def test_the_management_function_has_the_console(built: Path) -> None:
    """Each file of the console is in the build of the management function, unchanged, and in no other function's."""
    source = ROOT / "functions" / "manage" / "console"
    files = {each.name: each.read_bytes() for each in source.iterdir()}
    assert {each.name: each.read_bytes() for each in (built / "ManageFunction" / "console").iterdir()} == files
    assert [each.parent.name for each in built.glob("*/console")] == ["ManageFunction"]


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
