"""Pausing, resuming and stopping journeys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.definitions import FakeDefinitions
from tests.fakes.journeys import journey, message
from tests.fakes.manage import manage_dependencies
from tests.fakes.runs import FakeRuns
from tests.fakes.signals import FakeSignals
from tests.fakes.timers import FakeDelays
from waypost.domain.customers.customer import Customer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.journeys.lifecycle import Lifecycle, LifecycleAction
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import CustomerRuns, Run, VersionRow
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import JourneyResumed
from waypost.domain.values import exact_json
from waypost.manage import journeys
from waypost.manage.customers import runs_of
from waypost.manage.dependencies import PublishChecks
from waypost.manage.lifecycle import change_status

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
CHECKS = PublishChecks(template=lambda _: None, address=lambda _: None)


def definition(event: str = "paid") -> dict[str, object]:
    """A journey that waits for this event."""
    wait = {"id": "wait", "type": "waitUntil", "branches": [{"event": event, "next": "hello"}]}
    steps = [wait, message("hello", "end"), {"id": "end", "type": "exit"}]
    return {"id": "welcome", "entry": {"event": "signed_up"}, "exit": [{"event": "gone"}], "steps": steps}


@dataclass
class LifecycleHarness:
    """The journeys table with one published journey, and the queues, in memory."""

    store: FakeDefinitions = field(default_factory=FakeDefinitions)
    signals: FakeSignals = field(default_factory=FakeSignals)
    delays: FakeDelays = field(default_factory=FakeDelays)

    def __post_init__(self) -> None:
        self.publish()

    def publish(self, event: str = "paid") -> Lifecycle:
        """Saves and publishes a version that waits for this event."""
        journeys.save(self.store, "w1", "welcome", definition(event), NOW)
        return journeys.publish(self.store, "w1", "welcome", CHECKS, lambda: NOW)[0]

    def change(self, action: LifecycleAction, journey_id: str = "welcome") -> Lifecycle:
        """Pauses, resumes or stops the journey."""
        dependencies = manage_dependencies(journeys=self.store, signals=self.signals, delays=self.delays)
        return change_status(dependencies, "w1", journey_id, action, NOW + timedelta(days=1))[0]

    @property
    def active(self) -> tuple[ActiveVersion, ...]:
        """The active versions."""
        return self.store.pointer("w1").active


def test_a_journey_is_paused_resumed_and_stopped() -> None:
    """Each action changes the status of the journey and of its active version, and a stopped journey is no longer active."""
    harness = LifecycleHarness()
    assert (harness.change("pause").status, harness.active[0].status) == ("paused", "paused")
    assert (harness.change("resume").status, harness.active[0].status) == ("published", "published")
    assert (harness.change("stop").status, harness.active) == ("stopped", ())


@pytest.mark.parametrize(
    ("before", "action"),
    [(["stop"], "pause"), (["stop"], "resume")],
)
def test_an_action_that_the_status_does_not_allow_is_409(before: list[LifecycleAction], action: LifecycleAction) -> None:
    """The action is refused, and the pointer to the active versions does not change."""
    harness = LifecycleHarness()
    for each in before:
        harness.change(each)
    pointer = harness.store.pointer("w1")
    with pytest.raises(RefusedError) as refused:
        harness.change(action)
    assert (refused.value.status, refused.value.code) == (409, "wrong-move")
    assert harness.store.pointer("w1") == pointer


@pytest.mark.parametrize("action", ["pause", "resume", "stop"])
def test_a_repeated_action_changes_nothing(action: LifecycleAction) -> None:
    """A client that lost the answer can send the request again: it gets the same journey, and the pointer does not change."""
    harness = LifecycleHarness()
    harness.change("pause")
    first = harness.change(action)
    pointer, stored = harness.store.pointer("w1"), harness.store.lifecycle("w1", "welcome")
    assert harness.change(action).status == first.status
    assert (harness.store.pointer("w1"), harness.store.lifecycle("w1", "welcome")) == (pointer, stored)


@pytest.mark.parametrize("failure", [FakeSignals(down=True), FakeSignals(refuses=lambda _, __: True)])
def test_a_resume_whose_signal_was_not_sent_is_unavailable_and_can_be_repeated(failure: FakeSignals) -> None:
    """The first call has written the status and says 503. The second sends the same signals, so the runs are released at once."""
    harness = LifecycleHarness()
    harness.change("pause")
    harness.signals = failure
    with pytest.raises(UnavailableError):
        harness.change("resume")
    harness.signals = FakeSignals()
    assert harness.change("resume").status == "published"
    revision = harness.store.pointer("w1").revision
    assert [from_wire(exact_json.loads(each.body)) for each in harness.signals.queue_messages] == [
        JourneyResumed("w1", "welcome", revision)
    ]
    assert len({queue_message.name for queue_message, _ in harness.delays.queue_messages}) == 1


def test_a_draft_cannot_be_paused() -> None:
    """Pausing a journey that was never published is 409, and pausing one that does not exist is 404."""
    harness = LifecycleHarness()
    journeys.save(harness.store, "w1", "other", definition() | {"id": "other"}, NOW)
    for name, status in (("other", 409), ("nowhere", 404)):
        with pytest.raises(RefusedError) as refused:
            harness.change("pause", name)
        assert refused.value.status == status


def test_a_stopped_journey_takes_no_drafts_and_is_not_published_again() -> None:
    """Saving and publishing a stopped journey are both 409."""
    harness = LifecycleHarness()
    harness.change("stop")
    for change in (harness.publish, lambda: journeys.publish(harness.store, "w1", "welcome", CHECKS, lambda: NOW)):
        with pytest.raises(RefusedError) as refused:
            change()
        assert refused.value.status == 409


def test_a_paused_journey_can_get_a_new_version() -> None:
    """The new version is active and still paused. The events that runs of the old version wait for are still matched."""
    harness = LifecycleHarness()
    harness.change("pause")
    assert harness.publish("shipped").status == "paused"
    [active] = harness.active
    assert (active.version, active.status, active.event_names) == (2, "paused", ("gone", "paid", "shipped"))


def test_a_resume_enqueues_two_passes() -> None:
    """The first pass is sent at once and the second one after 15 seconds, with a deduplication id of its own."""
    harness = LifecycleHarness()
    harness.change("pause")
    harness.change("resume")
    [first] = harness.signals.queue_messages
    [(second, delay)] = harness.delays.queue_messages
    revision = harness.store.pointer("w1").revision
    assert from_wire(exact_json.loads(first.body)) == JourneyResumed("w1", "welcome", revision)
    assert from_wire(exact_json.loads(second.body)) == JourneyResumed("w1", "welcome", revision, pass_number=1)
    assert (delay, first.name == second.name) == (timedelta(seconds=15), False)


def test_the_second_pass_is_enqueued_before_the_journey_is_resumed() -> None:
    """If the call ends right after the journey was resumed, the second pass still releases everything that it holds."""
    harness = LifecycleHarness()
    harness.change("pause")
    enqueued: list[int] = []
    harness.store.before_save = lambda: enqueued.append(len(harness.delays.queue_messages))
    harness.change("resume")
    assert enqueued == [1]


def test_a_change_that_loses_every_race_is_unavailable() -> None:
    """After a few attempts against another writer the change raises UnavailableError and does not loop forever."""
    harness = LifecycleHarness()

    def publish_first() -> None:
        harness.store.before_save = lambda: None
        harness.publish(f"e{harness.store.pointer('w1').revision}")
        harness.store.before_save = publish_first

    harness.store.before_save = publish_first
    with pytest.raises(UnavailableError):
        harness.change("pause")


def test_the_event_names_of_a_workspace_are_bounded() -> None:
    """A journey that would make the pointer row too large, which every warm function reads, is not published."""
    harness = LifecycleHarness()
    harness.store.pointers["w1"] = ActiveJourneys(1, (ActiveVersion("big", 1, "published", tuple(f"{n:0200}" for n in range(1_000))),))
    journeys.save(harness.store, "w1", "other", definition() | {"id": "other"}, NOW)
    with pytest.raises(RefusedError) as refused:
        journeys.publish(harness.store, "w1", "other", CHECKS, lambda: NOW)
    errors: Any = refused.value.extra["errors"]
    assert [each["code"] for each in errors] == ["too-many-events"]


class FakeRunHistory(FakeRuns):
    """Runs, ended ones included."""

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        return self.get(workspace, customer)

    def counts(self, workspace: str, journey: str, after: str | None = None) -> tuple[dict[str, int], str | None]:
        return dict(Counter(run.step for run in self.all if run.active and run.journey == journey)), None


def test_the_runs_of_a_stopped_journey_read_as_exited() -> None:
    """A run of a stopped journey is returned as exited with the reason `stopped`, before any signal has changed its row."""
    harness, runs = LifecycleHarness(), FakeRunHistory()
    run = Run("r_1", "welcome", 1, "", "wait", NOW)
    ended = Run("r_2", journey("x").id, 1, "", "y", NOW).exited(Reason.FINISHED)
    runs.stored_runs["w1", "c_1"] = CustomerRuns(VersionRow(1), (run, ended))
    ada = Customer("w1", "c_1", Identifier("primary", "ada"), "ada", (), {}, {})
    assert runs_of(runs, harness.store, ada)[0] == run
    harness.change("stop")
    assert [each.reason for each in runs_of(runs, harness.store, ada)] == [Reason.STOPPED, Reason.FINISHED]
