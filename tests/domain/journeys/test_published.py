"""The snapshot of a workspace's active journeys."""

from __future__ import annotations

from tests.fakes.journeys import journey
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion, snapshot


def test_a_snapshot_holds_the_active_version_of_each_journey() -> None:
    """A snapshot finds each journey in its active version only, in the order of publishing, and knows which journeys are paused."""
    pointer = ActiveJourneys(7, (ActiveVersion("b", 2, "paused"), ActiveVersion("a", 1, "published")))
    versions = {("a", 1): journey("a"), ("b", 2): journey("b"), ("b", 1): journey("b", event="other")}
    snap = snapshot(pointer, Schema(timezone="Europe/Paris"), versions)
    candidates = snap.index.candidates("signed_up", "custom", {}, "UTC")
    assert [(each.id, version) for each, version in candidates] == [("b", 2), ("a", 1)]
    assert (snap.revision, snap.paused, snap.schema.timezone) == (7, frozenset({"b"}), "Europe/Paris")
    assert "other" not in snap.index
