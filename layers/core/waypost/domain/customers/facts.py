"""What is known of a customer, as facts that can be merged in any order.

A fact is a text: a stamp of fixed length, then its value as JSON. Of two facts about the same thing the greater text
wins, so merging is `max` and cannot depend on order, repetition or grouping (contract 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from waypost.domain.values import exact_json
from waypost.domain.values.generated_ids import base36, digest

Facts = Mapping[str, str]
"""By name: `a:<attribute>`, `t:<android|ios>` for device tokens, `p` for the primary key as given."""

ATTRIBUTE: Final = "a:"
TOKEN: Final = "t:"  # noqa: S105 - a prefix
PRIMARY: Final = "p"

_TIME_DIGITS: Final = 9
_TIES: Final = 4
STAMP_LENGTH: Final = 1 + _TIME_DIGITS + _TIES
_LAST: Final = 36**_TIME_DIGITS - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def set_stamp(at: datetime, uuid: str) -> str:
    """The rank of a set: the later event time wins, ties by a hash of the uuid. Times before 1970 count as 1970."""
    return "1" + _time(at) + digest("stamp", uuid, length=_TIES)


def set_once_stamp(at: datetime, uuid: str) -> str:
    """The rank of a `$set_once`: below any set, and among its like the earlier event time wins."""
    return "0" + base36(_LAST - int(_time(at), 36)).rjust(_TIME_DIGITS, "0") + digest("stamp", uuid, length=_TIES)


def _time(at: datetime) -> str:
    milliseconds = int((at - _EPOCH).total_seconds() * 1000)
    return base36(min(max(milliseconds, 0), _LAST)).rjust(_TIME_DIGITS, "0")


def fact(stamp: str, value: Any) -> str:
    """A fact; the value None is the fact that something was removed."""
    return stamp + exact_json.dumps(value, ascii_only=False)


def stamp_of(text: str) -> str:
    """The rank of a fact."""
    return text[:STAMP_LENGTH]


def happened_after(text: str, since: datetime) -> bool:
    """Whether a fact's event happened after this instant, to the millisecond."""
    digits = int(text[1 : 1 + _TIME_DIGITS], 36)
    return (digits if text[0] == "1" else _LAST - digits) > int(_time(since), 36)


def floor(since: datetime) -> str:
    """The stamp that no fact from before or at this instant exceeds."""
    return "1" + _time(since) + "z" * _TIES


def value_of(text: str) -> Any:
    """What a fact says; None where it says that something was removed."""
    return exact_json.loads(text[STAMP_LENGTH:])


def merge(*many: Facts) -> dict[str, str]:
    """All facts together: for each name the greatest."""
    merged: dict[str, str] = {}
    for facts in many:
        for name, text in facts.items():
            if text > merged.get(name, ""):
                merged[name] = text
    return merged


def attributes(facts: Facts) -> dict[str, Any]:
    """The attributes that these facts leave: by name, without the removed ones."""
    values = {name[len(ATTRIBUTE) :]: value_of(text) for name, text in facts.items() if name.startswith(ATTRIBUTE)}
    return {name: value for name, value in values.items() if value is not None}


def tokens(facts: Facts) -> dict[str, str]:
    """The device tokens that these facts leave, by `android` or `ios`."""
    return {name[len(TOKEN) :]: value_of(text) for name, text in facts.items() if name.startswith(TOKEN)}


def weight(facts: Facts) -> tuple[int, int]:
    """How many attributes these facts leave, and how many bytes of names and values they hold.

    A removed attribute weighs its name: it is remembered, and a row that only removals fill would burst all the same.
    """
    held = {name: text for name, text in facts.items() if name.startswith(ATTRIBUTE)}
    live = sum(text[STAMP_LENGTH:] != "null" for text in held.values())
    return live, sum(len(name.encode()) + len(text.encode()) - STAMP_LENGTH for name, text in held.items())
