"""What becomes of the runs of an anonymous customer that is merged into a known one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.messages import NOW
from waypost.domain.reasons import Reason
from waypost.domain.runs.merge_rules import merged_run
from waypost.domain.runs.run import CustomerRuns, Run, VersionRow

ACTIVE = Run("r_1", "welcome", 1, "7", "hello", NOW)
ENDED = ACTIVE.exited(Reason.FINISHED)


@pytest.mark.parametrize(
    ("target", "source", "reason", "is_past"),
    [
        pytest.param([ACTIVE], ACTIVE, Reason.MERGED, True, id="both active"),
        pytest.param([ENDED], ACTIVE, None, False, id="the known customer's run has ended"),
        pytest.param([ACTIVE], ENDED, Reason.FINISHED, True, id="the anonymous customer's run has ended"),
        pytest.param([ENDED], ENDED, Reason.FINISHED, True, id="both ended"),
        pytest.param([], ACTIVE, None, False, id="the known customer has none, active"),
        pytest.param([], ENDED, Reason.FINISHED, False, id="the known customer has none, ended"),
        pytest.param([replace(ACTIVE, key="8")], ACTIVE, None, False, id="another key"),
        pytest.param([replace(ACTIVE, journey="other")], ACTIVE, None, False, id="another journey"),
    ],
)
def test_a_merge_keeps_one_active_run_of_each_journey_and_key(target: list[Run], source: Run, reason: Reason | None, is_past: bool) -> None:
    """The known customer's active run goes on and the other exits with `merged`; one current run always remains, so `once` is used."""
    theirs = CustomerRuns(VersionRow(), tuple(replace(run, id=f"r_target_{run.key}") for run in target))
    run, past = merged_run(theirs, replace(source, id="r_source"))
    assert (run.id, run.reason, past) == ("r_source", reason, is_past)
