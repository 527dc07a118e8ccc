"""JSON pointers (RFC 6901)."""

from __future__ import annotations

import pytest

from waypost.domain.values.json_pointers import pointer


@pytest.mark.parametrize(
    ("parts", "text"),
    [([], ""), ([""], "/"), (["foo", 0], "/foo/0"), (["a/b"], "/a~1b"), (["m~n"], "/m~0n"), (["~1"], "/~01"), ([" "], "/ ")],
    ids=["whole value", "empty name", "name and index", "slash", "tilde", "tilde before a digit", "space"],
)
def test_a_place_is_written_as_a_json_pointer(parts: list[str | int], text: str) -> None:
    """Names and indexes are joined by slashes, with `~` and `/` in names escaped, as the examples of RFC 6901 show."""
    assert pointer(parts) == text
