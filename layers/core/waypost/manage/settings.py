"""The settings of a workspace: read, and replaced if nobody else has changed them meanwhile (docs/api.md#settings)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from waypost.domain.customers.topics import with_general
from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.domain.messages.message import WHOLE_WORKSPACE
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import JourneyResumed
from waypost.manage.api import ApiRequest
from waypost.manage.lifecycle import SECOND_PASS_AFTER
from waypost.manage.link_texts import LANGUAGES
from waypost.manage.preconditions import Precondition, etag_of, precondition_failed
from waypost.manage.requests import NoQuery, SettingsBody
from waypost.manage.responses.workspaces import SettingsResponse
from waypost.web.http import Response


def read_settings(request: ApiRequest[NoQuery, None]) -> Response:
    """`GET /api/settings`."""
    stored = request.dependencies.settings.read(request.workspace)
    return _response(stored.settings, stored.revision, request)


def save_settings(request: ApiRequest[NoQuery, SettingsBody]) -> Response:
    """`PUT /api/settings`. RefusedError 412 if `If-Match` names another revision than the stored one.

    RefusedError 422 for a cap of no topic, or a language that the page behind links does not have. If the workspace sends again, what it
    has held is released, in two passes.
    """
    _check_caps(request.body)
    if request.body.language not in LANGUAGES:
        # Not in the model: a newer release may have stored a language that this one does not know, and the sender reads the settings too.
        known = ", ".join(LANGUAGES)
        fault = {"code": "unknown-language", "detail": f"the page behind links is in one of {known}", "pointer": "/language"}
        raise RefusedError(422, "invalid", "The body does not have the form that this route requires.", errors=[fault])
    settings, expected = request.dependencies.settings, Precondition.of(request.headers).if_match
    was, revision = settings.read(request.workspace)
    if not Precondition(expected).holds(etag_of(revision)):
        raise _changed()
    resumed = JourneyResumed(request.workspace, WHOLE_WORKSPACE, revision + 1, phase="messages")
    is_switched_on = request.body.sending and not was.sending
    if is_switched_on:
        # Before the write, as for a resumed journey: if this call ends right after the write, this pass still releases everything. It comes
        # when no warm function has the switch as off in memory any more, and the index shows everything that was held.
        request.dependencies.delays.put(to_queue_message(replace(resumed, pass_number=1)), SECOND_PASS_AFTER)
    try:
        saved = settings.save(request.workspace, request.body.settings, revision)
    except StaleError:
        if expected is None:
            raise
        raise _changed() from None
    if is_switched_on and request.dependencies.signals.send([to_queue_message(resumed)]):
        raise UnavailableError("the signals queue did not take the signal of a workspace that sends again")
    return _response(request.body.settings, saved, request)


def _check_caps(settings: WorkspaceSettings) -> None:
    """RefusedError 422 with a pointer for a cap of a topic that is not in the settings: it would never count anything."""
    known = {topic.id for topic in with_general(settings.topics)}
    unknown = [(number, cap.topic) for number, cap in enumerate(settings.caps) if cap.topic not in (None, *known)]
    if unknown:
        errors = [
            {"code": "unknown-topic", "detail": f"there is no topic {topic!r} in the settings", "pointer": f"/caps/{number}/topic"}
            for number, topic in unknown
        ]
        raise RefusedError(422, "invalid", "The body does not have the form that this route requires.", errors=errors)


def _response(settings: WorkspaceSettings, revision: int, request: ApiRequest[Any, Any]) -> Response:
    quota = request.dependencies.email_quota.of(request.now)
    return Response(200, SettingsResponse.of(settings, quota), {"ETag": etag_of(revision)})


def _changed() -> RefusedError:
    return precondition_failed("The settings are no longer those of this ETag; read them and try again.")
