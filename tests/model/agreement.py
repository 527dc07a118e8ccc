"""The assertions that compare the simulated system with the reference model."""

from __future__ import annotations

from collections.abc import Sequence

from tests.model.history_generator import GeneratedEvent
from tests.model.reference_model import conflicts, expected_customers
from tests.model.simulated_system import SimulatedSystem
from waypost.domain.reasons import Reason


def assert_model(system: SimulatedSystem, accepted: Sequence[GeneratedEvent], label: str) -> None:
    """Each identifier belongs to the customer that the model expects, and no other identifier has a customer."""
    model = expected_customers([event.facts for event in accepted])
    assert {identifier: system.shown_customer(identifier) for identifier in model} == model, label
    assert {row.owner for row in system.matcher.customers.rows} == model.keys(), label


def assert_only_conflicts_are_rejected(system: SimulatedSystem, history: Sequence[GeneratedEvent], label: str) -> None:
    """Accepted events contain no conflict, each rejected event conflicts with accepted ones, and only accepted events have an effect."""
    rejected = system.rejected()
    accepted = [event for event in history if event.facts.uuid not in rejected]
    facts = [event.facts for event in accepted]
    assert set(rejected.values()) <= {Reason.CORRELATION_CONFLICT}, label
    assert conflicts(facts) == [], label
    assert all(conflicts([event.facts, *facts]) for event in history if event not in accepted), label
    assert_model(system, accepted, label)


def assert_complete_log(system: SimulatedSystem, history: Sequence[GeneratedEvent], label: str) -> None:
    """Each matched event is on one page of the customer to whom its identifier leads, and so is the customer id in its receipt."""
    current = system.current_ids({identifier for event in history for identifier in event.facts.identifiers})
    receipts = {uuid: receipt for (_, uuid), receipt in system.matcher.receipts.stored.items()}
    # The same event, sent again and matched at the same moment in two message groups without an effect, is on a second page.
    pages = system.matcher.log.pages.values()
    logged = [(event, page.customer) for page in pages for event in page.events if page.received_at == receipts[event.uuid].received_at]
    assert sorted(event.uuid for event, _ in logged) == sorted(receipts), label
    for event, customer in logged:
        owner = system.customer(event.identifier)
        assert current[customer] == current[receipts[event.uuid].customer], label
        assert owner is None or receipts[event.uuid].reason or current[customer] == owner.id, label


def assert_consistent_runs(system: SimulatedSystem, label: str) -> None:
    """Each entered run exists once and has one message if it is past its wait; no effect is pending; at most one run is active.

    At most one means one for each customer, journey and value of the re-entry key. A customer that was merged has no runs.
    """
    runs, receipts = system.matcher.runs, system.matcher.receipts.stored.values()
    existing = sorted(run.id for run in runs.all)
    assert existing == sorted(move.run or "" for receipt in receipts for move in receipt.journeys if move.outcome == "entered"), label
    past_wait = sorted(run.id for run in runs.all if run.step != "wait")
    assert past_wait == sorted(message.run for message in system.matcher.messages.stored.values()), label
    assert system.matcher.queued == {name for _, name in system.matcher.messages.stored}, label
    assert runs.pending_effects == [], label
    for customer_runs in runs.stored_runs.values():
        active = [(run.journey, run.key) for run in customer_runs.runs if run.active]
        assert len(active) == len(set(active)), label
        assert not (customer_runs.version_row.merged_into and customer_runs.runs), label
