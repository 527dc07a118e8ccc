"""Primary key values as clients write them (docs/customers.md#identifiers)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from waypost.domain.customers.identifiers import primary_identifier
from waypost.domain.customers.schema import PrimaryKey

TEXT, NUMBER, EMAIL = (PrimaryKey.model_validate({"name": "key", "type": kind}) for kind in ("String", "Number", "Email"))


@pytest.mark.parametrize(
    ("key", "given", "normalized"),
    [
        (None, " Ada ", "Ada"),
        (TEXT, "E621E1F8-C36C-495A-93FC-0C247A3E6E5F", "e621e1f8-c36c-495a-93fc-0c247a3e6e5f"),
        (TEXT, "x" * 255, "x" * 255),
        (EMAIL, " Ada@Example.COM", "ada@example.com"),
        (NUMBER, 42, "42"),
        (NUMBER, "42", "42"),
        (NUMBER, Decimal("42.00"), "42"),
        (NUMBER, "4.2e1", "42"),
        (NUMBER, "-0.50", "-0.5"),
        (NUMBER, 10**37, str(10**37)),
    ],
)
def test_a_primary_key_value_is_normalised(key: PrimaryKey | None, given: Any, normalized: str) -> None:
    """E-mail addresses are lower-cased, numbers are written by value, UUIDs are lower-cased, other strings are trimmed only."""
    identifier = primary_identifier(given, key)
    assert identifier is not None
    assert identifier.value == normalized


OTHERS: dict[PrimaryKey | None, list[Any]] = {
    None: [17, True, None, "", " ", "x" * 256, ["a"], {}],
    EMAIL: ["ada", "a@b", "a b@c.org", "a@b@c.org", "@b.org", 17],
    NUMBER: ["ada", "", True, None, "NaN", "Infinity", "1_000", "1e200", [1]],
}


@pytest.mark.parametrize(("key", "given"), [(key, given) for key, values in OTHERS.items() for given in values])
def test_a_value_of_another_type_is_no_identifier(key: PrimaryKey | None, given: Any) -> None:
    """A value that is not of the type of the primary key gives None."""
    assert primary_identifier(given, key) is None
