"""The settings of a workspace: read, and replaced if nobody else has changed them meanwhile (docs/api.md#settings)."""

from __future__ import annotations

from typing import Any

from waypost.domain.errors import RefusedError, StaleError
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.manage.api import ApiRequest
from waypost.manage.link_texts import LANGUAGES
from waypost.manage.requests import NoQuery, SettingsBody
from waypost.manage.responses.workspaces import SettingsResponse
from waypost.web.http import Response


def read_settings(request: ApiRequest[NoQuery, None]) -> Response:
    """`GET /api/settings`."""
    stored = request.dependencies.settings.read(request.workspace)
    return _response(stored.settings, stored.revision, request)


def save_settings(request: ApiRequest[NoQuery, SettingsBody]) -> Response:
    """`PUT /api/settings`. RefusedError 412 if `If-Match` names another revision than the stored one.

    RefusedError 422 for a language that the page behind links does not have.
    """
    if request.body.language not in LANGUAGES:
        # Not in the model: a newer release may have stored a language that this one does not know, and the sender reads the settings too.
        known = ", ".join(LANGUAGES)
        fault = {"code": "unknown-language", "detail": f"the page behind links is in one of {known}", "pointer": "/language"}
        raise RefusedError(422, "invalid", "The body does not have the form that this route requires.", errors=[fault])
    settings, expected = request.dependencies.settings, request.headers.get("if-match")
    revision = settings.read(request.workspace).revision
    if expected is not None and not _matches(expected, revision):
        raise _changed()
    try:
        saved = settings.save(request.workspace, request.body.settings, revision)
    except StaleError:
        if expected is None:
            raise
        raise _changed() from None
    return _response(request.body.settings, saved, request)


def _response(settings: WorkspaceSettings, revision: int, request: ApiRequest[Any, Any]) -> Response:
    quota = request.dependencies.email_quota.of(request.now)
    return Response(200, SettingsResponse.of(settings, quota), {"ETag": _etag(revision)})


def _etag(revision: int) -> str:
    return f'"{revision}"'


def _matches(if_match: str, revision: int) -> bool:
    tags = [each.strip() for each in if_match.split(",")]
    return "*" in tags or _etag(revision) in tags


def _changed() -> RefusedError:
    return RefusedError(412, "precondition-failed", "The settings are no longer those of this ETag; read them and try again.")
