"""Measures one scenario: counts units on the counting cloud, then times the functions on recorded responses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from tests.costs import phases, scenarios
from tests.costs.cloud import CountingCloud, in_tens
from tests.costs.fake_network import FakeNetwork, Replay
from tests.costs.phases import LogCounter, Phase
from tests.costs.prices import Units
from tests.costs.scenarios import Scenario
from waypost import wiring
from waypost.cache.ttl_cache import TtlCache
from waypost.match import journey_counting

HOUR = 3600
ROUNDS = 4
ROUND_SECONDS = 0.03


def extend_caches() -> None:
    """Makes functions keep keys, schemas and journeys in memory for an hour, because the number of repeated reads depends on time only.

    The same holds for the writes of the numbers of ignored events: an instance makes at most one each 30 seconds for a journey.
    """
    read = TtlCache.read

    def read_for_an_hour(cache: TtlCache[Any], name: str, now: datetime, _: object, *rest: Any, **named: Any) -> Any:
        return read(cache, name, now, lambda _: HOUR, *rest, **named)

    patch.object(TtlCache, "read", read_for_an_hour).start()
    patch.object(journey_counting, "IGNORED_PAUSE", timedelta(seconds=HOUR)).start()


@dataclass(frozen=True, slots=True)
class Measurement:
    """A phase, the units that it takes for one batch of its scenario, and the responses of AWS by the identity of a request."""

    phase: Phase
    units: Units
    responses: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The counting cloud, the network between it and the functions, and the log. `devices` are known customers' ids by API key."""

    cloud: CountingCloud
    network: FakeNetwork
    log: LogCounter
    devices: dict[str, list[str]] = field(default_factory=dict)

    def measure(self, scenario: Scenario, event_log: str, timed: Collection[str]) -> list[Measurement]:
        """Measures each phase of a scenario with warm functions and known customers.

        `event_log` is the template's parameter of that name. Only the phases whose names are in `timed` get CPU seconds.
        """
        os.environ["EVENT_LOG"] = event_log
        wiring.matching.cache_clear()
        *devices, spare = self._known_devices(scenario)
        for _ in self._phases(replace(scenario, cold_ids=False), [spare]):  # a first pass warms up the functions
            pass
        phases.intake(scenario.bodies(devices), scenario.key).run()
        self.cloud.take_messages(phases.SIGNALS)
        counted = list(self._phases(scenario, devices))
        return [self._measured(scenario, phase, units, timed=phase.name in timed) for phase, units in counted]

    def _known_devices(self, scenario: Scenario) -> list[str]:
        """Ids of identified customers for the scenario, and one more for the warm-up.

        A scenario in which customers enter a journey gets new ones, because a customer enters it only once.
        """
        devices = self.devices.setdefault(scenario.key, [])
        if scenario.enters:
            devices.clear()
        new = scenarios.new_devices(scenario.devices + 1 - len(devices))
        phases.intake([{"batch": [scenarios.identification(device)]} for device in new], scenario.key).run()
        self.cloud.take_messages(phases.SIGNALS)
        devices += new
        return devices[: scenario.devices + 1]

    def _phases(self, scenario: Scenario, devices: list[str]) -> Iterator[tuple[Phase, Units]]:
        """Runs the phases of a scenario one after the other; yields each with the units that it took."""
        bodies = scenario.bodies(devices)
        if scenario.cold_ids:
            wiring.intake().linked.entries.clear()
        yield self._counted(phases.intake(bodies, scenario.key))
        signals = self.cloud.take_messages(phases.SIGNALS)
        received = [[each] for each in signals] if scenario.separate else in_tens(signals)
        yield self._counted(phases.from_queue("matcher", phases.SIGNALS, received))
        messages = self.cloud.take_messages(phases.SENDS)
        if messages:
            yield self._counted(phases.from_queue("sender", phases.SENDS, in_tens(messages)))

    def _counted(self, phase: Phase) -> tuple[Phase, Units]:
        self.cloud.take_units()
        logged = self.log.written
        phase.run()
        return phase, self.cloud.take_units() + phase.billed + Units(log=self.log.written - logged)

    def _measured(self, scenario: Scenario, phase: Phase, units: Units, *, timed: bool) -> Measurement:
        responses = dict(self.cloud.responses)
        cpu = self._cpu_seconds(scenario, phase, responses, units.calls) if timed else 0
        return Measurement(phase, (units + Units(cpu=cpu)).per(scenario.batches), responses)

    def _cpu_seconds(self, scenario: Scenario, phase: Phase, responses: Mapping[str, str], calls: float) -> float:
        """The least CPU seconds of one pass on recorded responses. RuntimeError if it makes other calls than the counted pass."""
        replay = Replay(responses)
        self.network.responder = replay
        try:
            linked = wiring.intake().linked.entries
            before_pass = linked.clear if scenario.cold_ids else _no_operation
            rounds = [_round(phase, before_pass) for _ in range(ROUNDS)]
            passes = sum(number for number, _ in rounds)
            timed = replay.calls / passes
            if replay.unknown or timed != calls:
                raise RuntimeError(f"{scenario.title}, {phase.name}: {timed} calls when timed, {calls} counted {replay.unknown[:1]}")
            return min(seconds for _, seconds in rounds)
        finally:
            self.network.responder = self.cloud


def _no_operation() -> None:
    pass


def _round(phase: Phase, before_pass: Callable[[], None]) -> tuple[int, float]:
    """The number of passes that fit into a round, and the CPU seconds of one."""
    passes, started, until = 0, time.process_time(), time.perf_counter() + ROUND_SECONDS
    while time.perf_counter() < until or not passes:
        before_pass()
        phase.run()
        passes += 1
    return passes, (time.process_time() - started) / passes
