"""What a workspace says of its customers: the primary key, the types of attributes, the time zone."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from waypost.domain.values import client_timestamps

AttributeType = Literal["String", "Number", "Boolean", "Email", "Date", "DateTime", "Array", "Object"]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=255)]

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def looks_like_email(text: str) -> bool:
    """Whether a text has the form of an e-mail address; only a mail server knows more."""
    return _EMAIL.fullmatch(text) is not None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no IANA time zone") from error
    return name


def _not_reserved(name: str) -> str:
    if name == "_id" or name.startswith("$") or not name.strip():
        raise ValueError(f"{name!r} is reserved")
    return name


class Part(BaseModel):
    """Camel case on the wire, frozen, and no field that we do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class PrimaryKey(Part):
    """The attribute that names a customer."""

    name: Annotated[AttributeName, AfterValidator(_not_reserved)]
    type: Literal["String", "Number", "Email"] = "String"


class Schema(Part):
    """A workspace's schema. Without one every attribute is kept and the primary key is any text."""

    primary_key: PrimaryKey | None = None
    attributes: dict[AttributeName, AttributeType] = Field(default_factory=dict, max_length=500)
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    def accepts(self, name: str, value: Any) -> bool:
        """Whether a value may become this attribute: undeclared attributes take anything."""
        declared = self.attributes.get(name)
        return declared is None or value is None or fits(declared, value)


def fits(declared: AttributeType, value: Any) -> bool:
    """Whether a JSON value, not null, is of a declared type."""
    if declared in ("Date", "DateTime"):
        return client_timestamps.parse(value) is not None
    if declared == "Email":
        return isinstance(value, str) and looks_like_email(value.strip())
    if declared == "Number":
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    return isinstance(value, _LANGUAGE_TYPES[declared])


_LANGUAGE_TYPES: Final[dict[str, type]] = {"String": str, "Boolean": bool, "Array": list, "Object": dict}
