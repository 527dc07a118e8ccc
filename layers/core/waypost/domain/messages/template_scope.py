"""What a message is rendered from: the template of its step, and the values that the template sees (`docs/journeys.md#templates`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from waypost.domain.customers.customer import Customer
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.messages import links
from waypost.domain.messages.message import Message

MEMBERS: Final[Mapping[str, frozenset[str] | None]] = {
    "customer": None,
    "event": frozenset({"name", "payload", "timestamp", "uuid", "source"}),
    "journey": frozenset({"id", "name", "version"}),
    "step": frozenset({"id"}),
    "message": frozenset({"id"}),
    **dict.fromkeys(links.TEMPLATE_NAMES, frozenset[str]()),
}
"""The variables that a template sees, and the members that each has. None: the members depend on the workspace; none: it is a text."""

_MEMBERS_OF_EVENTS_ONLY: Final = frozenset({"payload", "timestamp", "uuid", "source"})
_OTHER_NAMES_OF_A_CUSTOMER: Final = frozenset({"user", "person", "profile", "contact", "recipient", "attributes"})


def variable_fault(path: Sequence[Any]) -> str | None:
    """What is wrong with a variable that no event or customer can ever fill, with the name that was probably meant; None for any other.

    `path` are the names and positions of the variable, such as `customer`, `first_name`.
    """
    root, *members = path
    known = MEMBERS.get(root)
    written = ".".join(map(str, path))
    if root not in MEMBERS:
        return f"`{written}` does not exist: write `{_meant(root, members)}`"
    if known is None or not members or members[0] in known:
        return None
    if root == "event":
        return f"`{written}` does not exist: write `{'.'.join(map(str, ('event', 'payload', *members)))}`"
    return f"`{written}` does not exist: `{root}` " + (f"has {', '.join(sorted(known))}" if known else "is a text")


def _meant(root: str, members: Sequence[Any]) -> str:
    if root in _MEMBERS_OF_EVENTS_ONLY:
        return ".".join(map(str, ("event", root, *members)))
    return ".".join(map(str, ("customer", *members) if root in _OTHER_NAMES_OF_A_CUSTOMER and members else ("customer", root, *members)))


def message_step(journey: Journey, step: str) -> MessageStep:
    """The message step with this id; TypeError if it is a step of another type."""
    found = journey.step(step)
    if not isinstance(found, MessageStep):
        raise TypeError(f"step {step} of {journey.id} sends no message")
    return found


def template_of(step: MessageStep) -> Mapping[str, Any]:
    """The template of a step as JSON, without the fields that it does not set."""
    template: Mapping[str, Any] = step.template.model_dump(by_alias=True, exclude_none=True)
    return template


def scope(message: Message, customer: Customer, journey: Journey, base_url: str) -> Mapping[str, Any]:
    """The variables of a template by their names; the primary key of the customer is one of the attributes, under its own name.

    `base_url` is the public URL of the API, for the links. They are inert: the sender replaces their tokens right before the call.
    """
    return {
        "customer": {"id": customer.id, **customer.attributes},
        "event": message.event,
        "journey": {"id": journey.id, "name": journey.name, "version": message.version},
        "step": {"id": message.step},
        "message": {"id": message.id},
        **links.inert_urls(base_url),
    }
