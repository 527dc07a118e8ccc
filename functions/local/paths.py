"""The paths in the working tree that the local run uses, and the error that ends it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LAYER: Final = ROOT / "layers" / "core"
TEMPLATE: Final = ROOT / "template.yaml"
TOOLS: Final = ROOT / ".local"  # the Makefile installs it and keeps it between runs
EMULATOR_PYTHON: Final = TOOLS / "ministack" / "bin" / "python"
SAM_VARIABLES: Final = TOOLS / "sam.json"  # written by each `make run`, read by `sam local`
PACKAGES: Final = TOOLS / "packages"  # the layer's locked requirements, installed for this machine


class LocalError(Exception):
    """The local run cannot start or go on. The text is printed for its user and says why."""
