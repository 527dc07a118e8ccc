"""JSON pointers (RFC 6901), which say where in a JSON value something is."""

from __future__ import annotations

from collections.abc import Iterable


def token(part: str | int) -> str:
    """One reference token with its leading slash (RFC 6901, section 3): the name of a member, or the index of an element."""
    return "/" + str(part).replace("~", "~0").replace("/", "~1")


def pointer(parts: Iterable[str | int]) -> str:
    """The pointer to a place that is given as names and indexes. No parts: the empty pointer, which means the whole value."""
    return "".join(token(part) for part in parts)
