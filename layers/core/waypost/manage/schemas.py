"""A workspace's schema, read and replaced (contract 2, 5)."""

from __future__ import annotations

from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.ports import ManagedCustomers, ManagedWorkspaces


def save(schemas: ManagedWorkspaces, population: ManagedCustomers, workspace: str, schema: Schema) -> Schema:
    """Replaces the schema. RefusedError 409 where that would change the primary key under which customers are known."""
    if schemas.schema(workspace).primary_key != schema.primary_key and population.any_named(workspace):
        raise RefusedError(
            409, "primary-key-in-use", "Customers are known by the present primary key; it can no longer change.", pointer="/primaryKey"
        )
    schemas.save_schema(workspace, schema)
    return schema
