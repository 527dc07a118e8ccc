"""What rendering may cost: no template exhausts memory or time, whatever it is and whatever the customer's values are."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from waypost.adapters import liquid_language
from waypost.adapters.liquid import LiquidTemplates, template_error
from waypost.domain.messages.message import MAX_RENDERED_BYTES, RenderFailure

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
SCOPE = {"event": {"payload": {"n": 10**9, "text": "x" * 1_000}}}


def render(template: dict[str, Any]) -> Any:
    """A template rendered with the payload above."""
    return LiquidTemplates().render(template, SCOPE, NOW, strict=False)


def test_no_template_exhausts_memory_or_time_or_harms_the_next_one() -> None:
    """Each of about 2,000 hostile templates takes at most 256 MB and 2 seconds of processor time, and a harmless one renders after them."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "layers" / "core"), str(ROOT)))}
    command = [sys.executable, "-m", "tests.adapters.hostile_templates", "256", "2"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.returncode) == ("", 0), result.stderr[-2_000:]


@pytest.mark.parametrize(
    "template",
    [
        "{{ (1..50000000) | reverse | first }}",
        "{{ (1..event.payload.n) | join }}",
        "{% for i in (1..event.payload.n) offset: 999999990 %}{{ i }}{% endfor %}",
        "{% for i in (1..event.payload.n) reversed %}{{ i }}{% endfor %}",
        "{% if (1..event.payload.n) contains 'x' %}{% endif %}",
    ],
)
def test_a_range_is_bounded_before_it_is_made(template: str) -> None:
    """A range of more than 100,000 numbers is a failure with this reason, whatever the template does with it."""
    assert render({"text": template}) == RenderFailure("a range has more than 100000 numbers")


def test_a_short_part_of_a_long_range_renders() -> None:
    """A loop over a range of 100,000 numbers with a limit renders: only the iterations that happen are counted."""
    assert render({"text": "{% for i in (1..100000) limit: 3 %}{{ i }}{% endfor %}"}) == {"text": "123"}


def test_the_limits_hold_for_all_texts_of_a_message_together() -> None:
    """A thousand texts that are each below a limit end in one failure: neither time nor output starts again with each text."""
    busy = "{% for i in (1..9000) %}{% if 1 == 2 %}{% endif %}{% endfor %}"
    assert render({"json": [busy] * 1_000}) == RenderFailure("rendering takes more than 1 second")
    assert render({"json": ["{{ event.payload.text }}"] * 263}) == RenderFailure(f"more than {MAX_RENDERED_BYTES} bytes are rendered")


@pytest.mark.parametrize("error", [MemoryError(), KeyError(""), RuntimeError("several\nlines"), AssertionError("x" * 5_000)])
def test_any_error_of_a_filter_is_a_failure_of_its_message_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever a filter raises, the result is a failure with one short line, so that the other records of the batch are sent."""

    def broken(_: Any) -> None:
        raise error

    monkeypatch.setitem(liquid_language._environment(False, False).filters, "upcase", broken)
    failure = render({"text": "{{ 'a' | upcase }}"})
    assert isinstance(failure, RenderFailure)
    assert 0 < len(failure.detail) <= 200
    assert "\n" not in failure.detail


@pytest.mark.parametrize(
    "text",
    [
        "{% comment %}" + "{{ '" * 20_000 + "{% endcomment %}",
        "{% comment %}" + "{% raw %}" * 20_000 + "{% endcomment %}",
        "{{" + " " * 50_000,
    ],
    ids=["outputs", "raw", "spaces"],
)
def test_tags_that_are_never_closed_are_refused_at_once(text: str) -> None:
    """A text whose scan would take minutes is refused at publish."""
    assert template_error(text) == "too many tags are not closed"


def test_verbatim_text_may_contain_opening_braces() -> None:
    """Opening braces inside of `raw` are not tags, however many there are."""
    assert template_error("{% raw %}" + "{{ " * 5_000 + "{% endraw %}") is None


def test_the_parsed_templates_that_are_kept_are_bounded() -> None:
    """Parsing many long templates keeps at most 512 KiB of their text, so that no instance runs out of memory."""
    for number in range(20):
        render({"text": "{{ event.payload.n }}" + str(number) * 60_000})
    kept = sum(len(text) for text, _, _ in liquid_language._parsed._templates)
    assert 60_000 <= kept <= 512 * 1024
