"""Who is who by the contract's section 2, computed from all facts at once: no rows, no order, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.values.generated_ids import digest


@dataclass(frozen=True)
class Said:
    """One event, as far as it says something of a customer: all identifiers in it are one person's. `at` orders events in time.

    `spelling` is the primary key as it was given, unless it was only mentioned, and as it is anyway.
    """

    uuid: str
    at: int
    names: tuple[Identifier, ...]
    sets: Mapping[str, Any] = field(default_factory=dict)
    sets_once: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    spelling: Mapping[str, str] = field(default_factory=dict)

    @property
    def primaries(self) -> set[Identifier]:
        """The primary keys in it."""
        return {name for name in self.names if name.kind == "primary"}

    @property
    def tie(self) -> str:
        """What decides between events of one time."""
        return digest("stamp", self.uuid, length=4)


@dataclass(frozen=True)
class Person:
    """A customer as a reader sees it, but for the id of ours."""

    primary: Identifier | None
    correlation_ids: frozenset[str]
    attributes: Mapping[str, Any]
    tokens: Mapping[str, str]


def people(said: Collection[Said]) -> dict[Identifier, Person]:
    """The person behind each identifier."""
    groups: list[set[Identifier]] = []
    for each in said:
        touching = [group for group in groups if group & set(each.names)]
        groups = [group for group in groups if group not in touching] + [set(each.names).union(*touching)]
    persons = [(group, _person(group, [each for each in said if each.names[0] in group])) for group in groups]
    return {name: person for group, person in persons for name in group}


def _person(names: set[Identifier], said: Collection[Said]) -> Person:
    """Sets beat sets-once; of sets the latest wins, of sets-once the earliest; a removal is a set that leaves nothing."""
    primary = next((name for name in names if name.kind == "primary"), None)
    ids = frozenset(name.value for name in names if name.kind == "correlation")
    once = _winners(sorted(said, key=lambda each: (-each.at, each.tie)), "sets_once")
    in_time = sorted(said, key=lambda each: (each.at, each.tie))
    attributes = once | _winners(in_time, "sets")
    known = {"email": primary.value} | _winners(in_time, "spelling") if primary else {}
    left = {name: value for name, value in attributes.items() if value is not None}
    return Person(primary, ids, known | left, _winners(in_time, "tokens"))


def _winners(said: Iterable[Said], what: str) -> dict[str, Any]:
    """What the last one said of each name."""
    return {name: value for each in said for name, value in getattr(each, what).items()}


def conflicts(said: Collection[Said]) -> list[Identifier]:
    """The correlation ids that these events give to more than one primary key."""
    named = [each for each in said if each.primaries]
    ids = {name for each in named for name in each.names if name.kind == "correlation"}
    return [name for name in ids if len({one for each in named if name in each.names for one in each.primaries}) > 1]
