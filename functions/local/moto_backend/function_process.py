"""One Lambda function in a process of its own, with the variables that the template gives to it and no others.

All handlers could run in one process under the variables of all functions. But then a variable that the template lacks for one function
would go unnoticed, the functions would share what they cache, and the log would name one service for all. A process for each function has
none of these faults and is short: the module `app` is imported by that name, as in Lambda. It takes one event at a time, as one execution
environment of Lambda does.

Events go in as lines of JSON on standard input; results come back as lines of JSON on standard output. What the function itself prints,
its log, goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import IO, Any, Final
from uuid import uuid4

from functions.local import watch
from functions.local.paths import LAYER, ROOT

log: Final = logging.getLogger("waypost.local")
"""The readable lines of all functions at level INFO; what is no log record, such as a traceback, at level ERROR."""


class FunctionError(Exception):
    """A handler raised, or its process ended; the text is the reason."""


class FunctionProcess:
    """A running function."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self._name = name
        self._process = process
        self._lock = threading.Lock()

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def invoke(self, event: dict[str, Any]) -> Any:
        """What the handler returns for an event. FunctionError if it raises, or if its process ends."""
        with self._lock:
            outcome = self._exchange(json.dumps(event))
        if not outcome:
            raise FunctionError(f"the process of the function {self._name} has ended")
        answer = json.loads(outcome)
        if "error" in answer:
            raise FunctionError(answer["error"])
        return answer["result"]

    def _exchange(self, line: str) -> str:
        """The line with which the process responds to a line; empty if the process has ended."""
        if self._process.stdin is None or self._process.stdout is None:
            raise FunctionError(f"the process of the function {self._name} has no pipes")
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self._process.stdout.readline()


@contextmanager
def running_function(name: str, environment: dict[str, str]) -> Iterator[FunctionProcess]:
    """Starts the function in the folder functions/`name`, with these variables; at exit ends its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "functions.local.moto_backend.function_process", name],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": f"{ROOT / 'functions' / name}{os.pathsep}{LAYER}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    logging_thread = threading.Thread(target=_log, args=(process.stderr,))
    logging_thread.start()
    try:
        yield FunctionProcess(name, process)
    finally:
        if process.stdin:
            process.stdin.close()  # at which the process ends
        process.wait()
        logging_thread.join()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def _log(stream: IO[str]) -> None:
    """Logs each line of a function until its process ends."""
    for text in stream:
        if readable := watch.line(text):
            log.log(logging.INFO if text.startswith("{") else logging.ERROR, "%s", readable)


def _serve(name: str) -> None:
    """Runs in the child process: calls the handler of the function `name` for each event on standard input."""
    results = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    handler = importlib.import_module("app").lambda_handler
    for line in sys.stdin:
        print(json.dumps(_outcome(handler, name, json.loads(line))), file=results, flush=True)


def _outcome(handler: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    # The members of the context that the functions read; metrics have the name of the function as a dimension.
    context = SimpleNamespace(aws_request_id=str(uuid4()), function_name=name)
    try:
        return {"result": handler(event, context)}
    except Exception as error:  # noqa: BLE001 - Lambda too reports whatever a handler raises
        traceback.print_exc()
        return {"error": repr(error)}


if __name__ == "__main__":
    _serve(sys.argv[1])
