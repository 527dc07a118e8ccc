"""The customer as conditions, templates and the API see it, assembled from its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from waypost.domain.customers.consents import consents_in
from waypost.domain.customers.facts import PRIMARY_KEY, Facts, attributes_of, device_tokens_of, merge, value_of
from waypost.domain.customers.identifiers import Identifier, display_value
from waypost.domain.customers.rows import Row
from waypost.domain.customers.schema import PrimaryKey


@dataclass(frozen=True, slots=True)
class Customer:
    """The person that events are about.

    `primary` is the folded identifier, `primary_key` the value as it is displayed; both are None for an anonymous customer. `tokens` are
    device tokens by `android` or `ios`. `merged_ids` are the ids of customers that were merged into this one. `consents` are the facts of
    what it has subscribed to.
    """

    workspace: str
    id: str
    primary: Identifier | None
    primary_key: Any
    correlation_ids: tuple[str, ...]
    attributes: Mapping[str, Any]
    tokens: Mapping[str, str]
    merged_ids: tuple[str, ...] = ()
    consents: Facts = field(default_factory=dict)

    @property
    def anonymous(self) -> bool:
        """Whether the customer has no primary key value."""
        return self.primary is None

    def has(self, identifier: Identifier) -> bool:
        """Whether an identifier is one of this customer's."""
        return identifier == self.primary or (identifier.kind == "correlation" and identifier.value in self.correlation_ids)

    @property
    def lookup_id(self) -> Identifier:
        """An identifier by which the customer can be read strongly consistently, which the index of customer ids does not allow."""
        return self.primary or Identifier("correlation", self.correlation_ids[0])


def assemble(rows: Iterable[Row], key: PrimaryKey | None) -> Customer | None:
    """The customer that these rows make: a head with its pairs, or the own row of an anonymous customer.

    `key` is the workspace's primary key, under whose name the value appears among the attributes. None if the rows make no customer:
    there is neither a head nor an own row (the customer is being erased), or the own row is a pointer.
    """
    found = list(rows)
    main_row = next((row for row in found if row.key.correlation is None or row.key.owner == row.key.correlation), None)
    if main_row is None or main_row.linked_to is not None:
        return None
    facts = merge(*(row.facts for row in found))
    primary = main_row.key.owner if main_row.key.correlation is None else None
    as_given = facts.get(PRIMARY_KEY)
    primary_key = value_of(as_given) if as_given else primary and display_value(primary, primary.value, key)
    attributes = attributes_of(facts)
    if primary is not None and key is not None:
        attributes = {key.name: primary_key, **attributes}
    return Customer(
        workspace=main_row.key.workspace,
        id=main_row.customer,
        primary=primary,
        primary_key=primary_key,
        correlation_ids=tuple(row.key.correlation.value for row in found if row.key.correlation is not None),
        attributes=attributes,
        tokens=device_tokens_of(facts),
        merged_ids=tuple(row.merged_id for row in found if row.merged_id is not None),
        consents=consents_in(facts),
    )
