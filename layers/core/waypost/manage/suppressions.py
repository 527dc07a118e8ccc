"""Suppressed addresses: listed, added, and lifted (docs/api.md#suppressions)."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from waypost.domain.errors import RefusedError
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages.suppression import Suppression, SuppressionCause
from waypost.domain.values.cursors import bad_cursor
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.pagination import Source, read_page
from waypost.manage.requests import NewSuppressionsBody, NoQuery, SuppressionBody, SuppressionQuery
from waypost.manage.responses.lists import ListResponse
from waypost.manage.responses.messages import SuppressedResponse, SuppressionResponse

WRITERS: Final = 5
"""Writes at the same time: 1,000 rows take some seconds, and stay below what DynamoDB takes for one partition."""


def list_suppressions(request: ApiRequest[SuppressionQuery, None]) -> ListResponse[SuppressionResponse]:
    """`GET /api/suppressions`. RefusedError 400 for a wrong cursor."""
    suppressions, messages, workspace, query = (
        request.dependencies.suppressions,
        request.dependencies.messages,
        request.workspace,
        request.query,
    )
    if query.channel is not None and query.address is not None:
        one = suppressions.find(workspace, query.channel, query.address)
        return ListResponse(items=(SuppressionResponse.of(one, query.address),) if one else (), next=None)

    def read(limit: int, before: str | None) -> tuple[list[Suppression], str | None]:
        try:
            return suppressions.page(workspace, limit=limit, before=before)
        except ValueError:
            raise bad_cursor() from None

    source: Source[Suppression] = read
    found = read_page(source, lambda suppression: suppression.position, workspace, query)
    # The rows hold only hashes, so that an erasure need not look for addresses in them. The address is that of the message, which is gone
    # when its customer was erased.
    receivers = messages.receivers(workspace, [each.message for each in found.items if each.message])
    return ListResponse.of(found, lambda each: SuppressionResponse.of(each, _address_of(each, receivers, workspace, request.dependencies)))


def suppress(request: ApiRequest[NoQuery, NewSuppressionsBody]) -> SuppressedResponse:
    """`POST /api/suppressions`. UnavailableError if some of the addresses may not be suppressed yet; a repeat suppresses the rest."""
    suppressions, body, now = request.dependencies.suppressions, request.body, request.now
    with ThreadPoolExecutor(WRITERS) as pool:
        writes = [
            pool.submit(
                suppressions.add,
                request.workspace,
                each.channel,
                each.address,
                SuppressionCause(each.reason, body.source, min(each.since or now, now)),
            )
            for each in body.items
        ]
    for write in writes:
        write.result()
    return SuppressedResponse(suppressed=len(writes))


def lift_suppression(request: ApiRequest[NoQuery, SuppressionBody]) -> None:
    """`DELETE /api/suppressions`. RefusedError 404 if the address is not suppressed, here or at the provider if that was requested."""
    suppressions, body = request.dependencies.suppressions, request.body
    # First at the provider. If that fails, the address is still listed here, and the caller can repeat the request.
    lifted_at_provider = _lift_at_provider(request) if body.provider else False
    if suppressions.holds(request.workspace, body.channel, body.address):
        suppressions.remove(request.workspace, body.channel, body.address, request.now)
    elif not lifted_at_provider:
        raise RefusedError(404, "not-found", "This address is not suppressed on this channel.")


def _lift_at_provider(request: ApiRequest[NoQuery, SuppressionBody]) -> bool:
    if not step_class(request.body.channel).has_provider_suppressions:
        error = {"code": "no-provider-list", "detail": "the provider of this channel has no list of its own", "pointer": "/provider"}
        raise RefusedError(422, "no-provider-list", "The provider of this channel has no list of suppressed addresses.", errors=[error])
    return request.dependencies.provider_suppressions.lift(request.body.address)


def _address_of(suppression: Suppression, receivers: Mapping[str, str], workspace: str, dependencies: ManageDependencies) -> str | None:
    """The address of a suppression, if it is that to which its message was sent."""
    # A message may have more receivers than the one that its row names, and the bounce may be about another one.
    address = receivers.get(suppression.message or "")
    if address is None or dependencies.suppressions.position(workspace, suppression.channel, address) != suppression.position:
        return None
    return address
