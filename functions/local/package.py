"""Packs the code for MiniStack: one zip file for each function and one for the layer."""

from __future__ import annotations

import compileall
import io
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Final

from functions.local.paths import LAYER, ROOT

SITE: Final = f"python/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
"""The folder of a layer whose `.pth` files are read, in MiniStack as in Lambda. MiniStack runs on the version of this process."""


def function_zip(name: str) -> bytes:
    """A zip file of the folder of one function, by its short name such as `ingest`."""
    folder, buffer = ROOT / "functions" / name, io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return buffer.getvalue()


def layer_zip(folder: Path) -> bytes:
    """A zip file of one line: the path of `folder`, to which this function copies the package `waypost` with its bytecode.

    MiniStack unpacks the layer for each process of a function. The whole package would be 640 files each time.
    """
    # The bytecode stays in the working tree, so the next run compiles only what has changed since.
    compileall.compile_dir(LAYER / "waypost", quiet=1)
    # Another process may compile at the same time; its unfinished files vanish while they are copied.
    shutil.copytree(LAYER / "waypost", folder / "waypost", ignore=shutil.ignore_patterns("*.pyc.*"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{SITE}/waypost.pth", str(folder))
    return buffer.getvalue()
