"""Cursors of lists (`docs/api.md#lists`): the position of the next item, opaque to clients, valid for one workspace and one query."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from waypost.domain.errors import RefusedError
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest


def cursor_of(position: str, workspace: str, query: Mapping[str, Any]) -> str:
    """The cursor for a position in the list that a query gives in a workspace. It is encoded, not encrypted: positions are no secrets."""
    content = exact_json.dumps([position, _filter_digest(position, workspace, query)])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def position_in(cursor: str, workspace: str, query: Mapping[str, Any]) -> str:
    """The position in a cursor. RefusedError 400, `bad-cursor`, for any text that is no cursor for this workspace and query."""
    try:
        position, filter_digest = exact_json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error):
        position, filter_digest = "", None
    if not isinstance(position, str) or filter_digest != _filter_digest(position, workspace, query):
        raise RefusedError(400, "bad-cursor", "This cursor does not belong to this list with these filters. Start without a cursor.")
    return position


def _filter_digest(position: str, workspace: str, query: Mapping[str, Any]) -> str:
    return digest("cursor", position, workspace, exact_json.canonical(query), length=16)
