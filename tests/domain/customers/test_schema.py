"""Schemas of workspaces, and values of declared types (docs/customers.md#schema)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from waypost.domain.customers.schema import AttributeType, Schema, fits

FITTING: dict[str, list[Any]] = {
    "String": ["", "x"],
    "Number": [0, -1, Decimal("1.5")],
    "Boolean": [True, False],
    "Email": ["ada@example.com", " ada@example.com "],
    "Date": ["2026-11-23"],
    "DateTime": ["2026-11-23T05:17:13Z", "Nov 23, 2026, 5:17:13 AM", 1795411033],
    "Array": [[], [1, "a"]],
    "Object": [{}, {"a": 1}],
}
OTHERS: dict[str, list[Any]] = {
    "String": [1, True, [], {}],
    "Number": ["1", True, [], {}],
    "Boolean": ["true", 1, 0],
    "Email": ["ada", 1],
    "Date": ["soon", True, [], {}],
    "DateTime": ["soon", True, [], {}],
    "Array": ["[]", {}],
    "Object": ["{}", []],
}


@pytest.mark.parametrize("declared", get_args(AttributeType))
def test_values_of_a_declared_type_fit(declared: AttributeType) -> None:
    """Each listed value fits its declared type, and no listed value of another type does."""
    assert all(fits(declared, value) for value in FITTING[declared])
    assert not any(fits(declared, value) for value in OTHERS[declared])


@pytest.mark.parametrize(
    "schema",
    [
        {"primaryKey": {"name": "_id", "type": "String"}},
        {"primaryKey": {"name": "$key", "type": "String"}},
        {"primaryKey": {"name": " ", "type": "String"}},
        {"primaryKey": {"name": "", "type": "String"}},
        {"primaryKey": {"name": "born", "type": "Date"}},
        {"attributes": {"plan": "Enum"}},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../etc/passwd"},
        {"timeZone": "UTC"},
    ],
)
def test_an_invalid_schema_is_refused(schema: dict[str, Any]) -> None:
    """A schema with a reserved name, an unknown type, an unknown zone or an unknown field raises ValidationError."""
    with pytest.raises(ValidationError):
        Schema.model_validate(schema)


def test_the_default_schema_accepts_everything() -> None:
    """The default schema has no primary key and the zone UTC, and accepts any attribute."""
    schema = Schema()
    assert schema.primary_key is None
    assert schema.timezone == "UTC"
    assert schema.accepts("anything", {"at": "all"})
