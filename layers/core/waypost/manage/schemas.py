"""A workspace's schema, read and replaced (contract 2, 5)."""

from __future__ import annotations

from typing import Protocol

from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError


class SchemaStore(Protocol):
    """The schemas of all workspaces."""

    def schema(self, workspace: str) -> Schema:
        """The workspace's schema; the empty one where none was saved."""

    def save_schema(self, workspace: str, schema: Schema) -> None:
        """Saves the workspace's schema over the one before."""


class CustomerExistence(Protocol):
    """Whom a workspace knows."""

    def any_with_primary_key(self, workspace: str) -> bool:
        """Whether the workspace has, or ever had, a customer with a primary key."""


def save(schemas: SchemaStore, population: CustomerExistence, workspace: str, schema: Schema) -> Schema:
    """Replaces the schema. RefusedError 409 where that would change the primary key under which customers are known."""
    if schemas.schema(workspace).primary_key != schema.primary_key and population.any_with_primary_key(workspace):
        raise RefusedError(
            409, "primary-key-in-use", "Customers are known by the present primary key; it can no longer change.", pointer="/primaryKey"
        )
    schemas.save_schema(workspace, schema)
    return schema
