"""A record that ends each process which works on it is parked within a stated time, and the others go on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.aws.calls import Call, Perform, ProcessEndedError
from tests.proof.counted import count
from tests.proof.scenarios import HELLO, event, identify
from tests.proof.scripts import prepared
from tests.proof.system import on

PARKED_WITHIN = 90 * 60.0
"""Twelve receives, each followed by the visibility timeout of six minutes (docs/operate.md#dead-letters)."""


@pytest.mark.usefixtures("simulation")
@pytest.mark.parametrize(("function", "kind"), [("match", "signal"), ("send", "message")], ids=["at the matcher", "at the sender"])
def test_a_record_that_ends_the_process_is_parked(function: str, kind: str) -> None:
    """A dead letter appears within three hours, and the events and messages of another customer are done before."""
    state = prepared((), (HELLO,), (), lambda system: None)
    system = state.system

    def end_the_process(call: Call, perform: Perform) -> Any:
        is_first_read_of_ada = call.operation == "query" and "ada@example.com" in repr(call.arguments)
        if call.function == function and (is_first_read_of_ada if function == "send" else "device-1" in repr(call.arguments)):
            raise ProcessEndedError("memory")
        return perform()

    system.aws.intervene = end_the_process
    started = system.clock.seconds
    bob_done = parked = 0.0
    with on(system):
        batch = [identify("f1", "device-2", "bob@example.com"), event("f2", "signed_up", "device-2")]
        ada = [identify("e1"), event("e2", "signed_up")]
        assert system.request("POST", "/api/events/batch/", {"batch": [*ada, *batch]})[0] == 201
        for _ in range(5000):
            if not system.step():
                break
            seconds = system.clock.seconds - started
            if not bob_done and any(each.address.endswith("bob@example.com") for each in system.ses.delivered):
                bob_done = seconds
            if not parked and system.metrics["Parked", ""]:
                parked = seconds
        else:
            raise AssertionError("the record never leaves the queue")
        system.clock.advance(5)
        letters = system.request("GET", "/api/dead-letters")[1]["items"]
    count("processes that end")
    assert [each["kind"] for each in letters] == [kind]
    assert 0 < parked < PARKED_WITHIN
    assert 0 < bob_done < PARKED_WITHIN
