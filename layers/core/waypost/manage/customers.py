"""Customers as a person looks them up: found by an id, read with where they stand in journeys (contract 2, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from waypost import identify
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.identifiers import correlation_identifier, primary_identifier
from waypost.domain.customers.schema import Schema
from waypost.domain.errors import RefusedError
from waypost.domain.journeys.published import ActiveJourneys
from waypost.domain.reasons import Reason
from waypost.domain.runs.run import CustomerRuns, Run
from waypost.manage.requests import CustomerQuery
from waypost.ports import Customers


class RunHistory(Protocol):
    """Customers' runs, earlier ones too."""

    def history(self, workspace: str, customer: str) -> CustomerRuns:
        """The gate and all runs that are still kept."""

    def counts(self, workspace: str, journey: str) -> Mapping[str, int]:
        """How many active runs of a journey stand on each step."""


class Journeys(Protocol):
    """Journeys, as far as they go."""

    def pointer(self, workspace: str) -> ActiveJourneys:
        """All that runs in the workspace."""


def find(customers: Customers, workspace: str, query: CustomerQuery, schema: Schema) -> Customer:
    """The customer that a query names. RefusedError 400 unless it names one id, 404 where nobody has it."""
    if (query.primary_key is None) == (query.correlation_id is None):
        raise RefusedError(400, "one-parameter", "Give `primaryKey` or `correlationId`, and only one of them.")
    given = query.primary_key or query.correlation_id or ""
    # A `+` that was not percent-encoded arrives as a space from some gateways and as itself from others.
    for text in dict.fromkeys((given, given.replace(" ", "+"))):
        identifier = correlation_identifier(text) if query.primary_key is None else primary_identifier(text, schema.primary_key)
        rows = identify.find_rows(customers, workspace, identifier) if identifier else []
        customer = assemble(rows, schema.primary_key)
        if customer is not None:
            return customer
    raise _nobody()


def read(customers: Customers, workspace: str, customer: str, schema: Schema) -> Customer:
    """The customer with this id of ours. RefusedError 404 where there is none."""
    key = customers.find_by_id(workspace, customer)
    found = assemble(identify.find_rows(customers, workspace, key.owner) if key else [], schema.primary_key)
    if found is None:
        raise _nobody()
    return found


def runs_of(runs: RunHistory, journeys: Journeys, customer: Customer) -> list[Run]:
    """A customer's runs, those included that an absorb has not brought along yet. A stopped journey's runs have ended."""
    found = [run for each in (customer.id, *customer.merged_ids) for run in runs.history(customer.workspace, each).runs]
    if not any(run.active for run in found):
        return found
    going = {each.journey for each in journeys.pointer(customer.workspace).active}
    return [run.exited(Reason.STOPPED) if run.active and run.journey not in going else run for run in found]


def _nobody() -> RefusedError:
    return RefusedError(404, "not-found", "There is no such customer.")
