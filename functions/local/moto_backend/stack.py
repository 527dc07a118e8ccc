"""All of Waypost on this machine with moto as its AWS: `make run BACKEND=moto`, and the tests that run on both backends.

moto keeps tables and queues and has no Lambda and no API Gateway of use here, so the local run does their work: rest_api.py turns requests
into events, consumer.py consumes the queues, and function_process.py runs the handlers. docs/local.md#what-moto-cannot-do lists the limits.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NoReturn

from functions.local import containers, inbound_texts, seed, template
from functions.local.browser_guard import api_guarded, emulator_guarded
from functions.local.cloud import Cloud
from functions.local.gateway import ProblemError
from functions.local.gateway_proxy import proxy_app
from functions.local.idle import settle
from functions.local.moto_backend import rest_api
from functions.local.moto_backend.consumer import Activity, Consumers, running_consumers
from functions.local.moto_backend.deployment import MotoDeployment, deploy
from functions.local.moto_backend.function_process import FunctionProcess, running_function
from functions.local.moto_backend.process import Moto, running_moto
from functions.local.paths import TEMPLATE
from functions.local.providers import PlannedResponse, Providers, running_providers
from functions.local.reports import put_report
from functions.local.stack import listening, serving
from functions.local.workspaces import WorkspaceCreator, running_workspace_creator
from waypost.domain.values.durations import Duration


@dataclass(frozen=True, slots=True)
class MotoStack:
    """A seeded Waypost on moto that answers at `url`. `api` is the address of the REST API behind it."""

    url: str
    api: str
    moto: Moto
    cloud: Cloud
    deployment: MotoDeployment
    functions: dict[str, FunctionProcess]
    consumers: Consumers
    workspace_creator: WorkspaceCreator
    providers: Providers

    def alive(self) -> bool:
        """Whether moto and all functions still run."""
        return self.moto.alive() and all(function.alive() for function in self.functions.values())

    def settle(self) -> bool:
        """Waits until all queues are empty and everything due is done; False if something is left and nothing moves any more."""
        return settle(self.consumers.pending)

    def left(self) -> dict[str, int]:
        """What is due and not done: the number of messages by queue name."""
        return {name: number for name, number in self.consumers.pending().left.items() if number}

    def now(self) -> datetime:
        """The time of this machine, which is the time of moto."""
        return datetime.now(UTC)

    def advance(self, duration: Duration) -> NoReturn:  # noqa: ARG002 - the signature of both backends
        """Raises ProblemError 501: moto's queues and schedules follow the clock of this machine."""
        detail = "On moto the clock cannot be advanced, and schedules do not fire. Use `make run` without BACKEND=moto."
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "not-implemented", detail)

    def mails(self) -> list[dict[str, Any]]:
        """Every e-mail that SES accepted, newest first."""
        return self.providers.mails()

    def texts(self) -> list[dict[str, Any]]:
        """The text messages that the SMS service accepted, newest first."""
        return self.providers.texts()

    def receive_text(self, number: str, body: str) -> None:
        """Receives a text from a phone: the provider opts the number out or not, and the text is put on the reports queue."""
        self.providers.receive_text(number, body)
        inbound_texts.put(self.cloud, self.deployment.variables["SendFunction"]["REPORTS_QUEUE_URL"], number, body)

    def plan_responses(self, target: str, plans: Sequence[Mapping[str, Any]]) -> None:
        """Plans what the providers answer to the next calls for a receiver or of an operation. ValueError for a plan that is none."""
        self.providers.plan(target, *map(PlannedResponse.parse, plans))

    def holds(self, method: str, body: bytes) -> NoReturn:  # noqa: ARG002 - the signature of both backends
        """Raises ProblemError 501: moto answers one request of DynamoDB at a time, so that a held one would hold all."""
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "not-implemented", "On moto no call is held. Use `make run` without BACKEND=moto.")

    def put_report(self, event: dict[str, Any]) -> None:
        """Puts an event of EventBridge on the reports queue, as the rule of the template does on AWS."""
        put_report(self.cloud, self.deployment.variables["SendFunction"]["REPORTS_QUEUE_URL"], event)

    def new_workspace(self, name: str) -> dict[str, str]:
        """A second workspace with an admin key: `id`, `name`, `key`."""
        return self.workspace_creator.create(name)


@contextmanager
def running_on_moto(port: int = 0) -> Iterator[MotoStack]:
    """Starts everything and serves it at http://127.0.0.1:`port` (0: a free one); at exit nothing is left. LocalError if it cannot."""
    with ExitStack() as parts:
        listener = parts.enter_context(listening(port))
        moto = parts.enter_context(running_moto())
        cloud = Cloud(moto.url)
        deployment = deploy(cloud, _url(listener))
        providers = parts.enter_context(running_providers(moto.url, bridge=containers.bridge_address()))
        environments = {name: deployment.environment(name, cloud, providers.environment()) for name in deployment.variables}
        functions = {
            name: parts.enter_context(running_function(name.removesuffix("Function").lower(), environment))
            for name, environment in environments.items()
        }
        activity = Activity()
        invoke = {name: activity.noting(function.invoke) for name, function in functions.items()}
        consumers = parts.enter_context(running_consumers(cloud, deployment.event_sources, invoke, activity))
        creator = parts.enter_context(running_workspace_creator(environments["ManageFunction"]))
        api_listener = parts.enter_context(listening(0))
        parts.enter_context(serving(emulator_guarded(rest_api.rest_api(template.load(TEMPLATE), invoke)), api_listener))
        api = f"{_url(api_listener)}/{rest_api.STAGE}"
        seed.create_demo_workspace(api, creator)
        stack = MotoStack(_url(listener), api, moto, cloud, deployment, functions, consumers, creator, providers)
        parts.enter_context(serving(api_guarded(proxy_app(stack, api)), listener))
        yield stack


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"
