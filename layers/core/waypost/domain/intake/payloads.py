"""The payloads of `$identify` and `$set` (`docs/events.md#kinds-of-events`), and device tokens: who a customer is, and facts about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from waypost.domain.customers.facts import ATTRIBUTE_PREFIX, PRIMARY_KEY, TOKEN_PREFIX, fact, set_once_stamp, set_stamp
from waypost.domain.customers.identifiers import ID_LENGTH, Identifier, display_value, is_placeholder, normalize, primary_identifier
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.values.json_pointers import token
from waypost.domain.values.limits import SET_KEYS

RESERVED_KEYS: Final = frozenset({"$set", "$set_once", "$anon_distinct_id", "distinct_id"})
"""Keys of a payload that are no attributes."""

TOKEN_LENGTH: Final = 4096
_PLATFORMS: Final = {"androidDeviceToken": "android", "iosDeviceToken": "ios"}


_ADVICE: Final = {
    "not-repeatable": "Give the event a `uuid` or a `timestamp`, or the request an `Idempotency-Key`: then sending it again is safe.",
}
"""What the sender can do, by the code of the warning."""


class EventWarning(NamedTuple):
    """Something that was left out of an accepted event or replaced in it: a stable code, and a JSON pointer to the place."""

    code: str
    pointer: str | None = None

    def to_wire(self) -> dict[str, str]:
        """The warning as the response shows it, with the advice for its code if there is any."""
        place = {"pointer": self.pointer} if self.pointer is not None else {}
        advice = {"detail": _ADVICE[self.code]} if self.code in _ADVICE else {}
        return {"code": self.code, **place, **advice}

    def below(self, base: str) -> EventWarning:
        """The warning with its pointer, which starts at the event, prefixed by the pointer to the event."""
        return EventWarning(self.code, base + self.pointer) if self.pointer is not None else self


class EventRejectedError(Exception):
    """Ends the parsing of one event: a stable code, a sentence, and a JSON pointer that starts at the event.

    The batch parser catches it and goes on with the next event.
    """

    def __init__(self, code: str, detail: str, pointer: str) -> None:
        super().__init__(code)
        self.code, self.detail, self.pointer = code, detail, pointer


@dataclass(frozen=True, slots=True)
class Identification:
    """The content of an `$identify`: the primary key value of the customer, and one more correlation id of it, if there is one."""

    primary: Identifier
    anonymous_id: Identifier | None


def identification_of(payload: Mapping[str, Any], key: PrimaryKey | None, warnings: list[EventWarning]) -> Identification:
    """The identification in the payload of an `$identify`. EventRejectedError if `distinct_id` is not a valid primary key value.

    An invalid `$anon_distinct_id` is left out and adds a warning: the identification does not depend on it.
    """
    place = "/payload/distinct_id"
    given = payload.get("distinct_id")
    if given is None:
        raise EventRejectedError("missing-distinct-id", "`$identify` requires payload.distinct_id, the primary key value.", place)
    primary = primary_identifier(given, key)
    if is_placeholder(str(given)) or (primary is not None and is_placeholder(primary.value)):
        raise illegal_id(given, place)
    if primary is None:
        expected = f"of type {key.type}" if key else f"a string of at most {ID_LENGTH} characters"
        raise EventRejectedError("bad-distinct-id", f"The primary key value must be {expected}.", place)
    return Identification(primary, _anonymous_id(payload.get("$anon_distinct_id"), warnings))


def illegal_id(given: Any, place: str) -> EventRejectedError:
    """The error of an event whose customer is named by a placeholder."""
    return EventRejectedError("illegal-id", f"{given!r} identifies no customer: faulty clients send it for all customers.", place)


def _anonymous_id(value: Any, warnings: list[EventWarning]) -> Identifier | None:
    if value is None:
        return None
    if not isinstance(value, str) or is_placeholder(value) or len(value.strip()) > ID_LENGTH:
        warnings.append(EventWarning("illegal-id", "/payload/$anon_distinct_id"))
        return None
    return Identifier("correlation", normalize(value))


@dataclass(frozen=True, slots=True)
class FactsBuilder:
    """Builds the facts of one event, all with its time and uuid. Values that the schema does not accept add a warning instead."""

    schema: Schema
    at: datetime
    uuid: str
    warnings: list[EventWarning]

    def attributes(self, payload: Mapping[str, Any], *, identified_as: Identifier | None) -> dict[str, str]:
        """The facts of the attributes that an `$identify` or a `$set` sets, removes (null), or sets once.

        `identified_as` is the primary key value of an `$identify`; its payload may repeat that value as an attribute.
        EventRejectedError for too many attributes.
        """
        plain = {name: value for name, value in payload.items() if name not in RESERVED_KEYS}
        sets = {**plain, **self._nested_object(payload, "$set")}
        sets_once = self._nested_object(payload, "$set_once")
        if len(sets) + len(sets_once) > SET_KEYS:
            raise EventRejectedError("too-many-attributes", f"One event sets at most {SET_KEYS} attributes.", "/payload")
        stamp, once_stamp = set_stamp(self.at, self.uuid), set_once_stamp(self.at, self.uuid)
        facts = {
            ATTRIBUTE_PREFIX + name: fact(once_stamp, value)
            for name, value in self._accepted(sets_once, identified_as)
            if value is not None  # `$set_once` removes nothing
        }
        return facts | {ATTRIBUTE_PREFIX + name: fact(stamp, value) for name, value in self._accepted(sets, identified_as)}

    def _nested_object(self, payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = payload.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self.warnings.append(EventWarning("wrong-type", f"/payload{token(name)}"))
        return {}

    def _accepted(self, values: Mapping[str, Any], identified_as: Identifier | None) -> Iterator[tuple[str, Any]]:
        """The attributes that the schema accepts; a warning for each other one."""
        key = self.schema.primary_key
        for name, value in values.items():
            place = f"/payload{token(name)}"
            if key is not None and name == key.name:
                if identified_as is None or primary_identifier(value, key) != identified_as:
                    self.warnings.append(EventWarning("primary-key-fixed", place))
            elif self.schema.accepts(name, value):
                yield name, value
            else:
                self.warnings.append(EventWarning("wrong-type", place))

    def device_tokens(self, sources: tuple[Any, ...]) -> dict[str, str]:
        """The facts of the device tokens in `$fcm` objects (JSON values of any type). Empty or missing tokens change nothing."""
        facts: dict[str, str] = {}
        for source in sources:
            if source not in (None, "") and not isinstance(source, dict):
                self.warnings.append(EventWarning("wrong-type", "/$fcm"))
            for name, platform in _PLATFORMS.items():
                value = source.get(name) if isinstance(source, dict) else None
                if isinstance(value, str) and value.strip() and len(value) <= TOKEN_LENGTH:
                    facts[TOKEN_PREFIX + platform] = fact(set_stamp(self.at, self.uuid), value.strip())
                elif value is not None and value != "":
                    self.warnings.append(EventWarning("wrong-type", f"/$fcm/{name}"))
        return facts

    def primary_key_value(self, identifier: Identifier, given: Any) -> dict[str, str]:
        """The fact of the primary key value as it was given: the latest spelling is the one that is displayed."""
        return {PRIMARY_KEY: fact(set_stamp(self.at, self.uuid), display_value(identifier, given, self.schema.primary_key))}

    def primary_key_spelling(self, identifier: Identifier, given: Any) -> dict[str, str]:
        """The same for an event that only refers to a customer by its primary key value.

        No fact if the normalised value is displayed alike: otherwise every such event would cost a write to the customers table.
        """
        key = self.schema.primary_key
        if display_value(identifier, given, key) == display_value(identifier, identifier.value, key):
            return {}
        return self.primary_key_value(identifier, given)
