"""What the proof has counted: a line of JSON for each count, in the file that an environment variable names.

`make proof` adds the lines up and prints them. Each process appends whole lines, so several test processes may share the file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "WAYPOST_PROOF_COUNTS"
IS_FULL: Final = os.environ.get("WAYPOST_PROOF") == "full"


def count(name: str, number: int = 1) -> None:
    """Adds a number to the count of this name. Without the environment variable it does nothing."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "number": number}) + "\n")


def depth(short: int) -> int:
    """How many cases a test tries: `short`, or ten times as many with WAYPOST_PROOF=full."""
    return short * 10 if IS_FULL else short
