"""API keys: their form in a header, and what is stored of them (docs/events.md#keys)."""

from __future__ import annotations

import pytest

from tests.fakes.keys import TEXT, stored
from waypost.domain.api_keys import key_hash, key_in


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (f"Api-Key {TEXT}", TEXT),
        (f"api-key {TEXT}", TEXT),
        (f" API-KEY   {TEXT} ", TEXT),
        ("Api-Key " + "x" * 20, "x" * 20),
        ("Api-Key " + "~!" * 100, "~!" * 100),
        ("Api-Key " + "x" * 19, None),
        ("Api-Key " + "x" * 201, None),
        (f"Api-Key {TEXT}é", None),
        (f"Api-Key {TEXT} more", None),
        (f"Bearer {TEXT}", None),
        (TEXT, None),
        ("Api-Key", None),
        ("", None),
        (None, None),
    ],
)
def test_a_key_is_20_to_200_printable_characters_behind_its_scheme(header: str | None, key: str | None) -> None:
    """The scheme is compared without case. A header of any other form has no key."""
    assert key_in(header) == key


def test_only_a_hash_is_stored() -> None:
    """A stored key does not hold the key itself, and its hash differs for every text."""
    assert TEXT not in repr(stored())
    assert key_hash(TEXT) != key_hash(TEXT + "x")


def test_an_admin_may_do_everything() -> None:
    """An events key may do one thing only."""
    assert stored(scopes=frozenset({"admin"})).allows("events")
    assert not stored().allows("admin")
