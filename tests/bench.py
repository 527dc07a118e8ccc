"""`make bench`: what Waypost costs - AWS calls, units, list price and CPU of the usual batches, counted on the real doors.

Exits with 1 where a promised count is broken.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "layers/core")]
    sys.exit(import_module("tests.costs.report").main())
