"""Where the local run finds its parts in the working tree, and its one error."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LAYER: Final = ROOT / "layers" / "core"
TEMPLATE: Final = ROOT / "template.yaml"
TOOLS: Final = ROOT / ".local"  # set up by the Makefile, kept between runs
EMULATOR_PYTHON: Final = TOOLS / "ministack" / "bin" / "python"
SAM_VARIABLES: Final = TOOLS / "sam.json"  # written by each `make run`, read by `sam local`
PACKAGES: Final = TOOLS / "packages"  # the layer's locked requirements for this machine


class LocalError(Exception):
    """The local run cannot go on; the text tells a person why."""
