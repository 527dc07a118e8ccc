"""Customers: found by one of their ids, and read with their runs (docs/customers.md#reading-customers)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import Identifier, correlation_identifier, display_value, primary_identifier
from waypost.domain.customers.rows import owner_key
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.errors import RefusedError
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import Run
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.requests import CustomerQuery, NoQuery
from waypost.manage.responses.customers import CustomerResponse
from waypost.ports import Customers, JourneyPointer, RunHistory


def find(customers: Customers, workspace: str, query: CustomerQuery, schema: Schema) -> Customer:
    """The customer that has the id in the query. RefusedError 400 unless the query names exactly one id, 404 if no customer has it."""
    if (query.primary_key is None) == (query.correlation_id is None):
        raise RefusedError(400, "one-parameter", "Give `primaryKey` or `correlationId`, and only one of them.")
    given = query.primary_key or query.correlation_id or ""
    # A `+` that the caller did not percent-encode arrives as a space from some gateways and as itself from others.
    for text in dict.fromkeys((given, given.replace(" ", "+"))):
        identifier = correlation_identifier(text) if query.primary_key is None else primary_identifier(text, schema.primary_key)
        rows = identify.find_rows(customers, workspace, identifier) if identifier else []
        customer = assemble(rows, schema.primary_key)
        if customer is not None:
            return customer
    raise _not_found()


def read(customers: Customers, workspace: str, customer_id: str, schema: Schema) -> Customer:
    """The customer with this generated id (`c_...`). RefusedError 404 if there is none."""
    customer = _with_id(customers, workspace, customer_id, schema)
    if customer is None:
        raise _not_found()
    return customer


def all_ids(customers: Customers, workspace: str, customer_id: str, schema: Schema) -> tuple[str, ...]:
    """The generated ids of the customer who has this one: its own, and those of customers that were merged into it.

    What happened before a merge stays stored under the id that it happened to. Of an unknown customer only the given id is known.
    """
    customer = _with_id(customers, workspace, customer_id, schema)
    return (customer_id,) if customer is None else (customer.id, *customer.merged_ids)


def primary_keys(
    customers: Customers, workspace: str, identifiers: Collection[Identifier], key: PrimaryKey | None
) -> dict[Identifier, Any]:
    """The primary key value of the customer of each identifier, normalised; those of anonymous customers are left out.

    One batch read of the rows of those that are correlation ids, because the others are primary key values themselves.
    """
    correlations = [each for each in identifiers if each.kind == "correlation"]
    rows = customers.get([owner_key(workspace, each) for each in correlations]) if correlations else []
    found = {each: each for each in identifiers if each.kind == "primary"}
    found |= {row.key.owner: row.linked_to for row in rows if row.linked_to is not None}
    return {each: display_value(primary, primary.value, key) for each, primary in found.items()}


def _with_id(customers: Customers, workspace: str, customer_id: str, schema: Schema) -> Customer | None:
    key = customers.find_by_id(workspace, customer_id)
    return assemble(identify.find_rows(customers, workspace, key.owner) if key else [], schema.primary_key)


def runs_of(runs: RunHistory, journeys: JourneyPointer, customer: Customer) -> list[Run]:
    """The customer's runs, including those of merged customers that are still stored under their old ids.

    Stopping a journey writes one row and touches no run. A run that is stored as active in a stopped journey has therefore ended, and is
    returned as exited.
    """
    found = [run for each in (customer.id, *customer.merged_ids) for run in runs.history(customer.workspace, each).runs]
    if not any(run.active for run in found):
        return found
    active_journeys = {each.journey for each in journeys.pointer(customer.workspace).active}
    return [run.exited(Reason.STOPPED) if run.active and run.journey not in active_journeys else run for run in found]


def requested(request: ApiRequest[Any, Any]) -> Customer:
    """The customer whose id is in the path. RefusedError 404 if there is none."""
    dependencies = request.dependencies
    schema = dependencies.workspaces.schema(request.workspace)
    return read(dependencies.customers, request.workspace, request.variables["id"], schema)


def response(dependencies: ManageDependencies, customer: Customer) -> CustomerResponse:
    """The customer with its runs."""
    return CustomerResponse.of(customer, runs_of(dependencies.runs, dependencies.journeys, customer))


def find_customer(request: ApiRequest[CustomerQuery, None]) -> CustomerResponse:
    """`GET /api/customers`."""
    dependencies = request.dependencies
    schema = dependencies.workspaces.schema(request.workspace)
    return response(dependencies, find(dependencies.customers, request.workspace, request.query, schema))


def read_customer(request: ApiRequest[NoQuery, None]) -> CustomerResponse:
    """`GET /api/customers/{id}`."""
    return response(request.dependencies, requested(request))


def _not_found() -> RefusedError:
    return RefusedError(404, "not-found", "There is no such customer.")
