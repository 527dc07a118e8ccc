"""A script of requests, deliveries and passing time, and the state of a system that is in the middle of one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final
from urllib.parse import parse_qsl

from tests.proof.aws.calls import Call, make
from tests.proof.faults import FaultPlan, InjectedFault
from tests.proof.system import ADMIN_KEY, System, on
from waypost import wiring

WORKSPACE: Final = "w_proof"
INTAKE_PATH: Final = "/api/events/batch/"
SCHEMA: Final = {"primaryKey": {"name": "email", "type": "Email"}, "attributes": {}, "timezone": "UTC"}


@dataclass(frozen=True)
class Request:
    """A request that its client repeats until it gets an answer that is no 5xx. `name` keeps the answer for later requests and checks."""

    method: str
    path: str
    body: Any = None
    name: str = ""


@dataclass(frozen=True)
class Advance:
    """Time passes, and timers fire that are due by then."""

    seconds: float


@dataclass(frozen=True)
class Settle:
    """Everything on the queues is delivered."""


@dataclass(frozen=True)
class Deliver:
    """One batch of a queue is delivered."""

    queue: str


Action = Request | Advance | Settle | Deliver


def post(*events: Mapping[str, Any]) -> Request:
    """A batch of events. An event has a uuid of its own, so that a repeated batch is recognized."""
    return Request("POST", INTAKE_PATH, {"batch": [dict(event) for event in events]})


@dataclass
class State:
    """A system, and how far its script is.

    `accepted` are the uuids of accepted events, `answers` what was answered under a name, `identifiers` the identifier of each event by its
    uuid. `request_seconds`: how long the last request took. `erases`: the script erases the customer of all events.
    """

    system: System
    script: Sequence[Action]
    position: int = 0
    accepted: set[str] = field(default_factory=set)
    answers: dict[str, Any] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    request_seconds: float = 0.0
    identifiers: dict[str, tuple[str, str]] = field(default_factory=dict)
    erases: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the script has ended."""
        return self.position >= len(self.script)

    @property
    def is_at_intake(self) -> bool:
        """Whether the next step posts a batch."""
        action = self.script[self.position]
        return isinstance(action, Request) and action.path == INTAKE_PATH

    def copy(self) -> State:
        """The same state, of which nothing is shared with this one. Its functions have nothing in memory."""
        self.system.restart()
        self.system.aws.intervene = make
        system = copy.deepcopy(self.system, {id(self.system.random): _copied_random(self.system.random)})
        return replace(
            self,
            system=system,
            accepted=set(self.accepted),
            answers=dict(self.answers),
            statuses=list(self.statuses),
            identifiers=dict(self.identifiers),
        )

    def owner_of(self, uuid: str, owners: Mapping[tuple[str, str], str | None]) -> str | None:
        """The customer to whom the identifier of an event leads."""
        return owners.get(self.identifiers.get(uuid, ("", "")))

    def step(self, faults: Mapping[int, InjectedFault] | None = None) -> list[Call]:
        """Does the next thing: one request, one delivery, or a passage of time. Returns the calls that it made.

        `faults` happen in place of the calls at these positions.
        """
        plan = FaultPlan(self.system.clock, faults or {}, [])
        self.system.aws.intervene = plan
        if self._do(self.script[self.position]):
            self.position += 1
        return plan.calls

    def carry_out(self, action: Action) -> None:
        """Carries out an action that is not of the script, without faults."""
        self.system.aws.intervene = make
        while not self._do(action):
            pass

    def _do(self, action: Action) -> bool:
        """Does the next part of an action. False if there is more of it."""
        with on(self.system):
            match action:
                case Request():
                    is_answered = self.answer(action)
                    self.system.clock.advance(0.0 if is_answered else 1.0)
                    return is_answered
                case Advance(seconds):
                    self.system.advance(seconds)
                case Deliver(queue):
                    self.system.deliver(queue)
                case Settle():
                    return not self.system.step()
        return True

    def finish(self) -> None:
        """Goes on to the end of the script without faults. AssertionError if there is no end."""
        for _ in range(10_000):
            if self.is_done:
                return
            self.step()
        raise AssertionError("the queues never become empty")

    def answer(self, action: Request, worker: str = "") -> bool:
        """Makes a request, and keeps what comes of it. False if its client has to repeat it."""
        path = action.path.format(**self.answers) if "{" in action.path else action.path
        path, _, query = path.partition("?")
        started = self.system.clock.seconds
        status, answer = self.system.request(action.method, path, action.body, worker=worker, **dict(parse_qsl(query)))
        self.request_seconds = self.system.clock.seconds - started
        self.statuses.append(status)
        if status == 0 or status >= 500:
            return False
        if action.name:
            self.answers[action.name] = answer
        for event, result in zip(action.body["batch"], answer["results"], strict=True) if "results" in (answer or {}) else ():
            if result["status"] == "accepted":
                self.accepted.add(result["uuid"])
                self.identifiers[result["uuid"]] = event["correlationKey"], event["correlationValue"]
        return True


def _copied_random(random: Random) -> Random:
    """A copy in the same state. `deepcopy` would copy each of the 625 numbers of the state by itself."""
    copied = Random()
    copied.setstate(random.getstate())
    return copied


def prepared(
    script: Sequence[Action], journeys: Sequence[Mapping[str, Any]], before: Sequence[Action], providers: Callable[[System], None]
) -> State:
    """A state at the start of a script, in a workspace with published journeys in which the script `before` has been carried out."""
    system = System(index_lag=1.0, table_lag=0.5)
    providers(system)
    with on(system):
        wiring.workspace_administration().create_workspace("proof", ADMIN_KEY, system.clock.now, WORKSPACE)
        _requested(system, "PUT", "/api/schema", SCHEMA)
        for definition in journeys:
            _requested(system, "PUT", f"/api/journeys/{definition['id']}", definition)
            _requested(system, "POST", f"/api/journeys/{definition['id']}/publish")
        system.clock.advance(10.0)  # later than `entriesFrom`
    # The indexes, which lag, show by then what the script before has written.
    state = State(system, (*before, Advance(10.0)))
    state.finish()
    system.metrics.clear()
    return replace(state, script=script, position=0, statuses=[])


def _requested(system: System, method: str, path: str, body: Any = None) -> Any:
    status, answer = system.request(method, path, body)
    assert status < 300, (method, path, status, answer)
    return answer
