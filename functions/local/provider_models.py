"""What botocore's service models say of a request to a provider: its operation, and what is wrong with its members.

boto3 itself checks only types and required members. The service checks lengths, patterns, enumerations and numbers too, so an emulator that
accepted everything would hide requests that AWS refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from botocore.session import get_session

_NUMBERS: Final = frozenset({"integer", "long", "double", "float"})
_PYTHON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
} | dict.fromkeys(_NUMBERS, (int, float))


@cache
def _service(service: str) -> Any:
    return get_session().get_service_model(service)


def problems(service: str, operation: str, request: Any) -> list[str]:
    """What the service would refuse in the body of a request, one text for each problem."""
    return list(_problems(_service(service).operation_model(operation).input_shape, request, ""))


def status_of_error(service: str, error: str) -> int:
    """The HTTP status of an error by the model: the one that it names, else 500 for a fault of the service and 400 for all others."""
    try:
        metadata = _service(service).shape_for(error).metadata
    except Exception:  # noqa: BLE001 - botocore's error for a name that the model does not have is private
        return 400
    return int(metadata.get("error", {}).get("httpStatusCode", 500 if metadata.get("fault") or error.startswith("Internal") else 400))


def _problems(shape: Any, value: Any, at: str) -> Iterator[str]:
    expected = _PYTHON_TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (shape.type_name in _NUMBERS and isinstance(value, bool))):
        yield f"{at or 'the request'} is no {shape.type_name}"
    elif shape.type_name == "structure":
        yield from _problems_of_structure(shape, value, at)
    elif shape.type_name == "list":
        yield from _problems_of_size(shape, len(value), at)
        for index, each in enumerate(value):
            yield from _problems(shape.member, each, f"{at}[{index}]")
    elif shape.type_name == "map":
        yield from _problems_of_size(shape, len(value), at)
        for key, each in value.items():
            yield from _problems(shape.key, key, f"{at} key")
            yield from _problems(shape.value, each, f"{at}.{key}")
    elif shape.type_name == "string":
        yield from _problems_of_text(shape, value, at)
    elif shape.type_name in _NUMBERS:
        yield from _problems_of_size(shape, value, at)


def _problems_of_structure(shape: Any, value: dict[str, Any], at: str) -> Iterator[str]:
    prefix = f"{at}." if at else ""
    yield from (f"{prefix}{name} is missing" for name in shape.required_members if name not in value)
    for name, each in value.items():
        if name in shape.members:
            yield from _problems(shape.members[name], each, prefix + name)
        else:
            yield f"{prefix}{name} is unknown"


def _problems_of_text(shape: Any, value: str, at: str) -> Iterator[str]:
    yield from _problems_of_size(shape, len(value), at)
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield f"{at} does not match {pattern}"
    if shape.enum and value not in shape.enum:
        yield f"{at} is none of {', '.join(shape.enum)}"


def _problems_of_size(shape: Any, size: float, at: str) -> Iterator[str]:
    if size < shape.metadata.get("min", size):
        yield f"{at} is below the minimum of {shape.metadata['min']}"
    if size > shape.metadata.get("max", size):
        yield f"{at} is above the maximum of {shape.metadata['max']}"
