"""The same agreement, driven step by step by hypothesis, which makes a history that fails as short as it can."""

from __future__ import annotations

import os
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.agreement import assert_only_conflicts_are_refused, assert_sound
from tests.model.history_generator import DEVICES, HistoryGenerator, Told
from tests.model.simulated_system import SimulatedSystem


class Days(RuleBasedStateMachine):
    """What may happen on a day in a workspace, in any order; in the evening all is finished and compared."""

    @initialize(random=st.randoms(use_true_random=False), bad=st.sampled_from((0.0, 0.1)))
    def open(self, random: Random, bad: float) -> None:
        """A workspace that knows nobody."""
        self.system, self.teller = SimulatedSystem(random, bad), HistoryGenerator(random, quarrels=True)
        self.history: list[Told] = []

    @rule(size=st.integers(1, 3))
    def post(self, size: int) -> None:
        """A batch of new events."""
        batch = [self.teller.event(f"e{len(self.history) + place}", dict.fromkeys(DEVICES)) for place in range(size)]
        self.history += batch
        self.system.post([told.wire for told in batch])

    @precondition(lambda self: self.history)
    @rule(place=st.integers(0, 50))
    def post_again(self, place: int) -> None:
        """An event that was posted before."""
        self.system.post([self.history[place % len(self.history)].wire])

    @rule()
    def work(self) -> None:
        """One delivery of one signal."""
        self.system.somebody_works()

    @rule()
    def tidy_up(self) -> None:
        """Whatever is queued is matched."""
        self.system.finish()

    def teardown(self) -> None:
        """The evening."""
        if hasattr(self, "town"):
            self.system.finish()
            assert_only_conflicts_are_refused(self.system, self.history, "see the steps above")
            assert_sound(self.system, "see the steps above")


RUNS = int(os.environ.get("WAYPOST_DAYS", "300"))
TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=RUNS, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
