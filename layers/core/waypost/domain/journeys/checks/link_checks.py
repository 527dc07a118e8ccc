"""The links in templates: where they may stand, and which e-mails lack them (docs/journeys.md#publish-checks)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from waypost.domain.journeys.checks.condition_checks import Place
from waypost.domain.journeys.message_steps import CHANNELS, CONFIRM_URL, LINK_VARIABLES, PREFERENCES_URL, UNSUBSCRIBE_URL, step_class
from waypost.domain.values.findings import Finding
from waypost.domain.values.json_pointers import pointer

# The name inside of a tag. Between two braces every character is read at most twice, however many tags are never closed.
_USED: Final = re.compile(rf"\{{[{{%][^{{}}]*?\b({'|'.join(LINK_VARIABLES)})\b")
_SET: Final = re.compile(rf"\b(?:assign|capture)\s+({'|'.join(LINK_VARIABLES)})\b")


def findings(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """The links in the template of a channel that has none."""
    channel = step.get("channel")
    if not isinstance(channel, str) or channel not in CHANNELS or step_class(channel).has_links:
        return
    allowed = " and ".join(name for name, each in CHANNELS.items() if each.has_links)
    for where, name in _uses((*place, "template"), step.get("template")):
        yield Finding("bad-template", f"`{name}` exists on the channel {allowed} only", pointer(where))


def warnings(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """What may be intended, but rarely is: a mail that nobody can unsubscribe from, and one that asks too late for a confirmation."""
    channel = step_class(step.get("channel"))
    if not channel.has_links or step.get("transactional") is True:
        return
    template = (*place, "template")
    used = {name: where for where, name in _uses(template, step.get("template"))}
    # Where a receiver can answer, it unsubscribes by its answer.
    if not channel.has_replies and not {UNSUBSCRIBE_URL, PREFERENCES_URL} & used.keys():
        detail = f"the template has neither `{UNSUBSCRIBE_URL}` nor `{PREFERENCES_URL}`, and the message is not transactional"
        yield Finding("no-unsubscribe-link", detail, pointer(template))
    if CONFIRM_URL in used:
        detail = f"who has not confirmed a topic gets no message of it: a step with `{CONFIRM_URL}` has to be transactional"
        yield Finding("confirm-not-transactional", detail, pointer(used[CONFIRM_URL]))


def _uses(place: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        # A variable that the template sets itself is its own, whatever its name is.
        own = set(_SET.findall(value))
        yield from ((place, found[1]) for found in _USED.finditer(value) if found[1] not in own)
    elif isinstance(value, Mapping | list):
        for name, below in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _uses((*place, name), below)
