"""What a message is rendered from: the template of its step, and the values that the template sees (`docs/journeys.md#templates`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from waypost.domain.customers.customer import Customer
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.messages.message import Message


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


def scope(message: Message, customer: Customer, journey: Journey) -> Mapping[str, Any]:
    """The variables of a template by their names; the primary key of the customer is one of the attributes, under its own name."""
    return {
        "customer": {"id": customer.id, **customer.attributes},
        "event": message.event,
        "journey": {"id": journey.id, "name": journey.name, "version": message.version},
        "step": {"id": message.step},
        "message": {"id": message.id},
    }
