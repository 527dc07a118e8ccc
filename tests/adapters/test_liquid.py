"""Templates as a team writes them and what a customer reads."""

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
    """One text rendered for Zoë, or why it cannot be."""
    made = LiquidTemplates().render({field: text}, SCOPE, NOW, strict=strict)
    return made if isinstance(made, RenderFailure) else made[field]


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
def test_what_a_customer_reads(template: str, text: str) -> None:
    """Missing and null render empty, `default` works, numbers print as they came, the clock is the message's."""
    assert render(template) == text


def test_values_are_escaped_in_html_and_nowhere_else() -> None:
    """A customer's name is no markup; the template's own markup stays, and `safe` lets a value be markup on purpose."""
    assert render("<p>{{ customer.bio }}</p>", "html") == "<p>&lt;b&gt;&#34;hi&#34;&lt;/b&gt; &amp; more</p>"
    assert render("{{ customer.bio | safe }}", "html") == '<b>"hi"</b> & more'
    assert type(render("{{ customer.bio }}", "html")) is str


def test_texts_are_rendered_wherever_they_are_in_json() -> None:
    """Values of objects and lists at any depth; numbers, booleans and nulls stay what they are."""
    template = {"json": {"who": "{{ customer.first_name }}", "list": ["{{ step.id }}", 1, Decimal("1.0"), True, None], "{{ key }}": {}}}
    made = LiquidTemplates().render(template, SCOPE, NOW, strict=False)
    assert made == {"json": {"who": "Zoë", "list": ["hello", 1, Decimal("1.0"), True, None], "{{ key }}": {}}}


@pytest.mark.parametrize(
    "template", ["{{ customer.last_name }}", "{{ customer.nick }}", "{{ event.payload.a.b }}", "{% if customer.x %}{% endif %}"]
)
def test_a_strict_template_needs_every_value(template: str) -> None:
    """With `strict` a missing value or a null is a fault that names it; without it, an empty text."""
    assert isinstance(render(template, strict=True), RenderFailure)
    assert render(template) == ""


def test_default_works_in_strict_templates() -> None:
    """The one way to say that a value may be missing."""
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
def test_a_template_that_does_not_parse_is_refused_with_a_word(template: str, part: str) -> None:
    """Publishing tells what is wrong, in one line."""
    error = template_error(template)
    assert error
    assert part in error
    assert "\n" not in error


@pytest.mark.parametrize("template", ["", "plain", "{{ a.b | default: 'x' }}", "{{ a | json }}", "{% for x in a %}{{ x }}{% endfor %}"])
def test_a_template_that_parses_is_accepted(template: str) -> None:
    """Liquid's own tags and filters, and ours."""
    assert template_error(template) is None


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
def test_a_template_cannot_take_the_function_down(template: str) -> None:
    """Endless loops, texts that double and filters that choke end as a fault, in no time and little memory."""
    assert isinstance(render(template), RenderFailure)


@pytest.mark.parametrize(("size", "fault"), [(128 * 1024, False), (128 * 1024 + 1, True)])
def test_256_kib_are_allowed_in_all(size: int, fault: bool) -> None:
    """All fields together, in bytes."""
    made = LiquidTemplates().render({"text": "x" * size, "html": "é" * (64 * 1024)}, SCOPE, NOW, strict=False)
    assert isinstance(made, RenderFailure) is fault


def test_liquid_is_imported_by_the_first_template_only() -> None:
    """150 ms and 33 MB that the intake's cold start need not pay."""
    code = "import sys, waypost.wiring, waypost.adapters.liquid; sys.exit('liquid' in sys.modules)"
    core = Path(__file__).parents[2] / "layers" / "core"
    assert subprocess.run([sys.executable, "-c", code], cwd=core, check=False).returncode == 0
