"""A workspace's schema of its customers (`docs/customers.md#schema`): the primary key, the types of attributes, the time zone."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints

from waypost.domain.values import client_timestamps
from waypost.domain.values.wire_model import WireModel
from waypost.domain.values.zones import iana_name

AttributeType = Literal["String", "Number", "Boolean", "Email", "Date", "DateTime", "Array", "Object"]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=255)]

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def looks_like_email(text: str) -> bool:
    """Whether a text has the form of an e-mail address. Only its mail server knows whether it exists."""
    return _EMAIL.fullmatch(text) is not None


def _known_zone(name: str) -> str:
    known = iana_name(name)
    if known is None:
        raise ValueError(f"{name!r} is not an IANA time zone")
    return known


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

    @classmethod
    def stored(cls, raw: Any) -> Schema:
        """The schema in a row.

        Release 0.1.0 accepted the name of any file of zones that the machine had. Such a row must not stop its workspace: `right/` and
        `posix/` are left out, and `localtime`, which is UTC in Lambda, is read as UTC.
        """
        zone = str(raw.get("timezone", "UTC")).removeprefix("right/").removeprefix("posix/")
        return cls.model_validate({**raw, "timezone": iana_name(zone) or "UTC"})

    def accepts(self, name: str, value: Any) -> bool:
        """Whether a JSON value may be stored as this attribute. Null, which removes it, and undeclared attributes are always accepted."""
        declared = self.attributes.get(name)
        return declared is None or value is None or fits(declared, value)


class StoredSchema(NamedTuple):
    """The schema and the text that is stored of it (empty: none was stored)."""

    schema: Schema
    text: str


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
