"""The snapshot of a workspace's active journeys."""

from __future__ import annotations

from datetime import timedelta

from tests.fakes.journeys import journey
from tests.fakes.messages import NOW
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion, snapshot, versions_of


def test_a_snapshot_holds_the_active_version_of_each_journey() -> None:
    """A snapshot finds each journey in its active version only, in the order of publishing, and knows which journeys are paused."""
    pointer = ActiveJourneys(7, (ActiveVersion("b", 2, "paused"), ActiveVersion("a", 1, "published")))
    versions = {("a", 1): journey("a"), ("b", 2): journey("b"), ("b", 1): journey("b", event="other")}
    snap = snapshot(pointer, Schema(timezone="Europe/Paris"), versions)
    candidates = snap.index.candidates("signed_up", "custom", {}, "UTC", NOW)
    assert [(each.id, version) for each, version in candidates] == [("b", 2), ("a", 1)]
    assert (snap.revision, snap.paused, snap.schema.timezone) == (7, frozenset({"b"}), "Europe/Paris")
    assert "other" not in snap.index


def test_a_new_version_is_entered_from_the_time_that_its_publication_says() -> None:
    """Before that time events enter the previous version; a journey without one is not entered, nor ruled out."""
    begin = NOW + timedelta(seconds=6)
    pointer = ActiveJourneys(7, (ActiveVersion("a", 2, "published", (), begin, 1), ActiveVersion("b", 1, "published", (), begin)))
    assert versions_of(pointer) == [("a", 2), ("b", 1), ("a", 1)]
    large = {"property": "payload.total", "operator": "is greater than", "value": 10}
    versions = {("a", 1): journey("a"), ("a", 2): journey("a"), ("b", 1): journey("b", conditions=large)}
    index = snapshot(pointer, Schema(), versions).index
    for at, entered, ruled_out in ((begin - timedelta(milliseconds=1), [("a", 1)], []), (begin, [("a", 2)], ["b"])):
        candidates = index.candidates("signed_up", "custom", {"total": 1}, "UTC", at)
        assert [(each.id, version) for each, version in candidates] == entered
        assert index.ruled_out("signed_up", "custom", candidates, at) == ruled_out
