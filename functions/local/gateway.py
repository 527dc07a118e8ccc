"""What API Gateway does to a request before a function receives it, and the shape of the gateway's own error responses."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from uuid import uuid4

GATEWAY_LIMIT: Final = 10 * 1024 * 1024  # bytes of a request body, both as sent and inflated
LAMBDA_LIMIT: Final = 6_291_456  # bytes of the JSON that a function is invoked with; it holds the body as base64
BODY_LIMIT: Final = (LAMBDA_LIMIT - 16 * 1024) // 4 * 3  # bytes of a body that fits beside 16 KiB of headers


@dataclass(eq=False)  # not frozen: Python sets the traceback of an exception that is raised
class ProblemError(Exception):
    """An error response of the gateway itself, in the shape of RFC 9457; `members` are additional members of its JSON."""

    status: HTTPStatus
    code: str
    detail: str
    members: Mapping[str, int | Mapping[str, int]] = field(default_factory=dict)

    def body(self) -> bytes:
        """The JSON of the response."""
        kind = {"type": "about:blank", "title": self.status.phrase, "status": self.status.value}
        return json.dumps({**kind, "code": self.code, "detail": self.detail, **self.members}).encode()

    def headers(self) -> dict[str, str]:
        """The headers that the template gives to the gateway's own responses."""
        retry = {"Retry-After": "1"} if self.status is HTTPStatus.SERVICE_UNAVAILABLE else {}
        shape = {"Content-Type": "application/problem+json", "Access-Control-Allow-Origin": "*", "X-Request-Id": str(uuid4())}
        return shape | retry


def body_too_large(size: int, limit: int) -> ProblemError:
    """The error of status 413 that names the limit and the size, both in bytes."""
    detail = f"A request may hold {limit} bytes; this one holds at least {size}."
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", detail, {"limit": limit, "size": size})


def body_for_function(body: bytes, encoding: str) -> bytes:
    """The body as a function receives it: inflated if it is compressed as the header `Content-Encoding` says, otherwise unchanged.

    ProblemError if it is larger than what fits into an invocation.
    """
    inflated = _inflated(body, encoding.strip().lower())
    if len(inflated) > BODY_LIMIT:
        raise body_too_large(len(inflated), BODY_LIMIT)
    return inflated


def _inflated(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip" and body.startswith(b"\x1f\x8b"):
        return _inflated_up_to_limit(body, zlib.MAX_WBITS | 16)
    if encoding == "deflate" and body.startswith(b"\x78"):
        return _inflated_up_to_limit(body, zlib.MAX_WBITS)
    return body


def _inflated_up_to_limit(body: bytes, window_bits: int) -> bytes:
    """Inflates at most what the gateway accepts, so that a small body cannot fill the memory.

    A body that cannot be inflated is returned as it is: the intake rejects it with an error of its own.
    """
    decompressor = zlib.decompressobj(window_bits)
    try:
        inflated = decompressor.decompress(body, GATEWAY_LIMIT)
    except zlib.error:
        return body
    if decompressor.unconsumed_tail:
        raise body_too_large(len(inflated) + 1, GATEWAY_LIMIT)
    return inflated if decompressor.eof else body
