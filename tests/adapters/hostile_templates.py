"""Renders templates that try to exhaust memory and time, in a process with little memory. `test_liquid_limits.py` runs it.

Usage: python -m tests.adapters.hostile_templates <megabytes above the baseline> <seconds per template>. It prints the templates that
exceed a limit, and exits with 0 if there is none.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from waypost.adapters import liquid_language
from waypost.adapters.liquid import LiquidTemplates
from waypost.domain.messages.message import RenderFailure

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
SCOPE: dict[str, Any] = {
    "customer": {"name": "é" * 5_000, "angry": "<" * 20_000, "tags": ["tag"] * 500},
    "event": {
        "payload": {
            "n": 10**9,
            "huge": Decimal("1E+999999"),
            "long": 10**3_999,
            "numbers": [*range(1_500), *range(1_500)],
            "items": [{"x": number, "t": "é" * 20} for number in range(200)],
            "deep": [[["é"] * 20] * 5] * 5,
        }
    },
}
TEXTS = "{% assign t = customer.name %}{% for i in (1..20) %}{% assign t = t | append: t %}{% endfor %}"
LONG = "{% capture t %}{% for i in (1..10) %}{{ customer.name }}{% endfor %}{% endcapture %}"
ANGRY = "{% assign t = customer.angry | append: customer.angry | append: customer.angry %}"
VALUES = (
    "(1..50000000)", "(1..event.payload.n)", "event.payload.numbers", "event.payload.items",
    "event.payload.deep", "event.payload.long", "event.payload.huge", "customer.tags", "t", "customer", "nil", "1e300", "'%c'",
)  # fmt: skip
ARGUMENTS = (
    "",
    ": t",
    ": ''",
    ": 'é', t",
    ": '', t",
    ": event.payload.n",
    ": event.payload.long",
    ": 'x'",
    ": (1..event.payload.n)",
    ": 99999999, t",
)
NAMED = {
    "loops one after the other": "{% for i in (1..10000) %}{% if 1 == 2 %}{% endif %}{% endfor %}" * 2_000,
    "a loop of many tags": "{% for i in (1..10000) %}" + "{% if 1 == 2 %}{% endif %}" * 6_000 + "{% endfor %}",
    "a loop of many cases": "{% for i in (1..10000) %}{% case 1 %}{% when " + "2, " * 40_000 + "3 %}x{% endcase %}{% endfor %}",
    "a loop with an offset": "{% for i in (1..1000000000) offset: 999999999 %}{% endfor %}",
    "a reversed loop": "{% for i in (1..50000000) reversed %}{% endfor %}",
    "a search in a range": "{% if (1..1000000000) contains 'x' %}{% endif %}",
    "a search in a range of the payload": "{% if (1..event.payload.n) contains 'x' %}{% endif %}",
    "many variables": LONG + "".join(f"{{% assign v{n} = t | append: '{n}' | split: 'é' %}}" for n in range(2_000)),
    "a cycle of long values": LONG + "{% cycle " + "t, " * 20_000 + "t %}",
    "a cycle of long names": LONG + "{% for i in (1..10000) %}{% assign t = t | append: i %}{% cycle t: 'a', 'b' %}{% endfor %}",
    "a long list printed": LONG + "{% assign l = 'a,' | append: t | split: ',' %}" + "{% assign l = l | concat: l %}" * 20 + "{{ l }}",
    "powers": "{% assign x = 9999999 %}{% for i in (1..1000) %}{% assign x = x | times: x %}{% endfor %}",
    "the last of many": LONG + "{% assign n = t | append: 'b' | append: t %}{{ t | append: t | append: t | replace_last: n, 'x' }}",
    "unclosed tags in a comment": "{% comment %}" + "{{" * 50_000 + "{% endcomment %}",
    "unclosed raw in a comment": "{% comment %}" + "{% raw %}" * 20_000 + "{% endcomment %}",
    "spaces in a comment": "{% comment %}{{" + " " * 150_000 + "{% endcomment %}",
    "unclosed HTML": ANGRY + "{{ t | append: '>' | strip_html }}{{ t | append: '!--' | append: t | append: '>' | strip_html }}",
    "a long format": "{% assign f = '%c' %}{% for i in (1..18) %}{% assign f = f | append: f %}{% endfor %}{{ 'now' | date: f }}",
    "a long date": LONG + "{{ t | date: '%Y' }}",
    "different elements": "{% for i in (1..9999) %}{{ event.payload.numbers | uniq | size }}{% endfor %}",
    "a range of numbers": "{{ (1..100000) | sort_natural | reverse | uniq | join }}",
    "a list of texts": LONG + "{{ t | split: '' | join: t }}",
}  # fmt: skip


def templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """The names and templates: those above, every filter with every kind of value, and chains of filters at random."""
    filters = sorted(liquid_language._environment(False, False).filters)
    for name, text in NAMED.items():
        yield name, {"text": text}
    yield "many texts", {"json": ["{% for i in (1..10000) %}{{ i }}{% endfor %}"] * 2_000}
    yield "many long texts", {"json": [LONG + "{{ t }}"] * 2_000}
    for name in filters:
        for value in VALUES:
            yield f"{value} | {name}", {"text": "".join(f"{{{{ {value} | {name}{argument} }}}}" for argument in ("", ": 'x'"))}
        for argument in ARGUMENTS:
            yield f"{name}{argument}", {"html": f"{LONG}{{{{ t | {name}{argument} }}}}"}
            yield f"split {name}{argument}", {"text": f"{{{{ customer.name | split: '' | {name}{argument} | size }}}}"}
    choose = random.Random(10).choice
    for _ in range(100):
        chain = "".join(f" | {choose(filters)}{choose(ARGUMENTS)}" for _ in range(5))
        text = f"{choose((LONG, TEXTS, ANGRY))}{{% for i in (1..200) %}}{{% assign t = {choose(VALUES)}{chain} %}}{{{{ t }}}}{{% endfor %}}"
        yield chain, {choose(("text", "html")): text}


def failures(seconds: float) -> Iterator[str]:
    """The templates that take too long or that end for want of memory."""
    for name, template in templates():
        started = time.process_time()
        try:
            rendered = LiquidTemplates().render(template, SCOPE, NOW, strict=False)
        except BaseException as error:  # noqa: BLE001 - an error of any type would harm the other records
            yield f"{name}: {type(error).__name__}"
            continue
        taken = time.process_time() - started
        if isinstance(rendered, RenderFailure) and "MemoryError" in rendered.detail:
            yield f"{name}: no memory"
        if taken > seconds:
            yield f"{name}: {taken:.1f} s"


def main() -> int:
    """Renders all templates within the limits of the command line, and a harmless one at the end."""
    megabytes, seconds = map(int, sys.argv[1:])
    LiquidTemplates().render({"text": "{{ 'now' | date: '%Y' }}"}, SCOPE, NOW, strict=False)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = list(failures(seconds))
    sys.stdout.write("\n".join(found))
    rendered = LiquidTemplates().render({"text": "Hi {{ customer.tags | first }}"}, SCOPE, NOW, strict=False)
    return int(bool(found) or rendered != {"text": "Hi tag"})


if __name__ == "__main__":
    sys.exit(main())
