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
    assert pointed(pointer, "a", 2) == ActiveJourneys(3, (ActiveVersion("a", 2, "published"), ActiveVersion("b", 1, "published")))
    assert pointed(pointer, "c", 1) == ActiveJourneys(3, (*pointer.active, ActiveVersion("c", 1, "published")))


def test_events_of_earlier_versions_are_kept() -> None:
    """After a publish, the events that runs of an earlier version wait for are still listed, beside those of the new version."""
    first = pointed(ActiveJourneys(0, ()), "a", 1, ["paid"])
    assert pointed(first, "a", 2, ["cancelled"]).active == (ActiveVersion("a", 2, "published", ("cancelled", "paid")),)


@pytest.mark.parametrize(
    ("action", "allowed_from", "status"),
    [("pause", {"published"}, "paused"), ("resume", {"paused"}, "published"), ("stop", {"published", "paused"}, "stopped")],
)
def test_an_action_is_allowed_from_some_statuses_only(action: LifecycleAction, allowed_from: set[str], status: str) -> None:
    """Pause, resume and stop change the status from the documented statuses and give None from all others."""
    for before in get_args(JourneyStatus):
        after = replace(NEW, status=before).moved(action, LATER)
        assert (after.status if after else None) == (status if before in allowed_from else None)


def test_a_stopped_journey_is_not_active() -> None:
    """Pausing keeps a journey among the active versions with its new status; stopping removes it."""
    active = ActiveJourneys(3, (ActiveVersion("a", 1, "published"), ActiveVersion("b", 1, "published")))
    assert after_action(active, "a", "paused").active == (ActiveVersion("a", 1, "paused"), ActiveVersion("b", 1, "published"))
    assert after_action(active, "a", "stopped").active == (ActiveVersion("b", 1, "published"),)
