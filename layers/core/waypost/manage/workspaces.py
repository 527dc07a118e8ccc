"""What is set once for a workspace: its schema and its webhook secret (docs/customers.md#schema, docs/messages.md#signatures)."""

from __future__ import annotations

from waypost.domain.customers.schema import Schema, StoredSchema
from waypost.domain.errors import RefusedError, StaleError
from waypost.manage.api import ApiRequest
from waypost.manage.preconditions import Precondition, etag_of_text, precondition_failed
from waypost.manage.requests import NoQuery
from waypost.manage.responses.workspaces import WebhookSecretResponse
from waypost.ports import ManagedCustomers, ManagedWorkspaces
from waypost.web.http import Response


def replace_schema(
    workspaces: ManagedWorkspaces, customers: ManagedCustomers, workspace: str, schema: Schema, if_match: str | None = None
) -> StoredSchema:
    """Replaces the schema. RefusedError 409 if that would change the primary key while customers have values of the present one.

    RefusedError 412 if `if_match`, the header of this name, does not have the `ETag` of the stored schema.
    """
    stored = workspaces.stored_schema(workspace)
    if not Precondition(if_match).holds(etag_of_text(stored.text)):
        raise _changed()
    if stored.schema.primary_key != schema.primary_key and customers.any_with_primary_key(workspace):
        raise RefusedError(
            409, "primary-key-in-use", "Customers have values of the present primary key, so it cannot change.", pointer="/primaryKey"
        )
    try:
        return workspaces.save_schema(workspace, schema, None if if_match is None else stored)
    except StaleError:
        raise _changed() from None


def read_schema(request: ApiRequest[NoQuery, None]) -> Response:
    """`GET /api/schema`."""
    return _with_etag(request.dependencies.workspaces.stored_schema(request.workspace))


def save_schema(request: ApiRequest[NoQuery, Schema]) -> Response:
    """`PUT /api/schema`. RefusedError 412 if `If-Match` names another schema than the stored one."""
    dependencies, if_match = request.dependencies, Precondition.of(request.headers).if_match
    return _with_etag(replace_schema(dependencies.workspaces, dependencies.customers, request.workspace, request.body, if_match))


def _with_etag(stored: StoredSchema) -> Response:
    return Response(200, stored.schema, {"ETag": etag_of_text(stored.text)})


def _changed() -> RefusedError:
    return precondition_failed("The schema is no longer that of this ETag; read it and try again.")


def read_secret(request: ApiRequest[NoQuery, None]) -> WebhookSecretResponse:
    """`GET /api/webhooks/secret`."""
    return WebhookSecretResponse.of(request.dependencies.secrets.of(request.workspace, request.now), request.now)


def rotate_secret(request: ApiRequest[NoQuery, None]) -> WebhookSecretResponse:
    """`POST /api/webhooks/secret`."""
    return WebhookSecretResponse.of(request.dependencies.secrets.rotate(request.workspace, request.now), request.now)
