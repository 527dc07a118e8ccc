"""What publishing refuses of texts without Liquid, which are the same in each message (`docs/journeys.md#publish-checks`).

The sender makes the same checks after rendering. A fault in a constant would skip every message of the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from waypost.domain.journeys.checks.condition_checks import Place
from waypost.domain.values.findings import Finding
from waypost.domain.values.header_values import is_header_value
from waypost.domain.values.json_pointers import pointer
from waypost.domain.values.mailboxes import mailbox


def findings(place: Place, step: Mapping[str, Any]) -> Iterator[Finding]:
    """The faults of the constant `to` and `from` of an e-mail, and of the constant headers of a webhook."""
    template = step.get("template")
    if not isinstance(template, Mapping):
        return
    if step.get("channel") == "email":
        for name in ("to", "from"):
            text = template.get(name)
            # A blank `from` stands for the sender of the stack.
            if _is_constant(text) and not (name == "from" and not text.strip()) and mailbox(text) is None:
                yield Finding("bad-address", f"`{name}` is not exactly one e-mail address", pointer((*place, "template", name)))
    headers = template.get("headers")
    if step.get("channel") == "webhook" and isinstance(headers, Mapping):
        for name, text in headers.items():
            if _is_constant(text) and not is_header_value(text):
                yield Finding(
                    "bad-format", "a header is one line without control characters", pointer((*place, "template", "headers", name))
                )


def _is_constant(text: Any) -> TypeGuard[str]:
    return isinstance(text, str) and "{{" not in text and "{%" not in text
