"""Runs in the interpreter of `.local/moto`: moto's server for the local run.

It is the application that the command `moto_server` serves, with five differences:

- It ends when its standard input closes, so that it never outlives the local run.
- It processes one DynamoDB request at a time. moto reads an item, checks the condition and writes in separate steps, and after a failed
  transaction it puts back copies of whole tables. Two requests at the same time would lose writes that AWS keeps.
- It listens at Docker's bridge too, for the containers of `sam local`, and there only under their name for this machine.
- It refuses the requests of web pages (browser_guard.py).
- Its DynamoDB writes responses in a shorter way (serializer.py).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from functions.local import browser_guard
from functions.local.gateway import ProblemError
from functions.local.moto_backend.serializer import DynamoSerializer

BRIDGE = os.environ.get("WAYPOST_BRIDGE_ADDRESS", "")  # process.py sets it where Docker's bridge exists

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Application:
    """The WSGI application: moto's, with the differences above."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._dynamodb = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request. moto computes a response before it returns, so the lock covers all that the request does."""
        if refusal := _refusal(environ):
            start_response(f"{refusal.status.value} {refusal.status.phrase}", list(browser_guard.headers(refusal).items()))
            return [refusal.body()]
        with self._dynamodb if environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB") else nullcontext():
            response: Iterable[bytes] = self._moto(environ, start_response)
        return response


def _refusal(environ: dict[str, Any]) -> ProblemError | None:
    hosts, origins, sites = ([environ[name]] if name in environ else [] for name in ("HTTP_HOST", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE"))
    return browser_guard.emulator_refusal(hosts, origins, sites, at_bridge=bool(BRIDGE) and environ["SERVER_NAME"] == BRIDGE)


def main() -> None:
    """Serves at the port that is the first argument until standard input closes."""
    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": DynamoSerializer}
    application = Application()
    for host in ("127.0.0.1", BRIDGE):
        if host:
            server = make_server(host, int(sys.argv[1]), application, threaded=True, request_handler=MotoRequestHandler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # no thread of a request may keep the process


if __name__ == "__main__":
    main()
