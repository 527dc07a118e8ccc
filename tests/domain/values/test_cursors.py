"""Cursors of lists (docs/api.md#lists)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.errors import RefusedError
from waypost.domain.values.cursors import cursor_of, position_in

QUERY = {"list": "messages", "journey": "welcome"}


@given(st.text(min_size=1, max_size=250))
def test_a_cursor_contains_its_position(position: str) -> None:
    """The position that a cursor was made of comes back, whatever characters it has, and the cursor needs no escaping in a URL."""
    cursor = cursor_of(position, "w1", QUERY)
    assert position_in(cursor, "w1", QUERY) == position
    assert cursor.isascii()
    assert not set(cursor) & set("+/= ")


@pytest.mark.parametrize(("workspace", "query"), [("w2", QUERY), ("w1", QUERY | {"journey": "other"}), ("w1", {"list": "keys"})])
def test_a_cursor_is_valid_for_its_own_list_only(workspace: str, query: dict[str, str]) -> None:
    """A cursor of another workspace or another query is refused with 400, `bad-cursor`."""
    with pytest.raises(RefusedError) as refused:
        position_in(cursor_of("here", "w1", QUERY), workspace, query)
    assert (refused.value.status, refused.value.code) == (400, "bad-cursor")


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    """A text that we did not make is refused as a bad cursor and raises no other error."""
    with pytest.raises(RefusedError, match="not belong to this list"):
        position_in(text, "w1", QUERY)


@pytest.mark.parametrize("forged", ["e30", "WzFd", "WzEsMl0", "WyJhIiwiYiJd", "bnVsbA"])
def test_json_of_another_shape_is_refused(forged: str) -> None:
    """Base64 of valid JSON that is no cursor is refused: `{}`, `[1]`, `[1,2]`, `["a","b"]`, `null`."""
    with pytest.raises(RefusedError, match="not belong to this list"):
        position_in(forged, "w1", QUERY)
