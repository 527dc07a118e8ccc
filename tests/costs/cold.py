"""A cold start of what is shipped: imports and a first request, in a fresh interpreter that sees nothing but the build.

Run by `shipped.py` as `python3.13 -I -S -B cold.py <what>`, with the build's folders and the recorded answers as JSON
on stdin; stdout is the log's, the answer goes to stderr.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any


def main() -> None:
    """Prints the seconds that the imports took, and those until the first answer (0: none was asked for)."""
    told = json.load(sys.stdin)
    sys.path[:0] = told["paths"]
    started = time.perf_counter()
    imported, answered = _boto3() if told["event"] is None else _function(told, started)
    sys.stderr.write(json.dumps([imported - started, answered - started]))


def _boto3() -> tuple[float, float]:
    boto3 = import_module("boto3")
    imported = time.perf_counter()
    boto3.client("dynamodb")
    boto3.client("sqs")
    return imported, time.perf_counter()


def _function(told: dict[str, Any], started: float) -> tuple[float, float]:
    handler = import_module("app").lambda_handler
    imported = time.perf_counter()
    sys.path.append(told["tests"])
    wire = import_module("tests.costs.wire")
    wire.Wire(wire.Replay(told["answers"])).connect()
    handler(told["event"], type("Context", (), told["context"]))
    return imported, time.perf_counter()


if __name__ == "__main__":
    main()
