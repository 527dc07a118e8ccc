"""Saving and publishing journeys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes.definitions import FakeDefinitions
from tests.fakes.journeys import journey
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.manage import journeys
from waypost.manage.journeys import Checks

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
WELCOME: dict[str, Any] = journey("welcome").model_dump(by_alias=True, mode="json", exclude_none=True)
CHECKS = Checks(template=lambda text: "no end" if "{{ oh" in text else None, address=lambda _: None)


def refusals(refused: pytest.ExceptionInfo[RefusedError]) -> set[tuple[str, str]]:
    """Code and place of all that was wrong."""
    found: Any = refused.value.extra["errors"]
    return {(each["code"], each["pointer"]) for each in found}


@pytest.mark.parametrize(
    ("journey_id", "raw", "refusal"),
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
def test_what_no_list_could_show_is_no_draft(journey_id: str, raw: Any, refusal: tuple[str, str]) -> None:
    """The few things that even a draft must have; all else may wait until publishing."""
    with pytest.raises(RefusedError) as refused:
        journeys.save(FakeDefinitions(), "w1", journey_id, raw, NOW)
    assert refused.value.status == 422
    assert refusals(refused) == {refusal}


def test_an_unfinished_draft_is_kept() -> None:
    """A team may save what it cannot publish yet; the id comes from the path."""
    store = FakeDefinitions()
    saved, definition = journeys.save(store, "w1", "welcome", {"steps": [{"type": "nonsense"}]}, NOW)
    assert saved.is_new
    assert definition == {"id": "welcome", "steps": [{"type": "nonsense"}]}
    assert journeys.read(store, "w1", "welcome")[1] == definition


def test_publishing_says_all_that_is_wrong_at_once() -> None:
    """Types, graph, templates and addresses in one answer, and nothing runs."""
    store = FakeDefinitions()
    wrong = {**WELCOME, "steps": [{**WELCOME["steps"][0], "template": {"subject": "{{ oh", "text": "x"}, "next": "nowhere"}]}
    journeys.save(store, "w1", "welcome", wrong, NOW)
    with pytest.raises(RefusedError) as refused:
        journeys.publish(store, "w1", "welcome", CHECKS, NOW)
    assert refused.value.status == 422
    assert {code for code, _ in refusals(refused)} == {"bad-template", "unknown-step"}
    assert store.pointer("w1") == ActiveJourneys(0, ())


def test_the_newest_draft_is_published() -> None:
    """What customers enter is the last thing that was saved."""
    store = FakeDefinitions()
    for name in ("one", "two"):
        journeys.save(store, "w1", "welcome", WELCOME | {"name": name}, NOW)
    published, definition = journeys.publish(store, "w1", "welcome", CHECKS, NOW)
    assert (published.status, published.published_version, definition["name"]) == ("published", 2, "two")
    assert store.pointer("w1").active == (ActiveVersion("welcome", 2, "published"),)


def test_publishing_again_is_no_mistake() -> None:
    """A client that repeats a publish whose answer it lost gets the same answer, and nothing moves."""
    store = FakeDefinitions()
    journeys.save(store, "w1", "welcome", WELCOME, NOW)
    journeys.publish(store, "w1", "welcome", CHECKS, NOW)
    before = store.pointer("w1")
    published, _ = journeys.publish(store, "w1", "welcome", CHECKS, NOW)
    assert published.published_version == 1
    assert store.pointer("w1") == before


def test_a_journey_that_is_not_there_is_404() -> None:
    """Reading and publishing alike."""
    with pytest.raises(RefusedError, match="no journey") as refused:
        journeys.read(FakeDefinitions(), "w1", "welcome")
    assert refused.value.status == 404
    with pytest.raises(RefusedError, match="no journey"):
        journeys.publish(FakeDefinitions(), "w1", "welcome", CHECKS, NOW)


def test_the_thousand_and_first_published_journey_is_refused() -> None:
    """A new version of one of the thousand is still welcome."""
    store = FakeDefinitions()
    store.pointers["w1"] = ActiveJourneys(1, tuple(ActiveVersion(f"j{number}", 1, "published") for number in range(1_000)))
    for name in ("welcome", "j7"):
        journeys.save(store, "w1", name, WELCOME | {"id": name}, NOW)
    with pytest.raises(RefusedError) as refused:
        journeys.publish(store, "w1", "welcome", CHECKS, NOW)
    assert refusals(refused) == {("too-many-journeys", "")}
    assert journeys.publish(store, "w1", "j7", CHECKS, NOW)[0].status == "published"


def test_somebody_else_who_publishes_at_the_same_time_loses_nothing() -> None:
    """Both journeys are in force: the slower one looks again."""
    store = FakeDefinitions()
    for name in ("welcome", "other"):
        journeys.save(store, "w1", name, WELCOME | {"id": name}, NOW)

    def other_first() -> None:
        store.before_save = lambda: None
        journeys.publish(store, "w1", "other", CHECKS, NOW)

    store.before_save = other_first
    journeys.publish(store, "w1", "welcome", CHECKS, NOW)
    assert {each.journey for each in store.pointer("w1").active} == {"welcome", "other"}


def test_endless_contention_is_a_503_and_no_loop() -> None:
    """After a few rounds the caller is asked to come again."""
    store = FakeDefinitions()

    def always_first() -> None:
        store.before_save = lambda: None
        journeys.save(store, "w1", "welcome", WELCOME, NOW)
        store.before_save = always_first

    store.before_save = always_first
    with pytest.raises(UnavailableError):
        journeys.save(store, "w1", "welcome", WELCOME, NOW)
