"""Workers that remember different things: each within its longest age, and no event is lost between them."""

from __future__ import annotations

import pytest

from tests.proof.counted import IS_FULL, count
from tests.proof.invariants import check
from tests.proof.observations import observe
from tests.proof.scenarios import NUDGE, event, identify
from tests.proof.scripts import Request, Settle, State, post, prepared
from tests.proof.system import on

ENTRIES_AFTER = 6.0
HALF_SECONDS = range(25) if IS_FULL else (0, 4, 9, 10, 11, 12, 13, 14, 24)
"""Moments from the publication on, in half seconds: entries begin after six seconds, and memories are at most five seconds old."""


def _published_between_two_workers(entered_after: float, bought_after: float) -> State:
    """A customer signs up and buys after a journey is published. A new worker matches the first event, a warm one the second."""
    before = (post(identify("e0")), Settle())
    state = prepared((), (), before, lambda system: None)
    system = state.system
    with on(system):
        assert system.request("PUT", "/api/journeys/nudge", NUDGE)[0] == 201
        # The warm worker reads what is published, at the last moment before the publication.
        _deliver(state, post(event("w0", "seen", "device-9")), "warm")
        assert system.request("POST", "/api/journeys/nudge/publish")[0] == 200
        published_at = system.clock.seconds
        system.clock.seconds = published_at + entered_after
        _deliver(state, post(event("e1", "signed_up")), "new")
        system.clock.seconds = max(system.clock.seconds, published_at + bought_after)
        _deliver(state, post(event("e2", "purchase")), "warm")
    state.script, state.position = (Settle(),), 0
    state.finish()
    return state


def _deliver(state: State, batch: Request, worker: str) -> None:
    """Posts a batch and lets this worker match it."""
    state.script, state.position = (batch,), 0
    state.step()
    assert state.system.deliver("SignalsQueue", worker)


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize("entered_after", [0.0, 4.5, 5.5, 6.0, 6.5])
def test_a_run_in_a_wait_is_moved_by_an_event_that_a_warm_worker_matches(entered_after: float) -> None:
    """As soon as an event enters a new version, the next event that its wait names moves the run, whatever the other worker remembers."""
    for half_seconds in HALF_SECONDS:
        state = _published_between_two_workers(entered_after, max(entered_after, half_seconds / 2))
        count("stale memories")
        seen = observe(state, [("_id", "device-1"), ("_id", "device-9"), ("email", "ada@example.com")])
        check(state, seen)
        [ada] = [customer for customer in seen.customers.values() if customer["primaryKey"]]
        runs = [run for run in ada["runs"] if run["journey"] == "nudge"]
        assert len(runs) == (entered_after >= ENTRIES_AFTER)
        assert [run["step"] for run in runs] == ["end"] * len(runs)
        assert [message["step"] for message in ada["messages"]] == ["thanks"] * len(runs)
