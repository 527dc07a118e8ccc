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


def serve(control: socket.socket) -> str | None:
    """Forks for each request, and returns in each fork the script to run. Returns None when the process at the other end has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no ended process is left in the table of processes
    _import(PACKAGES)
    layer_is_imported = False
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 4)
        if not message:
            return None
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
            return str(request["script"])
        for each in descriptors:
            os.close(each)


def _import(packages: tuple[str, ...]) -> None:
    for package in packages:
        module = importlib.import_module(package)
        for each in pkgutil.walk_packages(module.__path__, f"{package}.") if package in LAYER_PACKAGES else ():
            importlib.import_module(each.name)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Gives a fork the variables, the folder, the arguments and the standard streams that `python script` would have.

    The last descriptor is a connection that only this process holds: its end tells the other side that the process has ended.
    """
    *streams, connection = descriptors
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = [request["script"]]
    sys.path[:0] = [str(Path(request["script"]).parent)]
    os.write(connection, str(os.getpid()).encode())


if __name__ == "__main__":
    # The interpreter of a fork ends as that of every script does: it prints what the script raises, and waits for its threads.
    if script := serve(socket.socket(fileno=int(sys.argv[1]))):
        runpy.run_path(script, run_name="__main__")
