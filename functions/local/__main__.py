"""`make run`: runs all of Waypost on this machine until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from functions.local import containers
from functions.local.banner import banner
from functions.local.moto_backend import function_process
from functions.local.moto_backend.stack import running_on_moto
from functions.local.paths import SAM_VARIABLES, LocalError
from functions.local.stack import Stack, running
from functions.local.watch import LogWatcher

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
POLL_SECONDS: Final = 0.3


def main() -> int:
    """Runs the local stack. Returns the exit code: 0 after Ctrl-C or SIGTERM, 1 after an error, which is one line on standard error."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--port", type=_port, default=3000, help="the port to listen on at 127.0.0.1 (0: any free port)")
    parser.add_argument("--backend", choices=BACKENDS, default="ministack", help="the emulator of AWS")
    parser.add_argument("--sam-variables", type=Path, default=SAM_VARIABLES, help="the file to write for `sam local --env-vars`")
    arguments = parser.parse_args()
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        BACKENDS[arguments.backend](arguments.port, arguments.sam_variables)
    except KeyboardInterrupt:
        return 0
    except LocalError as error:
        print(f"waypost: {error}", file=sys.stderr)
        return 1
    finally:
        # Without the file, `make invoke` says at once that there is no run, instead of calling the port of one that has ended.
        arguments.sam_variables.unlink(missing_ok=True)


def _port(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; choose a port: make run PORT=3001") from None


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ends the run by an exception, so that all context managers clean up. A second Ctrl-C is ignored: it would interrupt that."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run_on_ministack(port: int, sam_variables: Path) -> NoReturn:
    with running(port) as stack:
        containers.write_variables(sam_variables, stack.deployment.variables, stack.emulator.url, stack.providers.environment())
        _print_log(stack)


def _run_on_moto(port: int, sam_variables: Path) -> NoReturn:
    with running_on_moto(port) as stack:
        containers.write_variables(sam_variables, stack.deployment.all_variables(), stack.moto.url, stack.providers.environment())
        print(banner(stack.url, stack.moto.url, has_clock=False), flush=True)
        function_process.log.addHandler(logging.StreamHandler(sys.stdout))
        function_process.log.setLevel(logging.INFO)
        while stack.alive():
            time.sleep(POLL_SECONDS)
        raise LocalError("moto or a function ended unexpectedly; start again with `make run BACKEND=moto`")


BACKENDS: Final = {"ministack": _run_on_ministack, "moto": _run_on_moto}


def _print_log(stack: Stack) -> NoReturn:
    """Prints the banner, then the log lines of all functions as they appear. LocalError when MiniStack has ended."""
    print(banner(stack.url, stack.emulator.url), flush=True)
    groups = [name for logical_id, name in stack.deployment.resources.items() if logical_id.endswith("Logs")]
    watcher = LogWatcher(stack.cloud, groups)
    while stack.emulator.alive():
        with contextlib.suppress(BotoCoreError, ClientError):  # if MiniStack ends during the request, the loop condition notices that
            for line in watcher.new_lines():
                print(line, flush=True)
        time.sleep(POLL_SECONDS)
    raise LocalError("MiniStack ended unexpectedly; start again with `make run`")


if __name__ == "__main__":
    sys.exit(main())
