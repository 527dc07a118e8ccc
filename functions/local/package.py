"""Packs the code for MiniStack: one zip file for each function and one for the layer."""

from __future__ import annotations

import compileall
import io
import py_compile
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from functions.local.paths import LAYER, ROOT


def function_zip(name: str) -> bytes:
    """A zip file of the folder of one function, by its short name such as `ingest`."""
    return _zipped(ROOT / "functions" / name)


@cache
def layer_zip() -> bytes:
    """A zip file of the package `waypost` with its bytecode: MiniStack unpacks the layer for each worker, which would compile it again.

    It is made once for each process, so a test process that starts several stacks compiles the package only once.
    """
    with tempfile.TemporaryDirectory(prefix="waypost-layer-") as folder:
        package = shutil.copytree(LAYER / "waypost", Path(folder, "python", "waypost"), ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(package, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        return _zipped(Path(folder))


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return buffer.getvalue()
