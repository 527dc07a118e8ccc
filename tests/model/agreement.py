"""Where the system and the reference model must agree."""

from __future__ import annotations

from collections.abc import Sequence

from tests.model.history_generator import Told
from tests.model.reference_model import conflicts, people
from tests.model.simulated_system import SimulatedSystem
from waypost.domain.reasons import Reason


def assert_model(system: SimulatedSystem, accepted: Sequence[Told], which: str) -> None:
    """Every identifier names the person that the model says, and those that it does not know name nobody."""
    model = people([told.said for told in accepted])
    assert {name: system.person(name) for name in model} == model, which
    assert {row.owner for row in system.world.customers.rows} == model.keys(), which


def assert_only_conflicts_are_refused(system: SimulatedSystem, history: Sequence[Told], which: str) -> None:
    """What is refused contradicts what was accepted; what was accepted never gives an id to two; and only that is in force."""
    refused = system.refused()
    accepted = [told for told in history if told.said.uuid not in refused]
    said = [told.said for told in accepted]
    assert set(refused.values()) <= {Reason.CORRELATION_CONFLICT}, which
    assert conflicts(said) == [], which
    assert all(conflicts([told.said, *said]) for told in history if told not in accepted), which
    assert_model(system, accepted, which)


def assert_sound(system: SimulatedSystem, which: str) -> None:
    """Every run is there once, with one message if it is past its wait; nothing is owed; of one journey and key at most one goes on."""
    runs, receipts = system.world.runs, system.world.receipts.stored.values()
    there = sorted(run.id for run in runs.all)
    assert there == sorted(move.run or "" for receipt in receipts for move in receipt.journeys if move.outcome == "entered"), which
    spoken = sorted(run.id for run in runs.all if run.step != "wait")
    assert spoken == sorted(message.run for message in system.world.messages.stored.values()), which
    assert system.world.queued == {name for _, name in system.world.messages.stored}, which
    assert runs.pending_effects == [], which
    for customer_runs in runs.stored_runs.values():
        active = [(run.journey, run.key) for run in customer_runs.runs if run.active]
        assert len(active) == len(set(active)), which
        assert not (customer_runs.version_row.merged_into and customer_runs.runs), which
