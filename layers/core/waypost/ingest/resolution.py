"""Finds the customer that each identifier of a batch belongs to: its id names the message group of the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from waypost.cache.linked_ids import ResolvedCustomer
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import owner_key
from waypost.domain.errors import UnavailableError
from waypost.domain.values.generated_ids import customer_id
from waypost.ingest import time_budget
from waypost.ingest.dependencies import IngestDependencies
from waypost.ingest.time_budget import TimeBudget


def resolve_customers(
    identifiers: Iterable[Identifier],
    identified: Mapping[Identifier, ResolvedCustomer],
    workspace: str,
    dependencies: IngestDependencies,
    budget: TimeBudget,
    *,
    table_unavailable: bool,
) -> dict[Identifier, ResolvedCustomer]:
    """The customer of each identifier: identified by this batch, in the cache, or else by one read for all that are left.

    Nothing is read if the customers table is known to be unavailable. An identifier of which nothing is stored, or could be read, belongs
    to the customer that the matcher would create for it. If a failed read makes that wrong, the events go to another message group than
    the customer's other events, and may be processed in another order; the matcher finds the customer again, so no fact is lost.
    """
    resolved = dict(identified)
    unknown: list[Identifier] = []
    for identifier in dict.fromkeys(identifiers):
        customer = resolved.get(identifier) or dependencies.linked.get(workspace, identifier)
        if customer is not None:
            resolved[identifier] = customer
        else:
            unknown.append(identifier)
    resolved |= {each: ResolvedCustomer(customer_id(workspace, each.kind, each.value), None, stored=False) for each in unknown}
    if unknown and not table_unavailable:
        resolved |= _read_customers(unknown, workspace, dependencies, budget)
    return resolved


def _read_customers(
    identifiers: Sequence[Identifier], workspace: str, dependencies: IngestDependencies, budget: TimeBudget
) -> dict[Identifier, ResolvedCustomer]:
    """The customers of those identifiers of which something is stored; none if the table does not answer in time."""
    keys = [owner_key(workspace, each) for each in identifiers]
    try:
        rows = budget.run_until(time_budget.READ_SECONDS, lambda: dependencies.customers.get(keys))
    except UnavailableError:
        return {}
    found: dict[Identifier, ResolvedCustomer] = {}
    for row in rows:
        primary = row.key.owner if row.key.correlation is None else row.linked_to
        found[row.key.owner] = ResolvedCustomer(row.customer, primary, stored=True)
        if primary is not None:  # an anonymous customer may be linked by another instance at any time, so it is not cached
            dependencies.linked.put(workspace, row.key.owner, found[row.key.owner])
    return found
