"""The comparison with the reference model as a state machine of Hypothesis, which shortens a failing history to its essential steps."""

from __future__ import annotations

import os
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.agreement import assert_consistent_runs, assert_only_conflicts_are_rejected
from tests.model.history_generator import DEVICES, GeneratedEvent, HistoryGenerator
from tests.model.simulated_system import SimulatedSystem

EXAMPLES = int(os.environ.get("WAYPOST_EXAMPLES", "100"))
LABEL = "see the steps above"


class WorkspaceMachine(RuleBasedStateMachine):
    """Posts, repeats and delivers events of one workspace in any order; at the end it delivers the rest and compares."""

    @initialize(random=st.randoms(use_true_random=False), fault_rate=st.sampled_from((0.0, 0.1)))
    def create_system(self, random: Random, fault_rate: float) -> None:
        """Creates a workspace without customers."""
        self.system, self.generator = SimulatedSystem(random, fault_rate), HistoryGenerator(random, conflicting=True)
        self.history: list[GeneratedEvent] = []

    @rule(size=st.integers(1, 3))
    def post_batch(self, size: int) -> None:
        """Posts a batch of new events."""
        batch = [self.generator.event(f"e{len(self.history) + position}", dict.fromkeys(DEVICES)) for position in range(size)]
        self.history += batch
        self.system.post([event.wire for event in batch])

    @precondition(lambda self: self.history)
    @rule(position=st.integers(0, 50))
    def post_again(self, position: int) -> None:
        """Posts an event that was posted before."""
        self.system.post([self.history[position % len(self.history)].wire])

    @rule()
    def deliver_one(self) -> None:
        """Delivers one signal."""
        self.system.deliver_one()

    @rule()
    def deliver_all(self) -> None:
        """Delivers everything in the queue."""
        self.system.deliver_all()

    def teardown(self) -> None:
        """Delivers the rest and compares; Hypothesis also calls this for an example that ended before `create_system`."""
        if hasattr(self, "system"):
            self.system.deliver_all()
            assert_only_conflicts_are_rejected(self.system, self.history, LABEL)
            assert_consistent_runs(self.system, LABEL)


TestWorkspaceMachine = WorkspaceMachine.TestCase
TestWorkspaceMachine.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
