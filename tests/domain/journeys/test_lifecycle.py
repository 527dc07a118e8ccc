"""Drafts and published versions of a journey, and the pointer to all that runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from waypost.domain.journeys.lifecycle import Lifecycle, pointed
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
NEW = Lifecycle("welcome", "", NOW, NOW)


def test_a_new_draft_leaves_what_is_published_alone() -> None:
    """Saving a published journey makes a newer version; customers go on entering the old one."""
    published = NEW.saved("Welcome", NOW).publishing(NOW)
    saved = published.saved("Welcome!", LATER)
    assert (saved.version, saved.published_version, saved.status, saved.name) == (2, 1, "published", "Welcome!")
    assert (saved.created_at, saved.updated_at) == (NOW, LATER)


def test_publishing_takes_the_newest_draft_and_only_once() -> None:
    """Publishing again without a newer draft changes nothing, not even a time."""
    draft = NEW.saved("", NOW).saved("", NOW)
    published = draft.publishing(LATER)
    assert (published.published_version, published.status) == (2, "published")
    assert published.publishing(LATER + timedelta(days=1)) is published


def test_only_the_first_draft_is_new() -> None:
    """The API answers 201 to it and 200 to all later ones."""
    first = NEW.saved("", NOW)
    assert first.is_new
    assert not first.saved("", NOW).is_new


def test_a_new_version_keeps_its_journeys_place() -> None:
    """The pointer lists journeys in the order in which they were first published."""
    pointer = ActiveJourneys(3, (ActiveVersion("a", 1, "published"), ActiveVersion("b", 1, "published")))
    assert pointed(pointer, "a", 2) == ActiveJourneys(3, (ActiveVersion("a", 2, "published"), ActiveVersion("b", 1, "published")))
    assert pointed(pointer, "c", 1) == ActiveJourneys(3, (*pointer.active, ActiveVersion("c", 1, "published")))
