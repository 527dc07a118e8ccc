"""Every crash point: all executions of a script in which at most some faults happen, each at one call.

Executions that have come to the same stored state go on in the same way, so each state is continued once. That makes all pairs of faults
affordable, and counts each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NoReturn

from tests.proof import faults
from tests.proof.aws.calls import Call
from tests.proof.faults import InjectedFault
from tests.proof.invariants import Violation, check, message_metrics_balance, metrics_balance, nothing_is_sent_to_the_erased
from tests.proof.observations import identifiers_in, observe, outcome
from tests.proof.scenarios import Scenario
from tests.proof.scripts import State
from tests.proof.system import QUEUES, TABLES

INTAKE_SECONDS: Final = 10.0
NEVER_READ: Final = (("KeysTable",), ("WorkspacesTable",))
"""What an instance cannot do without (docs/events.md#when-aws-is-slow). Each request here is the first one of its instance."""


@dataclass
class Explorer:
    """Tries faults in one scenario.

    `first` may happen at each call; `second` at each call after a first one of `paired`. `sample` is the share of all tries that is carried
    out, drawn by a seeded `random`. `counts` says what was tried.
    """

    scenario: Scenario
    first: Sequence[InjectedFault] = faults.SINGLE
    second: Sequence[InjectedFault] = ()
    sample: float = 1.0
    random: Random = field(default_factory=lambda: Random(0))
    counts: Counter[str] = field(default_factory=Counter)
    seen: dict[Any, None] = field(default_factory=dict)

    def run(self) -> None:
        """Tries everything. Violation with the faults that led to it."""
        start = self.scenario.start()
        self.identifiers = identifiers_in((*self.scenario.before, *self.scenario.script))
        before = observe(start.copy(), self.identifiers)
        undisturbed = start.copy()
        undisturbed.finish()
        after = observe(undisturbed, self.identifiers)
        metrics_balance(undisturbed)
        message_metrics_balance(undisturbed, before, after)
        self.expected = outcome(after)
        self._explore(start, [self.first, self.second] if self.second else [self.first], [])

    def _explore(self, state: State, left: list[Sequence[InjectedFault]], path: list[str]) -> None:
        """Continues a state to its end, with faults of `left` at each of its calls."""
        while True:
            key = (fingerprint(state), len(left))
            if key in self.seen:
                self.counts["states that were known"] += 1
                return
            self.seen[key] = None
            if state.is_done:
                self.counts["different ends, all promises checked"] += 1
                self._check(state, path)
                return
            if not left:
                state.step()
                continue
            following = state.copy()
            calls = following.step()
            for position, call in enumerate(calls):
                for fault in left[0]:
                    if not fault.applies(call) or (self.sample < 1 and self.random.random() >= self.sample):
                        continue
                    self.counts["pairs of faults tried" if path else "single faults tried"] += 1
                    changed = state.copy()
                    changed.step({position: fault})
                    changed_path = [*path, f"{call} ({position} of {len(calls)}): {fault}"]
                    if state.is_at_intake:
                        self._check_intake(changed, call, changed_path)
                    self._explore(changed, left[1:], changed_path)
            state = following

    def _check_intake(self, state: State, call: Call, path: list[str]) -> None:
        """If the queue answers, the intake is not 503, but for a key or schema that this instance never read; it ends in 10 seconds."""
        status = state.statuses[-1]
        if status >= 500 and call.resources not in NEVER_READ:
            self._fail(f"the intake answers {status}", path)
        if state.request_seconds > INTAKE_SECONDS:
            self._fail(f"the intake takes {state.request_seconds} seconds", path)

    def _fail(self, violation: Any, path: list[str]) -> NoReturn:
        lines = "\n".join(path)
        raise Violation(f"{self.scenario.name}: {violation}\nafter\n{lines}")

    def _check(self, state: State, path: list[str]) -> None:
        try:
            seen = observe(state, self.identifiers)
            check(state, seen)
            nothing_is_sent_to_the_erased(state)
            agree(outcome(seen), self.expected)
        except Violation as violation:
            self._fail(violation, path)


def agree(found: Any, expected: Any) -> None:
    """Violation if two outcomes differ, but for what follows from a call of which nobody knows whether it succeeded."""
    if found != expected and not (found["uncertain"] and _without_messages(found) == _without_messages(expected)):
        raise Violation(f"the outcome is\n{found}\nand not\n{expected}")


def _without_messages(result: Any) -> dict[str, Any]:
    """An outcome without messages, and what they move."""
    customers = [{name: value for name, value in each.items() if name not in ("runs", "messages")} for each in result["customers"]]
    return {"customers": customers, "receipts": sorted(result["receipts"])}


def fingerprint(state: State) -> int:
    """What decides how a state goes on: stored items, records on queues, schedules, what providers have sent, the time and the script."""
    system = state.system
    tables = tuple(tuple(sorted(system.dynamodb.texts(table))) for table in TABLES)
    queues = tuple(repr(system.sqs.stored(name)) for name in QUEUES)
    schedules = repr(sorted(system.scheduler.schedules))
    sent = tuple(len(each.calls) for each in (system.ses, system.sms, system.receivers))
    return hash((tables, queues, schedules, sent, system.clock.seconds, state.position, tuple(sorted(state.accepted))))
