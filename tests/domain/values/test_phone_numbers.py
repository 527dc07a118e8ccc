"""Phone numbers in E.164."""

from __future__ import annotations

import pytest

from waypost.domain.values.phone_numbers import phone_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+4915112345678", "+4915112345678"),
        (" +49 151 / 1234-56.78 ", "+4915112345678"),
        ("+1 (206) 555-0142", "+12065550142"),
        ("+1\u00a0206\u00a05550142", "+12065550142"),
        ("+123456789012345", "+123456789012345"),
        ("+1234567890123456", None),
        ("015112345678", None),
        ("004915112345678", None),
        ("+015112345678", None),
        ("+49151", None),
        ("+4915112345678,+4915112345679", None),
        ("+49151\n12345678", None),
        ("+٤٩١٥١١٢٣٤٥", None),
        ("tel:+4915112345678", None),
        ("", None),
    ],
)
def test_a_number_has_a_country_code(text: str, number: str | None) -> None:
    """Spaces and separators are dropped; a number without `+` and country code, and any other text, is no number."""
    assert phone_number(text) == number
