"""Which journeys can an event concern, found in time that does not grow with their number."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from waypost.domain.journeys.conditions import All, Comparison, Condition, Scope, holds
from waypost.domain.journeys.journey import Journey
from waypost.domain.values.comparison import canonical, number
from waypost.domain.values.property_paths import find

Path = tuple[str, ...]
Published = tuple[Journey, int]

MAX_SKIPPED_REPORTED: Final = 10
"""Among so many entries of one name, the first to be published, a receipt says which its payload ruled out: more would drown the rest."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A published journey and its place in the order of publishing."""

    place: int
    journey: Journey
    version: int

    def may_open(self, event: str, source: str, scope: Scope) -> bool:
        entry = self.journey.entry
        if not entry.matches(event, source):
            return False
        return entry.conditions is None or holds(entry.conditions, scope) is not False


class _SameName:
    """The entries that wait for one event name: by the rarest value that each asks for, else by a limit, else among the rest."""

    def __init__(self, entries: list[_Entry]) -> None:
        self.first = entries[:MAX_SKIPPED_REPORTED]
        rarity = Counter(pin for entry in entries for pin in _equality_conditions(entry.journey.entry.conditions))
        self._rest: list[_Entry] = []
        self._by_value: dict[Path, dict[Hashable, list[_Entry]]] = defaultdict(lambda: defaultdict(list))
        limited: dict[Path, list[tuple[Comparison, _Entry]]] = defaultdict(list)
        for entry in entries:
            pin = min(_equality_conditions(entry.journey.entry.conditions), key=lambda each: rarity[each], default=None)
            limit = next(_limits(entry.journey.entry.conditions), None)
            if pin is not None:
                self._by_value[pin[0]][pin[1]].append(entry)
            elif limit is not None:
                limited[limit.parts].append((limit, entry))
            else:
                self._rest.append(entry)
        self._by_limit = {path: _Limits(group) for path, group in limited.items()}

    def possible(self, payload: Mapping[str, Any]) -> list[_Entry]:
        found = list(self._rest)
        for path, by_value in self._by_value.items():
            value = find(payload, path)
            if value is not None:
                found += by_value.get(_bucket(value), ())
        for path, limits in self._by_limit.items():
            found += limits.passed(number(find(payload, path)))
        return found


class _Limits:
    """Entries that ask for a number above or below a limit, sorted by it."""

    def __init__(self, entries: list[tuple[Comparison, _Entry]]) -> None:
        limits = [(limit, leaf.operator, entry) for leaf, entry in entries if (limit := number(leaf.value)) is not None]
        limits.sort(key=lambda each: each[0])
        self._floors, self._above = _columns([(limit, entry) for limit, operator, entry in limits if operator == "is greater than"])
        self._ceilings, self._below = _columns([(limit, entry) for limit, operator, entry in limits if operator == "is less than"])

    def passed(self, value: int | Decimal | None) -> list[_Entry]:
        if value is None:
            return []
        return self._above[: bisect_left(self._floors, value)] + self._below[bisect_right(self._ceilings, value) :]


def _columns(rows: list[tuple[int | Decimal, _Entry]]) -> tuple[list[int | Decimal], list[_Entry]]:
    return [limit for limit, _ in rows], [entry for _, entry in rows]


class Index:
    """The entries of a workspace's published journeys. It never changes: a new list of journeys makes a new index."""

    def __init__(self, published: Iterable[Published]) -> None:
        """Takes journeys with their versions, in the order of publishing."""
        by_name: dict[str, list[_Entry]] = defaultdict(list)
        for place, (journey, version) in enumerate(published):
            by_name[journey.entry.event].append(_Entry(place, journey, version))
        self._by_name = {name: _SameName(entries) for name, entries in by_name.items()}

    def __contains__(self, event: str) -> bool:
        """Whether any entry names this event."""
        return event in self._by_name

    def candidates(self, event: str, source: str, payload: Mapping[str, Any], timezone: str) -> list[Published]:
        """The journeys, in the order of publishing, that this event opens as far as the payload can tell: the customer is not asked."""
        group = self._by_name.get(event)
        if group is None:
            return []
        scope = Scope(payload, None, timezone)
        fitting = [entry for entry in group.possible(payload) if entry.may_open(event, source, scope)]
        return [(entry.journey, entry.version) for entry in sorted(fitting, key=lambda entry: entry.place)]

    def ruled_out(self, event: str, source: str, candidates: Iterable[Published]) -> list[str]:
        """Journeys that this event names and whose conditions its payload does not meet, as far as a receipt tells of them."""
        group = self._by_name.get(event)
        if group is None:
            return []
        possible = {journey.id for journey, _ in candidates}
        heard = (entry.journey for entry in group.first if entry.journey.entry.matches(event, source))
        return [journey.id for journey in heard if journey.id not in possible]


def _required(condition: Condition | None) -> Iterator[Comparison]:
    """The leaves on the payload without which a condition cannot hold."""
    if isinstance(condition, All):
        for part in condition.all:
            yield from _required(part)
    elif isinstance(condition, Comparison) and condition.on_payload:
        yield condition


def _equality_conditions(condition: Condition | None) -> Iterator[tuple[Path, Hashable]]:
    """The payload values, by path, that a condition asks for."""
    return ((leaf.parts, _bucket(leaf.value)) for leaf in _required(condition) if leaf.operator == "is equal to")


def _limits(condition: Condition | None) -> Iterator[Comparison]:
    """The leaves that ask for a number above or below a limit."""
    return (leaf for leaf in _required(condition) if leaf.operator in {"is greater than", "is less than"})


def _bucket(value: Any) -> Hashable:
    """A key that values share whenever they are the same in some workspace; its zone decides the rest, so instants share one."""
    kind, *_ = key = canonical(value, "UTC")
    return key if kind in {"text", "number"} else kind
