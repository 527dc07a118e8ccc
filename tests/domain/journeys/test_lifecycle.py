"""The lifecycle of a journey, and the list of active versions of a workspace."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from waypost.domain.journeys.lifecycle import JourneyStatus, Lifecycle, LifecycleAction, after_action, pointed
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
NEW = Lifecycle("welcome", "", NOW, NOW)


def test_a_new_draft_does_not_change_the_published_version() -> None:
    """Saving a published journey makes a newer draft, and customers still enter the published version."""
    published = NEW.saved("Welcome", NOW).publishing(NOW)
    saved = published.saved("Welcome!", LATER)
    assert (saved.version, saved.published_version, saved.status, saved.name) == (2, 1, "published", "Welcome!")
    assert (saved.created_at, saved.updated_at) == (NOW, LATER)


def test_publishing_takes_the_newest_draft_and_only_once() -> None:
    """Publishing makes the newest draft the published version; without a newer draft it returns the same object, times included."""
    draft = NEW.saved("", NOW).saved("", NOW)
    published = draft.publishing(LATER)
    assert (published.published_version, published.status) == (2, "published")
    assert published.publishing(LATER + timedelta(days=1)) is published


def test_only_the_first_draft_is_new() -> None:
    """Only the first saved draft counts as new, for which the API answers 201 instead of 200."""
    first = NEW.saved("", NOW)
    assert first.is_new
    assert not first.saved("", NOW).is_new


def test_a_new_version_keeps_the_place_of_its_journey() -> None:
    """The active versions stay in the order in which their journeys were first published."""
    pointer = ActiveJourneys(3, (ActiveVersion("a", 1, "published"), ActiveVersion("b", 1, "published")))
    second = ActiveVersion("a", 2, "published", previous_version=1)
    assert pointed(pointer, "a", 2, (), NOW, None) == ActiveJourneys(3, (second, pointer.active[1]))
    assert pointed(pointer, "c", 1, (), NOW, None) == ActiveJourneys(3, (*pointer.active, ActiveVersion("c", 1, "published")))


def test_events_of_earlier_versions_are_kept() -> None:
    """After a publish, the events that runs of an earlier version wait for are still listed, beside those of the new version."""
    first = pointed(ActiveJourneys(0, ()), "a", 1, ["paid"], NOW, None)
    [active] = pointed(first, "a", 2, ["cancelled"], NOW, None).active
    assert active.event_names == ("cancelled", "paid")


def test_events_enter_the_previous_version_until_entries_begin() -> None:
    """Of three versions that are published within seconds, events enter the first until the third accepts entries, and then the third."""
    begin = [NOW, NOW + timedelta(seconds=106), NOW + timedelta(seconds=109)]
    pointer = pointed(ActiveJourneys(0, ()), "a", 1, (), NOW, begin[0])
    pointer = pointed(pointer, "a", 2, (), NOW + timedelta(seconds=100), begin[1])
    pointer = pointed(pointer, "a", 3, (), NOW + timedelta(seconds=103), begin[2])
    [active] = pointer.active
    assert [active.version_at(time) for time in (NOW, begin[1], begin[2] - timedelta(milliseconds=1), begin[2])] == [1, 1, 1, 3]


def test_a_previous_version_is_dropped_when_no_event_can_enter_it() -> None:
    """A minute after entries have begun the previous version leaves the list with the next publication of any journey."""
    pointer = pointed(ActiveJourneys(0, (ActiveVersion("a", 1, "published"),)), "a", 2, (), NOW, NOW + timedelta(seconds=6))
    assert pointed(pointer, "b", 1, (), NOW + timedelta(seconds=60), None).active[0].previous_version == 1
    assert pointed(pointer, "b", 1, (), NOW + timedelta(seconds=67), None).active[0] == ActiveVersion("a", 2, "published")


@pytest.mark.parametrize(
    ("action", "allowed_from", "status"),
    [("pause", {"published"}, "paused"), ("resume", {"paused"}, "published"), ("stop", {"published", "paused"}, "stopped")],
)
def test_an_action_is_allowed_from_some_statuses_only(action: LifecycleAction, allowed_from: set[str], status: str) -> None:
    """Pause, resume and stop change the status from the documented statuses, change nothing if it is so already, else give None."""
    for before in get_args(JourneyStatus):
        journey = replace(NEW, status=before)
        after = journey.moved(action, LATER)
        assert (after.status if after else None) == (status if before in {*allowed_from, status} else None)
        assert (after is journey) is (before == status)


def test_a_stopped_journey_is_not_active() -> None:
    """Pausing keeps a journey among the active versions with its new status; stopping removes it."""
    active = ActiveJourneys(3, (ActiveVersion("a", 1, "published"), ActiveVersion("b", 1, "published")))
    assert after_action(active, "a", "paused").active == (ActiveVersion("a", 1, "paused"), ActiveVersion("b", 1, "published"))
    assert after_action(active, "a", "stopped").active == (ActiveVersion("b", 1, "published"),)
