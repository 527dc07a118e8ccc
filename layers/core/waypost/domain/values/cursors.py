"""Cursors: where a list goes on, opaque to whoever carries them, and good for one workspace and one query only (contract 5)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from waypost.domain.errors import RefusedError
from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import digest


def cursor_of(position: str, workspace: str, query: Mapping[str, Any]) -> str:
    """The cursor of a position in a workspace's answer to a query; positions are not secret, so it is not encrypted."""
    return base64.urlsafe_b64encode(exact_json.dumps([position, _filter_digest(position, workspace, query)]).encode()).decode().rstrip("=")


def position_in(cursor: str, workspace: str, query: Mapping[str, Any]) -> str:
    """The position in a cursor. RefusedError 400 for any text that is no cursor of this workspace and query."""
    try:
        position, filter_key = exact_json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error):
        position, filter_key = "", None
    if not isinstance(position, str) or filter_key != _filter_digest(position, workspace, query):
        raise RefusedError(400, "bad-cursor", "This cursor belongs to another list; start without one.")
    return position


def _filter_digest(position: str, workspace: str, query: Mapping[str, Any]) -> str:
    return digest("cursor", position, workspace, exact_json.canonical(query), length=16)
