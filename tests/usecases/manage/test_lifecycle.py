"""Pausing, resuming and stopping journeys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.definitions import FakeDefinitions
from tests.fakes.journeys import journey, message
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
from waypost.manage.journeys import Checks
from waypost.manage.lifecycle import LifecycleDependencies, change_status

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
CHECKS = Checks(template=lambda _: None, address=lambda _: None)
WAIT = {"id": "wait", "type": "waitUntil", "branches": [{"event": "paid", "next": "hello"}]}


def definition(event: str = "paid") -> dict[str, object]:
    """A journey that waits for this event."""
    steps = [WAIT | {"branches": [{"event": event, "next": "hello"}]}, message("hello", "end"), {"id": "end", "type": "exit"}]
    return {"id": "welcome", "entry": {"event": "signed_up"}, "exit": [{"event": "gone"}], "steps": steps}


@dataclass
class World:
    """One published journey."""

    store: FakeDefinitions = field(default_factory=FakeDefinitions)
    signals: FakeSignals = field(default_factory=FakeSignals)
    delays: FakeDelays = field(default_factory=FakeDelays)

    def __post_init__(self) -> None:
        self.publish()

    def publish(self, event: str = "paid") -> Lifecycle:
        journeys.save(self.store, "w1", "welcome", definition(event), NOW)
        return journeys.publish(self.store, "w1", "welcome", CHECKS, NOW)[0]

    def take(self, move: LifecycleAction) -> Lifecycle:
        return change_status(LifecycleDependencies(self.store, self.signals, self.delays), "w1", "welcome", move, NOW + timedelta(days=1))[
            0
        ]

    @property
    def active(self) -> tuple[ActiveVersion, ...]:
        return self.store.pointer("w1").active


def test_a_journey_is_paused_resumed_and_stopped() -> None:
    """What is in force follows; stopped is the end."""
    world = World()
    assert (world.take("pause").status, world.active[0].status) == ("paused", "paused")
    assert (world.take("resume").status, world.active[0].status) == ("published", "published")
    assert (world.take("stop").status, world.active) == ("stopped", ())


@pytest.mark.parametrize(
    ("before", "move"),
    [([], "resume"), (["pause"], "pause"), (["stop"], "stop"), (["stop"], "pause"), (["stop"], "resume")],
)
def test_a_wrong_move_is_409(before: list[LifecycleAction], move: LifecycleAction) -> None:
    """Nothing changes."""
    world = World()
    for each in before:
        world.take(each)
    pointer = world.store.pointer("w1")
    with pytest.raises(RefusedError) as refused:
        world.take(move)
    assert (refused.value.status, refused.value.code) == (409, "wrong-move")
    assert world.store.pointer("w1") == pointer


def test_a_draft_has_nothing_to_pause() -> None:
    """409 as well; a journey that is not there is 404."""
    world = World()
    journeys.save(world.store, "w1", "other", definition() | {"id": "other"}, NOW)
    for name, status in (("other", 409), ("nowhere", 404)):
        with pytest.raises(RefusedError) as refused:
            change_status(LifecycleDependencies(world.store, world.signals, world.delays), "w1", name, "pause", NOW)
        assert refused.value.status == status


def test_a_stopped_journey_takes_no_drafts_and_is_not_published_again() -> None:
    """Final is final."""
    world = World()
    world.take("stop")
    for again in (world.publish, lambda: journeys.publish(world.store, "w1", "welcome", CHECKS, NOW)):
        with pytest.raises(RefusedError) as refused:
            again()
        assert refused.value.status == 409


def test_a_paused_journey_may_be_mended() -> None:
    """The new version is in force and still paused; what runs of the old one wait for is still heard."""
    world = World()
    world.take("pause")
    assert world.publish("shipped").status == "paused"
    assert world.active == (ActiveVersion("welcome", 2, "paused", ("gone", "paid", "shipped")),)


def test_a_resume_sweeps_at_once_and_once_more() -> None:
    """The second sweep is asked for before the journey goes on: nothing stays held if the call ends halfway."""
    world = World()
    world.take("pause")
    world.take("resume")
    [first] = world.signals.queue_messages
    [(second, delay)] = world.delays.queue_messages
    revision = world.store.pointer("w1").revision
    assert from_wire(exact_json.loads(first.body)) == JourneyResumed("w1", "welcome", revision)
    assert from_wire(exact_json.loads(second.body)) == JourneyResumed("w1", "welcome", revision, pass_number=1)
    assert (delay, first.name == second.name) == (timedelta(seconds=15), False)


def test_endless_contention_is_a_503() -> None:
    """After a few rounds the caller is asked to come again."""
    world = World()

    def always_first() -> None:
        world.store.before_save = lambda: None
        world.publish(f"e{world.store.pointer('w1').revision}")
        world.store.before_save = always_first

    world.store.before_save = always_first
    with pytest.raises(UnavailableError):
        world.take("pause")


def test_a_workspaces_pointer_holds_so_many_names_of_events() -> None:
    """It is one row that every warm function reads."""
    world = World()
    world.store.pointers["w1"] = ActiveJourneys(1, (ActiveVersion("big", 1, "published", tuple(f"{n:0200}" for n in range(1_000))),))
    journeys.save(world.store, "w1", "other", definition() | {"id": "other"}, NOW)
    with pytest.raises(RefusedError) as refused:
        journeys.publish(world.store, "w1", "other", CHECKS, NOW)
    errors = refused.value.extra["errors"]
    assert isinstance(errors, list)
    assert [each["code"] for each in errors] == ["too-many-events"]


class History(FakeRuns):
    """Runs with their earlier ones."""

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        return self.get(workspace, customer)

    def counts(self, workspace: str, journey: str) -> dict[str, int]:
        return dict(Counter(run.step for run in self.all if run.active and run.journey == journey))


def test_a_stopped_journeys_runs_read_as_ended() -> None:
    """At once, before anything has touched them."""
    world, runs = World(), History()
    run = Run("r_1", "welcome", 1, "", "wait", NOW)
    runs.stored_runs["w1", "c_1"] = CustomerRuns(VersionRow(1), (run, Run("r_2", journey("x").id, 1, "", "y", NOW).exited(Reason.FINISHED)))
    ada = Customer("w1", "c_1", Identifier("primary", "ada"), "ada", (), {}, {})
    assert runs_of(runs, world.store, ada)[0] == run
    world.take("stop")
    assert [each.reason for each in runs_of(runs, world.store, ada)] == [Reason.STOPPED, Reason.FINISHED]
