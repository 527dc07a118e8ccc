"""Measures one cold start of a built function: its imports and its first request, in an interpreter that has nothing but the build.

`cold_starts.py` runs it as `python3.13 -I -S -B cold_start_program.py`, with the folders of the build and the recorded responses as JSON on
standard input. Standard output has the log of the function, standard error the result.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any


def main() -> None:
    """Prints two numbers as JSON: the seconds until the imports are done, and the seconds until the first response."""
    settings = json.load(sys.stdin)
    sys.path[:0] = settings["paths"]
    started = time.perf_counter()
    imported, responded = _boto3() if settings["event"] is None else _function(settings)
    sys.stderr.write(json.dumps([imported - started, responded - started]))


def _boto3() -> tuple[float, float]:
    boto3 = import_module("boto3")
    imported = time.perf_counter()
    boto3.client("dynamodb")
    boto3.client("sqs")
    return imported, time.perf_counter()


def _function(settings: dict[str, Any]) -> tuple[float, float]:
    handler = import_module("app").lambda_handler
    imported = time.perf_counter()
    sys.path.append(settings["tests"])
    fake_network = import_module("tests.costs.fake_network")
    fake_network.FakeNetwork(fake_network.Replay(settings["responses"])).install()
    handler(settings["event"], type("Context", (), settings["context"]))
    return imported, time.perf_counter()


if __name__ == "__main__":
    main()
