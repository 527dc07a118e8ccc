"""Ports of the customers table, and of what an erasure removes elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from waypost.domain.customers.erasure import ErasedMessage, ErasureScope, ErasureStatus
from waypost.domain.customers.facts import Facts
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import NotUpdated, Row, RowKey, Tombstones


class Customers(Protocol):
    """The rows that a customer is assembled from."""

    def update_if_newer(self, key: RowKey, facts: Facts) -> Row | NotUpdated:
        """Merges facts into a row in one write and returns the row.

        Nothing is written unless the row exists, is not linked to another customer, is not being erased, is older than all the facts, and
        stays small.
        """

    def save(self, rows: Sequence[Row]) -> Mapping[RowKey, Row | None] | None:
        """Writes all rows in one transaction if each is still as it was read, and returns None.

        A new customer's row is also missing if the tombstone of its identifier is not the one that the row was made from. Otherwise nothing
        is written. The result then holds the rows that have changed as they are now, None for a missing row.
        """

    def get(self, keys: Sequence[RowKey]) -> list[Row]:
        """The rows that exist under these keys."""

    def by_primary_key(self, workspace: str, primary: Identifier) -> list[Row]:
        """All rows under a primary key."""

    def tombstones(self, workspace: str, identifiers: Sequence[Identifier]) -> Tombstones:
        """The time of erasure of each of these identifiers that belonged to an erased customer."""

    def find_by_id(self, workspace: str, customer: str) -> RowKey | None:
        """The key of the row that holds a customer's id, or None. The index behind it lags writes by moments."""


class ManagedCustomers(Customers, Protocol):
    """The customers' rows as the management API uses them."""

    def any_with_primary_key(self, workspace: str) -> bool:
        """Whether the workspace has, or ever had, a customer with a primary key."""

    def primary_of(self, workspace: str, customer: str) -> Identifier | None:
        """The primary key value of the customer with this id, or with which it was merged; None if it has none or is unknown.

        The index behind it lags writes by moments.
        """

    def add_tombstones(self, workspace: str, identifiers: Sequence[Identifier], at: datetime) -> None:
        """Adds tombstones for the identifiers of an erased customer. Tombstones never expire."""

    def remove(self, keys: Sequence[RowKey]) -> None:
        """Deletes rows."""


class CustomerData(Protocol):
    """Everything of a customer outside the customers table.

    Each `remove_*` method that returns a number deletes a bounded number of items of one kind and returns how many, so a caller repeats it
    until it returns 0.
    """

    def remove_runs(self, workspace: str, customer: str) -> int:
        """Deletes runs."""

    def messages(self, workspace: str, customer: str) -> list[ErasedMessage]:
        """Some messages of the customer that are still stored; none if there are none."""

    def remove_messages(self, workspace: str, messages: Sequence[str]) -> None:
        """Deletes messages together with their rendered content, whether or not they are stored."""

    def remove_cap_counts(self, workspace: str, customers: Sequence[str]) -> None:
        """Deletes which messages of these customers count under caps, whether or not that is stored."""

    def remove_events(self, workspace: str, customer: str) -> int:
        """Deletes pages of the event log together with the receipts of their events."""

    def remove_consents(self, workspace: str, customer: str) -> int:
        """Deletes the history of consents."""

    def remove_rejected(self, workspace: str, identifiers: Collection[str]) -> int:
        """Deletes rejected events that name any of these identifiers."""

    def remove_parked(self, workspace: str, scope: ErasureScope, after: str | None) -> tuple[int, str | None]:
        """Deletes the dead letters in the scope, and those of messages of its customers, among some dead letters after a position.

        Returns how many were deleted, and the position to go on from (None: there are no more).
        """


class Erasures(Protocol):
    """Erasures: how far they are, and what they cover, for the time when the rows of the customer are gone."""

    def block(self, workspace: str, customer: str, erased: str, at: datetime) -> None:
        """Marks the runs under an id of the `erased` customer as erased: every later conditional write of a run fails."""

    def begin(self, workspace: str, customer: str, at: datetime) -> datetime:
        """Marks that an erasure of this customer has begun, and blocks its runs. Returns its time: a repeat keeps the first one."""

    def status(self, workspace: str, customer: str) -> ErasureStatus | None:
        """How far the erasure of this customer is, or of the one into which this one was merged; or None."""

    def schedule_second_pass(self, workspace: str, customer: str, at: datetime) -> None:
        """Stores the time of the second pass. A repeat keeps the first time."""

    def complete(self, workspace: str, customer: str) -> None:
        """Deletes the scope and the positions of the erasure, and marks it as complete."""

    def add(self, workspace: str, customer: str, scope: ErasureScope, at: datetime) -> None:
        """Adds to the scope of the erasure of this customer."""

    def scope(self, workspace: str, customer: str) -> ErasureScope:
        """What the erasure of this customer covers; empty when it is complete."""

    def save_position(self, workspace: str, customer: str, scan: str, position: str, at: datetime) -> None:
        """Stores how far the erasure has read in a scan of this name."""

    def position(self, workspace: str, customer: str, scan: str) -> str | None:
        """How far the erasure has read in a scan of this name; None if it has not begun."""
