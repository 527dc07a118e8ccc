"""Cutting sequences into chunks, for calls and transactions that take a limited number of items or bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunked(items: Sequence[T], max_items: int) -> Iterator[Sequence[T]]:
    """Consecutive chunks of at most `max_items` items, in order. An empty sequence has no chunks."""
    return (items[start : start + max_items] for start in range(0, len(items), max_items))


def chunked_by_bytes(items: Iterable[T], bytes_of: Callable[[T], int], *, max_items: int, max_bytes: int) -> Iterator[list[T]]:
    """Consecutive chunks of at most `max_items` items that have at most `max_bytes` together, in order.

    An item that has more than `max_bytes` by itself gets a chunk of its own: whether it is acceptable is for the caller to decide.
    """
    chunk: list[T] = []
    chunk_bytes = 0
    for item in items:
        item_bytes = bytes_of(item)
        if chunk and (len(chunk) == max_items or chunk_bytes + item_bytes > max_bytes):
            yield chunk
            chunk, chunk_bytes = [], 0
        chunk.append(item)
        chunk_bytes += item_bytes
    if chunk:
        yield chunk
