"""What is set once for a workspace: its schema and its webhook secret (docs/customers.md#schema, docs/messages.md#signatures)."""

from __future__ import annotations

from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.manage.api import ApiRequest
from waypost.manage.requests import NoQuery
from waypost.manage.responses.workspaces import WebhookSecretResponse
from waypost.ports import ManagedCustomers, ManagedWorkspaces


def replace_schema(workspaces: ManagedWorkspaces, customers: ManagedCustomers, workspace: str, schema: Schema) -> Schema:
    """Replaces the schema. RefusedError 409 if that would change the primary key while customers have values of the present one."""
    if workspaces.schema(workspace).primary_key != schema.primary_key and customers.any_with_primary_key(workspace):
        raise RefusedError(
            409, "primary-key-in-use", "Customers have values of the present primary key, so it cannot change.", pointer="/primaryKey"
        )
    workspaces.save_schema(workspace, schema)
    return schema


def read_schema(request: ApiRequest[NoQuery, None]) -> Schema:
    """`GET /api/schema`."""
    return request.dependencies.workspaces.schema(request.workspace)


def save_schema(request: ApiRequest[NoQuery, Schema]) -> Schema:
    """`PUT /api/schema`."""
    dependencies = request.dependencies
    return replace_schema(dependencies.workspaces, dependencies.customers, request.workspace, request.body)


def read_secret(request: ApiRequest[NoQuery, None]) -> WebhookSecretResponse:
    """`GET /api/webhooks/secret`."""
    return WebhookSecretResponse.of(request.dependencies.secrets.of(request.workspace, request.now), request.now)


def rotate_secret(request: ApiRequest[NoQuery, None]) -> WebhookSecretResponse:
    """`POST /api/webhooks/secret`."""
    return WebhookSecretResponse.of(request.dependencies.secrets.rotate(request.workspace, request.now), request.now)
