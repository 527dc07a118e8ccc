"""What API Gateway does to a request before a function sees it, and to an answer that is not ours."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from uuid import uuid4

GATEWAY_LIMIT: Final = 10 * 1024 * 1024  # bytes of a request body, as sent and inflated
LAMBDA_LIMIT: Final = 6_291_456  # bytes of the JSON that a function is invoked with; bodies travel in it as base64
BODY_LIMIT: Final = (LAMBDA_LIMIT - 16 * 1024) // 4 * 3  # bytes of a body beside 16 KiB of headers


@dataclass(eq=False)  # not frozen: whoever catches an exception sets its traceback
class ProblemError(Exception):
    """An answer by the gateway itself, in the shape of RFC 9457."""

    status: HTTPStatus
    code: str
    detail: str
    members: Mapping[str, int] = field(default_factory=dict)

    def body(self) -> bytes:
        """The answer's JSON."""
        kind = {"type": "about:blank", "title": self.status.phrase, "status": self.status.value}
        return json.dumps({**kind, "code": self.code, "detail": self.detail, **self.members}).encode()

    def headers(self) -> dict[str, str]:
        """The headers that the template gives to the gateway's own answers."""
        retry = {"Retry-After": "1"} if self.status is HTTPStatus.SERVICE_UNAVAILABLE else {}
        shape = {"Content-Type": "application/problem+json", "Access-Control-Allow-Origin": "*", "X-Request-Id": str(uuid4())}
        return shape | retry


def too_large(size: int, limit: int) -> ProblemError:
    """413 that names limit and size in bytes."""
    detail = f"A request may hold {limit} bytes; this one holds at least {size}."
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", detail, {"limit": limit, "size": size})


def received(body: bytes, encoding: str) -> bytes:
    """The body as a function gets it: inflated if it is what its header says, else as it came. ProblemError if it does not fit."""
    plain = _inflated(body, encoding.strip().lower())
    if len(plain) > BODY_LIMIT:
        raise too_large(len(plain), BODY_LIMIT)
    return plain


def _inflated(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip" and body.startswith(b"\x1f\x8b"):
        return _bounded(body, zlib.MAX_WBITS | 16)
    if encoding == "deflate" and body.startswith(b"\x78"):
        return _bounded(body, zlib.MAX_WBITS)
    return body


def _bounded(body: bytes, window: int) -> bytes:
    """Inflates no more than the gateway takes, so that a small body cannot fill the memory. A broken body goes on to our own code."""
    machine = zlib.decompressobj(window)
    try:
        plain = machine.decompress(body, GATEWAY_LIMIT)
    except zlib.error:
        return body
    if machine.unconsumed_tail:
        raise too_large(len(plain) + 1, GATEWAY_LIMIT)
    return plain if machine.eof else body
