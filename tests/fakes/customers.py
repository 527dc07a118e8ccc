"""The customers table in memory, with concurrent writers and an outage on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.facts import Facts, stamp_of
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import NotUpdated, Row, RowKey, Tombstones
from waypost.domain.customers.schema import PrimaryKey
from waypost.domain.errors import UnavailableError


@dataclass
class FakeCustomers:
    """Rows by key. `calls` lists the calls; `before_save` runs before each save, as another writer; `down` is an outage."""

    rows: dict[RowKey, Row] = field(default_factory=dict)
    erasures: dict[tuple[str, Identifier], datetime] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before_save: Callable[[], None] = lambda: None
    down: bool = False

    def update_if_newer(self, key: RowKey, facts: Facts) -> Row | NotUpdated:
        self._called("update_if_newer")
        row = self.rows.get(key)
        oldest = min((stamp_of(text) for text in facts.values()), default="")
        if row is None or row.linked_to is not None or row.erasing or row.newest_stamp >= oldest or not row.with_facts(facts).is_small:
            return NotUpdated(row)
        return self._written(row.with_facts(facts))

    def save(self, rows: Sequence[Row]) -> dict[RowKey, Row | None] | None:
        self._called("save")
        self.before_save()
        stale = {row.key: self.rows.get(row.key) for row in rows if self._revision(row.key) != row.revision or self._is_outdated(row)}
        if stale:
            return stale
        for row in rows:
            self._written(row)
        return None

    def get(self, keys: Sequence[RowKey]) -> list[Row]:
        self._called("get")
        return [self.rows[key] for key in keys if key in self.rows]

    def by_primary_key(self, workspace: str, primary: Identifier) -> list[Row]:
        self._called("by_primary_key")
        return [row for key, row in self.rows.items() if (key.workspace, key.owner) == (workspace, primary)]

    def tombstones(self, workspace: str, identifiers: Sequence[Identifier]) -> Tombstones:
        self._called("tombstones")
        return {each: self.erasures[workspace, each] for each in identifiers if (workspace, each) in self.erasures}

    def any_with_primary_key(self, workspace: str) -> bool:
        return any(key.workspace == workspace and key.owner.kind == "primary" for key in self.rows)

    def add_tombstones(self, workspace: str, identifiers: Sequence[Identifier], at: datetime) -> None:
        self._called("add_tombstones")
        self.erasures |= {(workspace, each): at for each in identifiers}

    def remove(self, keys: Sequence[RowKey]) -> None:
        self._called("remove")
        for key in keys:
            self.rows.pop(key, None)

    def find_by_id(self, workspace: str, customer: str) -> RowKey | None:
        self._called("find_by_id")
        return next(
            (
                key
                for key, row in self.rows.items()
                if key.workspace == workspace
                and row.linked_to is None
                and (row.merged_id == customer or (row.customer == customer and key.correlation in (None, key.owner)))
            ),
            None,
        )

    def primary_of(self, workspace: str, customer: str) -> Identifier | None:
        key = self.find_by_id(workspace, customer)
        return key.owner if key and key.owner.kind == "primary" else None

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.down:
            raise UnavailableError("the customers table is down")

    def _revision(self, key: RowKey) -> int:
        return self.rows[key].revision if key in self.rows else 0

    def _is_outdated(self, row: Row) -> bool:
        """Whether a new customer's row was made from another tombstone than the stored one."""
        return row.revision == 0 and row.key.is_main and self.erasures.get((row.key.workspace, row.key.owner)) != row.erased_at

    def _written(self, row: Row) -> Row:
        self.rows[row.key] = replace(row, revision=row.revision + 1)
        return self.rows[row.key]

    def customer(self, primary: str, workspace: str = "w1") -> Customer:
        """The customer with this primary key value, assembled from its rows."""
        found = assemble(self.by_primary_key(workspace, Identifier("primary", primary)), PrimaryKey(name="email", type="Email"))
        assert found is not None
        return found
