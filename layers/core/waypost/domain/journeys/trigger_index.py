"""The trigger index: finds the journeys that an event may start, in time that does not grow with the number of journeys.

A workspace may have 1,000 published journeys, most of them for one event name, such as `purchase` for one product each.
Evaluating every entry for every event would make matching a thousand times slower; the index looks up the entries that
the payload can satisfy, and evaluates only those.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from waypost.domain.journeys.conditions import All, Comparison, Condition, ConditionScope, holds
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.operators import Relation
from waypost.domain.values.comparison import canonical, number
from waypost.domain.values.property_paths import find

Path = tuple[str, ...]
Published = tuple[Journey, int]
"""A published journey and its version."""


class EntryVersion(NamedTuple):
    """A published version, and when events may enter it: at or after `since`, and before `until`."""

    journey: Journey
    version: int
    since: datetime | None = None
    until: datetime | None = None


MAX_SKIPPED_REPORTED: Final = 10
"""A receipt names the journeys that its payload ruled out, among the first so many of the event name in the order of publishing.
Without the limit, the receipt of one purchase would list 999 journeys for other products."""


@dataclass(frozen=True, slots=True)
class _IndexedEntry:
    """A published journey, its version, its position in the order of publishing, and when it accepts entries, as in `EntryVersion`."""

    position: int
    journey: Journey
    version: int
    since: datetime | None
    until: datetime | None

    def may_start(self, event: str, source: str, scope: ConditionScope, at: datetime) -> bool:
        """Whether the event starts a run as far as the scope can tell; conditions on a customer who is not loaded are open."""
        entry = self.journey.entry
        if not self.accepts_entries(at) or not entry.matches(event, source):
            return False
        return entry.conditions is None or holds(entry.conditions, scope) is not False

    def accepts_entries(self, at: datetime) -> bool:
        """Whether an event may enter this version at this time."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


class TriggerIndex:
    """The entries of a workspace's published journeys. It is immutable: a new list of journeys makes a new index."""

    def __init__(self, published: Iterable[Published | EntryVersion]) -> None:
        """Takes the journeys with their versions in the order of publishing, which the results keep."""
        by_name: dict[str, list[_IndexedEntry]] = defaultdict(list)
        for position, each in enumerate(EntryVersion(*each) for each in published):
            by_name[each.journey.entry.event].append(_IndexedEntry(position, *each))
        self._by_name = {name: _EntriesOfEvent(entries) for name, entries in by_name.items()}

    def __contains__(self, event: str) -> bool:
        """Whether any entry names this event."""
        return event in self._by_name

    def candidates(self, event: str, source: str, payload: Mapping[str, Any], timezone: str, at: datetime) -> list[Published]:
        """The journeys that this event may start at this time, in the order of publishing.

        Conditions on the customer are left open, because the customer is not loaded yet. `timezone` is the IANA zone of
        the workspace.
        """
        entries = self._by_name.get(event)
        if entries is None:
            return []
        scope = ConditionScope(payload, None, timezone)
        matching = [entry for entry in entries.possible(payload) if entry.may_start(event, source, scope, at)]
        return [(entry.journey, entry.version) for entry in sorted(matching, key=lambda entry: entry.position)]

    def ruled_out(self, event: str, source: str, candidates: Iterable[Published], at: datetime) -> list[str]:
        """The ids of journeys that wait for this event and are not among its `candidates`, at most `MAX_SKIPPED_REPORTED`."""
        entries = self._by_name.get(event)
        if entries is None:
            return []
        possible = {journey.id for journey, _ in candidates}
        matching = (entry.journey for entry in entries.first if entry.accepts_entries(at) and entry.journey.entry.matches(event, source))
        return [journey.id for journey in matching if journey.id not in possible]


class _EntriesOfEvent:
    """The entries that wait for one event name, each in exactly one of three places.

    An entry that requires a property to equal a value is under that value; one that requires a number above or below a
    bound is under that bound; all others are in a list that every event has to go through. Being found under one of its
    conditions means only that an entry is possible: `may_start` evaluates all of them.
    """

    def __init__(self, entries: list[_IndexedEntry]) -> None:
        self.first = entries[:MAX_SKIPPED_REPORTED]
        # Of several required values the rarest is the key. With `kind = order` and `product = 7`, a thousand journeys may
        # share the kind; under the product, an event meets one of them.
        frequency = Counter(required for entry in entries for required in _required_values(entry.journey.entry.conditions))
        self._others: list[_IndexedEntry] = []
        self._by_value: dict[Path, dict[Hashable, list[_IndexedEntry]]] = defaultdict(lambda: defaultdict(list))
        bounded: dict[Path, list[tuple[Comparison, _IndexedEntry]]] = defaultdict(list)
        for entry in entries:
            conditions = entry.journey.entry.conditions
            rarest = min(_required_values(conditions), key=lambda each: frequency[each], default=None)
            bound = next(_required_bounds(conditions), None)
            if rarest is not None:
                path, key = rarest
                self._by_value[path][key].append(entry)
            elif bound is not None:
                bounded[bound.path_parts].append((bound, entry))
            else:
                self._others.append(entry)
        self._by_bound = {path: _EntriesByBound(group) for path, group in bounded.items()}

    def possible(self, payload: Mapping[str, Any]) -> list[_IndexedEntry]:
        """A superset of the entries whose conditions the payload satisfies, in any order."""
        found = list(self._others)
        for path, by_value in self._by_value.items():
            value = find(payload, path)
            if value is not None:
                found += by_value.get(_bucket(value), ())
        for path, by_bound in self._by_bound.items():
            found += by_bound.passed_by(number(find(payload, path)))
        return found


class _EntriesByBound:
    """Entries that require one property to be a number above or below a bound, sorted by the bound."""

    def __init__(self, entries: list[tuple[Comparison, _IndexedEntry]]) -> None:
        # A bound that is not a number holds for no property, so its entry is left out: no event can start that journey.
        bounds = [
            (bound, comparison.rule.relation, entry) for comparison, entry in entries if (bound := number(comparison.value)) is not None
        ]
        bounds.sort(key=lambda each: each[0])
        self._lower, self._above = _columns((bound, entry) for bound, relation, entry in bounds if relation is Relation.NUMBER_ABOVE)
        self._upper, self._below = _columns((bound, entry) for bound, relation, entry in bounds if relation is Relation.NUMBER_BELOW)

    def passed_by(self, value: int | Decimal | None) -> list[_IndexedEntry]:
        """The entries whose bound this number passes; a bound itself does not pass, as the operators are strict."""
        if value is None:
            return []
        return self._above[: bisect_left(self._lower, value)] + self._below[bisect_right(self._upper, value) :]


def _columns(rows: Iterable[tuple[int | Decimal, _IndexedEntry]]) -> tuple[list[int | Decimal], list[_IndexedEntry]]:
    pairs = list(rows)
    return [bound for bound, _ in pairs], [entry for _, entry in pairs]


def _required(condition: Condition | None) -> Iterator[Comparison]:
    """The comparisons of payload properties without which a condition cannot hold: those that no `any` or `not` encloses."""
    if isinstance(condition, All):
        for part in condition.all:
            yield from _required(part)
    elif isinstance(condition, Comparison) and condition.on_payload:
        yield condition


def _required_values(condition: Condition | None) -> Iterator[tuple[Path, Hashable]]:
    """The values that a condition requires of payload properties, as paths and buckets."""
    return ((each.path_parts, _bucket(each.value)) for each in _required(condition) if each.rule.relation is Relation.EQUAL)


def _required_bounds(condition: Condition | None) -> Iterator[Comparison]:
    """The comparisons that require a payload property to be a number above or below a bound."""
    return (each for each in _required(condition) if each.rule.relation in {Relation.NUMBER_ABOVE, Relation.NUMBER_BELOW})


def _bucket(value: Any) -> Hashable:
    """A key that two values share whenever `is equal to` treats them as equal in the zone of some workspace.

    The index does not know the zone, and in one zone `2026-11-23` equals `2026-11-22T23:00:00Z`. All instants therefore
    share one bucket, and so do all arrays and all objects, which may contain instants. Texts and numbers are exact.
    """
    kind, *_ = key = canonical(value, "UTC")
    return key if kind in {"text", "number"} else kind
