"""HTTP as API Gateway speaks it, in payload formats 1.0 and 2.0: a request read once, an answer written once (contract 1.1, 1.5)."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.domain.values import exact_json
from waypost.domain.values.limits import BODY_BYTES

LambdaResponse = dict[str, Any]
"""What a Lambda function answers to API Gateway."""

_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; header names are in lower case, the path has no stage and no base path in front."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    id: str
    body: str | None
    is_base64: bool = False


def read(event: Mapping[str, Any]) -> Request:
    """The request in what API Gateway (or a function URL) hands to the function."""
    context = event.get("requestContext") or {}
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    second = context.get("http")
    if second:
        method, path = second["method"], event.get("rawPath") or second.get("path", "/")
        query = dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True))
    else:
        method, path = event.get("httpMethod", "GET"), event.get("path") or "/"
        query = dict(event.get("queryStringParameters") or {})
    return Request(
        method=method.upper(),
        path=_bare_path(path, context.get("stage"), event),
        headers=headers,
        query=query,
        id=str(context.get("requestId") or ""),
        body=event.get("body"),
        is_base64=bool(event.get("isBase64Encoded")),
    )


def _bare_path(path: str, phase: str | None, event: Mapping[str, Any]) -> str:
    """The path without the stage, and without the base path of a custom domain (there `path` ends with what the resource matched)."""
    matched = str(event.get("resource") or "").replace("{proxy+}", str((event.get("pathParameters") or {}).get("proxy", "")))
    if matched.strip("/") and path.rstrip("/").endswith(matched.rstrip("/")):
        return matched
    if phase and (path == f"/{phase}" or path.startswith(f"/{phase}/")):
        return path[len(phase) + 1 :] or "/"
    return path


def json_body(request: Request, limit: int = BODY_BYTES) -> Any:
    """The JSON value of a request's body. RefusedError 413 over the limit (bytes, inflated), 415, or 400 where it is no JSON."""
    raw = _plain_body(request, limit)
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media and media != "application/json" and not media.endswith("+json"):
        raise RefusedError(415, "unsupported-media-type", f"The body must be application/json, not {media}.")
    if raw is None:
        encoding = request.headers["content-encoding"]
        raise RefusedError(415, "unsupported-encoding", f"Content-Encoding is gzip, deflate or none, not {encoding}.")
    try:
        return exact_json.loads(raw)
    except ValueError:
        raise RefusedError(400, "not-json", "The body is not JSON in UTF-8.") from None


def _plain_body(request: Request, limit: int) -> bytes | None:
    """The body's bytes, inflated; None under an encoding that we do not know.

    The gateway may have inflated it and left the header, so the first bytes decide, not the header.
    """
    raw = _bytes(request)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if raw.startswith(_GZIP):
        return _inflated(raw, 16 + zlib.MAX_WBITS, limit)
    if encoding == "deflate" and raw.lstrip()[:1] not in (b"{", b"[", b""):
        return _inflated(raw, zlib.MAX_WBITS if raw[0] & 0x0F == 8 else -zlib.MAX_WBITS, limit)
    if len(raw) > limit:
        raise _too_large(limit, len(raw))
    return raw if encoding in _ENCODINGS else None


def _bytes(request: Request) -> bytes:
    body = request.body or ""
    if not request.is_base64:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(400, "not-json", "The body says that it is base64 and is not.") from None


def _inflated(raw: bytes, window: int, limit: int) -> bytes:
    inflater = zlib.decompressobj(window)
    try:
        plain = inflater.decompress(raw, limit + 1)
    except zlib.error:
        raise RefusedError(400, "bad-compression", "The body is not what its compression says.") from None
    if len(plain) > limit:
        raise _too_large(limit, len(plain))
    if not inflater.eof or inflater.unused_data:
        raise RefusedError(400, "bad-compression", "The compressed body ends too early or goes on after its end.")
    return plain


def _too_large(limit: int, size: int) -> RefusedError:
    detail = f"A body has at most {limit} bytes of JSON after inflating; this one has {size} or more."
    return RefusedError(413, "body-too-large", detail, limit=limit, size=size)


@dataclass(frozen=True, slots=True)
class Response:
    """A status and a JSON body, or a text under a media type that says so (None: no body), with headers of its own."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"


def problem(refused: RefusedError, request_id: str) -> Response:
    """An error as problem details (RFC 9457) with its stable code, and the headers that go with its status."""
    extra = {name: value for name, value in refused.extra.items() if name != "allow"}
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
        "requestId": request_id,
        **extra,
    }
    return Response(refused.status, body, _headers_of(refused), "application/problem+json")


def _headers_of(refused: RefusedError) -> Mapping[str, str]:
    allow = refused.extra.get("allow")
    if isinstance(allow, list):
        return {"Allow": ", ".join(allow)}
    return {401: {"WWW-Authenticate": "Api-Key"}, 503: {"Retry-After": "5"}}.get(refused.status, {})


def write(reply: Response, request_id: str) -> LambdaResponse:
    """A reply as API Gateway takes it, in either payload format."""
    headers = {"X-Request-Id": request_id, "Access-Control-Allow-Origin": "*", **reply.headers}
    if reply.body is not None:
        headers["Content-Type"] = reply.media
    body = "" if reply.body is None else reply.body if reply.media.startswith("text/") else _text(reply.body)
    return {"statusCode": reply.status, "headers": headers, "body": body, "isBase64Encoded": False}


def _text(body: Any) -> str:
    """A body as JSON that a person can read; escaped where it quotes half a surrogate pair, which no encoding can carry."""
    text = exact_json.dumps(body, ascii_only=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return exact_json.dumps(body)
    return text


LogFunction = Callable[..., None]
"""Writes a line to a door's log: a text, and fields by name."""

CONFLICT: Final = RefusedError(409, "changed-meanwhile", "Someone else changed this at the same time; read it and try again.")
UNAVAILABLE: Final = RefusedError(503, "unavailable", "Nothing was stored; send it again.")
INTERNAL: Final = RefusedError(500, "internal-error", "This is our fault, and it is in our log under the request's id.")


def respond(work: Callable[[], Response], request_id: str, tell: LogFunction, tell_error: LogFunction) -> Response:
    """What `work` replies, or the problem that it met: an answer whatever happens, and never where in the code it happened."""
    try:
        return work()
    except RefusedError as refused:
        tell("refused", request_id=request_id, status=refused.status, code=refused.code)
        return problem(refused, request_id)
    except StaleError:
        tell("overtaken", request_id=request_id)
        return problem(CONFLICT, request_id)
    except UnavailableError:
        tell_error("unavailable", request_id=request_id)
        return problem(UNAVAILABLE, request_id)
    except Exception:  # noqa: BLE001 - a bug must not look like a time-out
        tell_error("unexpected", request_id=request_id)
        return problem(INTERNAL, request_id)


PREFLIGHT: Final = Response(
    204,
    headers={
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, idempotency-key",
        "Access-Control-Max-Age": "86400",
    },
)
