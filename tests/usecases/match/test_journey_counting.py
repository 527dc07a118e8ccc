"""The numbers of journeys: what is counted, when it is written, and that no failure of it concerns a record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.journey_counters import FakeJourneyCounters
from tests.fakes.journeys import journey, message
from tests.fakes.match_harness import CUSTOMER, SCHEMA, MatchHarness, PortCalls, arrived
from tests.fakes.messages import NOW
from tests.fakes.slow_clock import SlowClock
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.reasons import Reason
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.journey_counts import ConversionCounts, CountedVersion, ExperimentBranchPlace, JourneyCounts
from waypost.domain.signals import EventsArrived, TimerDue
from waypost.match.journey_counting import IGNORED_PAUSE, MAX_ELAPSED_SECONDS, MAX_IGNORED_VERSIONS, CountBuffer, write_counts

SIGN_UP, BOUGHT = {"event": "signed_up"}, {"event": "purchase", "uuid": "b1"}
END = {"id": "end", "type": "exit"}
WAIT = {
    "id": "wait",
    "type": "waitUntil",
    "branches": [{"event": "purchase", "next": "end"}],
    "timeout": {"after": "P3D", "next": "nudge"},
}
WAITS = journey(steps=[WAIT, message("nudge", "end"), END])
WELCOME = CountedVersion("w1", "welcome", 1)


@dataclass
class SilentTelemetry:
    """A log that keeps the texts of its lines."""

    lines: list[str] = field(default_factory=list)

    def log_warning(self, text: str, /, **_: Any) -> None:
        self.lines.append(text)

    def log_exception(self, text: str, /, **_: Any) -> None:
        self.lines.append(text)


@dataclass
class FailingCounters(FakeJourneyCounters):
    """Counters whose writes fail with this error."""

    error: Exception | None = None

    def add(self, version: CountedVersion, counts: JourneyCounts, now: datetime) -> None:
        if self.error is not None:
            raise self.error
        super().add(version, counts, now)


@pytest.fixture
def harness() -> MatchHarness:
    """A workspace in which `signed_up` enters a journey that waits three days for a purchase, once."""
    return harness_with()


def harness_with(port_calls: PortCalls | None = None) -> MatchHarness:
    """The same with these calls of ports."""
    made = MatchHarness(port_calls=port_calls or PortCalls())
    made.workspaces.schemas["w1"] = SCHEMA
    made.journeys.publish(WAITS)
    return made


def written(harness: MatchHarness, now: datetime = NOW) -> JourneyCounts:
    """The numbers of the journey after the invocation has ended."""
    telemetry: Any = SilentTelemetry()
    write_counts(harness.counted, harness.counters, now, SlowClock(0), telemetry)
    return harness.counters.days(WELCOME, None).counts


def test_a_run_is_counted_from_its_entry_to_its_end(harness: MatchHarness) -> None:
    """An entry, a timeout with its edges, and the end of the run are counted under the day on which they were processed."""
    harness.match(arrived(SIGN_UP))
    assert written(harness) == JourneyCounts(entered=1)
    [timer] = harness.timers.armed.values()
    later = NOW + timedelta(days=3)
    harness.match(TimerDue(timer), later)
    edges = Counter({EdgePlace(0, 1): 1, EdgePlace(1, 0): 1})
    assert written(harness, later) == JourneyCounts(entered=1, finished=1, edges=edges)
    assert {day for _, day in harness.counters.stored} == {NOW.date(), later.date()}


def test_one_write_for_all_customers_of_an_invocation(harness: MatchHarness) -> None:
    """Ten customers who enter in one invocation are one write, and an invocation in which nothing moved has none."""
    for number in range(10):
        harness.match(arrived(SIGN_UP | {"correlationValue": f"device-{number}", "uuid": f"s{number}"}))
    assert written(harness).entered == 10
    assert harness.counters.writes == 1
    harness.match(arrived({"event": "page_view", "uuid": "p1"}))
    written(harness)
    assert harness.counters.writes == 1


def test_a_redelivered_signal_counts_nothing(harness: MatchHarness) -> None:
    """An event that comes again, and a timer whose wait is over, change no run and no number."""
    harness.match(arrived(SIGN_UP))
    harness.match(arrived(SIGN_UP), redelivered=True)
    [timer] = harness.timers.armed.values()
    for _ in range(2):
        harness.match(TimerDue(timer), NOW + timedelta(days=3))
    counts = written(harness)
    assert (counts.entered, counts.finished, sum(counts.edges.values()), counts.ignored) == (1, 1, 2, Counter())


def test_an_ignored_event_is_counted_with_its_reason(harness: MatchHarness) -> None:
    """A second sign-up of a customer counts as `already-entered`, under the version that customers enter."""
    harness.match(arrived(SIGN_UP))
    harness.match(arrived(SIGN_UP | {"uuid": "again"}))
    assert written(harness).ignored == Counter({Reason.ALREADY_ENTERED: 1})
    harness.match(arrived(SIGN_UP | {"uuid": "again"}), redelivered=True)
    assert written(harness, NOW + IGNORED_PAUSE).ignored == Counter({Reason.ALREADY_ENTERED: 1})


def test_an_event_that_moves_a_run_is_not_ignored_in_its_journey() -> None:
    """The event that ends a wait may also be the entry, which is refused to a customer who is in the journey: it did something there."""
    harness = MatchHarness()
    harness.workspaces.schemas["w1"] = SCHEMA
    wait = WAIT | {"branches": [{"event": "signed_up", "next": "end"}]}
    harness.journeys.publish(journey(steps=[wait, message("nudge", "end"), END]))
    harness.match(arrived(SIGN_UP))
    [receipt] = harness.match(arrived(SIGN_UP | {"uuid": "again"}))
    assert [each.outcome for each in receipt.journeys] == ["advanced", "ignored"]
    assert written(harness) == JourneyCounts(entered=1, finished=1, edges=Counter({EdgePlace(0, 0): 1}))


def test_an_event_whose_receipt_could_not_be_written_is_counted_once(harness: MatchHarness) -> None:
    """An ignored event is matched again until its receipt is written, and counts only then."""
    harness.match(arrived(SIGN_UP))
    harness.port_calls.calls.clear()
    again = arrived(SIGN_UP | {"uuid": "again"})
    position = trial_position(harness, again)
    harness.port_calls.calls.clear()
    harness.port_calls.fail_at = position
    with pytest.raises(UnavailableError):
        harness.match(again)
    harness.match(again, redelivered=True)
    assert written(harness).ignored == Counter({Reason.ALREADY_ENTERED: 1})


def trial_position(harness: MatchHarness, signal: EventsArrived) -> int:
    """The position of the write of the log among the calls for an ignored event: another customer's is matched to find it."""
    other = harness_with()
    other.match(arrived(SIGN_UP))
    other.port_calls.calls.clear()
    other.match(signal)
    return other.port_calls.calls.index("FakeLog.write")


def test_ignored_events_alone_are_written_now_and_then(harness: MatchHarness) -> None:
    """The first is written at once, those of the 30 seconds after it together, or with the next move of the journey."""
    harness.match(arrived(SIGN_UP))
    written(harness)
    for place, seconds in enumerate((0, 1, 29, 30)):
        harness.match(arrived(SIGN_UP | {"uuid": f"again{place}"}))
        written(harness, NOW + timedelta(seconds=seconds))
    assert harness.counters.writes == 1 + 2
    assert harness.counters.days(WELCOME, None).counts.ignored == Counter({Reason.ALREADY_ENTERED: 4})
    harness.match(arrived(SIGN_UP | {"uuid": "again4"}))
    harness.match(arrived(BOUGHT))
    counts = written(harness, NOW + timedelta(seconds=31))
    assert (counts.finished, counts.ignored, harness.counters.writes) == (1, Counter({Reason.ALREADY_ENTERED: 5}), 4)


def test_ignored_events_of_many_journeys_are_few_writes() -> None:
    """An event that a hundred journeys ignore costs an invocation ten writes, and the rest is written by the next ones."""
    buffer, counters = CountBuffer(), FakeJourneyCounters()
    telemetry: Any = SilentTelemetry()
    for number in range(100):
        buffer.add_ignored(WELCOME._replace(journey=f"j{number}"), Reason.CONDITIONS)
    for invocation in range(1, 11):
        write_counts(buffer, counters, NOW, SlowClock(0), telemetry)
        assert counters.writes == MAX_IGNORED_VERSIONS * invocation
    write_counts(buffer, counters, NOW, SlowClock(0), telemetry)
    assert (counters.writes, buffer.ignored) == (100, {})


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_no_crash_counts_anything_twice(after: bool) -> None:
    """Whatever call fails, the numbers are those of a delivery without failures, or lower where a commit's answer was lost."""
    signals = [arrived(SIGN_UP), arrived(BOUGHT)]
    plain = harness_with()
    plain.deliver(signals)
    calls, expected = list(plain.port_calls.calls), written(plain)
    for position, name in enumerate(calls):
        harness = harness_with(PortCalls(fail_at=position, after=after))
        harness.deliver(signals)
        counts = written(harness)
        if after and name == "FakeRuns.commit":
            assert counts.entered <= expected.entered
            assert counts.edges <= expected.edges
        else:
            assert replace(counts, ignored=Counter()) == replace(expected, ignored=Counter()), (position, name)


def test_sixty_journeys_that_are_saved_in_parts_count_once_each() -> None:
    """A part that was saved before a crash is counted then, and the redelivery counts the other parts alone."""
    for position in range(12):
        harness = MatchHarness(port_calls=PortCalls(fail_at=position))
        harness.workspaces.schemas["w1"] = SCHEMA
        harness.journeys.publish(*(journey(f"j{place}") for place in range(60)))
        harness.deliver([arrived(SIGN_UP)])
        written(harness)
        assert [counts.entered for counts in harness.counters.stored.values()] == [1] * 60, position


def test_a_merge_counts_the_run_that_exits(harness: MatchHarness) -> None:
    """Of two active runs of one journey the anonymous one exits with the reason `merged`, once, although a merge has no transition."""
    name = {"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}
    harness.match(arrived(SIGN_UP | {"uuid": "s1"}))
    harness.match(arrived(name | {"correlationValue": "phone", "uuid": "i1"}))
    harness.match(arrived(SIGN_UP | {"correlationValue": "phone", "uuid": "s2"}))
    harness.deliver([arrived(name | {"uuid": "i2"}), arrived({"event": "purchase", "uuid": "p1"})])
    counts = written(harness)
    assert (counts.entered, counts.finished, counts.exited) == (2, 1, Counter({Reason.MERGED: 1}))


def test_a_merge_counts_no_run_that_had_ended(harness: MatchHarness) -> None:
    """A finished run of the anonymous customer moves to the known one, and was counted when it finished."""
    name = {"event": "$identify", "payload": {"distinct_id": "ada@example.com"}}
    harness.match(arrived(SIGN_UP | {"uuid": "s1"}))
    harness.match(arrived(BOUGHT))
    harness.match(arrived(name | {"correlationValue": "phone", "uuid": "i1"}))
    harness.deliver([arrived(name | {"uuid": "i2"})])
    counts = written(harness)
    assert (counts.entered, counts.finished, counts.exited) == (1, 1, Counter())


def test_an_outage_is_logged_and_marked(harness: MatchHarness) -> None:
    """A write that fails is not repeated, because it may have happened; the next write of the version says that one has failed."""
    harness.counters = FailingCounters(error=UnavailableError("throttled"))
    telemetry: Any = SilentTelemetry()
    harness.match(arrived(SIGN_UP))
    write_counts(harness.counted, harness.counters, NOW, SlowClock(0), telemetry)
    assert telemetry.lines == ["not counted"]
    harness.counters.error = None
    write_counts(harness.counted, harness.counters, NOW, SlowClock(0), telemetry)
    assert harness.counters.writes == 0
    harness.match(arrived(BOUGHT))
    assert written(harness) == JourneyCounts(finished=1, failed_writes=1, edges=Counter({EdgePlace(0, 0): 1}))


@pytest.mark.parametrize(("error", "left"), [(UnavailableError("down"), 1), (ValueError("a fault"), 0)], ids=["outage", "fault"])
def test_the_other_journeys_wait_for_the_end_of_an_outage(error: Exception, left: int) -> None:
    """An outage ends the writes of the invocation, and what was not tried stays. A fault concerns its own journey alone."""
    buffer, counters = CountBuffer(), FailingCounters(error=error)
    telemetry: Any = SilentTelemetry()
    for number in range(2):
        buffer.add_exits("w1", [replace(exited_run(), journey=f"j{number}")])
    write_counts(buffer, counters, NOW, SlowClock(0), telemetry)
    assert telemetry.lines == ["not counted"] * (2 - left)
    counters.error = None
    write_counts(buffer, counters, NOW, SlowClock(0), telemetry)
    assert counters.writes == left


def exited_run() -> Any:
    """A run that has exited."""
    made = harness_with()
    made.match(arrived(SIGN_UP))
    return made.runs.all[0].exited(Reason.MERGED)


def test_a_late_invocation_keeps_its_numbers(harness: MatchHarness) -> None:
    """An invocation that has little time left writes nothing, so that it does not time out; the next one writes its numbers."""
    telemetry: Any = SilentTelemetry()
    harness.match(arrived(SIGN_UP))
    write_counts(harness.counted, harness.counters, NOW, lambda: MAX_ELAPSED_SECONDS + 1, telemetry)
    assert harness.counters.writes == 0
    assert written(harness).entered == 1


def test_a_branch_of_an_experiment_has_a_write_of_its_own() -> None:
    """Entry and edges are one write, the branch of the experiment another; a goal that was reached before adds none."""
    harness = MatchHarness()
    harness.workspaces.schemas["w1"] = SCHEMA
    draw = {"id": "draw", "type": "experiment", "branches": [{"id": "x", "weight": 100, "next": "wait"}]}
    harness.journeys.publish(journey(steps=[draw, WAIT, message("nudge", "end"), END]))
    harness.match(arrived(SIGN_UP))
    written(harness)
    assert harness.counters.writes == 2
    harness.match(arrived(BOUGHT))
    written(harness)
    goals = journey(steps=[draw, WAIT, message("nudge", "end"), END]).goals
    reached = Counter([goals["wait", None], goals["wait", 0], goals["end", None]])
    assert harness.counters.branches == {(WELCOME, ExperimentBranchPlace(0, 0)): ConversionCounts(1, reached)}
    assert harness.counters.writes == 4


def test_the_numbers_name_no_customer() -> None:
    """An erasure need not look at the numbers: their keys are journeys, versions, days and places."""
    harness = harness_with()
    harness.match(arrived(SIGN_UP))
    written(harness)
    assert CUSTOMER not in repr(harness.counters)
    assert Identifier("correlation", "device-1").value not in repr(harness.counters)
