"""Numbers in base 36, of which all generated ids are made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.values.generated_ids import base36


@given(st.integers(0, 36**26))
def test_a_number_in_base_36_is_that_number(number: int) -> None:
    """Python reads the number back from its digits, which are lower case and begin with no zero."""
    digits = base36(number)
    assert int(digits, 36) == number
    assert digits == digits.lower()
    assert digits == "0" or digits[0] != "0"


@pytest.mark.parametrize("length", range(1, 10))
def test_zeros_within_a_number_are_kept(length: int) -> None:
    """A power of 36 is a one with zeros behind it, and one less is all `z`."""
    assert base36(36**length) == "1" + "0" * length
    assert base36(36**length - 1) == "z" * length
