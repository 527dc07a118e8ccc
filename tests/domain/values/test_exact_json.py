"""JSON without loss, however it is written and however deeply it is nested."""

from __future__ import annotations

import time
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
def test_numbers_are_exact_and_escapes_are_read(text: str | bytes, value: object) -> None:
    """Numbers keep their digits, a byte order mark is skipped, and a lone surrogate is read as it is written."""
    assert exact_json.loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "{'a': 1}",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "[1,]",
        "{} {}",
        b"\xff\xfe",
        "\ufeff\ufeff{}",
        "01",
        b"\xef\xbb\xbf" * 2 + b"{}",
    ],
)
def test_a_text_that_is_not_json_is_refused(text: str | bytes) -> None:
    """NaN, single quotes, trailing commas, a second value and invalid UTF-8 raise ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - the messages are the parser's
        exact_json.loads(text)


@pytest.mark.parametrize(("opens", "closes", "levels"), [("[", "]", 1_000_000), ('{"a":', "}", 100_000)], ids=["arrays", "objects"])
def test_an_event_of_very_many_levels_is_rejected_alone(opens: str, closes: str, levels: int) -> None:
    """An event nested too deeply for the parser is rejected; its neighbours are accepted, even with brackets in their strings."""
    deep = opens * levels + "1" + closes * levels
    good = '{"correlationKey":"_id","correlationValue":"device-1","event":"bought ]]]}}} \\" [[["}'
    first, second, third = parse(exact_json.loads(f'{{"batch":[{good},{deep},{good}]}}'), request_context()).results
    assert isinstance(first, Accepted)
    assert isinstance(third, Accepted)
    assert third.event.name == 'bought ]]]}}} " [[['
    assert getattr(second, "code", None) in {"too-deep", "not-an-object"}


@pytest.mark.parametrize(
    "inner", ["x", "01", "{]}", "1,", '{"a"}', '"\x01"', '"', "1[]", "{[]:1}", "[]" * 2, "}", "[" * 100, "]" * 100, '{"a":1]' + "[" * 200]
)
def test_a_deep_text_that_is_not_json_is_refused_too(inner: str) -> None:
    """What stands deeper than the parser can read has to be JSON as well: otherwise the whole text is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - the messages are the parser's
        exact_json.loads("[" * 5000 + inner + "]" * 5000)


def test_a_deep_text_may_hold_any_json() -> None:
    """Brackets in strings, escapes, objects in arrays and empty ones are read at every level, and only what is too deep is left out."""
    inner = '[[], {}, {"a": [{"]": "[\\"}"}, 1]}, "{", [[1], [2, []]]]'
    value = exact_json.loads('[{"a":' * 5000 + inner + '}, "last"]' * 5000)
    assert value[1] == "last"
    assert value[0]["a"][1] == "last"


@pytest.mark.parametrize(
    "text",
    ["[" * 2000 + '"' + '\\"x' * 1_000_000, "[" * 4_000_000, "[" * 2000 + "]" * 3_900_000, "[" * 2000 + '"' * 999_999],
    ids=["a string without an end", "opening brackets", "closing brackets", "quotation marks"],
)
def test_a_deep_text_of_4_mb_takes_seconds_at_most(text: str) -> None:
    """The time to refuse a deep text grows with its length, and not with the square of it."""
    started = time.process_time()
    with pytest.raises(ValueError):  # noqa: PT011 - the messages are the parser's
        exact_json.loads(text)
    assert time.process_time() - started < 5


def test_a_number_of_a_million_digits_is_read_as_a_decimal() -> None:
    """A number that Python refuses to parse as an int is a Decimal with all its digits."""
    assert exact_json.loads("9" * 1_000_000) == Decimal("9" * 1_000_000)


def test_written_json_is_compact_and_by_default_ascii() -> None:
    """JSON has no spaces, and only ASCII unless that is switched off; the canonical form does not depend on the order of keys."""
    assert exact_json.dumps({"a": "\ufffe\ud800é"}) == '{"a":"\\ufffe\\ud800\\u00e9"}'
    assert exact_json.dumps({"a": "é"}, ascii_only=False) == '{"a":"é"}'
    assert exact_json.canonical({"b": 1, "a": Decimal("1.0")}) == exact_json.canonical({"a": Decimal("1.0"), "b": 1})
