"""All orders in which the calls of two activities can follow each other, with a bounded number of switches between the two.

An activity is a request, or a delivery of records, on a worker of its own. Each call of AWS is a place at which the other activity may go
on. Each activity has a thread, and one of them works at a time, so an execution is the same whenever its order is the same.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.proof.accesses import Access, access_of
from tests.proof.aws.calls import Call, Perform
from tests.proof.explorer import fingerprint
from tests.proof.invariants import Violation, check
from tests.proof.observations import identifiers_in, observe, outcome
from tests.proof.scripts import Action, Request, Settle, State, prepared
from tests.proof.system import QUEUES, System, on

SECOND_WORKER: Final = " of the second"


Calls = Sequence[tuple[int, Call]]
"""The calls of an execution in their order, each with the number of its activity."""


@dataclass(frozen=True)
class Delivery:
    """The delivery of records of a queue.

    `is_repeated`: of the records that the other activity works on, as happens when their visibility timeout ends before that worker does.
    `is_early`: the records are received before anything else happens, or else when the delivery begins.
    """

    queue: str
    most: int = 1
    is_repeated: bool = False
    is_early: bool = True


Activity = Request | Delivery


@dataclass(frozen=True)
class Pair:
    """Two activities after the script `before`, and what follows them. `warm` fills the memory of the workers, after `before`.

    `outcomes` is the number of outcomes that the two serial orders have: 1 if it does not matter which activity is first, else 2.
    `accepts` says of an outcome that neither serial order has whether it is a documented one. `rule` raises Violation for calls that must
    not follow each other.
    """

    name: str
    journeys: tuple[Mapping[str, Any], ...]
    first: Activity
    second: Activity
    before: tuple[Action, ...] = ()
    after: tuple[Action, ...] = (Settle(),)
    warm: tuple[Action, ...] = ()
    erases: bool = False
    outcomes: int = 1
    index_lag: float = 1.0
    providers: Callable[[System], None] = lambda system: None
    meanwhile: Callable[[System], None] = lambda system: None
    accepts: Callable[[Any], bool] = lambda outcome: False
    rule: Callable[[Calls], None] = lambda calls: None

    def start(self) -> State:
        """The state at the start of the two activities."""
        state = prepared(self.after, self.journeys, self.before, self.providers)
        state.erases = self.erases
        state.system.dynamodb.index_lag = self.index_lag
        self.meanwhile(state.system)
        return state

    @property
    def requests(self) -> list[Any]:
        """Everything that may be a request."""
        return [*self.before, *self.warm, self.first, self.second, *self.after]


@dataclass(frozen=True)
class Turn:
    """An activity (0 or 1) goes on, for so many calls or to its end."""

    activity: int
    calls: int | None = None

    def __str__(self) -> str:
        return f"the {('first', 'second')[self.activity]} " + ("to its end" if self.calls is None else f"for {self.calls} calls")


@dataclass
class _Actor:
    """An activity in its thread, which works only between `resume` and the end of its turn."""

    work: Callable[[], None]
    number: int
    may: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    rested: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    left: int | None = 0
    is_done: bool = False
    error: BaseException | None = None
    thread: threading.Thread | None = None

    def resume(self, calls: int | None) -> None:
        """Lets the activity go on, and returns when it has made so many calls or has ended."""
        if self.is_done or calls == 0:
            return
        self.left = calls
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()
        else:
            self.may.release()
        if not self.rested.acquire(timeout=60):
            raise AssertionError("the activity waits for something that the other one has")
        if self.error is not None:
            raise self.error

    def rest(self) -> None:
        """Waits for the next turn. Called in the thread of the activity."""
        self.rested.release()
        self.may.acquire()

    def _run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread of the test
            self.error = error
        finally:
            self.is_done = True
            self.rested.release()


class Execution:
    """One execution of the two activities of a pair on a state. `trace` has the calls in their order, each with its activity."""

    def __init__(self, pair: Pair, state: State) -> None:
        self.pair, self.state, self.system = pair, state, state.system
        self.trace: list[tuple[int, Call]] = []
        self.end = 0
        self._reached = self.system.clock.seconds
        received = [self._received(pair.first), self._received(pair.second)]
        works = [self._work(pair.first, received[0], ""), self._work(pair.second, received[1], SECOND_WORKER)]
        self._actors = [_Actor(work, number) for number, work in enumerate(works)]
        self._active = self._actors[0]

    def run(self, turns: Sequence[Turn]) -> None:
        """Lets the activities take their turns, and then both go on to their ends."""
        system = self.system
        system.aws.intervene = self._intervene
        for provider in (system.ses, system.sms, system.receivers):
            provider.meanwhile = lambda _: self._meanwhile()
        with on(system):
            for turn in (*turns, Turn(0), Turn(1)):
                self._active = self._actors[turn.activity]
                self._active.resume(turn.calls)
        for provider in (system.ses, system.sms, system.receivers):
            provider.meanwhile = lambda _: None

    def accesses(self, activity: int) -> list[Access]:
        """What the calls of an activity read and write. The first one has the receipt of records too, if it is not early."""
        found = [access_of(call) for number, call in self.trace if number == activity]
        each = (self.pair.first, self.pair.second)[activity]
        if found and isinstance(each, Delivery) and not each.is_early:
            found[0] = Access(found[0].reads, found[0].writes | {(QUEUES[each.queue].url, None, None)})
        return found

    def _received(self, activity: Activity) -> list[Any]:
        if not isinstance(activity, Delivery) or not activity.is_early:
            return []
        return self._receive(activity)

    def _receive(self, activity: Delivery) -> list[Any]:
        sqs, now = self.system.sqs, self.system.clock.now
        queue = sqs.queues[activity.queue]
        if activity.is_repeated:
            for message in [each for each in queue.messages.values() if each.is_in_flight(now)]:
                queue.hide(message, now, now)
        return sqs.receive(activity.queue, activity.most)

    def _work(self, activity: Activity, received: list[Any], worker: str) -> Callable[[], None]:
        def request(action: Request) -> None:
            while not self.state.answer(action, worker):
                self.system.clock.advance(1.0)

        def deliver(delivery: Delivery) -> None:
            records = received if delivery.is_early else self._receive(delivery)
            if records:
                self.system.process(delivery.queue, records, worker)

        if isinstance(activity, Request):
            return lambda: request(activity)
        return lambda: deliver(activity)

    def _intervene(self, call: Call, perform: Perform) -> Any:
        self._switch()
        self.trace.append((self._active.number, call))
        if self._active.left is not None:
            self._active.left -= 1
        return perform()

    def _meanwhile(self) -> None:
        """A cut in a call of a provider, before its answer."""
        self._intervene(Call(self.system.aws.function, "provider", "report", ()), lambda: None)

    def _switch(self) -> None:
        """Lets the other activity go on here, if the turn has ended. Time does not go back for the one that waited."""
        actor, system = self._active, self.system
        if actor.left == 0:
            before = system.worker, system.aws.function, system.aws.deadline
            self._reached = max(self._reached, system.clock.seconds)
            actor.rest()
            system.worker, system.aws.function, system.aws.deadline = before
            system.clock.seconds = max(self._reached, system.clock.seconds)
        self._reached = max(self._reached, system.clock.seconds)


@dataclass
class Interleaver:
    """Executes a pair in every order with up to three switches, or in a seeded sample of them.

    `counts` says how many orders were executed, how many were left out because they are equal to an executed one, and how many ends were
    checked: executions that came to the same stored state go on in the same way. Without `leaves_out` every order is executed.
    """

    pair: Pair
    sample: float = 1.0
    random: Random = field(default_factory=lambda: Random(0))
    leaves_out: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    ends: dict[int, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Tries everything. Violation with the order that led to it."""
        self.initial = self.pair.start()
        self.identifiers = identifiers_in(self.pair.requests)
        self.serial: list[Any] = []
        alone = [self._execute((Turn(number), Turn(1 - number))) for number in (0, 1)]
        self.serial = [self.ends[each.end] for each in alone]
        if (self.serial[0] != self.serial[1]) != (self.pair.outcomes == 2):
            raise Violation(
                f"{self.pair.name}: the first activity before the second one leads to\n{self.serial[0]}\nelse\n{self.serial[1]}"
            )
        for number in (0, 1):
            self._try_orders(number, alone[number])

    def _try_orders(self, first: int, whole: Execution) -> None:
        """Executes the orders in which the activity `first` begins and is cut once, and the other one then is cut at most once.

        If the call behind the first cut changes nothing for some calls of the other activity, which follow the cut, they may as well follow
        that call: a cut behind it was tried before.
        """
        second = 1 - first
        own = whole.accesses(first)
        others: list[Access] | None = whole.accesses(second)
        for position in reversed(range(len(own))):
            if not self.leaves_out:
                others = None
            commuting = next((number for number, each in enumerate(others or ()) if own[position].conflicts_with(each)), len(others or ()))
            if others is not None and commuting == len(others):
                self.counts["interleavings that equal another one"] += commuting
                continue
            others = None
            if not self._is_drawn():
                continue
            others = self._execute((Turn(first, position), Turn(second))).accesses(second)
            self.counts["interleavings that equal another one"] += commuting
            for calls in range(commuting + 1, len(others)):
                if self._is_drawn():
                    self._execute((Turn(first, position), Turn(second, calls)))

    def _is_drawn(self) -> bool:
        return self.sample >= 1 or self.random.random() < self.sample

    def _execute(self, turns: Sequence[Turn]) -> Execution:
        """One execution, with the check of its end unless another one has come to the same end."""
        state = self.initial.copy()
        for action in self.pair.warm:
            state.carry_out(action)
        execution = Execution(self.pair, state)
        self.counts["interleavings"] += 1
        try:
            execution.run(turns)
            self.pair.rule(execution.trace)
            execution.end = fingerprint(state)
            if execution.end not in self.ends:
                self.ends[execution.end] = self._outcome(state)
            self._check(self.ends[execution.end])
        except Violation as violation:
            order = ", ".join(map(str, turns))
            trace = "\n".join(f"{number + 1} {call}" for number, call in execution.trace)
            raise Violation(f"{self.pair.name}: {violation}\nafter: {order}\n{trace}") from violation
        return execution

    def _check(self, found: Any) -> None:
        """Violation if an outcome is not that of a serial order, once these are known."""
        if self.serial and found not in self.serial and not self.pair.accepts(found):
            raise Violation(f"the outcome is\n{found}\nand neither\n{self.serial[0]}\nnor\n{self.serial[1]}")

    def _outcome(self, state: State) -> Any:
        self.counts["ends of interleavings"] += 1
        end = state.copy()
        end.finish()
        seen = observe(end, self.identifiers)
        check(end, seen)
        return outcome(seen)
