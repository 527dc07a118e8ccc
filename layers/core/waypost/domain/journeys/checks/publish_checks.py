"""The last look before a journey is published: everything that is wrong with it, in one answer (contract 3.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from waypost.domain.journeys.checks import graph, wait_checks
from waypost.domain.journeys.checks.condition_checks import Place, condition_in, faults
from waypost.domain.journeys.checks.implications import unreachable_branches
from waypost.domain.journeys.conditions import Condition
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.values.exact_json import dumps
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

Check = Callable[[str], str | None]
"""Looks at a text and says what is wrong with it; None where nothing is."""

MOST_BYTES: Final = 200 * 1024
MOST_LEVELS: Final = 48


def publishable(raw: Any, parse_template: Check, address_allowed: Check) -> Journey | list[Finding]:
    """The journey of a JSON value that may run, or everything that forbids it, each once, with its place.

    `parse_template` checks a Liquid text, `address_allowed` the fixed front of a webhook's URL up to its first template tag.
    """
    if too_much := outsized(raw):
        return too_much
    journey = parse(raw)
    found = [] if isinstance(journey, Journey) else journey
    return list(dict.fromkeys([*found, *findings(raw, parse_template, address_allowed)])) or journey


def findings(raw: Any, parse_template: Check, address_allowed: Check) -> list[Finding]:
    """What a journey's types cannot say: graph, conditions, templates, addresses. Parts that do not parse are left to `journeys.parse`."""
    if not isinstance(raw, Mapping):
        return []
    steps = _elements(raw.get("steps"))
    found = [*graph.findings(steps), *_entry_and_exits(raw)]
    for index, step in enumerate(steps):
        if isinstance(step, Mapping):
            place = ("steps", index)
            found += [*_branches(place, step), *wait_checks.findings(place, step)]
            found += [*_templates(place, step, parse_template), *_address(place, step, address_allowed)]
    return found


def outsized(raw: Any) -> list[Finding]:
    """Whether a definition is too large or too deep even to be kept."""
    if _levels(raw) > MOST_LEVELS:
        return [Finding("too-deep", f"a journey is nested at most {MOST_LEVELS} levels deep", "")]
    size = len(dumps(raw, ascii_only=False).encode("utf-8", "surrogatepass"))
    return [Finding("too-large", f"a journey has at most {MOST_BYTES} bytes, this one {size}", "")] if size > MOST_BYTES else []


def _levels(raw: Any) -> int:
    """How deep a value is nested, counted without recursion and no further than one beyond the limit."""
    layer, levels = [raw], 0
    while layer and levels <= MOST_LEVELS:
        below = [each.values() if isinstance(each, Mapping) else each for each in layer if isinstance(each, Mapping | list)]
        layer, levels = [part for each in below for part in each], levels + bool(below)
    return levels


def _entry_and_exits(raw: Mapping[str, Any]) -> Iterator[Finding]:
    exits = [(("exit", index), part) for index, part in enumerate(_elements(raw.get("exit")))]
    for place, part in [(("entry",), raw.get("entry")), *exits]:
        condition = condition_in(part)
        if condition is not None:
            yield from faults((*place, "conditions"), condition)


def _branches(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """Faults of each branch's conditions; in a multisplit also branches that an earlier one leaves nothing for."""
    sound: dict[int, Condition] = {}
    for index, branch in enumerate(_elements(step.get("branches"))):
        condition = condition_in(branch)
        own = [] if condition is None else list(faults((*place, "branches", index, "conditions"), condition))
        yield from own
        if condition is not None and not own:
            sound[index] = condition
    if step.get("type") == "multisplit":
        for later, earlier in unreachable_branches(sound):
            detail = f"branch {earlier} takes everything that this one could"
            yield Finding("never-matches", detail, pointer((*place, "branches", later, "conditions")))


def _templates(place: Place, step: Mapping[str, Any], parse_template: Check) -> Iterator[Finding]:
    for where, text in _texts((*place, "template"), step.get("template")):
        fault = parse_template(text)
        if fault is not None:
            yield Finding("bad-template", fault, pointer(where))


def _texts(place: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping | list):
        for name, below in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _texts((*place, name), below)


def _address(place: Place, step: Mapping[str, Any], address_allowed: Check) -> Iterator[Finding]:
    template = step.get("template")
    url = template.get("url") if step.get("channel") == "webhook" and isinstance(template, Mapping) else None
    if not isinstance(url, str):
        return
    fault = _address_fault(url, address_allowed)
    if fault is not None:
        yield Finding("address-not-allowed", fault, pointer((*place, "template", "url")))


def _address_fault(url: str, address_allowed: Check) -> str | None:
    """A host that a template fills in is known, and checked, only when the webhook is sent."""
    fixed = re.split(r"\{[{%]", url, maxsplit=1)[0]
    host_is_fixed = fixed == url or re.match(r"[^/]*//[^/?#]*[/?#]", fixed)
    return address_allowed(fixed) if host_is_fixed else None


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
