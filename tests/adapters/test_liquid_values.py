"""Templates speak Liquid, not Python: how nil, booleans, numbers, ranges, arrays and dates come out of output and filters."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from waypost.adapters import liquid_language
from waypost.adapters.liquid import LiquidTemplates
from waypost.domain.messages.message import RenderFailure

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
SCOPE: dict[str, Any] = {
    "customer": {"yes": True, "no": False, "none": None, "tags": ["b", None, "a"], "flags": [True, False], "since": 1795411033},
    "event": {
        "payload": {
            "price": Decimal("10.50"),
            "three": 3,
            "items": [{"n": 2, "t": "B"}, {"t": "c"}, {"n": 1, "t": "a"}],
            "at": 1795411033000,
            "at_text": "1795411033000",
            "seconds": 1795411033,
            "object": {"b": 1},
            "lines": "one\r\ntwo\rthree",
        }
    },
}


def render(text: str, field: str = "text", *, strict: bool = False) -> Any:
    """One text rendered with these values, or the failure."""
    rendered = LiquidTemplates().render({field: text}, SCOPE, NOW, strict=strict)
    return rendered if isinstance(rendered, RenderFailure) else rendered[field]


@pytest.fixture
def another_zone() -> Iterator[None]:
    """A machine that is not in UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    del os.environ["TZ"]
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ customer.yes | append: '!' }}", "true!"),
        ("{{ 'is ' | append: customer.no }}", "is false"),
        ("{{ nil | append: nil }}", ""),
        ("{{ 'a' | append: nil | prepend: true }}", "truea"),
        ("{{ 'nil' | replace: 'nil', nil }}", ""),
        ("{{ customer.yes | upcase }}", "TRUE"),
        ("{{ true | slice: 0, 2 }}", "tr"),
        ("{{ nil | slice: 0, 4 }}", ""),
        ("{{ true | truncate: 10 }}", "true"),
        ("{{ true | split: 'r' | first }}", "t"),
        ("{{ true | date: '%Y' }}", "true"),
        ("{{ nil | date: '%Y' }}", ""),
        ("{{ customer.flags }}", "truefalse"),
        ("{{ customer.flags | join: ' ' }}", "true false"),
        ("{{ customer.tags }}", "ba"),
        ("{{ customer.tags | join: ',' }}", "b,,a"),
        ("{{ customer.tags | sort | join: ',' }}", "a,b,"),
        ("{{ customer.tags | sort_natural | join: ',' }}", "a,b,"),
        ("{{ customer.tags | compact | join: ',' }}", "b,a"),
        ("{{ nil | join: ',' }}", ""),
        ("{{ nil | reverse | size }}", "0"),
        ("{{ nil | first }}{{ customer.yes | first }}", ""),
        ("{{ true | plus: 1 }}", "1"),
        ("{{ nil | plus: 1 }}", "1"),
        ("{% cycle true, false %}{% echo true %}", "truetrue"),
        ("{% for pair in event.payload.object %}{{ pair }}{% endfor %}", "b1"),
        ("{{ event.payload.object | first }}", "b1"),
    ],
)
def test_nil_and_booleans(template: str, text: str) -> None:
    """Nil is nothing, and booleans are `true` and `false`, in output, in the value of each filter, and in its arguments."""
    assert render(template) == text
    assert render(template, "html") == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ (1..3) }}", "1..3"),
        ("{{ (3..1) }}", "3..1"),
        ("{{ (1..event.payload.three) | join: '-' }}", "1-2-3"),
        ("{{ (1..3) | reverse | join }}", "3 2 1"),
        ("{{ (1..3) | append: '!' }}", "1..3!"),
        ("{{ (1..3) | size }}{{ (1..3) | first }}{{ (1..3) | last }}", "313"),
        ("{{ (1..3) | json }}", "[1,2,3]"),
        ("{{ (1..9) | slice: 2, 3 | join }}", "3 4 5"),
        ("{{ customer.tags | concat: (1..2) | join: ',' }}", "b,,a,1,2"),
        ("{{ (1..3) | sum }}", "6"),
        ("{{ customer.tags | uniq | json }}", '["b",null,"a"]'),
    ],
)
def test_ranges(template: str, text: str) -> None:
    """Array filters of Liquid treat a range such as `(1..3)` as an array, and without a filter it prints as `1..3`."""
    assert render(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 2.5 | round }} {{ -2.5 | round }} {{ 1.005 | times: 100 | round }}", "3 -3 101"),
        ("{{ 183.357 | round: 2 }} {{ 2.675 | round: 2 }} {{ 5 | round: 2 }} {{ 1234 | round: -2 }}", "183.36 2.68 5 1200"),
        ("{{ '12 kg' | plus: 1 }} {{ 'nan' | plus: 1 }} {{ '1.5' | times: 2 }} {{ '1_000' | plus: 0 }}", "13 1 3.0 1"),
        ("{{ event.payload.price | append: ' EUR' }}", "10.50 EUR"),
        ("{{ event.payload.items | sum: 'n' }} {{ customer.flags | sum }}", "3 0"),
        ("{{ event.payload.items | sort: 'n' | map: 't' | join }}", "a B c"),
        ("{{ event.payload.items | sort_natural: 't' | map: 't' | join }}", "a B c"),
        ("{{ event.payload.items | map: 'n' | compact | join }} {{ event.payload.items | map: 'n' | json }}", "2 1 [2,null,1]"),
        ("{{ 'a b a' | replace_last: 'a', 'c' }} {{ 'a b' | remove_last: 'b' | size }}", "a b c 2"),
        ("{{ '<p>a<!-- > --> &lt; <SCRIPT>x</SCRIPT>1 < 2' | strip_html }}", "a &lt; 1 < 2"),
    ],
)
def test_numbers_and_arrays(template: str, text: str) -> None:
    """A half is rounded up, a text counts as the number that it begins with, and elements without a value come last."""
    assert render(template) == text


@pytest.mark.usefixtures("another_zone")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("event.payload.at", "2026-11-23 05:17:13"),
        ("event.payload.at_text", "2026-11-23 05:17:13"),
        ("event.payload.seconds", "2026-11-23 05:17:13"),
        ("'2026-12-01T10:00:00+02:00'", "2026-12-01 10:00:00"),
        ("'Nov 23, 2026, 5:17:13 AM'", "2026-11-23 05:17:13"),
        ("'10:00'", "2026-11-23 10:00:00"),
        ("'now'", "2026-11-23 05:17:13"),
        ("now", "2026-11-23 05:17:13"),
        ("'soon'", "soon"),
        ("'99999999999999999999999'", "99999999999999999999999"),
    ],
)
def test_dates(value: str, text: str) -> None:
    """`date` reads texts, epoch seconds and milliseconds, in UTC whatever the zone of the machine; what is no time stays as it is."""
    assert render(f"{{{{ {value} | date: '%Y-%m-%d %H:%M:%S' }}}}") == text


@pytest.mark.usefixtures("another_zone")
def test_the_epoch_seconds_of_a_date() -> None:
    """`%s` is the number of seconds since 1970 in UTC, and `%%s` is `%s`."""
    assert render("{{ 'now' | date: '%s %%s' }}") == "1795411033 %s"


def test_carriage_returns_stay() -> None:
    """Line breaks of values and of the template are the same after rendering."""
    assert render("{{ event.payload.lines }}\r\nend") == "one\r\ntwo\rthree\r\nend"
    assert render("{% capture x %}{{ event.payload.lines }}{% endcapture %}{{ x }}") == "one\r\ntwo\rthree"


def test_a_date_without_a_value_fails_in_a_strict_template() -> None:
    """With `strict`, a missing value is a failure for `date` as for any other filter."""
    assert isinstance(render("{{ customer.until | date: '%Y' }}", strict=True), RenderFailure)


@pytest.mark.parametrize("name", sorted(liquid_language._environment(False, False).filters.keys() - {"capitalize"}))
@pytest.mark.parametrize("value", ["nil", "true", "customer.flags", "(1..3)", "customer.missing", "event.payload.object"])
def test_no_filter_prints_as_python_does(name: str, value: str) -> None:
    """No filter prints `None`, `True`, `False`, `range(...)` or a Python list, whatever it gets as its value or its argument."""
    for text in (f"{{{{ {value} | {name} }}}}", f"{{{{ {value} | {name}: {value} }}}}", f"{{{{ 'a' | {name}: {value}, {value} }}}}"):
        rendered = render(text)
        assert isinstance(rendered, RenderFailure) or not any(word in rendered for word in ("None", "True", "False", "range(", "['", "('"))
