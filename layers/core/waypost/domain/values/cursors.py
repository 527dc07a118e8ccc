"""Cursors of lists (`docs/api.md#lists`): the position of the next item, opaque to clients, valid for one workspace and one query."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from waypost.domain.errors import RefusedError
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest

MAX_POSITION_BYTES: Final = 1000
"""A position becomes the bound of a query, and a sort key of DynamoDB has at most 1,024 bytes."""


def cursor_of(position: str, workspace: str, query: Mapping[str, Any]) -> str:
    """The cursor for a position in the list that a query gives in a workspace. It is encoded, not encrypted: positions are no secrets."""
    content = exact_json.dumps([position, _filter_digest(position, workspace, query)])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def position_in(cursor: str, workspace: str, query: Mapping[str, Any]) -> str:
    """The position in a cursor. RefusedError 400, `bad-cursor`, for any text that is no cursor for this workspace and query.

    A caller can compute a cursor for any position: the digest has no secret. The position is therefore untrusted input, and only a place
    in what the caller may read anyway. Here it is a text that fits into the key of a table; who needs more of it checks more.
    """
    try:
        position, filter_digest = exact_json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        size = len(position.encode()) if isinstance(position, str) else 0
    except (ValueError, TypeError):
        raise bad_cursor() from None
    if not 0 < size <= MAX_POSITION_BYTES or filter_digest != _filter_digest(position, workspace, query):
        raise bad_cursor()
    return str(position)


def bad_cursor() -> RefusedError:
    """The 400 for a cursor that is none of its list."""
    return RefusedError(400, "bad-cursor", "This cursor does not belong to this list with these filters. Start without a cursor.")


def _filter_digest(position: str, workspace: str, query: Mapping[str, Any]) -> str:
    return digest("cursor", position, workspace, exact_json.canonical(query), length=16)
