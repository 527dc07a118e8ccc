"""Journeys: saved as drafts, and published."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.definitions import FakeDefinitions
from tests.fakes.journeys import journey
from waypost.cache.workspace_cache import SNAPSHOT_SECONDS
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.journeys.lifecycle import Lifecycle, entry_delay
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.manage import journeys
from waypost.manage.dependencies import PublishChecks
from waypost.manage.preconditions import Precondition
from waypost.manage.responses.journeys import JourneySummary

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
WELCOME: dict[str, Any] = journey("welcome").model_dump(by_alias=True, mode="json", exclude_none=True)
CHECKS = PublishChecks(template=lambda text: "no end" if "{{ oh" in text else None, address=lambda _: None)


def findings(refused: pytest.ExceptionInfo[RefusedError]) -> set[tuple[str, str]]:
    """Code and pointer of each finding in a refusal."""
    errors: Any = refused.value.extra["errors"]
    return {(each["code"], each["pointer"]) for each in errors}


@pytest.mark.parametrize(
    ("journey_id", "raw", "finding"),
    [
        ("welcome", [], ("wrong-type", "")),
        ("welcome", {"id": "other"}, ("other-id", "/id")),
        ("welcome", {"name": 3}, ("bad-name", "/name")),
        ("welcome", {"name": "x" * 201}, ("bad-name", "/name")),
        ("welcome", {"steps": "x" * 205_000}, ("too-large", "")),
        ("not good", {}, ("bad-id", "/id")),
        ("batch", {}, ("reserved-id", "/id")),
        ("schema", {}, ("reserved-id", "/id")),
    ],
)
def test_a_value_that_no_list_could_show_is_not_saved(journey_id: str, raw: Any, finding: tuple[str, str]) -> None:
    """A draft must be an object of limited size with a valid id and name; it is 422 otherwise. All other checks wait for publication."""
    with pytest.raises(RefusedError) as refused:
        journeys.save(FakeDefinitions(), "w1", journey_id, raw, NOW)
    assert refused.value.status == 422
    assert findings(refused) == {finding}


def test_an_incomplete_draft_is_saved() -> None:
    """A draft that cannot be published is saved as it is, with the id from the path."""
    store = FakeDefinitions()
    saved, definition = journeys.save(store, "w1", "welcome", {"steps": [{"type": "nonsense"}]}, NOW)
    assert saved.is_new
    assert definition == {"id": "welcome", "steps": [{"type": "nonsense"}]}
    assert journeys.read(store, "w1", "welcome")[1] == definition


def test_publishing_returns_all_findings_at_once() -> None:
    """One 422 names the faults of the graph and of the templates, and no version becomes active."""
    store = FakeDefinitions()
    wrong = {**WELCOME, "steps": [{**WELCOME["steps"][0], "template": {"subject": "{{ oh", "text": "x"}, "next": "nowhere"}]}
    journeys.save(store, "w1", "welcome", wrong, NOW)
    with pytest.raises(RefusedError) as refused:
        journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW)
    assert refused.value.status == 422
    assert {code for code, _ in findings(refused)} == {"bad-template", "unknown-step"}
    assert store.pointer("w1") == ActiveJourneys(0, ())


def test_publishing_activates_the_newest_draft() -> None:
    """The version that customers enter is the last one that was saved."""
    store = FakeDefinitions()
    for name in ("one", "two"):
        journeys.save(store, "w1", "welcome", WELCOME | {"name": name}, NOW)
    published, definition = journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW)
    assert (published.status, published.published_version, definition["name"]) == ("published", 2, "two")
    assert store.pointer("w1").active == (ActiveVersion("welcome", 2, "published", entries_from=NOW),)


def test_publishing_twice_changes_nothing_the_second_time() -> None:
    """A client that lost the response can publish again: it gets the same response, and the pointer keeps its revision."""
    store = FakeDefinitions()
    journeys.save(store, "w1", "welcome", WELCOME, NOW)
    journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW)
    before = store.pointer("w1")
    published, _ = journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW)
    assert published.published_version == 1
    assert store.pointer("w1") == before


def test_an_unknown_journey_is_404() -> None:
    """Reading and publishing a journey that does not exist are both 404."""
    with pytest.raises(RefusedError, match="no journey") as refused:
        journeys.read(FakeDefinitions(), "w1", "welcome")
    assert refused.value.status == 404
    with pytest.raises(RefusedError, match="no journey"):
        journeys.publish(FakeDefinitions(), "w1", "welcome", CHECKS, lambda: NOW)


def test_a_workspace_has_at_most_1000_published_journeys() -> None:
    """The next journey is 422, but a new version of one of the 1,000 is published."""
    store = FakeDefinitions()
    store.pointers["w1"] = ActiveJourneys(1, tuple(ActiveVersion(f"j{number}", 1, "published") for number in range(1_000)))
    for name in ("welcome", "j7"):
        journeys.save(store, "w1", name, WELCOME | {"id": name}, NOW)
    with pytest.raises(RefusedError) as refused:
        journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW)
    assert findings(refused) == {("too-many-journeys", "")}
    assert journeys.publish(store, "w1", "j7", CHECKS, lambda: NOW)[0].status == "published"


def test_two_publications_at_the_same_time_both_take_effect() -> None:
    """The slower one reads the pointer again, so that both journeys are active afterwards."""
    store = FakeDefinitions()
    for name in ("welcome", "other"):
        journeys.save(store, "w1", name, WELCOME | {"id": name}, NOW)

    def publish_other_first() -> None:
        store.before_save = lambda: None
        journeys.publish(store, "w1", "other", CHECKS, lambda: NOW)

    store.before_save = publish_other_first
    journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW)
    assert {each.journey for each in store.pointer("w1").active} == {"welcome", "other"}


def test_a_save_that_loses_every_race_is_unavailable() -> None:
    """After a few attempts against another writer the save raises UnavailableError and does not loop forever."""
    store = FakeDefinitions()

    def save_first() -> None:
        store.before_save = lambda: None
        journeys.save(store, "w1", "welcome", WELCOME, NOW)
        store.before_save = save_first

    store.before_save = save_first
    with pytest.raises(UnavailableError):
        journeys.save(store, "w1", "welcome", WELCOME, NOW)


def test_publishing_says_from_when_customers_enter_the_version() -> None:
    """The journey and the list of active versions have the time of the write plus the delay; a repeated publication keeps it."""
    store, clock = FakeDefinitions(), itertools.count()
    journeys.save(store, "w1", "welcome", WELCOME, NOW)
    delay = entry_delay(SNAPSHOT_SECONDS)

    def publish() -> Lifecycle:
        return journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW + timedelta(minutes=next(clock)), delay)[0]

    assert JourneySummary.of(publish()).entries_from == NOW + timedelta(seconds=6)
    assert store.pointer("w1").active[0].entries_from == NOW + timedelta(seconds=6)
    assert publish().entries_from == NOW + timedelta(seconds=6)


def test_entries_begin_when_every_snapshot_knows_the_version() -> None:
    """The delay exceeds the maximum age of a snapshot, is at most ten seconds, and is zero where snapshots are not kept."""
    assert timedelta(seconds=SNAPSHOT_SECONDS) < entry_delay(SNAPSHOT_SECONDS) <= timedelta(seconds=10)
    assert entry_delay(0) == timedelta(0)


def test_of_two_editors_the_second_to_write_is_refused() -> None:
    """Both read the same state, and the other one saves right before the write, after the precondition was checked: its draft stays."""
    store = FakeDefinitions()
    read, _ = journeys.save(store, "w1", "welcome", WELCOME, NOW)
    precondition = Precondition(journeys.etag(read))

    def save_first() -> None:
        store.before_save = lambda: None
        journeys.save(store, "w1", "welcome", WELCOME | {"name": "theirs"}, NOW, precondition)

    store.before_save = save_first
    with pytest.raises(RefusedError) as refused:
        journeys.save(store, "w1", "welcome", WELCOME | {"name": "mine"}, NOW, precondition)
    assert (refused.value.status, refused.value.code) == (412, "precondition-failed")
    journey, definition = journeys.read(store, "w1", "welcome")
    assert (journey.version, definition["name"]) == (2, "theirs")


def test_of_two_new_journeys_with_one_id_the_second_is_refused() -> None:
    """With `If-None-Match: *` a journey that was made meanwhile is not replaced, and neither is one that exists."""
    store, new = FakeDefinitions(), Precondition(None, "*")

    def save_first() -> None:
        store.before_save = lambda: None
        journeys.save(store, "w1", "welcome", WELCOME | {"name": "theirs"}, NOW, new)

    store.before_save = save_first
    for _ in range(2):
        with pytest.raises(RefusedError, match="no longer"):
            journeys.save(store, "w1", "welcome", WELCOME | {"name": "mine"}, NOW, new)
    assert journeys.read(store, "w1", "welcome")[1]["name"] == "theirs"


def test_a_save_that_is_sent_again_after_a_lost_answer_is_accepted() -> None:
    """The same draft with the same precondition is saved once; another draft, and the same one after a further change, are refused."""
    store = FakeDefinitions()
    first, _ = journeys.save(store, "w1", "welcome", WELCOME, NOW, Precondition(None, "*"))
    assert journeys.save(store, "w1", "welcome", WELCOME, NOW, Precondition(None, "*"))[0] == first
    precondition, mine = Precondition(journeys.etag(first)), WELCOME | {"name": "mine"}
    second, _ = journeys.save(store, "w1", "welcome", mine, NOW, precondition)
    assert journeys.save(store, "w1", "welcome", mine, NOW, precondition)[0] == second
    assert store.lifecycle("w1", "welcome") == second
    for refused in (WELCOME, {"id": "welcome", "name": "mine"}):
        with pytest.raises(RefusedError, match="no longer"):
            journeys.save(store, "w1", "welcome", refused, NOW, precondition)
    journeys.save(store, "w1", "welcome", mine, NOW)
    with pytest.raises(RefusedError, match="no longer"):
        journeys.save(store, "w1", "welcome", mine, NOW, precondition)


def test_a_version_that_the_client_has_not_seen_is_not_published() -> None:
    """A draft that was saved since the client's reading, even during its call, is not published; a repeated publication is accepted."""
    store = FakeDefinitions()
    first, _ = journeys.save(store, "w1", "welcome", WELCOME, NOW)
    precondition = Precondition(journeys.etag(first))

    def publish() -> Lifecycle:
        return journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW, precondition=precondition)[0]

    def save_first() -> None:
        store.before_save = lambda: None
        journeys.save(store, "w1", "welcome", WELCOME | {"name": "theirs"}, NOW)

    store.before_save = save_first
    for _ in range(2):
        with pytest.raises(RefusedError, match="no longer"):
            publish()
    assert journeys.read(store, "w1", "welcome")[0].published_version is None
    precondition = Precondition(journeys.etag(journeys.read(store, "w1", "welcome")[0]))
    assert publish() == publish() == store.lifecycle("w1", "welcome")
    journeys.save(store, "w1", "welcome", WELCOME, NOW)
    journeys.publish(store, "w1", "welcome", CHECKS, lambda: NOW)
    with pytest.raises(RefusedError, match="no longer"):
        publish()


def test_a_draft_that_has_changed_is_not_deleted() -> None:
    """A deletion with the `ETag` of an older state is refused, and one with the present state is carried out."""
    store = FakeDefinitions()
    first, _ = journeys.save(store, "w1", "welcome", WELCOME, NOW)
    second, _ = journeys.save(store, "w1", "welcome", WELCOME, NOW)
    with pytest.raises(RefusedError, match="no longer"):
        journeys.delete(store, "w1", "welcome", Precondition(journeys.etag(first)))
    journeys.delete(store, "w1", "welcome", Precondition(journeys.etag(second)))
    assert store.lifecycle("w1", "welcome") is None
