"""One case through the doors: counted on the cloud that counts, then timed on replayed answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

from tests.costs import cases, doors
from tests.costs.cases import Case
from tests.costs.cloud import Cloud, in_tens
from tests.costs.doors import Output, Stage
from tests.costs.prices import Units
from tests.costs.wire import Replay, Wire
from waypost import wiring
from waypost.cache.ttl_cache import TtlCache

HOUR = 3600
ROUNDS = 4
ROUND_SECONDS = 0.03


def forget_nothing() -> None:
    """Lets warm functions remember keys, schemas and journeys for an hour: when they read them again is a matter of time, not of events."""
    read = TtlCache.read

    def patient(memory: TtlCache[Any], name: str, now: datetime, _: object, *rest: Any, **named: Any) -> Any:
        return read(memory, name, now, lambda _: HOUR, *rest, **named)

    patch.object(TtlCache, "read", patient).start()


@dataclass(frozen=True, slots=True)
class Measured:
    """What a door was handed, what it took for one batch of its case, and the answers that it had."""

    phase: Stage
    units: Units
    answers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The doors, the cloud that counts, the wire between them, and the log."""

    cloud: Cloud
    wire: Wire
    log: Output
    known: dict[str, list[str]] = field(default_factory=dict)

    def through(self, case: Case, event_log: str, timed: Collection[str]) -> list[Measured]:
        """A case from door to door, with everything warm and all customers known; the CPU of these doors only."""
        os.environ["EVENT_LOG"] = event_log
        wiring.matching.cache_clear()
        *devices, spare = self._known(case)
        for _ in self._stages(replace(case, cold_ids=False), [spare]):
            pass
        doors.intake(case.bodies(devices), case.key).run()
        self.cloud.taken_from(doors.SIGNALS)
        stages = list(self._stages(case, devices))
        return [self._measured(case, phase, units, timed=phase.name in timed) for phase, units in stages]

    def _known(self, case: Case) -> list[str]:
        """Ids of customers who were named before, with one to warm up. Whoever entered a journey does not enter it again."""
        devices = self.known.setdefault(case.key, [])
        if case.enters:
            devices.clear()
        fresh = cases.fresh_devices(case.devices + 1 - len(devices))
        doors.intake([{"batch": [cases.identification(device)]} for device in fresh], case.key).run()
        self.cloud.taken_from(doors.SIGNALS)
        devices += fresh
        return devices[: case.devices + 1]

    def _stages(self, case: Case, devices: list[str]) -> Iterator[tuple[Stage, Units]]:
        """Each door that the case comes to, after it has run, with what it took."""
        bodies = case.bodies(devices)
        if case.cold_ids:
            wiring.intake().linked.entries.clear()
        yield self._counted(doors.intake(bodies, case.key))
        signals = self.cloud.taken_from(doors.SIGNALS)
        yield self._counted(doors.from_queue("matcher", doors.SIGNALS, [[each] for each in signals] if case.apart else in_tens(signals)))
        pending_effects = self.cloud.taken_from(doors.SENDS)
        if pending_effects:
            yield self._counted(doors.from_queue("sender", doors.SENDS, in_tens(pending_effects)))

    def _counted(self, phase: Stage) -> tuple[Stage, Units]:
        self.cloud.take()
        logged = self.log.written
        phase.run()
        return phase, self.cloud.take() + phase.billed + Units(log=self.log.written - logged)

    def _measured(self, case: Case, phase: Stage, units: Units, *, timed: bool) -> Measured:
        answers = dict(self.cloud.answers)
        cpu = self._cpu(case, phase, answers, units.calls) if timed else 0
        return Measured(phase, (units + Units(cpu=cpu)).per(case.batches), answers)

    def _cpu(self, case: Case, phase: Stage, answers: Mapping[str, str], calls: float) -> float:
        """Least CPU seconds of one pass on replayed answers. RuntimeError if it asks for something else than it did when counted."""
        replay = Replay(answers)
        self.wire.answerer = replay
        try:
            linked = wiring.intake().linked.entries
            forget = linked.clear if case.cold_ids else _nothing
            rounds = [_round(phase, forget) for _ in range(ROUNDS)]
            passes = sum(number for number, _ in rounds)
            timed = replay.calls / passes
            if replay.unknown or timed != calls:
                raise RuntimeError(f"{case.title}, {phase.name}: {timed} calls when timed, {calls} counted {replay.unknown[:1]}")
            return min(seconds for _, seconds in rounds)
        finally:
            self.wire.answerer = self.cloud


def _nothing() -> None:
    pass


def _round(phase: Stage, before: Callable[[], None]) -> tuple[int, float]:
    """How many passes fit into a round, and the CPU seconds of one."""
    passes, started, until = 0, time.process_time(), time.perf_counter() + ROUND_SECONDS
    while time.perf_counter() < until or not passes:
        before()
        phase.run()
        passes += 1
    return passes, (time.process_time() - started) / passes
