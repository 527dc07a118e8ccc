"""The customers that a set of events must lead to (docs/customers.md), computed from all events at once.

The model knows no rows, no order of arrival and no retries, so it is simple enough to be checked by reading.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.values.generated_ids import digest


@dataclass(frozen=True)
class EventFacts:
    """What one event states about a customer. All identifiers of an event belong to one customer; `at` orders events in time.

    `spelling` is the primary key as the event writes it. It is empty if the event has no primary key, or one in its normal form that it
    does not assign.
    """

    uuid: str
    at: int
    identifiers: tuple[Identifier, ...]
    sets: Mapping[str, Any] = field(default_factory=dict)
    sets_once: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    spelling: Mapping[str, str] = field(default_factory=dict)

    @property
    def primary_keys(self) -> set[Identifier]:
        """The primary keys among the identifiers."""
        return {each for each in self.identifiers if each.kind == "primary"}

    @property
    def tie_breaker(self) -> str:
        """What orders events of the same time."""
        return digest("stamp", self.uuid, length=4)


@dataclass(frozen=True)
class ExpectedCustomer:
    """A customer as the API shows it, without its id."""

    primary_key: Identifier | None
    correlation_ids: frozenset[str]
    attributes: Mapping[str, Any]
    tokens: Mapping[str, str]


def expected_customers(facts: Collection[EventFacts]) -> dict[Identifier, ExpectedCustomer]:
    """The customer of each identifier: identifiers that share an event, directly or through others, belong to one customer."""
    groups: list[set[Identifier]] = []
    for each in facts:
        connected = [group for group in groups if group & set(each.identifiers)]
        groups = [group for group in groups if group not in connected] + [set(each.identifiers).union(*connected)]
    customers = [(group, _customer(group, [each for each in facts if each.identifiers[0] in group])) for group in groups]
    return {identifier: customer for group, customer in customers for identifier in group}


def _customer(identifiers: set[Identifier], facts: Collection[EventFacts]) -> ExpectedCustomer:
    """`$set` wins over `$set_once`. Of several sets the latest wins, of several `$set_once` the earliest. Null removes an attribute."""
    primary_key = next((each for each in identifiers if each.kind == "primary"), None)
    ids = frozenset(each.value for each in identifiers if each.kind == "correlation")
    once = _last_values(sorted(facts, key=lambda each: (-each.at, each.tie_breaker)), "sets_once")
    in_time = sorted(facts, key=lambda each: (each.at, each.tie_breaker))
    attributes = once | _last_values(in_time, "sets")
    key_attribute = {"email": primary_key.value} | _last_values(in_time, "spelling") if primary_key else {}
    not_removed = {name: value for name, value in attributes.items() if value is not None}
    return ExpectedCustomer(primary_key, ids, key_attribute | not_removed, _last_values(in_time, "tokens"))


def _last_values(facts: Iterable[EventFacts], field_name: str) -> dict[str, Any]:
    """The last value of each name in one of the mappings of the events."""
    return {name: value for each in facts for name, value in getattr(each, field_name).items()}


def conflicts(facts: Collection[EventFacts]) -> list[Identifier]:
    """The correlation ids that these events give to more than one primary key."""
    identified = [each for each in facts if each.primary_keys]
    ids = {each for event in identified for each in event.identifiers if each.kind == "correlation"}
    return [each for each in ids if len({key for event in identified if each in event.identifiers for key in event.primary_keys}) > 1]
