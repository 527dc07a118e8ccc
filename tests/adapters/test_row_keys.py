"""Ids that callers choose, as parts of row keys, hashes and cursors: different ids never become equal, and every id comes back."""

from __future__ import annotations

import unicodedata
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from waypost.adapters.dynamodb import customer_items, run_items
from waypost.adapters.dynamodb.items import deserialize, serialize
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, RowKey
from waypost.domain.values.cursors import MAX_POSITION_BYTES, cursor_of, position_in
from waypost.domain.values.generated_ids import digest, key_part

FRAGMENTS = [
    *("#", "/", "~", "=", "c=", "p=", "~ended/", "run/", "<aws.scheduler.schedule-arn>", "%2F", "..", "\0", "\u2028"),
    *("\u200f", "\u202e", "\u2066", unicodedata.normalize("NFC", "Zoë"), unicodedata.normalize("NFD", "Zoë"), "K", "\u212a", "ß" * 130),
]
IDS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), min_size=1, max_size=8).map("".join)
KINDS = st.sampled_from(["correlation", "primary"])


@given(first=IDS, second=IDS)
def test_different_ids_have_different_keys(first: str, second: str) -> None:
    """Two ids share a part of a key, or a hash, only if they are the same text: no separator, mark or normal form makes them equal."""
    assert (key_part(first) == key_part(second)) == (first == second)
    assert (digest("customer", first, "x") == digest("customer", second, "x")) == (first == second)
    assert digest(first, second) != digest(first + second)
    for prefix in (run_items.ended_prefix("journey", first), f"run/journey/{key_part(first)}/r_1"):
        assert first == second or not f"{run_items.ended_prefix('journey', second)}2026".startswith(prefix)


@given(kind=KINDS, value=IDS, correlation=st.none() | IDS)
def test_a_row_comes_back_with_its_identifiers(kind: Literal["correlation", "primary"], value: str, correlation: str | None) -> None:
    """The identifiers that are read from a row are those that it was written for, whatever characters they have."""
    owner = Identifier(kind, value)
    key = RowKey("w_1", owner, Identifier("correlation", correlation) if correlation is not None else None)
    row = Row(key, customer="c_1")
    assert customer_items.from_item("w_1", deserialize(serialize(customer_items.to_item(row)))).key == key


@given(position=IDS.filter(lambda position: 0 < len(position.encode()) <= MAX_POSITION_BYTES), journey=IDS)
def test_a_cursor_holds_its_position(position: str, journey: str) -> None:
    """A position in a cursor comes back as it was, and the cursor is valid for its own query."""
    assert position_in(cursor_of(position, "w_1", {"journey": journey}), "w_1", {"journey": journey}) == position
