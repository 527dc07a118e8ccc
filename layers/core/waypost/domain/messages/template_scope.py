"""What a message is made from: its step's template, and what the template sees (contract 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from waypost.domain.customers.customer import Customer
from waypost.domain.journeys import steps
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages.message import Message


def message_step(journey: Journey, step: str) -> steps.AnyMessage:
    """The step that makes a message; TypeError where it makes none."""
    found = journey.step(step)
    if not isinstance(found, steps.Message):
        raise TypeError(f"step {step} of {journey.id} sends no message")
    return found


def template_of(step: steps.AnyMessage) -> Mapping[str, Any]:
    """A step's template as JSON."""
    template: Mapping[str, Any] = step.template.model_dump(by_alias=True, exclude_none=True)
    return template


def scope(message: Message, customer: Customer, journey: Journey) -> Mapping[str, Any]:
    """What a template sees."""
    return {
        "customer": {"id": customer.id, **customer.attributes},
        "event": message.event,
        "journey": {"id": journey.id, "name": journey.name, "version": message.version},
        "step": {"id": message.step},
        "message": {"id": message.id},
    }
