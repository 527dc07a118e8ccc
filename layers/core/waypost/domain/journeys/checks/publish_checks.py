"""All checks of a definition before it is published, with every fault in one result (docs/journeys.md#publish-checks)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from waypost.domain.customers.consents import is_topic_id
from waypost.domain.journeys.checks import graph, link_checks, message_checks, wait_checks
from waypost.domain.journeys.checks.condition_checks import Place, condition_in, faults
from waypost.domain.journeys.checks.implications import unreachable_branches
from waypost.domain.journeys.conditions import Condition
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.values.exact_json import dumps
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

Check = Callable[[str], str | None]
"""A text -> its fault as a sentence, or None."""

_TAG: Final = re.compile(r"\{[{%]")
_BRACKETED: Final = re.compile(r"<[^<>]*>\s*$")

MOST_BYTES: Final = 200 * 1024
MOST_LEVELS: Final = 48
"""Deep enough for any journey that a person writes, and shallow enough for the recursion of parsing and of the checks."""


def no_fault(_: str) -> str | None:
    """The check that accepts every text."""
    return None


def publishable(
    raw: Any,
    parse_template: Check,
    address_allowed: Check,
    sender_allowed: Check = no_fault,
    topic_known: Check = no_fault,
    receivers_known: Check = no_fault,
) -> Journey | list[Finding]:
    """The journey that the JSON value `raw` describes, or all its faults, each once.

    `parse_template` checks a Liquid text, `address_allowed` the part of a webhook's URL before its first template tag, `sender_allowed` a
    sender's address that holds no template tag, `topic_known` the id of a topic, `receivers_known` the channel of a message whose receiver
    comes from the customer.
    """
    if faults_of_size := outsized(raw):
        return faults_of_size
    journey = parse(raw)
    found = [] if isinstance(journey, Journey) else journey
    checks = (parse_template, address_allowed, sender_allowed, topic_known, receivers_known)
    return list(dict.fromkeys([*found, *findings(raw, *checks)])) or journey


def findings(
    raw: Any,
    parse_template: Check,
    address_allowed: Check,
    sender_allowed: Check = no_fault,
    topic_known: Check = no_fault,
    receivers_known: Check = no_fault,
) -> list[Finding]:
    """The faults that the types of a definition cannot express: of the graph, conditions, templates, addresses, senders and topics.

    These checks read JSON rather than the parsed journey, so that one field that does not parse hides no other fault.
    Parts that do not parse are skipped: `journey.parse` reports them.
    """
    if not isinstance(raw, Mapping):
        return []
    steps = _elements(raw.get("steps"))
    found = [*graph.findings(steps), *_entry_and_exits(raw), *message_checks.findings(raw, steps)]
    for index, step in enumerate(steps):
        if isinstance(step, Mapping):
            place = ("steps", index)
            found += [*_branches(place, step), *_branch_ids(place, step), *wait_checks.findings(place, step)]
            found += [
                *_templates(place, step, parse_template),
                *_address(place, step, address_allowed),
                *_constants(place, step),
                *_copies(place, step),
            ]
            found += [*_sender(place, step, sender_allowed), *_topic(place, step, topic_known), *_receiver(place, step, receivers_known)]
            found += link_checks.findings(place, step)
    return found


def warnings(raw: Any) -> list[Finding]:
    """What in a definition looks like a mistake and is no reason to refuse it."""
    steps = _elements(raw.get("steps")) if isinstance(raw, Mapping) else []
    steps_at = [(("steps", index), step) for index, step in enumerate(steps) if isinstance(step, Mapping)]
    return [found for place, step in steps_at for found in link_checks.warnings(place, step)]


def outsized(raw: Any) -> list[Finding]:
    """The fault of a definition that is too large or too deep even for a draft; an empty list for any other."""
    if _levels(raw) > MOST_LEVELS:
        return [Finding("too-deep", f"a journey is nested at most {MOST_LEVELS} levels deep", "")]
    size = len(dumps(raw, ascii_only=False).encode("utf-8", "surrogatepass"))
    return [Finding("too-large", f"a journey has at most {MOST_BYTES} bytes, this one {size}", "")] if size > MOST_BYTES else []


def _levels(raw: Any) -> int:
    """How deep a value is nested, counted without recursion (which an attack would exhaust), up to one level beyond the limit."""
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
    """The faults of the conditions of each branch; in a multisplit also branches that no run can take because of an earlier one."""
    faultless: dict[int, Condition] = {}
    for index, branch in enumerate(_elements(step.get("branches"))):
        condition = condition_in(branch)
        own = [] if condition is None else list(faults((*place, "branches", index, "conditions"), condition))
        yield from own
        if condition is not None and not own:
            faultless[index] = condition
    if step.get("type") == "multisplit":
        for later, earlier in unreachable_branches(faultless):
            detail = f"branch {earlier} takes every run that could take this one"
            yield Finding("never-matches", detail, pointer((*place, "branches", later, "conditions")))


def _branch_ids(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """The ids of branches that name two branches. A branch without an id has its position as its name, counted from 1."""
    ids = [branch.get("id") if isinstance(branch, Mapping) else None for branch in _elements(step.get("branches"))]
    first_with: dict[str, int] = {}
    for index, given in enumerate(ids):
        earlier = first_with.setdefault(given if isinstance(given, str) else str(index + 1), index)
        if earlier != index:
            named = index if isinstance(given, str) else earlier
            detail = f"receipts and timelines could not tell the branches {earlier + 1} and {index + 1} apart"
            yield Finding("duplicate-branch-id", detail, pointer((*place, "branches", named, "id")))


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


def _constants(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """Texts without Liquid that are the same in each message, and would skip every message of the step after rendering."""
    template = step.get("template")
    if isinstance(template, Mapping):
        for path, code, detail in step_class(step.get("channel")).constant_faults(template):
            yield Finding(code, detail, pointer((*place, "template", *path)))


def _copies(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """Further recipients of a message that is not transactional: they could neither unsubscribe from it nor be counted."""
    template = step.get("template")
    if isinstance(template, Mapping) and step.get("transactional") is not True:
        for name in step_class(step.get("channel")).copy_fields:
            if template.get(name):
                detail = f'`{name}` is for steps with `"transactional": true`'
                yield Finding("not-transactional", detail, pointer((*place, "template", name)))


def _address(place: Place, step: Mapping[str, Any], address_allowed: Check) -> Iterator[Finding]:
    template, url_field = step.get("template"), step_class(step.get("channel")).url_field
    if url_field is None or not isinstance(template, Mapping) or not isinstance(url := template.get(url_field), str):
        return
    fault = _address_fault(url, address_allowed)
    if fault is not None:
        yield Finding("address-not-allowed", fault, pointer((*place, "template", url_field)))


def _address_fault(url: str, address_allowed: Check) -> str | None:
    """The fault of a URL's fixed part. A host that a template fills in is known, and checked, only when the webhook is sent."""
    fixed = re.split(r"\{[{%]", url, maxsplit=1)[0]
    host_is_fixed = fixed == url or re.match(r"[^/]*//[^/?#]*[/?#]", fixed)
    return address_allowed(fixed) if host_is_fixed else None


def _sender(place: Place, step: Mapping[str, Any], sender_allowed: Check) -> Iterator[Finding]:
    template, sender_field = step.get("template"), step_class(step.get("channel")).sender_field
    if sender_field is None or not isinstance(template, Mapping) or not isinstance(sender := template.get(sender_field), str):
        return
    # The name in front of the address may be a template. What the address is, if it is one, is known only when the message is sent.
    address = sender if not _TAG.search(sender) else (_BRACKETED.search(sender) or [""])[0]
    fault = sender_allowed(address) if address.strip() and not _TAG.search(address) else None
    if fault is not None:
        yield Finding("sender-not-allowed", fault, pointer((*place, "template", sender_field)))


def _receiver(place: Place, step: Mapping[str, Any], receivers_known: Check) -> Iterator[Finding]:
    template, channel = step.get("template"), step.get("channel")
    if step_class(channel).address_attribute is None or not isinstance(template, Mapping) or "to" in template:
        return
    fault = receivers_known(str(channel))
    if fault is not None:
        yield Finding("unknown-attribute", fault, pointer((*place, "template")))


def _topic(place: Place, step: Mapping[str, Any], topic_known: Check) -> Iterator[Finding]:
    topic = step.get("topic")
    # A text that is no id has a finding of the parser.
    fault = topic_known(topic) if step.get("type") == "message" and isinstance(topic, str) and is_topic_id(topic) else None
    if fault is not None:
        yield Finding("unknown-topic", fault, pointer((*place, "topic")))


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
