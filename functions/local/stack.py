"""The whole of Waypost on this machine, for `make run` and for the stories alike."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import uvicorn
from starlette.applications import Starlette

from functions.local import seed
from functions.local.clock import Clock
from functions.local.cloud import Cloud
from functions.local.deploy import Deployment, deploy
from functions.local.emulator import Emulator, emulating
from functions.local.gateway_proxy import proxy_app
from functions.local.paths import LocalError
from functions.local.workspaces import WorkspaceCreator, workspace_creating

SETTLED_WITHIN: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed and seeded Waypost that answers at `url`."""

    url: str
    emulator: Emulator
    cloud: Cloud
    deployment: Deployment
    workspace_creator: WorkspaceCreator
    emulator_client: httpx.Client

    def settle(self) -> bool:
        """Waits until all queues are empty and everything due is done; False if something is left after 60 seconds."""
        end = time.monotonic() + SETTLED_WITHIN
        while self._ask("/_local/pending")["pending"]:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def now(self) -> datetime:
        """What the stack's clock shows."""
        return self._clock.now()

    def advance(self, by: timedelta) -> bool:
        """Pushes the clock from due time to due time; False if something due is not done within 60 seconds."""
        return self._clock.advance(by)

    def mails(self) -> list[dict[str, Any]]:
        """Every mail that SES took, newest first: `to`, `from`, `subject`, `text`, `html`, `at` (epoch seconds)."""
        accounts = self._ask("/_ministack/ses/messages")["messages"]
        mails = [mail for account in accounts.values() for mail in account]
        return [_mail(mail) for mail in sorted(mails, key=lambda mail: mail["Timestamp"], reverse=True)]

    def new_workspace(self, name: str) -> dict[str, str]:
        """A second workspace with an admin key: `id`, `name`, `key`."""
        return self.workspace_creator.create(name)

    @property
    def _clock(self) -> Clock:
        return Clock(self.emulator_client, self.settle)

    def _ask(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.emulator_client.get(path).raise_for_status().json()
        return answer


def _mail(mail: dict[str, Any]) -> dict[str, Any]:
    names = {"From": "Source", "To": "To", "Subject": "Subject", "Text": "BodyText", "Html": "BodyHtml", "At": "Timestamp"}
    return {name.lower(): mail[theirs] for name, theirs in names.items()}


@contextmanager
def running(port: int = 0) -> Iterator[Stack]:
    """Starts everything and serves it at http://127.0.0.1:`port` (0: a free one); at the end nothing is left. LocalError if it cannot."""
    with ExitStack() as parts:
        listener = parts.enter_context(listening(port))
        emulator = parts.enter_context(emulating())
        cloud = Cloud(emulator.url)
        deployment = deploy(cloud, emulator.clock)
        own = {"WAYPOST_CLOCK_FILE": str(emulator.clock)}
        workspace_creator = parts.enter_context(workspace_creating(deployment.variables | cloud.environment() | own))
        seed.demo(deployment.api, workspace_creator)
        client = parts.enter_context(httpx.Client(base_url=emulator.url, timeout=10, trust_env=False))
        stack = Stack(f"http://127.0.0.1:{listener.getsockname()[1]}", emulator, cloud, deployment, workspace_creator, client)
        parts.enter_context(serving(proxy_app(stack, deployment.api), listener))
        yield stack


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens at the port of the loopback address (0: a free one). LocalError if the port is taken."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()  # whoever calls early waits for the first answer; the port is ours from here on
        except OSError as error:
            raise LocalError(f"port {port} is taken; choose another: make run PORT=3001") from error
        yield listener


@contextmanager
def serving(app: Starlette, listener: socket.socket) -> Iterator[None]:
    """Serves an application at a socket until exit."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
