"""What the payload of an `$identify` or `$set` says of a customer: who it is, and the facts about it (contract 1.6 and 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain.customers.facts import ATTRIBUTE, PRIMARY, TOKEN, fact, set_once_stamp, set_stamp
from waypost.domain.customers.identifiers import ID_LENGTH, Identifier, fold, is_placeholder, primary, shown
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.values.json_pointers import token
from waypost.domain.values.limits import SET_KEYS

OURS: Final = frozenset({"$set", "$set_once", "$anon_distinct_id", "distinct_id"})
_DEVICES: Final = {"androidDeviceToken": "android", "iosDeviceToken": "ios"}
TOKEN_LENGTH: Final = 4096


class EventWarning(NamedTuple):
    """Something that was left out or replaced in an accepted event: a stable code, and where."""

    code: str
    pointer: str | None = None

    def below(self, base: str) -> EventWarning:
        """The same, with its pointer counted from the root of the request."""
        return EventWarning(self.code, base + self.pointer) if self.pointer is not None else self


class Refusal(NamedTuple):
    """Why an event is refused: a stable code, a sentence, and where below the event."""

    code: str
    detail: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Identification:
    """Who an `$identify` says that the customer is, and the further correlation id that it brings, if any."""

    primary: Identifier
    anonymous_id: Identifier | None


def identification_of(payload: Mapping[str, Any], key: PrimaryKey | None, warnings: list[EventWarning]) -> Identification | Refusal:
    """The naming in the payload of an `$identify`; what is wrong with `$anon_distinct_id` is a warning only."""
    where = "/payload/distinct_id"
    given = payload.get("distinct_id")
    if given is None:
        return Refusal("missing-distinct-id", "`$identify` needs payload.distinct_id, the primary key value.", where)
    named = primary(given, key)
    if is_placeholder(str(given)) or (named is not None and is_placeholder(named.value)):
        return Refusal("illegal-id", f"{given!r} names nobody; broken clients send it for everybody.", where)
    if named is None:
        kind = f"of type {key.type}" if key else f"a text of at most {ID_LENGTH} characters"
        return Refusal("bad-distinct-id", f"A primary key value is {kind}.", where)
    return Identification(named, _anonymous_id(payload.get("$anon_distinct_id"), warnings))


def _anonymous_id(value: Any, warnings: list[EventWarning]) -> Identifier | None:
    if value is None:
        return None
    if not isinstance(value, str) or is_placeholder(value) or len(value.strip()) > ID_LENGTH:
        warnings.append(EventWarning("illegal-id", "/payload/$anon_distinct_id"))
        return None
    return Identifier("correlation", fold(value))


@dataclass(frozen=True, slots=True)
class FactMaker:
    """Makes the facts of one event; what does not fit the workspace's schema becomes a warning instead."""

    schema: Schema
    at: datetime
    uuid: str
    warnings: list[EventWarning]

    def attributes(self, payload: Mapping[str, Any], *, named_as: Identifier | None) -> dict[str, str] | Refusal:
        """The attributes that an `$identify` (then `named_as` is its primary key) or a `$set` sets, removes, or sets once."""
        plain = {name: value for name, value in payload.items() if name not in OURS}
        sets = {**plain, **self._nested(payload, "$set")}
        once = self._nested(payload, "$set_once")
        if len(sets) + len(once) > SET_KEYS:
            return Refusal("too-many-attributes", f"One event sets at most {SET_KEYS} attributes.", "/payload")
        ranked = set_stamp(self.at, self.uuid), set_once_stamp(self.at, self.uuid)
        facts = {ATTRIBUTE + name: fact(ranked[1], value) for name, value in self._fitting(once, named_as) if value is not None}
        return facts | {ATTRIBUTE + name: fact(ranked[0], value) for name, value in self._fitting(sets, named_as)}

    def _nested(self, payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = payload.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self.warnings.append(EventWarning("wrong-type", f"/payload{token(name)}"))
        return {}

    def _fitting(self, values: Mapping[str, Any], named_as: Identifier | None) -> Iterator[tuple[str, Any]]:
        key = self.schema.primary_key
        for name, value in values.items():
            where = f"/payload{token(name)}"
            if key is not None and name == key.name:
                if named_as is None or primary(value, key) != named_as:
                    self.warnings.append(EventWarning("primary-key-fixed", where))
            elif self.schema.accepts(name, value):
                yield name, value
            else:
                self.warnings.append(EventWarning("wrong-type", where))

    def tokens(self, sources: tuple[Any, ...]) -> dict[str, str]:
        """The device tokens in `$fcm` objects; empty or missing ones change nothing."""
        found: dict[str, str] = {}
        for source in sources:
            for name, device in _DEVICES.items():
                value = source.get(name) if isinstance(source, dict) else None
                if isinstance(value, str) and value.strip() and len(value) <= TOKEN_LENGTH:
                    found[TOKEN + device] = fact(set_stamp(self.at, self.uuid), value.strip())
                elif value is not None and value != "":
                    self.warnings.append(EventWarning("wrong-type", f"/$fcm/{name}"))
        return found

    def primary(self, identifier: Identifier, given: Any) -> dict[str, str]:
        """The primary key as given, so that the latest spelling is shown."""
        return {PRIMARY: fact(set_stamp(self.at, self.uuid), shown(identifier, given, self.schema.primary_key))}

    def spelling(self, identifier: Identifier, given: Any) -> dict[str, str]:
        """The same where an event only mentions the key: no fact, and so no write, for the spelling that is shown anyway."""
        key = self.schema.primary_key
        return {} if shown(identifier, given, key) == shown(identifier, identifier.value, key) else self.primary(identifier, given)
