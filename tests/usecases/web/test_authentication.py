"""Authentication by API key, and what a warm function caches (docs/events.md#keys)."""

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
from waypost.web.authentication import Authenticator

ADMIN = "an-admin-key-that-nobody-knows"


@pytest.fixture
def keys() -> FakeKeys:
    """The keys table: the workspace has a key with the scope `events` and one with the scope `admin`."""
    table = FakeKeys()
    table.add(stored())
    table.add(stored(ADMIN, id="k_2", scopes=frozenset({"admin"})))
    return table


@pytest.fixture
def authenticator(keys: FakeKeys) -> Authenticator:
    """The authenticator of a function that was just started."""
    return Authenticator(keys)


def authenticate(authenticator: Authenticator, key: str = TEXT, scope: Scope = "events", *, after: float = 0) -> Key:
    """The key of a request that comes so many seconds after the start."""
    return authenticator.authenticate(f"Api-Key {key}", scope, NOW + timedelta(seconds=after))


def error_status(authenticator: Authenticator, *args: Any, **fields: Any) -> int:
    """The status with which a request is refused."""
    with pytest.raises(RefusedError) as refused:
        authenticate(authenticator, *args, **fields)
    return refused.value.status


def test_the_workspace_comes_from_the_key(authenticator: Authenticator) -> None:
    """A key belongs to one workspace, and a request is about the workspace of its key."""
    assert authenticate(authenticator).workspace == "w1"


@pytest.mark.parametrize(
    "header", [None, "", TEXT, f"Bearer {TEXT}", "Api-Key short", "Api-Key unknown-but-well-formed", f"Api-Key {TEXT}x"]
)
def test_a_missing_malformed_or_unknown_key_has_one_answer(authenticator: Authenticator, header: str | None) -> None:
    """The 401 is the same for each of them, so that nobody learns from it which keys exist."""
    with pytest.raises(RefusedError) as refused:
        authenticator.authenticate(header, "events", NOW)
    assert (refused.value.status, refused.value.code) == (401, "unauthorized")


def test_an_events_key_sends_events_only_and_an_admin_key_does_everything(authenticator: Authenticator) -> None:
    """A key with the scope `events` is 403 for management, and a key with the scope `admin` may also send events."""
    assert error_status(authenticator, TEXT, "admin") == 403
    assert authenticate(authenticator, ADMIN, "admin").id == authenticate(authenticator, ADMIN).id == "k_2"


def test_a_key_is_read_once_a_minute(authenticator: Authenticator, keys: FakeKeys) -> None:
    """A warm function reads a key again 60 seconds after the last read, and not before."""
    for seconds in (0, 30, 59.9):
        authenticate(authenticator, after=seconds)
    assert len(keys.lookups) == 1
    authenticate(authenticator, after=60)
    assert len(keys.lookups) == 2


def test_a_revoked_key_stops_working_within_a_minute(authenticator: Authenticator, keys: FakeKeys) -> None:
    """A key that was revoked after it was read is refused 60 seconds after that read."""
    authenticate(authenticator)
    keys.remove(key_hash(TEXT))
    assert error_status(authenticator, after=60) == 401


def test_a_key_that_is_revoked_while_it_is_read_is_refused() -> None:
    """Recording the day of last use does not write a key back that was revoked after the read."""

    class RevokedDuringRead(FakeKeys):
        def find(self, key_hash: str) -> Key | None:
            key = super().find(key_hash)
            self.remove(key_hash)
            return key

    keys = RevokedDuringRead({stored().hash: stored()})
    assert error_status(Authenticator(keys)) == 401
    assert keys.keys == {}


def test_a_cached_key_expires_at_its_time(authenticator: Authenticator, keys: FakeKeys) -> None:
    """A key is refused from the moment of its expiry on, even while it is cached."""
    keys.keys[key_hash(TEXT)] = stored(expires_at=NOW + timedelta(seconds=10))
    assert authenticate(authenticator, after=9.9).workspace == "w1"
    assert error_status(authenticator, after=10) == 401


def test_an_unknown_key_is_read_every_five_seconds(authenticator: Authenticator, keys: FakeKeys) -> None:
    """A new key works after five seconds, and a client with a wrong key does not cause a read for every call."""
    new = "a-key-made-a-moment-ago"
    assert error_status(authenticator, new) == error_status(authenticator, new, after=4.9) == 401
    assert len(keys.lookups) == 1
    keys.add(stored(new, id="k_3"))
    assert authenticate(authenticator, new, after=5).id == "k_3"


def test_a_malformed_key_is_not_read(authenticator: Authenticator, keys: FakeKeys) -> None:
    """A text that cannot be a key causes no read."""
    error_status(authenticator, "short")
    assert keys.lookups == []


def test_the_cache_of_keys_is_bounded(authenticator: Authenticator) -> None:
    """A client that guesses keys does not fill the memory of the function: at most 10,000 results are cached."""
    for number in range(10_050):
        error_status(authenticator, f"guess-number-{number:020}")
    assert len(authenticator.cached_keys.entries) == 10_000


def test_a_cached_key_stays_valid_for_the_intake_during_an_outage(authenticator: Authenticator, keys: FakeKeys) -> None:
    """While the keys table is down, a cached key may send events, however old it is. Management and keys never read are unavailable."""
    authenticate(authenticator)
    authenticate(authenticator, ADMIN, "admin")
    keys.down = True
    assert authenticate(authenticator, after=3600).workspace == "w1"
    assert authenticate(authenticator, ADMIN, after=3600).workspace == "w1"
    refused: list[tuple[str, Scope]] = [(ADMIN, "admin"), ("never-seen-by-this-function", "events")]
    for key, scope in refused:
        with pytest.raises(UnavailableError):
            authenticate(authenticator, key, scope, after=3600)


def test_a_key_that_expires_during_an_outage_is_refused(authenticator: Authenticator, keys: FakeKeys) -> None:
    """The expiry of a cached key counts although the table cannot be read."""
    keys.keys[key_hash(TEXT)] = stored(expires_at=NOW + timedelta(seconds=90))
    authenticate(authenticator)
    keys.down = True
    assert error_status(authenticator, after=90) == 401


def test_the_day_of_last_use_is_recorded_once_a_day(authenticator: Authenticator, keys: FakeKeys) -> None:
    """A function writes it once a day, not once for every read of the key."""
    for seconds in (0, 60, 120, 86_400):
        authenticate(authenticator, after=seconds)
    assert keys.uses == ["2026-11-23", "2026-11-24"]


def test_a_key_is_accepted_although_its_use_cannot_be_recorded(authenticator: Authenticator, keys: FakeKeys) -> None:
    """A failed write of the day refuses no request; the next read of the key writes it."""
    keys.read_only = True
    assert authenticate(authenticator).workspace == "w1"
    keys.read_only = False
    authenticate(authenticator, after=60)
    assert keys.uses == ["2026-11-23"]


def test_a_new_schema_takes_effect_within_a_minute_and_the_old_one_survives_an_outage() -> None:
    """A schema is cached for 30 seconds. While its table is down, the last one that was read stays valid."""
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
