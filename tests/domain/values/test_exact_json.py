"""JSON as it comes in, however it is written and however deep it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.fakes.ingest_harness import request_context
from waypost.domain.intake.batch_parser import parse
from waypost.domain.intake.events import Accepted
from waypost.domain.values import exact_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"\xef\xbb\xbf{}", {}),
        (' {"a" : 1} ', {"a": 1}),
        ("2", 2),
        ("2.0", Decimal("2.0")),
        ("1e400", Decimal("1e400")),
        ('"\\ud800"', "\ud800"),
        ('"\\ud83c\\udf89"', "\U0001f389"),
    ],
)
def test_numbers_are_exact_and_texts_are_as_escaped(text: str | bytes, value: object) -> None:
    """A float would lose digits; whether a lone surrogate is allowed is another room's question."""
    assert exact_json.loads(text) == value


@pytest.mark.parametrize(
    "text", ["", " ", "{", "{'a': 1}", "NaN", "[Infinity]", "-Infinity", "[1,]", "{} {}", b"\xff\xfe", "\ufeff\ufeff{}", "01"]
)
def test_what_is_not_json_is_said_to_be_none(text: str | bytes) -> None:
    """RFC 8259 knows no NaN, no comments, no second value."""
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        exact_json.loads(text)


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_a_million_levels_refuse_their_own_event_only(opens: str, closes: str) -> None:
    """No parser goes so deep, and neighbours must not pay for it; brackets in texts are no levels."""
    deep = opens * 1_000_000 + "1" + closes * 1_000_000
    good = '{"correlationKey":"_id","correlationValue":"device-1","event":"bought ]]]}}} \\" [[["}'
    first, second, third = parse(exact_json.loads(f'{{"batch":[{good},{deep},{good}]}}'), request_context()).entries
    assert isinstance(first, Accepted)
    assert isinstance(third, Accepted)
    assert third.event.name == 'bought ]]]}}} " [[['
    assert getattr(second, "code", None) in {"too-deep", "not-an-object"}


def test_a_million_digits_are_parsed_in_no_time() -> None:
    """Python refuses to make an int of them; as an exact decimal they are only out of range."""
    assert exact_json.loads("9" * 1_000_000) == Decimal("9" * 1_000_000)


def test_written_json_is_compact_and_ascii_where_it_must_travel() -> None:
    """A queue takes no control characters and no lone surrogates."""
    assert exact_json.dumps({"a": "\ufffe\ud800é"}) == '{"a":"\\ufffe\\ud800\\u00e9"}'
    assert exact_json.dumps({"a": "é"}, ascii_only=False) == '{"a":"é"}'
    assert exact_json.canonical({"b": 1, "a": Decimal("1.0")}) == exact_json.canonical({"a": Decimal("1.0"), "b": 1})
