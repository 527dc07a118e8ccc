"""A run and the runs of one customer as values."""

from __future__ import annotations

from datetime import timedelta

from tests.fakes.messages import NOW
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import MAX_HISTORY, Cause, CustomerRuns, Run, RunStatus, VersionRow

RUN = Run("r_1", "welcome", 1, "", "hello", NOW, visits={"hello": 1}, trigger_event={"uuid": "e1"}, due=NOW)


def test_each_visit_of_a_step_is_counted() -> None:
    """A run that comes back to a step is there for the second time, and the earlier state of the run is unchanged."""
    again = RUN.moved_to("other", NOW, Cause.NEXT).moved_to("hello", NOW, Cause.JUMP)
    assert (again.step, again.visits) == ("hello", {"hello": 2, "other": 1})
    assert RUN.visits == {"hello": 1}


def test_the_history_of_a_run_is_limited_to_its_latest_visits() -> None:
    """A run of sixty visits keeps the latest fifty of them in its history."""
    run = RUN
    for minute in range(60):
        run = run.moved_to("hello", NOW + timedelta(minutes=minute), Cause.JUMP)
    assert len(run.history) == MAX_HISTORY
    assert (run.history[0].at, run.history[-1].at) == (NOW + timedelta(minutes=10), NOW + timedelta(minutes=59))


def test_an_exited_run_waits_for_nothing() -> None:
    """A run that has exited has neither a trigger event nor a due time."""
    ended = RUN.exited(Reason.STOPPED)
    assert (ended.status, ended.active, ended.reason) == (RunStatus.EXITED, False, Reason.STOPPED)
    assert (ended.trigger_event, ended.due) == (None, None)


def test_runs_are_found_by_journey_and_key_and_by_id() -> None:
    """Runs of one journey with different keys are apart, and a run that is added again replaces its earlier state."""
    other = Run("r_2", "welcome", 1, "7", "hello", NOW)
    runs = CustomerRuns(VersionRow(), (RUN, other))
    assert runs.in_journey("welcome", "") == [RUN]
    assert runs.in_journey("welcome", "7") == [other]
    assert runs.in_journey("else", "") == []
    assert (runs.find("r_2"), runs.find("r_3")) == (other, None)
    moved = runs.with_run(RUN.moved_to("next", NOW, Cause.NEXT))
    assert [run.step for run in moved.in_journey("welcome", "")] == ["next"]
    assert len(moved.runs) == 2
