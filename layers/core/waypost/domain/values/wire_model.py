"""The base of pydantic models of our own JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class WireModel(BaseModel):
    """A frozen model with camelCase names on the wire, which refuses unknown fields: a misspelt field must not be ignored silently.

    Python code may create it with the Python names of its fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)
