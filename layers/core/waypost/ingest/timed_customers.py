"""The customers table for one request, which makes no more calls once the time of the request for them is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import NotUpdated, Row, RowKey, Tombstones
from waypost.domain.errors import UnavailableError
from waypost.ingest import time_budget
from waypost.ingest.time_budget import TimeBudget
from waypost.ports import Customers


@dataclass(frozen=True, slots=True)
class TimedCustomers:
    """The port `Customers` of an identification. Each call raises UnavailableError after the limit of the request for reads.

    One identification makes up to dozens of calls. Without this, a slow table would keep its thread busy long after the request has
    ended, and the identifications of the next requests would wait for the thread.
    """

    customers: Customers
    budget: TimeBudget

    def update_if_newer(self, key: RowKey, facts: Facts) -> Row | NotUpdated:
        """As the port."""
        return self._in_time().update_if_newer(key, facts)

    def save(self, rows: Sequence[Row]) -> Mapping[RowKey, Row | None] | None:
        """As the port."""
        return self._in_time().save(rows)

    def get(self, keys: Sequence[RowKey]) -> list[Row]:
        """As the port."""
        return self._in_time().get(keys)

    def by_primary_key(self, workspace: str, primary: Identifier) -> list[Row]:
        """As the port."""
        return self._in_time().by_primary_key(workspace, primary)

    def tombstones(self, workspace: str, identifiers: Sequence[Identifier]) -> Tombstones:
        """As the port."""
        return self._in_time().tombstones(workspace, identifiers)

    def find_by_id(self, workspace: str, customer: str) -> RowKey | None:
        """As the port."""
        return self._in_time().find_by_id(workspace, customer)

    def _in_time(self) -> Customers:
        if self.budget.is_over(time_budget.READ_SECONDS):
            raise UnavailableError("there is no time left for this identification")
        return self.customers
