"""Random schedules as data: what happens to a system, one operation after the other, made from a seed.

No operation depends on the one before it, and each has random numbers of its own. A schedule from which operations are taken out is
therefore a schedule, in which the others do much the same: that is what makes a failing one short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal

from tests.model.history_generator import GeneratedEvent, HistoryGenerator
from tests.proof.scenarios import DAY, email_step, event, identify, journey, wait, webhook_step
from tests.proof.system import CONSUMERS
from waypost.domain.customers.identifiers import Identifier

LENGTH: Final = 220
"""The number of operations in a schedule."""
PHASE: Final = 20
"""After so many operations, other families are at work, and other operations are frequent."""
FAMILIES: Final = 8
"""How many groups of devices and people a schedule has. They have no identifier in common."""
KINDS: Final = ("identify", "identify", "set", "trigger", "trigger", "trigger", "trigger")
MARKED: Final = "marker-device"
"""The device of a customer who may be erased. Nothing else is known of this customer's devices, and each text has the word marker."""
MARKED_PERSON: Final = "marker-person@example.com"

STANDS: Final = journey("stands", "stands", email_step("mail", "end", onFailure="end"))
WAITS: Final = journey(
    "waits", "waits", wait("paid", "bought", "thanks", "P3D", "remind"), email_step("thanks", "end"), email_step("remind", "end")
)
KEYED: Final = journey("keyed", "keyed", webhook_step("hook", "end", onFailure="end"))
KEYED["entry"]["reentry"] = {"mode": "once", "key": "payload.order"}
REPORTED: Final = journey(
    "reported",
    "ends",
    email_step("mail", "read", onFailure="end"),
    {
        "id": "read",
        "type": "waitUntil",
        "branches": [{"message": "mail", "status": "delivered", "next": "more"}],
        "timeout": {"after": "P1D", "next": "end"},
    },
    webhook_step("more", "pause"),
    {"id": "pause", "type": "timeDelay", "delay": "PT5M", "next": "last"},
    email_step("last", "end"),
)
JOURNEYS: Final = (STANDS, WAITS, KEYED, REPORTED)


@dataclass(frozen=True)
class Post:
    """A batch of events. `name` is the name by which `Again` knows it."""

    name: int
    events: tuple[Mapping[str, Any], ...]
    worker: str


@dataclass(frozen=True)
class Again:
    """The batch of this name once more, if it was posted."""

    name: int
    worker: str


@dataclass(frozen=True)
class Deliver:
    """One batch of a queue to a worker."""

    queue: str
    worker: str


@dataclass(frozen=True)
class Pass:
    """Time passes, and the schedules fire that are due by then."""

    seconds: float


@dataclass(frozen=True)
class Expire:
    """DynamoDB deletes some of the items whose time has passed."""


@dataclass(frozen=True)
class Control:
    """A change of a journey by the management API. A publication is one of a new version."""

    journey: str
    action: Literal["pause", "resume", "publish"]


@dataclass(frozen=True)
class Erase:
    """The erasure of the marked customer, if there is one."""


@dataclass(frozen=True)
class Redrive:
    """All dead letters are put on their queues again."""


@dataclass(frozen=True)
class Conditions:
    """How often something goes wrong from now on: the chance for each call, record, read or message.

    `faults`: a call of AWS fails in one of the ways of `faults.SINGLE`. `meanwhile`: another worker works before a call. `provider`: a
    provider does not answer as usual. `lag`: the longest lag of indexes and tables, in seconds.
    """

    faults: float = 0.0
    meanwhile: float = 0.0
    duplicates: float = 0.0
    reorder: float = 0.0
    provider: float = 0.0
    lag: float = 0.0


Operation = Post | Again | Deliver | Pass | Expire | Control | Erase | Redrive | Conditions


@dataclass(frozen=True)
class Schedule:
    """Operations, each with the number that it had when the schedule was made, and the events of all its batches by their uuids.

    `faults` are the faults by the number of the operation and the position of the call in it; None: they are drawn by chance.
    """

    seed: int
    operations: tuple[tuple[int, Operation], ...]
    events: Mapping[str, GeneratedEvent]
    faults: Mapping[tuple[int, int], str] | None = None


def schedule_of(seed: int) -> Schedule:
    """The schedule of a seed. Every fourth one has no faults."""
    return _Author(seed, Random(seed)).schedule()


class _Author:
    def __init__(self, seed: int, random: Random) -> None:
        self.seed, self.random = seed, random
        self.generator = HistoryGenerator(random, kinds=KINDS)
        self.owners = [self._family(number) for number in range(FAMILIES)]
        self.active = self.owners
        self.events: dict[str, GeneratedEvent] = {}
        self.batches = 0
        self.marked = 0

    def schedule(self) -> Schedule:
        """A schedule that begins with the conditions of the whole of it."""
        operations: list[Operation] = [self._conditions()]
        makers = (self._post, self._again, self._deliver, self._pass, self._rare)
        while len(operations) < LENGTH:
            if len(operations) % PHASE == 1:
                # In a burst, records of one customer queue up behind each other.
                weights = self.random.choice(((10, 3, 60, 22, 5), (10, 3, 60, 22, 5), (25, 5, 45, 20, 5), (60, 10, 15, 10, 5)))
                self.active = self.random.sample(self.owners, self.random.choice((1, 2, FAMILIES)))
            operations.append(self.random.choices(makers, weights)[0]())
        return Schedule(self.seed, tuple(enumerate(operations)), self.events)

    def _family(self, number: int) -> dict[Identifier, Identifier | None]:
        people = [Identifier("primary", f"{name}{number}@example.com") for name in ("ada", "eve")]
        devices = [Identifier("correlation", f"device-{number}-{place}") for place in range(self.random.choice((2, 2, 3, 4)))]
        return {device: self.random.choice((people[0], people[0], people[1], None)) for device in devices}

    def _post(self) -> Operation:
        self.batches += 1
        batch = [self._event() for _ in range(self.random.choice((1, 1, 2, 3, 5)))]
        return Post(self.batches, tuple(batch), self._worker(2))

    def _event(self) -> Mapping[str, Any]:
        if self.random.random() < 0.06:
            return self._marked_event()
        uuid = f"e{len(self.events)}"
        made = self.generator.event(uuid, self.random.choice(self.active))
        self.events[uuid] = made
        return made.wire

    def _marked_event(self) -> Mapping[str, Any]:
        self.marked += 1
        uuid, at = f"m{self.marked}", {"timestamp": "2026-11-23T05:00:00Z"}
        if self.marked % 3 == 1:
            return identify(uuid, MARKED, MARKED_PERSON, word="marker-word") | at
        return event(uuid, self.random.choice(("stands", "waits", "bought")), MARKED, word="marker-word") | at

    def _again(self) -> Operation:
        return Again(self.random.randint(1, max(self.batches, 1)), self._worker(2))

    def _deliver(self) -> Operation:
        queue = self.random.choices((*CONSUMERS, "SignalsQueue"), (1, 1, 2, 1, 3))[0]
        return Deliver(queue, self._worker(3))

    def _pass(self) -> Operation:
        longest = self.random.choices((0.05, 1.0, 5.0, 60.0, 600.0, 7_200.0, 2 * DAY), (6, 6, 6, 4, 3, 1, 0.3))[0]
        return Pass(round(self.random.uniform(0, longest), 3))

    def _rare(self) -> Operation:
        choices: tuple[Operation, ...] = (
            Control(self.random.choice(JOURNEYS)["id"], self.random.choice(("pause", "resume", "resume", "publish"))),
            self._conditions(),
            Expire(),
            Redrive(),
            Erase(),
        )
        return self.random.choices(choices, (5, 3, 1, 1, 0.5))[0]

    def _conditions(self) -> Conditions:
        draw = self.random.choice
        without_faults = self.seed % 4 == 0
        return Conditions(
            faults=0.0 if without_faults else draw((0.0, 0.005, 0.02, 0.06)),
            meanwhile=draw((0.0, 0.01, 0.1)),
            duplicates=draw((0.0, 0.1)),
            reorder=draw((0.0, 0.5)),
            provider=0.0 if without_faults else draw((0.0, 0.1, 0.5)),
            lag=draw((0.0, 1.0, 3.0)),
        )

    def _worker(self, workers: int) -> str:
        return f" {self.random.randrange(workers)}"
