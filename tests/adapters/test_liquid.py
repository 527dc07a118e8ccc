"""Liquid templates: what they render to, which are refused, and what limits them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from waypost.adapters.liquid import LiquidTemplates, template_error
from waypost.domain.messages.message import RenderFailure

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
SCOPE = {
    "customer": {
        "id": "c_1",
        "first_name": "Zoë",
        "nick": None,
        "vip": True,
        "bio": '<b>"hi"</b> & more',
        "balance": Decimal("10.50"),
        "tiny": Decimal("0.1234567890123456789012345678901234567"),
        "tags": ["a", "b"],
        "dotted": {"deep": {"x": 1}},
    },
    "event": {"name": "bought", "payload": {"total": Decimal("10.50"), "n": None, "items": [{"sku": "x1"}, {"sku": "x2"}]}},
    "journey": {"id": "welcome"},
    "step": {"id": "hello"},
    "message": {"id": "msg_1"},
}


def render(text: str, field: str = "text", *, strict: bool = False) -> Any:
    """One text rendered for Zoë, or the failure."""
    rendered = LiquidTemplates().render({field: text}, SCOPE, NOW, strict=strict)
    return rendered if isinstance(rendered, RenderFailure) else rendered[field]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {{ customer.first_name | default: 'there' }}", "Hi Zoë"),
        ("Hi {{ customer.last_name | default: 'there' }}", "Hi there"),
        ("Hi {{ customer.nick | default: 'there' }}", "Hi there"),
        ("[{{ customer.nick }}{{ customer.missing.deeper }}]", "[]"),
        ("{{ customer.vip }}", "true"),
        ("{{ customer.balance }}", "10.50"),
        ("{{ customer.tiny }}", "0.1234567890123456789012345678901234567"),
        ("{{ customer.balance | plus: 1 }}", "11.5"),
        ("{% if customer.balance > 10 %}rich{% endif %}", "rich"),
        ("{{ customer.tags | join: ', ' }}", "a, b"),
        ("{{ customer.dotted.deep.x }}", "1"),
        ("{{ customer.dotted }}", '{"deep":{"x":1}}'),
        ("{{ event.payload | json }}", '{"total":10.50,"n":null,"items":[{"sku":"x1"},{"sku":"x2"}]}'),
        ("{{ customer.first_name | json }}", '"Zoë"'),
        ("{{ customer.missing | json }}", "null"),
        ("{% for item in event.payload.items %}{{ item.sku }};{% endfor %}", "x1;x2;"),
        ("{{ event.name }}/{{ journey.id }}/{{ step.id }}/{{ message.id }}", "bought/welcome/hello/msg_1"),
        ("{{ 'now' | date: '%Y-%m-%d %H:%M' }}", "2026-11-23 05:17"),
        ("{{ '2024-03-01' | date: '%d.%m.%Y' }}", "01.03.2024"),
        ("{{ customer.bio }}", '<b>"hi"</b> & more'),
        ("no template { at all }", "no template { at all }"),
    ],
)
def test_the_text_that_a_template_renders_to(template: str, text: str) -> None:
    """Missing values and nulls are empty, `default` applies to both, numbers print as received, and `now` is the time of the render."""
    assert render(template) == text


def test_values_are_escaped_in_html_and_nowhere_else() -> None:
    """In the field `html` values are escaped, unless the filter `safe` is used, and the markup of the template is kept."""
    assert render("<p>{{ customer.bio }}</p>", "html") == "<p>&lt;b&gt;&#34;hi&#34;&lt;/b&gt; &amp; more</p>"
    assert render("{{ customer.bio | safe }}", "html") == '<b>"hi"</b> & more'
    assert type(render("{{ customer.bio }}", "html")) is str


def test_texts_are_rendered_at_any_depth_of_json() -> None:
    """Texts in objects and lists are rendered; names of members, numbers, booleans and nulls do not change."""
    template = {"json": {"who": "{{ customer.first_name }}", "list": ["{{ step.id }}", 1, Decimal("1.0"), True, None], "{{ key }}": {}}}
    rendered = LiquidTemplates().render(template, SCOPE, NOW, strict=False)
    assert rendered == {"json": {"who": "Zoë", "list": ["hello", 1, Decimal("1.0"), True, None], "{{ key }}": {}}}


@pytest.mark.parametrize(
    "template", ["{{ customer.last_name }}", "{{ customer.nick }}", "{{ event.payload.a.b }}", "{% if customer.x %}{% endif %}"]
)
def test_a_strict_template_fails_without_a_value(template: str) -> None:
    """With `strict` a missing value or a null is a failure; without it, an empty text."""
    assert isinstance(render(template, strict=True), RenderFailure)
    assert render(template) == ""


def test_default_works_in_strict_templates() -> None:
    """In a strict template a missing value with a `default` is no failure."""
    assert render("{{ customer.last_name | default: 'there' }}", strict=True) == "there"


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("{{ customer.first_name", "expected"),
        ("{% if customer.vip %}", "endif"),
        ("{{ customer.name | shout }}", "unknown filter: shout"),
        ("{% if customer.x %}{{ customer.name | zap | upcase }}{% endif %}", "unknown filter: zap"),
        ("{% include 'secrets' %}", "include"),
        ("{% render 'secrets' %}", "render"),
        ("{% nonsense %}", "nonsense"),
    ],
)
def test_a_template_that_does_not_parse_is_explained(template: str, part: str) -> None:
    """A template with a syntax error, an unknown filter or tag, or an include is refused with one line that names the error."""
    error = template_error(template)
    assert error
    assert part in error
    assert "\n" not in error


@pytest.mark.parametrize(
    "template",
    [
        "",
        "plain",
        "{{ customer.b | default: 'x' }}",
        "{{ event | json }}",
        "{% for x in customer.a %}{{ x }}{% endfor %}",
    ],
)
def test_a_valid_template_is_accepted(template: str) -> None:
    """Templates with the tags and filters of Liquid, and with the filter `json`, have no error."""
    assert template_error(template) is None


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("Hi {{ first_name }}", "`first_name` does not exist: write `customer.first_name`"),
        ("{{ payload.x }}", "`payload.x` does not exist: write `event.payload.x`"),
        ("{{ payload.items[0].sku }}", "`payload.items.0.sku` does not exist: write `event.payload.items.0.sku`"),
        ("{{ event.total }}", "`event.total` does not exist: write `event.payload.total`"),
        ("{{ timestamp | date: '%Y' }}", "`timestamp` does not exist: write `event.timestamp`"),
        ("{{ user.email }}", "`user.email` does not exist: write `customer.email`"),
        ("{{ step.name }}", "`step.name` does not exist: `step` has id"),
        ("{{ journey.title }}", "`journey.title` does not exist: `journey` has id, name, version"),
        ("{% if vip %}x{% endif %}", "`vip` does not exist: write `customer.vip`"),
        ("{% for i in items %}{% endfor %}", "`items` does not exist: write `customer.items`"),
        ("{{ 'a' | append: name }}", "`name` does not exist: write `customer.name`"),
        ("{{ customer[key] }}", "`key` does not exist: write `customer.key`"),
        ("{% for i in (1..n) %}{% endfor %}{{ i }}", "`n` does not exist: write `customer.n`"),
    ],
)
def test_a_variable_that_never_has_a_value_is_refused_with_the_right_name(template: str, error: str) -> None:
    """A variable that is empty for every customer and event is refused at publish, and the error says what to write."""
    assert template_error(template) == error


@pytest.mark.parametrize(
    "template",
    [
        "{{ customer }}{{ customer.anything.deeper }}{{ event.payload.a.b[0] }}{{ event.name }}{{ event.uuid }}{{ event.source }}",
        "{{ event.timestamp }}{{ journey.id }}{{ journey.name }}{{ journey.version }}{{ step.id }}{{ message.id }}{{ now | date: '%Y' }}",
        "{% assign x = 1 %}{{ x }}{% capture y %}{% endcapture %}{{ y }}{% increment n %}{{ n }}",
        "{% for i in customer.a %}{% if i == before %}{% endif %}{% assign before = i %}{{ forloop.parentloop.index }}{% endfor %}",
        "{% tablerow i in customer.a %}{{ tablerowloop.col }}{% endtablerow %}{{ customer[event.payload.key] }}{{ nil }}{{ empty }}",
    ],
)
def test_variables_that_may_have_a_value_are_accepted(template: str) -> None:
    """The members of customer and payload, and what the template sets itself, are accepted."""
    assert template_error(template) is None


def test_an_unknown_variable_of_a_published_template_is_empty() -> None:
    """A template that was published before such variables were refused still renders."""
    assert render("Hi {{ first_name }}{{ payload.x }}!") == "Hi !"


def test_the_variables_that_are_missing() -> None:
    """The variables without a value and without a default are listed once, also those of conditions and of an unknown member."""
    template = {
        "subject": "{{ customer.last_name }}{{ customer.nick | default: 'x' }}{{ customer.first_name }}",
        "text": "{{ customer.last_name }}{% if event.payload.n %}{% endif %}{{ event.payload.items[7].sku | upcase }}",
    }
    missing = LiquidTemplates().missing_variables(template, SCOPE, NOW)
    assert missing == ("customer.last_name", "event.payload.n", "event.payload.items.7.sku")


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in (1..1000000000) %}x{% endfor %}",
        "{% for i in (1..9000) %}" + "x" * 100 + "{% endfor %}",
        "{% assign x = 'xxxxxxxxxx' %}{% for i in (1..40) %}{% assign x = x | append: x %}{% endfor %}{{ x | size }}",
        "{% assign x = 'x' %}{% for i in (1..11) %}{% assign x = x | append: x %}{% endfor %}{{ x | replace: 'x', x | size }}",
        "{% assign x = 'x' %}{% for i in (1..11) %}{% assign x = x | append: x %}{% endfor %}{{ x | split: '' | join: x | size }}",
        "{{ 'a' | date }}",
        "{{ 1 | divided_by: 0 }}",
        "{{ customer.tags | sort: 5 | truncate: 'x' }}",
    ],
    ids=lambda text: text[:30],
)
def test_a_template_cannot_exhaust_time_or_memory(template: str) -> None:
    """Long loops, growing texts and failing filters end in a failure, and not in an exception or an exhausted function."""
    assert isinstance(render(template), RenderFailure)


@pytest.mark.parametrize(("size", "fails"), [(128 * 1024, False), (128 * 1024 + 1, True)])
def test_a_rendered_template_has_at_most_256_kib(size: int, fails: bool) -> None:
    """All fields of a rendered template together may have 256 KiB in UTF-8, and not a byte more."""
    rendered = LiquidTemplates().render({"text": "x" * size, "html": "é" * (64 * 1024)}, SCOPE, NOW, strict=False)
    assert isinstance(rendered, RenderFailure) is fails


def test_liquid_is_imported_with_the_first_template() -> None:
    """Importing the wiring and this adapter does not import the library, which would add 150 ms and 33 MB to every cold start."""
    code = "import sys, waypost.wiring, waypost.adapters.liquid; sys.exit('liquid' in sys.modules)"
    core = Path(__file__).parents[2] / "layers" / "core"
    assert subprocess.run([sys.executable, "-c", code], cwd=core, check=False).returncode == 0


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (1795411033, "2026-11-23 05:17"),
        (Decimal(1795411033000), "2026-11-23 05:17"),
        ("1795411033", "2026-11-23 05:17"),
        ("Nov 23, 2026, 5:17:13 AM", "2026-11-23 05:17"),
        ("Nov 23, 2026, 5:17:13\u202fAM", "2026-11-23 05:17"),
        ("2026-11-23T07:17:13+02:00", "2026-11-23 07:17"),
        ("2026-11-22T24:00:00Z", "2026-11-23 00:00"),
        ("2026-12-31T23:59:60Z", "2027-01-01 00:00"),
        ("2026-11-23", "2026-11-23 00:00"),
        ("March 14, 2016", "2016-03-14 00:00"),
    ],
)
def test_date_reads_each_form_of_a_time_that_the_schema_accepts(value: Any, printed: str) -> None:
    """The filter `date` prints epoch times in UTC, and other times as they are written."""
    template = {"text": "{{ event.payload.at | date: '%Y-%m-%d %H:%M' }}"}
    assert LiquidTemplates().render(template, {"event": {"payload": {"at": value}}}, NOW, strict=True) == {"text": printed}
