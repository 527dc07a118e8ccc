"""Suppressed addresses: listed, and lifted (docs/api.md#suppressions)."""

from __future__ import annotations

from waypost.domain.errors import RefusedError
from waypost.manage.api import ApiRequest
from waypost.manage.pagination import read_page
from waypost.manage.requests import NoQuery, SuppressionBody, SuppressionQuery
from waypost.manage.responses.lists import ListResponse
from waypost.manage.responses.messages import SuppressionResponse


def list_suppressions(request: ApiRequest[SuppressionQuery, None]) -> ListResponse[SuppressionResponse]:
    """`GET /api/suppressions`."""
    suppressions, messages, workspace = request.dependencies.suppressions, request.dependencies.messages, request.workspace
    found = read_page(
        lambda limit, before: suppressions.page(workspace, limit=limit, before=before),
        lambda suppression: suppression.position,
        workspace,
        request.query,
    )
    # The rows hold only hashes, so that an erasure need not look for addresses in them. The address is that of the message, which is gone
    # when its customer was erased.
    receivers = messages.receivers(workspace, [each.message for each in found.items if each.message])
    return ListResponse.of(found, lambda each: SuppressionResponse.of(each, receivers.get(each.message or "")))


def lift_suppression(request: ApiRequest[NoQuery, SuppressionBody]) -> None:
    """`DELETE /api/suppressions`. RefusedError 404 if the address is not suppressed."""
    suppressions, body = request.dependencies.suppressions, request.body
    if not suppressions.holds(request.workspace, body.channel, body.address):
        raise RefusedError(404, "not-found", "This address is not suppressed on this channel.")
    suppressions.remove(request.workspace, body.channel, body.address)
