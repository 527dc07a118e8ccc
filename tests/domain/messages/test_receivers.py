"""The attribute of a customer that holds the address for a channel."""

from __future__ import annotations

import pytest

from waypost.domain.customers.customer import Customer
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.messages.receivers import for_channel, has_default_receiver, unknown_attribute

ADA = Customer("w1", "c_1", None, None, (), {"phone": "+1", "mobile": "+49", "email": "ada@example.com"}, {})


def test_the_named_attribute_is_in_the_place_of_the_own_one() -> None:
    """The channel sees the value of the named attribute; the other channels, and a workspace that names none, are as before."""
    assert for_channel(ADA, "sms", {"sms": "mobile"}).attributes["phone"] == "+49"
    assert for_channel(ADA, "sms", {"sms": "missing"}).attributes["phone"] is None
    assert for_channel(ADA, "email", {"sms": "mobile"}) is ADA
    assert for_channel(ADA, "webhook", {"webhook": "mobile"}) is ADA


@pytest.mark.parametrize(
    ("channel", "template", "expected"),
    [("sms", {"text": "Hi"}, True), ("email", {}, True), ("sms", {"to": ""}, False), ("webhook", {"url": "https://example.com/"}, False)],
)
def test_a_template_with_a_receiver_needs_no_attribute(channel: str, template: dict[str, str], expected: bool) -> None:
    """Settings are read only for a message whose receiver comes from the customer."""
    assert has_default_receiver(channel, template) == expected


def test_the_named_attribute_has_to_be_in_the_schema() -> None:
    """An attribute of the schema and the primary key are known; a channel whose attribute is not named is not checked."""
    schema = Schema(primary_key=PrimaryKey(name="tel", type="String"), attributes={"mobile": "String"})
    assert unknown_attribute("sms", {"sms": "mobile"}, schema) is None
    assert unknown_attribute("sms", {"sms": "tel"}, schema) is None
    assert unknown_attribute("sms", {}, schema) is None
    assert "`mobil`" in (unknown_attribute("sms", {"sms": "mobil"}, schema) or "")
