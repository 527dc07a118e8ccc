"""All of Waypost on this machine, for `make run` and for the tests in tests/stories."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx
import uvicorn

from functions.local import containers, inbound_texts, seed
from functions.local.browser_guard import AsgiApplication, api_guarded
from functions.local.clock import Clock
from functions.local.cloud import Cloud
from functions.local.deploy import Deployment, deploy
from functions.local.emulator import Emulator, running_emulator
from functions.local.gateway_proxy import proxy_app
from functions.local.holds import ROUTE as HOLDS
from functions.local.idle import Pending, settle
from functions.local.paths import LocalError
from functions.local.providers import PlannedResponse, Providers, running_providers
from functions.local.reports import put_report
from functions.local.workspaces import WorkspaceCreator, running_workspace_creator
from waypost.domain.values.durations import Duration

EMULATOR_TIMEOUT: Final = 120.0  # seconds: MiniStack fires all timers that are due before it answers
HIGHEST_PORT: Final = 65535
SHUTDOWN_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed Waypost with its demo workspace, which serves HTTP at `url`."""

    url: str
    emulator: Emulator
    cloud: Cloud
    deployment: Deployment
    workspace_creator: WorkspaceCreator
    emulator_client: httpx.Client
    providers: Providers

    def settle(self) -> bool:
        """Waits until all queues are empty and everything that is due is done; False if something is left and nothing moves any more."""
        return settle(self._pending)

    def left(self) -> dict[str, int]:
        """What is due and not done: the number of messages by queue name, of `timers`, and of `batches` in a function."""
        return {name: number for name, number in self._pending().left.items() if number}

    def now(self) -> datetime:
        """The current time of the stack's clock, in UTC."""
        return self._clock.now()

    def advance(self, duration: Duration) -> bool:
        """Advances the clock from due time to due time; False if something that is due is left and nothing moves any more."""
        return self._clock.advance(duration)

    def mails(self) -> list[dict[str, Any]]:
        """The e-mails that SES accepted, newest first."""
        return self.providers.mails()

    def texts(self) -> list[dict[str, Any]]:
        """The text messages that the SMS service accepted, newest first."""
        return self.providers.texts()

    def receive_text(self, number: str, body: str) -> None:
        """Receives a text from a phone: the provider opts the number out or not, and publishes the text to the topic of the stack."""
        self.providers.receive_text(number, body)
        inbound_texts.publish(self.cloud, self.deployment.resources["SmsTopic"], number, body)

    def plan_responses(self, target: str, plans: Sequence[Mapping[str, Any]]) -> None:
        """Plans what the providers answer to the next calls for a receiver or of an operation. ValueError for a plan that is none."""
        self.providers.plan(target, *map(PlannedResponse.parse, plans))

    def holds(self, method: str, body: bytes) -> dict[str, Any]:
        """Begins (POST), shows (GET) or ends (DELETE) the hold on calls of AWS: how many it has `held`. ValueError for a wrong body."""
        found: dict[str, Any] = self.emulator_client.request(method, HOLDS, content=body).raise_for_status().json()
        if "error" in found:
            raise ValueError(found["error"])
        return found

    def put_report(self, event: dict[str, Any]) -> None:
        """Puts an event of EventBridge on the reports queue, as the rule of the stack does."""
        put_report(self.cloud, self.deployment.resources["ReportsQueue"], event)

    def new_workspace(self, name: str) -> dict[str, str]:
        """Creates a workspace with an admin key: `id`, `name`, `key`."""
        return self.workspace_creator.create(name)

    @property
    def _clock(self) -> Clock:
        return Clock(self.emulator_client, self.settle)

    def _pending(self) -> Pending:
        return Pending(**self._get("/_local/pending"))

    def _get(self, path: str) -> dict[str, Any]:
        body: dict[str, Any] = self.emulator_client.get(path).raise_for_status().json()
        return body


@contextmanager
def running(port: int = 0) -> Iterator[Stack]:
    """Starts everything and serves it at http://127.0.0.1:`port` (0: a free port); at exit stops it. LocalError if it cannot start."""
    with ExitStack() as parts:
        listener = parts.enter_context(listening(port))
        emulator = parts.enter_context(running_emulator())
        cloud = Cloud(emulator.url)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        starting = running_providers(
            emulator.url, lambda: time.time() + float(emulator.clock_file.read_text()), containers.bridge_address()
        )
        providers = parts.enter_context(starting)
        deployment = deploy(cloud, emulator, providers.environment(), url)
        environment = deployment.variables | cloud.environment() | {"WAYPOST_CLOCK_FILE": str(emulator.clock_file)}
        workspace_creator = parts.enter_context(running_workspace_creator(environment))
        seed.create_demo_workspace(deployment.api, workspace_creator)
        client = parts.enter_context(httpx.Client(base_url=emulator.url, timeout=EMULATOR_TIMEOUT, trust_env=False))
        stack = Stack(url, emulator, cloud, deployment, workspace_creator, client, providers)
        parts.enter_context(serving(api_guarded(proxy_app(stack, deployment.api, api_decodes_paths=True)), listener))
        yield stack


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens on a port of the loopback address (0: a free port). LocalError if that is impossible.

    It is opened before the slow part of the start: a port in use is an error at once, and an early request waits for its response.
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise LocalError(f"there is no port {port}: ports end at {HIGHEST_PORT}; choose another one: make run PORT=3001")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError as error:
            problem = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise LocalError(f"port {port} {problem}; choose another one: make run PORT=3001") from error
        yield listener


@contextmanager
def serving(app: AsgiApplication, listener: socket.socket) -> Iterator[None]:
    """Serves an ASGI application at a socket until exit."""
    # Without a limit, the server waits at its end for every open connection: a client that keeps one would keep the whole run from ending.
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS)
    server = uvicorn.Server(config)
    # A thread that does not keep the process from ending: whatever an application does at its end, the run ends a little later.
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(2 * SHUTDOWN_SECONDS)
