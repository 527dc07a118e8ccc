"""JSON values for tests that any value at any place of a body is answered: strategies of Hypothesis, and bodies with one value replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from waypost.domain.values import exact_json

EDGES: Final = (
    *("1e999999999999999999999", "-1e-999999999999999999999", "0e99999999999999999999", "1e999999999999", "1e-999999999999", "1e6145"),
    *("1e400", "-0.0", "9" * 4001, "-" + "9" * 39, "0." + "1" * 500, "99999999999999999999", "253402300800", "-62135596801"),
    *('"1e999999999999999999999"', '"9999-12-31T23:59:59-01:00"', '"0001-01-01T00:00:00+01:00"', '"9999-12-31T23:59:59Z"'),
    *('"0001-01-01"', '"Feb 30, 2026, 5:17:13 AM"', '"2026-11-23T24:00:00Z"', '"2026-12-31T23:59:60Z"', '"P1Y"', '"P99999999999999Y"'),
    *('"PT1e9S"', '"NaN"', '"sNaN"', '"-Infinity"', '"Europe/Paris"', '"../../etc/passwd"', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"'),
    *('""', '" "', '"' + "語" * 300 + '"', '"{{ event.payload.n | plus: 1 }}"', '"{% for i in (1..2) %}"', '"$set"', '"msg_1"'),
    *("null", "true", "false", "[]", "{}", '[""]', '{"": ""}', '{"all": []}', '{"\\ud800": 1}', '{"a": 1e99999999999999999999}'),
    *("[" * 20 + "]" * 20, '{"a":' * 63 + "1" + "}" * 63, "[" * 500 + "]" * 500, "[" * 5000 + "]" * 5000),
)
"""JSON texts at which parsers, calendars, numbers and recursion are known to fail."""

_PLAIN: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes().map(lambda each: each.isoformat() + "Z")
)
ANY_TEXT: Final = st.sampled_from(EDGES) | st.recursive(
    _PLAIN, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3), max_leaves=6
).map(exact_json.dumps)
"""The JSON text of any value, or one of `EDGES`."""

MARK: Final = '"<<here>>"'
"""Takes the place of one value in a body; the text of another value replaces it."""


def marked(body: Any) -> list[str]:
    """The JSON texts of a body, each with `MARK` in place of one of its values, the whole body included."""
    return [exact_json.dumps(each) for each in _marked(body)]


def _marked(value: Any) -> Iterator[Any]:
    yield exact_json.loads(MARK)
    for name, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        for changed in _marked(each):
            copy = value.copy()
            copy[name] = changed
            yield copy
