"""The attribute of a customer that holds the address for a channel (`docs/messages.md#addresses-of-customers`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from waypost.domain.customers.customer import Customer
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages import template_scope


def has_default_receiver(channel: str, template: Mapping[str, object]) -> bool:
    """Whether the receiver of a message comes from an attribute of the customer, and not from its template."""
    return step_class(channel).address_attribute is not None and "to" not in template


def for_channel(customer: Customer, channel: str, address_attributes: Mapping[str, str]) -> Customer:
    """The customer as a channel sees it: the attribute that the workspace has named is in the place of the channel's own one."""
    own, named = step_class(channel).address_attribute, address_attributes.get(channel)
    if own is None or named is None:
        return customer
    return replace(customer, attributes={**customer.attributes, own: customer.attributes.get(named)})


def is_own_address(address: str, channel: str, customer: Customer, journey: Journey, step_id: str, named: str | None) -> bool:
    """Whether the address is the customer's own, and not one that the template names for another person.

    `named` is the attribute that the workspace has named for the addresses of the channel.
    """
    # A mail to a friend of the customer carries links too, and the friend may complain or answer STOP. The friend must not end the messages
    # of the customer by that.
    step = template_scope.message_step(journey, step_id)
    if template_scope.template_of(step).get("to") is None:
        return True
    comparable = step_class(channel).comparable_address
    known = (*(customer.attributes.get(each) for each in (step.address_attribute, named) if each), customer.primary_key)
    return comparable(address) in {comparable(each) for each in known if isinstance(each, str)}


def unknown_attribute(channel: str, address_attributes: Mapping[str, str], schema: Schema) -> str | None:
    """What is wrong with the attribute that the workspace has named for the addresses of a channel, or None."""
    named = address_attributes.get(channel)
    known = schema.attributes.keys() | ({schema.primary_key.name} if schema.primary_key else set())
    if named is None or named in known:
        return None
    return f"the settings take the address from the attribute `{named}`, which the schema does not have"
