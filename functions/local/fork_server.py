"""A process that has imported what all functions import, and forks itself for each process of a function.

Starting a function takes a second of processor time, nearly all of it for the imports. A fork has them already. This file runs in
MiniStack's interpreter; function_forks.py starts it and sends the requests.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

MAX_REQUEST_BYTES: Final = 100_000  # an environment has a few kilobytes
PACKAGES: Final = ("boto3", "pydantic", "liquid", "aws_lambda_powertools.logging", "aws_lambda_powertools.utilities.batch")
# What these packages of the layer hold depends on no variable of a function. Other modules read variables when they are imported.
LAYER_PACKAGES: Final = ("waypost.domain", "waypost.adapters")


def serve(control: socket.socket) -> None:
    """Forks for each request, until the process at the other end of `control` ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no ended process is left in the table of processes
    _import(PACKAGES)
    layer_is_imported = False
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 4)
        if not message:
            return
        request = json.loads(message)
        if not layer_is_imported:  # the layer exists when the first function starts
            sys.path.insert(0, request["layer"])
            _import(LAYER_PACKAGES)
            sys.path.remove(request["layer"])
            gc.freeze()  # a collection in a fork would otherwise write to, and so copy, the memory of all these modules
            layer_is_imported = True
        if os.fork() == 0:
            control.close()
            _become(request, descriptors)
        for each in descriptors:
            os.close(each)


def _import(packages: tuple[str, ...]) -> None:
    for package in packages:
        module = importlib.import_module(package)
        for each in pkgutil.walk_packages(module.__path__, f"{package}.") if package in LAYER_PACKAGES else ():
            importlib.import_module(each.name)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Turns a fork into the process that `python script` would be, with these variables, folder and standard streams. Does not return.

    The last descriptor is a connection that only this process holds: its end tells the other side that the process has ended.
    """
    code = 1
    try:
        *streams, connection = descriptors
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        script = request["script"]
        sys.argv = [script]
        sys.path[:0] = [str(Path(script).parent)]
        os.write(connection, str(os.getpid()).encode())
        runpy.run_path(script, run_name="__main__")
        code = 0
    except BaseException:  # noqa: BLE001 - as an interpreter does: whatever ends the script is printed, and the process ends
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
