"""What is known of a customer: facts, which give the same result in whatever order they are merged (`docs/customers.md#attributes`).

A fact is one text: a stamp of fixed length, followed by the value as JSON. Of two facts with the same name, the greater text wins. The
merge is therefore `max`, which does not depend on order, grouping or repetition. That matters because queues deliver events twice and
out of order, and because the intake and the matcher write facts of one customer at the same time: with "the last write wins", the
attributes would depend on which write happened to be last.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from waypost.domain.values import exact_json
from waypost.domain.values.calendar_edges import EPOCH
from waypost.domain.values.generated_ids import base36, digest

Facts = Mapping[str, str]
"""Texts by name: `a:<attribute>`; `t:android` and `t:ios` for device tokens; `p` for the primary key value as it was given.

`c:s/...`, `c:u/...` and `c:k/...` are consents (`consents.py`).
"""

ATTRIBUTE_PREFIX: Final = "a:"
TOKEN_PREFIX: Final = "t:"  # noqa: S105 - a prefix of names, no secret
PRIMARY_KEY: Final = "p"
CONSENT_PREFIX: Final = "c:"

# A stamp is the rank of the kind of fact ("1" set, "0" set once, "/" a consent that a merge has brought), the time in milliseconds, and a
# part of a hash. All parts have a fixed width in base 36, whose digits sort before its letters in ASCII: stamps compare as texts as their
# times do as numbers, and "/" is below all digits.
_TIME_DIGITS: Final = 9
_TIE_DIGITS: Final = 4
_SET: Final = "1"
_SET_ONCE: Final = "0"
_BY_MERGE: Final = "/"
STAMP_LENGTH: Final = 1 + _TIME_DIGITS + _TIE_DIGITS
_MAX_TIME: Final = 36**_TIME_DIGITS - 1


def set_stamp(at: datetime, uuid: str) -> str:
    """The stamp of a set at this event time: the later time wins, and a hash of the uuid decides ties. Times before 1970 count as 1970."""
    return _SET + _time(at) + digest("stamp", uuid, length=_TIE_DIGITS)


def set_once_stamp(at: datetime, uuid: str) -> str:
    """The stamp of a `$set_once`: it ranks below every set, and among themselves the earlier event time wins.

    The time is stored as its distance to the largest time, so that the earliest is the greatest text and the merge remains `max`.
    """
    return _SET_ONCE + base36(_MAX_TIME - int(_time(at), 36)).rjust(_TIME_DIGITS, "0") + digest("stamp", uuid, length=_TIE_DIGITS)


def _time(at: datetime) -> str:
    milliseconds = int((at - EPOCH).total_seconds() * 1000)
    return base36(min(max(milliseconds, 0), _MAX_TIME)).rjust(_TIME_DIGITS, "0")


def fact(stamp: str, value: Any) -> str:
    """A fact with a JSON value. None is a removal, which is kept as a fact: otherwise an older value that arrives later would return."""
    return stamp + exact_json.dumps(value, ascii_only=False)


def stamp_of(text: str) -> str:
    """The stamp of a fact."""
    return text[:STAMP_LENGTH]


def rank_and_time(text: str) -> str:
    """The rank and the time in the stamp of a fact, without the part that decides ties: equal for facts of one time."""
    return text[: 1 + _TIME_DIGITS]


def below_all_sets(text: str) -> str:
    """The same fact with the same time, and with a rank below that of every set."""
    return _BY_MERGE + text[1:]


def not_before(text: str, other: str) -> str:
    """The fact with the rank and time of `other`, where that is greater; otherwise the fact as it is. `other` may be a stamp."""
    return max(rank_and_time(text), rank_and_time(other)) + text[1 + _TIME_DIGITS :]


def time_of(text: str) -> datetime:
    """The time of the event of a fact, to the millisecond."""
    return EPOCH + timedelta(milliseconds=_milliseconds(text))


def happened_after(text: str, instant: datetime) -> bool:
    """Whether the event of a fact happened after an instant, to the millisecond."""
    return _milliseconds(text) > int(_time(instant), 36)


def _milliseconds(text: str) -> int:
    digits = int(text[1 : 1 + _TIME_DIGITS], 36)
    return _MAX_TIME - digits if text[0] == _SET_ONCE else digits


def highest_stamp_until(instant: datetime) -> str:
    """A stamp that is not less than the stamp of any fact whose event happened at this instant or before."""
    return _SET + _time(instant) + "z" * _TIE_DIGITS


def value_of(text: str) -> Any:
    """The JSON value of a fact; None for a removal."""
    return exact_json.loads(text[STAMP_LENGTH:])


def merge(*fact_sets: Facts) -> dict[str, str]:
    """The merge of any number of facts: for each name the greatest text."""
    merged: dict[str, str] = {}
    for facts in fact_sets:
        for name, text in facts.items():
            if text > merged.get(name, ""):
                merged[name] = text
    return merged


def attributes_of(facts: Facts) -> dict[str, Any]:
    """The values of the attributes in merged facts, by name, without removed ones."""
    values = {name[len(ATTRIBUTE_PREFIX) :]: value_of(text) for name, text in facts.items() if name.startswith(ATTRIBUTE_PREFIX)}
    return {name: value for name, value in values.items() if value is not None}


def device_tokens_of(facts: Facts) -> dict[str, str]:
    """The device tokens in merged facts, by `android` or `ios`."""
    return {name[len(TOKEN_PREFIX) :]: value_of(text) for name, text in facts.items() if name.startswith(TOKEN_PREFIX)}


def size_of(facts: Facts) -> tuple[int, int]:
    """The number of attributes in merged facts, and the bytes of all their names and values.

    A removed attribute counts no longer as an attribute, but its bytes count: it is stored, and a row of nothing but removals could
    otherwise grow beyond the 400 KB that DynamoDB allows.
    """
    texts = {name: text for name, text in facts.items() if name.startswith(ATTRIBUTE_PREFIX)}
    count = sum(text[STAMP_LENGTH:] != "null" for text in texts.values())
    return count, sum(len(name.encode()) + len(text.encode()) - STAMP_LENGTH for name, text in texts.items())
