"""`make bench`: the AWS calls, billed units, list prices and CPU time of usual batches, counted with the real Lambda functions.

Exits with 1 if the number of calls of a scenario differs from the promised one.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "layers/core")]
    sys.exit(import_module("tests.costs.report").main())
