"""Queues, schedules and providers on which the same calls of the adapters are made: those of the simulation, and those of the emulators."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final, Protocol

import boto3
import httpx
import pytest
from botocore.config import Config

from functions.local import template as templates
from functions.local.clock import ROUTE
from functions.local.cloud import Cloud
from functions.local.emulator import Emulator, running_emulator
from functions.local.providers import PlannedResponse, Providers, running_providers
from tests.proof.aws.providers import Behaviour, Ses, Sms, in_order
from tests.proof.aws.queues import QueueSettings, queues_of
from tests.proof.aws.scheduler import Scheduler
from tests.proof.aws.sqs import Sqs
from waypost.adapters import aws

TEMPLATE: Final = templates.load(Path(__file__).parents[2] / "template.yaml")
SETTINGS: Final[Mapping[str, QueueSettings]] = queues_of(TEMPLATE)
GROUP: Final = "timers"
SPEED: Final = 5
"""How much shorter the time limits of calls to the provider emulator are than those of the adapters, so that a test can let one end."""
_numbers = count()


@dataclass
class ManualClock:
    """A clock that only a test advances."""

    now: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += timedelta(seconds=seconds)


class Backend(Protocol):
    """The queues of the template, a schedule group, and the providers of messages."""

    is_simulation: bool

    def client(self, service: str) -> Any:
        """The client of boto3 for a service."""

    def url(self, queue: str) -> str:
        """The URL of a queue, by its logical id."""

    def arn(self, queue: str) -> str:
        """The ARN of a queue."""

    def now(self) -> datetime:
        """The time of the services."""

    def advance(self, seconds: float) -> None:
        """Advances the time of the services; what is due then happens."""

    def plan(self, target: str, planned: PlannedResponse, behaviour: Behaviour) -> None:
        """Sets what the next call to a receiver gets, for the provider emulator and for the simulation."""

    def accepted(self) -> list[dict[str, Any]]:
        """The requests of the messages that the providers accepted, oldest first."""


def received(backend: Backend, queue: str, seconds: int | None = None) -> list[dict[str, Any]]:
    """The messages that a consumer receives, at most ten, sorted by group: groups have no order among each other."""
    options = {} if seconds is None else {"VisibilityTimeout": seconds}
    found = backend.client("sqs").receive_message(
        QueueUrl=backend.url(queue), MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], **options
    )
    return sorted(found.get("Messages", []), key=lambda message: str(message["Attributes"].get("MessageGroupId")))


@dataclass
class Simulated:
    """The simulation."""

    settings: Mapping[str, QueueSettings] = field(default_factory=lambda: SETTINGS)
    is_simulation = True

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.sqs = Sqs(self.clock, Random(1), self.settings)
        self.scheduler = Scheduler(self.clock, Random(2), self.sqs, lateness=lambda _: 0.0, groups=frozenset({GROUP}))
        self.ses = Ses(self.clock, Random(3), self.sqs)
        self.sms = Sms(self.clock, Random(4), self.sqs)

    def client(self, service: str) -> Any:
        """The client of boto3 for a service."""
        services = {"sqs": self.sqs, "scheduler": self.scheduler, "sesv2": self.ses, "pinpoint-sms-voice-v2": self.sms}
        return services[service]

    def url(self, queue: str) -> str:
        """The URL of a queue, by its logical id."""
        return self.settings[queue].url if queue in self.settings else "https://sqs.eu-west-1.amazonaws.com/123456789012/none"

    def arn(self, queue: str) -> str:
        """The ARN of a queue."""
        return self.settings[queue].arn

    def now(self) -> datetime:
        """The time of the services."""
        return self.clock.now

    def advance(self, seconds: float) -> None:
        """Advances the simulated clock, and fires the schedules that are due."""
        self.clock.advance(seconds)
        self.scheduler.fire()

    def plan(self, target: str, planned: PlannedResponse, behaviour: Behaviour) -> None:
        """Sets what the next calls of the providers get."""
        self.ses.behaviour = self.sms.behaviour = in_order(behaviour)

    def accepted(self) -> list[dict[str, Any]]:
        """The requests of the messages that went out."""
        return [each.request for each in (*self.ses.delivered, *self.sms.delivered)]


@dataclass
class Emulated:
    """MiniStack and the provider emulator. Each test has queues of its own."""

    cloud: Cloud
    http: httpx.Client
    providers: Providers
    settings: Mapping[str, QueueSettings] = field(default_factory=lambda: SETTINGS)
    is_simulation = False

    def __post_init__(self) -> None:
        number = next(_numbers)
        self.names = {name: f"q{number}-{settings.name}" for name, settings in self.settings.items()}
        self.providers.suppressed, self.providers.opted_out = set(), set()
        self._before = len(self.providers.mails()), len(self.providers.texts())

    def client(self, service: str) -> Any:
        """The client of boto3 for a service of MiniStack."""
        return self.cloud.client(service)

    def url(self, queue: str) -> str:
        """The URL of a queue, by its logical id."""
        return self._urls.get(queue, f"{self.cloud.url}/000000000000/none")

    def arn(self, queue: str) -> str:
        """The ARN of a queue."""
        return f"arn:aws:sqs:us-east-1:000000000000:{self.names[queue]}"

    def now(self) -> datetime:
        """The time of the services."""
        return datetime.fromtimestamp(self.http.get(ROUTE).raise_for_status().json()["now"], UTC)

    def advance(self, seconds: float) -> None:
        """Advances the time of the services; MiniStack fires what is due."""
        self.http.post(ROUTE, params={"to": self.now().timestamp() + seconds}).raise_for_status()

    def plan(self, target: str, planned: PlannedResponse, behaviour: Behaviour) -> None:
        """Sets what the next call to a receiver gets."""
        self.providers.plan(target, planned)

    def accepted(self) -> list[dict[str, Any]]:
        """The requests of the messages that the provider emulator accepted in this test."""
        mails, texts = self.providers.mails()[::-1], self.providers.texts()[::-1]
        return [each["request"] for each in (*mails[self._before[0] :], *texts[self._before[1] :])]

    @cached_property
    def _urls(self) -> dict[str, str]:
        """The queues, which are created at their first use. A dead-letter queue has to exist before the queue that names it."""
        names = sorted(self.settings, key=lambda each: self.settings[each].dead_letters is not None)
        create = self.client("sqs").create_queue
        return {name: create(QueueName=self.names[name], Attributes=self._attributes(name))["QueueUrl"] for name in names}

    def _attributes(self, name: str) -> dict[str, str]:
        settings = self.settings[name]
        attributes = {"VisibilityTimeout": str(settings.visibility_timeout), "MessageRetentionPeriod": str(settings.retention)}
        if settings.fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": str(settings.content_deduplication).lower()}
        if settings.deduplication_by_group:
            attributes |= {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        if settings.dead_letters is not None:
            redrive = {"deadLetterTargetArn": self.arn(settings.dead_letters), "maxReceiveCount": settings.max_receives}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        return attributes


@dataclass(frozen=True)
class Emulators:
    """Running emulators, on which a test makes queues of its own."""

    cloud: Cloud
    http: httpx.Client
    providers: Providers

    def backend(self, settings: Mapping[str, QueueSettings] = SETTINGS) -> Emulated:
        """New queues."""
        return Emulated(self.cloud, self.http, self.providers, settings)


@contextmanager
def running_emulators() -> Iterator[Emulators]:
    """Starts MiniStack without Waypost, and the provider emulator."""
    with running_emulator() as emulator, running_providers() as providers, _http(emulator) as http:
        cloud = Cloud(emulator.url)
        cloud.client("scheduler").create_schedule_group(Name=GROUP)
        yield Emulators(cloud, http, providers)


def _http(emulator: Emulator) -> httpx.Client:
    return httpx.Client(base_url=emulator.url, timeout=30, trust_env=False)


class _Client:
    """A service of the simulation in the form of a client of boto3, on which the adapters register a check of responses."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


def client_of(service: Any) -> Any:
    """The client of a service of the simulation."""
    return _Client(service)


@contextmanager
def adapters_call(backend: Backend, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the clients of the adapters be those of a backend, with the time limits that the adapters set."""
    create: Callable[..., Any] = lambda service, config: client_of(backend.client(service))  # noqa: E731 - the emulator has another one
    if isinstance(backend, Emulated):
        session = backend.cloud._session  # which has read the models of the services
        providers = {"sesv2", "pinpoint-sms-voice-v2"}

        def create(service: str, config: Config) -> Any:
            url = backend.providers.url if service in providers else backend.cloud.url
            limit = Config(read_timeout=config.read_timeout / SPEED) if service in providers else Config()
            return session.client(service, endpoint_url=url, config=config.merge(limit))

    with patch.context() as patched:
        patched.setattr(boto3, "client", create)
        aws.client.cache_clear()
        yield
    aws.client.cache_clear()


def with_receives(most: int) -> dict[str, QueueSettings]:
    """The queues of the template, with another limit of receives."""
    return {name: replace(each, max_receives=most if each.dead_letters else None) for name, each in SETTINGS.items()}
