"""Every crash point: all executions of a script in which at most some faults happen, each at one call.

Executions that have come to the same stored state go on in the same way, so each state is continued once. That makes all pairs of faults
affordable, and counts each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.proof import faults
from tests.proof.faults import InjectedFault
from tests.proof.invariants import Violation, check
from tests.proof.observations import identifiers_in, observe, outcome
from tests.proof.scenarios import Scenario
from tests.proof.scripts import State
from tests.proof.system import QUEUES, TABLES


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
        undisturbed = start.copy()
        undisturbed.finish()
        self.expected = outcome(observe(undisturbed, self.identifiers))
        self._explore(start, [self.first, self.second] if self.second else [self.first], [])

    def _explore(self, state: State, left: list[Sequence[InjectedFault]], path: list[str]) -> None:
        """Continues a state to its end, with faults of `left` at each of its calls."""
        while True:
            key = (fingerprint(state), len(left))
            if key in self.seen:
                self.counts["states met again"] += 1
                return
            self.seen[key] = None
            if state.is_done:
                self.counts["ends checked"] += 1
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
                    self.counts["pairs" if path else "points"] += 1
                    changed = state.copy()
                    changed.step({position: fault})
                    self._explore(changed, left[1:], [*path, f"{call} ({position} of {len(calls)}): {fault}"])
            state = following

    def _check(self, state: State, path: list[str]) -> None:
        try:
            seen = observe(state, self.identifiers)
            check(state, seen)
            agree(outcome(seen), self.expected)
        except Violation as violation:
            lines = "\n".join(path)
            raise Violation(f"{self.scenario.name}: {violation}\nafter\n{lines}") from violation


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
    tables = tuple(repr(sorted(system.dynamodb.items(table), key=repr)) for table in TABLES)
    queues = tuple(repr(system.sqs.stored(name)) for name in QUEUES)
    schedules = repr(sorted(system.scheduler.schedules))
    sent = tuple(len(each.calls) for each in (system.ses, system.sms, system.receivers))
    return hash((tables, queues, schedules, sent, system.clock.seconds, state.position, tuple(sorted(state.accepted))))
