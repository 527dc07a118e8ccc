"""Who may come in, and how often that is asked (contract 1.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.ingest_harness import NOW, SCHEMA
from tests.fakes.keys import TEXT, FakeKeys, stored
from tests.fakes.workspaces import FakeWorkspaces
from waypost.cache.workspace_cache import Schemas
from waypost.domain.api_keys import Key, Scope, key_hash
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError, UnavailableError
from waypost.web.authentication import Access

ADMIN = "an-admin-key-that-nobody-knows"


@pytest.fixture
def access() -> Access:
    """A function that was just started; the workspace has a key for events and one for everything."""
    keys = FakeKeys()
    keys.add(stored())
    keys.add(stored(ADMIN, id="k_2", scopes=frozenset({"admin"})))
    return Access(keys)


def table(access: Access) -> FakeKeys:
    """The table behind it."""
    assert isinstance(access.keys, FakeKeys)
    return access.keys


def admit(access: Access, key: str = TEXT, scope: Scope = "events", *, after: float = 0) -> Key:
    """Asks for a key so many seconds later."""
    return access.admit(f"Api-Key {key}", scope, NOW + timedelta(seconds=after))


def status(access: Access, *args: Any, **fields: Any) -> int:
    """The status of a refusal."""
    with pytest.raises(RefusedError) as refused:
        admit(access, *args, **fields)
    return refused.value.status


def test_a_key_belongs_to_one_workspace(access: Access) -> None:
    """Which comes from the key and from nowhere else."""
    assert admit(access).workspace == "w1"


@pytest.mark.parametrize(
    "header", [None, "", TEXT, f"Bearer {TEXT}", "Api-Key short", "Api-Key unknown-but-well-formed", f"Api-Key {TEXT}x"]
)
def test_every_way_to_have_no_key_has_one_answer(access: Access, header: str | None) -> None:
    """Nobody learns from it which keys exist."""
    with pytest.raises(RefusedError) as refused:
        access.admit(header, "events", NOW)
    assert (refused.value.status, refused.value.code) == (401, "unauthorized")


def test_scopes(access: Access) -> None:
    """An events key opens the intake only; an admin key opens everything."""
    assert status(access, TEXT, "admin") == 403
    assert admit(access, ADMIN, "admin").id == admit(access, ADMIN).id == "k_2"


def test_a_key_is_looked_up_once_a_minute(access: Access) -> None:
    """Not a read more in a warm function."""
    keys = table(access)
    for seconds in (0, 30, 59.9):
        admit(access, after=seconds)
    assert len(keys.asked) == 1
    admit(access, after=60)
    assert len(keys.asked) == 2


def test_a_revoked_key_is_dead_within_a_minute(access: Access) -> None:
    """And not a moment later."""
    keys = table(access)
    admit(access)
    keys.remove(key_hash(TEXT))
    assert status(access, after=60) == 401


def test_a_key_that_is_revoked_while_it_is_read_is_dead() -> None:
    """Noting its use does not bring it back."""

    class RevokedMeanwhile(FakeKeys):
        def find(self, key_hash: str) -> Key | None:
            key = super().find(key_hash)
            self.remove(key_hash)
            return key

    keys = RevokedMeanwhile({stored().hash: stored()})
    assert status(Access(keys)) == 401
    assert keys.keys == {}


def test_a_key_expires_on_time(access: Access) -> None:
    """Even in memory."""
    keys = table(access)
    keys.keys[key_hash(TEXT)] = stored(expires_at=NOW + timedelta(seconds=10))
    assert admit(access, after=9.9).workspace == "w1"
    assert status(access, after=10) == 401


def test_an_unknown_key_is_asked_for_every_five_seconds(access: Access) -> None:
    """A fresh key works soon, and a broken client does not read the table at every call."""
    keys = table(access)
    fresh = "a-key-made-a-moment-ago"
    assert status(access, fresh) == status(access, fresh, after=4.9) == 401
    assert len(keys.asked) == 1
    keys.add(stored(fresh, id="k_3"))
    assert admit(access, fresh, after=5).id == "k_3"


def test_a_malformed_key_is_not_looked_up(access: Access) -> None:
    """It cannot exist."""
    status(access, "short")
    assert table(access).asked == []


def test_memory_of_keys_is_bounded(access: Access) -> None:
    """Whoever guesses keys does not fill the function's memory."""
    for number in range(10_050):
        status(access, f"guess-number-{number:020}")
    assert len(access.known_keys.entries) == 10_000


def test_an_outage_keeps_the_intake_going(access: Access) -> None:
    """A key that was good goes on being good for events, however long; not for the management API, and not one never seen."""
    keys = table(access)
    admit(access)
    admit(access, ADMIN, "admin")
    keys.down = True
    assert admit(access, after=3600).workspace == "w1"
    assert admit(access, ADMIN, after=3600).workspace == "w1"
    for key, scope in ((ADMIN, "admin"), ("never-seen-by-this-function", "events")):
        with pytest.raises(UnavailableError):
            admit(access, key, scope, after=3600)  # type: ignore[arg-type]


def test_a_key_that_expires_during_an_outage_is_dead(access: Access) -> None:
    """That much is known without the table."""
    keys = table(access)
    keys.keys[key_hash(TEXT)] = stored(expires_at=NOW + timedelta(seconds=90))
    admit(access)
    keys.down = True
    assert status(access, after=90) == 401


def test_the_day_of_last_use_is_noted_once_a_day(access: Access) -> None:
    """One write a day and function, not one a request."""
    keys = table(access)
    for seconds in (0, 60, 120, 86_400):
        admit(access, after=seconds)
    assert keys.uses == ["2026-11-23", "2026-11-24"]


def test_a_note_that_cannot_be_written_costs_no_event(access: Access) -> None:
    """The key was read, so it is good; the next reading notes it."""
    keys = table(access)
    keys.read_only = True
    assert admit(access).workspace == "w1"
    keys.read_only = False
    admit(access, after=60)
    assert keys.uses == ["2026-11-23"]


def test_a_schema_acts_within_a_minute_and_outlasts_an_outage() -> None:
    """It is read twice a minute at most; while its table is down the last one counts."""
    workspaces = FakeWorkspaces({"w1": SCHEMA})
    schemas = Schemas(workspaces)
    assert schemas.of("w1", NOW) == schemas.of("w1", NOW + timedelta(seconds=29)) == SCHEMA
    assert workspaces.reads == 1
    workspaces.schemas["w1"] = Schema(timezone="Europe/Oslo")
    assert schemas.of("w1", NOW + timedelta(seconds=60)).timezone == "Europe/Oslo"
    workspaces.down = True
    assert schemas.of("w1", NOW + timedelta(hours=1)).timezone == "Europe/Oslo"
    with pytest.raises(UnavailableError):
        schemas.of("w2", NOW)
