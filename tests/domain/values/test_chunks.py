"""Chunks of sequences, by number of items and by bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.values.chunks import chunked, chunked_by_bytes


@pytest.mark.parametrize(
    ("items", "chunks"),
    [("", []), ("a", ["a"]), ("abc", ["abc"]), ("abcd", ["abc", "d"]), ("abcdef", ["abc", "def"])],
    ids=["no items", "less than a chunk", "one full chunk", "one item more", "two full chunks"],
)
def test_a_sequence_is_cut_into_chunks_of_at_most_so_many_items(items: str, chunks: list[str]) -> None:
    """All chunks but the last are full, and an empty sequence has no chunk."""
    assert list(chunked(items, 3)) == chunks


@pytest.mark.parametrize(
    ("items", "chunks"),
    [
        ([], []),
        ([5, 5], [[5, 5]]),
        ([5, 6], [[5], [6]]),
        ([1, 1, 1, 1], [[1, 1, 1], [1]]),
        ([99, 1], [[99], [1]]),
        ([1, 99, 1], [[1], [99], [1]]),
    ],
    ids=["no items", "just enough bytes", "one byte more", "one item more", "too large at first", "too large between others"],
)
def test_items_are_cut_into_chunks_of_at_most_so_many_bytes(items: list[int], chunks: list[list[int]]) -> None:
    """A chunk has at most 3 items and 10 bytes; an item of more than 10 bytes has a chunk of its own."""
    assert list(chunked_by_bytes(items, int, max_items=3, max_bytes=10)) == chunks


@given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 5))
def test_chunks_hold_all_items_in_order(items: list[int], max_items: int) -> None:
    """Neither function loses, repeats or reorders an item, returns an empty chunk, or exceeds a limit with two or more items."""
    by_number = [list(chunk) for chunk in chunked(items, max_items)]
    by_bytes = list(chunked_by_bytes(items, int, max_items=max_items, max_bytes=10))
    for chunks in (by_number, by_bytes):
        assert [item for chunk in chunks for item in chunk] == items
        assert all(1 <= len(chunk) <= max_items for chunk in chunks)
    assert all(sum(chunk) <= 10 or len(chunk) == 1 for chunk in by_bytes)
