"""A workspace's schema of its customers (`docs/customers.md#schema`): the primary key, the types of attributes, the time zone."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints

from waypost.domain.values import client_timestamps
from waypost.domain.values.wire_model import WireModel

AttributeType = Literal["String", "Number", "Boolean", "Email", "Date", "DateTime", "Array", "Object"]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=255)]

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def looks_like_email(text: str) -> bool:
    """Whether a text has the form of an e-mail address. Only its mail server knows whether it exists."""
    return _EMAIL.fullmatch(text) is not None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone") from error
    return name


def _not_reserved(name: str) -> str:
    if name == "_id" or name.startswith("$") or not name.strip():
        raise ValueError(f"{name!r} is reserved")
    return name


class PrimaryKey(WireModel):
    """The attribute that identifies a customer."""

    name: Annotated[AttributeName, AfterValidator(_not_reserved)]
    type: Literal["String", "Number", "Email"] = "String"


class Schema(WireModel):
    """The schema. One without a primary key and attributes accepts any string as primary key value and keeps every attribute."""

    primary_key: PrimaryKey | None = None
    attributes: dict[AttributeName, AttributeType] = Field(default_factory=dict, max_length=500)
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    def accepts(self, name: str, value: Any) -> bool:
        """Whether a JSON value may be stored as this attribute. Null, which removes it, and undeclared attributes are always accepted."""
        declared = self.attributes.get(name)
        return declared is None or value is None or fits(declared, value)


def fits(declared: AttributeType, value: Any) -> bool:
    """Whether a JSON value other than null is of a declared type."""
    if declared in ("Date", "DateTime"):
        return client_timestamps.parse(value) is not None
    if declared == "Email":
        return isinstance(value, str) and looks_like_email(value.strip())
    if declared == "Number":
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    return isinstance(value, _LANGUAGE_TYPES[declared])


_LANGUAGE_TYPES: Final[dict[str, type]] = {"String": str, "Boolean": bool, "Array": list, "Object": dict}
