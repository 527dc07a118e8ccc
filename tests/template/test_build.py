"""What is deployed, built as `sam build` does it: the right processor, compiled, and every door importable from it alone."""

from __future__ import annotations

import os
import platform
import struct
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ELF_MACHINES = {"x86_64": 62, "arm64": 183}
HOST = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
pytestmark = pytest.mark.xdist_group("build")  # one worker builds, once
DOORS = {"ingest": "IngestFunction", "match": "MatchFunction", "send": "SendFunction", "manage": "ManageFunction"}


def build(target: str, folder: Path, *options: str) -> str:
    """Builds one resource into a folder and returns what make said."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "ARTIFACTS_DIR": str(folder)}
    command = ["make", "--no-print-directory", "--makefile", str(ROOT / "Makefile"), f"build-{target}", *options]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def runtime() -> str | None:
    """The interpreter of Lambda's version that the Makefile finds, if there is one."""
    command = ["make", "--no-print-directory", "--makefile", str(ROOT / "Makefile"), "runtime"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() or None


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layer and functions for this machine."""
    folder = tmp_path_factory.mktemp("built")
    for target in ("CoreLayer", *DOORS.values()):
        build(target, folder / target)
    return folder


@pytest.mark.parametrize("architecture", ELF_MACHINES)
def test_the_layer_holds_libraries_of_the_asked_processor_only(architecture: str, tmp_path: Path) -> None:
    """Both processors build on any machine, and no library of the other one slips in."""
    build("CoreLayer", tmp_path, architecture)
    libraries = list((tmp_path / "python").rglob("*.so"))
    assert any("pydantic_core" in each.name for each in libraries)
    assert {struct.unpack("<H", each.read_bytes()[18:20])[0] for each in libraries} == {ELF_MACHINES[architecture]}


def test_the_layer_fits_into_lambda(built: Path) -> None:
    """Function and layers together may unpack to 250 MB; half of it is plenty."""
    assert sum(each.stat().st_size for each in built.rglob("*") if each.is_file()) < 125_000_000


def test_every_module_is_compiled_when_the_runtime_is_here(built: Path) -> None:
    """Without .pyc files every cold start compiles all it imports; the build has them, or says loudly that it has not."""
    if runtime() is None:
        assert "!!!" in build("IngestFunction", built / "again")
    else:
        ours = [*(built / "CoreLayer/python/waypost").rglob("*.py"), *built.glob("*Function/*.py")]
        assert [each for each in ours if not list((each.parent / "__pycache__").glob(f"{each.stem}.cpython-313.pyc"))] == []


def test_a_build_without_the_runtime_says_so(tmp_path: Path) -> None:
    """The missing interpreter is named together with its price and the cure."""
    said = build("IngestFunction", tmp_path, "RUNTIME=")
    assert "!!!" in said
    assert "RUNTIME=" in said
    assert not list(tmp_path.rglob("*.pyc"))


@pytest.mark.parametrize("door", DOORS)
def test_a_door_opens_from_what_is_shipped(door: str, built: Path) -> None:
    """Each handler imports from its own folder and the layer alone, as in Lambda: no package of the developer's is missed."""
    interpreter = runtime()
    if interpreter is None:
        pytest.skip("the layer's compiled packages are for Python 3.13, and there is none here")
    places = [str(built / DOORS[door]), str(built / "CoreLayer" / "python")]
    program = f"import sys; sys.path[1:1] = {places}; import app; assert callable(app.lambda_handler)"
    environment = {"AWS_DEFAULT_REGION": "eu-west-1", "POWERTOOLS_METRICS_NAMESPACE": "Waypost", "POWERTOOLS_SERVICE_NAME": door}
    subprocess.run([interpreter, "-I", "-S", "-B", "-c", program], env=environment, check=True, capture_output=True, text=True)
