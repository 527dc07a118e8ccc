"""Which journeys can an event concern, found in time that does not grow with their number."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from waypost.domain.conditions import All, Condition, Leaf, Scope, holds
from waypost.domain.journeys import Journey
from waypost.domain.paths import find
from waypost.domain.values import canonical

Path = tuple[str, ...]
Published = tuple[Journey, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A published journey and its place in the order of publishing."""

    place: int
    journey: Journey
    version: int

    def may_open(self, event: str, source: str, scope: Scope) -> bool:
        entry = self.journey.entry
        if not entry.hears(event, source):
            return False
        return entry.conditions is None or holds(entry.conditions, scope) is not False


class _SameName:
    """The entries that wait for one event name: by the rarest value that each asks for, or among the rest."""

    def __init__(self, entries: list[_Entry]) -> None:
        rarity = Counter(pin for entry in entries for pin in _pins(entry.journey.entry.conditions))
        self._rest: list[_Entry] = []
        self._by_value: dict[Path, dict[Hashable, list[_Entry]]] = defaultdict(lambda: defaultdict(list))
        for entry in entries:
            pin = min(_pins(entry.journey.entry.conditions), key=lambda each: rarity[each], default=None)
            (self._rest if pin is None else self._by_value[pin[0]][pin[1]]).append(entry)
        self._paths = tuple(self._by_value)

    def possible(self, payload: Mapping[str, Any]) -> list[_Entry]:
        found = list(self._rest)
        for path in self._paths:
            value = find(payload, path)
            if value is not None:
                found += self._by_value[path].get(_bucket(value), ())
        return found


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


def _pins(condition: Condition | None) -> Iterator[tuple[Path, Hashable]]:
    """The payload values, by path, without which a condition cannot hold."""
    if isinstance(condition, All):
        for part in condition.all:
            yield from _pins(part)
    elif isinstance(condition, Leaf) and condition.operator == "is equal to" and condition.on_payload and condition.value is not None:
        yield condition.parts, _bucket(condition.value)


def _bucket(value: Any) -> Hashable:
    """A key that values share whenever they are the same in some workspace; its zone decides the rest, so instants share one."""
    kind, *_ = key = canonical(value, "UTC")
    return key if kind in {"text", "number"} else kind
