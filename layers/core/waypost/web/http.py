"""HTTP as API Gateway passes it on, in payload formats 1.0 and 2.0 (docs/events.md#answers, docs/api.md#errors)."""

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
"""What a Lambda function returns to API Gateway."""

_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
_MAX_MEMBERS: Final = 1_000
"""As many as a batch has events. Each member copies what follows it, and a member of 20 bytes may hold nothing: a body of 4 MB could
otherwise keep the function busy for minutes."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. Header names are in lower case; the path begins with neither a stage nor a base path.

    `base_url` is the URL of the API without a slash at its end, as the caller has used it; empty if the event does not say it. `full_path`
    is the path with the stage or base path, as the caller has sent it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    id: str
    body: str | None
    is_base64: bool = False
    base_url: str = ""
    full_path: str = ""


def read(event: Mapping[str, Any]) -> Request:
    """The request in the event that API Gateway, or a function URL, passes to the function."""
    context = event.get("requestContext") or {}
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    format_2 = context.get("http")
    if format_2:
        method, path = format_2["method"], event.get("rawPath") or format_2.get("path", "/")
        query = dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True))
    else:
        method, path = event.get("httpMethod", "GET"), event.get("path") or "/"
        query = dict(event.get("queryStringParameters") or {})
    bare_path = _bare_path(path, context.get("stage"), event)
    return Request(
        method=method.upper(),
        path=bare_path,
        headers=headers,
        query=query,
        id=str(context.get("requestId") or ""),
        body=event.get("body"),
        is_base64=bool(event.get("isBase64Encoded")),
        base_url=_base_url(context, path, bare_path),
        full_path=str(context.get("path") or path),
    )


def _base_url(context: Mapping[str, Any], path: str, bare_path: str) -> str:
    """The URL of the API, with its stage or the base path of a custom domain."""
    # Only the request knows the domain: a reference to the API in the environment of its own function would be circular. The path of the
    # context is the whole path, whereas the one of the event may lack the stage.
    full_path, bare_path = str(context.get("path") or path).rstrip("/"), bare_path.rstrip("/")
    prefix = full_path.removesuffix(bare_path) if full_path.endswith(bare_path) else ""
    return f"https://{context['domainName']}{prefix}".rstrip("/") if context.get("domainName") else ""


def _bare_path(path: str, stage: str | None, event: Mapping[str, Any]) -> str:
    """The path without the stage, and without the base path of a custom domain.

    Where a base path is mapped, `path` begins with it and `resource` does not: what the resource matched is then the end of `path`. This
    is compared first, because a stage may have the same name as the first segment of a path.
    """
    matched = str(event.get("resource") or "").replace("{proxy+}", str((event.get("pathParameters") or {}).get("proxy", "")))
    trimmed, matched = path.rstrip("/"), matched.rstrip("/")
    if matched and trimmed.endswith(matched):
        return matched + path[len(trimmed) :]  # what the resource matched has no slash at its end
    if stage and (path == f"/{stage}" or path.startswith(f"/{stage}/")):
        return path[len(stage) + 1 :] or "/"
    return path


def json_body(request: Request, max_bytes: int = BODY_BYTES) -> Any:
    """The JSON value in the body of a request.

    RefusedError 413 over `max_bytes` after inflating, 415 for another media type or encoding, or 400 if it is not JSON.
    """
    raw = _inflated_body(request, max_bytes)
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media and media != "application/json" and not media.endswith("+json"):
        raise RefusedError(415, "unsupported-media-type", f"The body must be application/json, not {media}.")
    if raw is None:
        encoding = request.headers["content-encoding"]
        raise RefusedError(415, "unsupported-encoding", f"Content-Encoding must be gzip, deflate or identity, not {encoding}.")
    try:
        return exact_json.loads(raw)
    except ValueError:
        raise RefusedError(400, "not-json", "The body is not JSON in UTF-8.") from None


def _inflated_body(request: Request, max_bytes: int) -> bytes | None:
    """The bytes of the body after inflating; None under an unknown encoding.

    The gateway may have inflated the body and left the header as it was, so the first bytes decide, not the header. Clients send zlib
    data or raw deflate data under the name `deflate`. Both differ from JSON in their first byte, and zlib data has the method 8 in it.
    """
    raw = raw_body(request)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if raw.startswith(_GZIP_MAGIC):
        return _inflated(raw, _GZIP, max_bytes)
    if encoding == "deflate" and raw.lstrip()[:1] not in (b"{", b"[", b""):
        return _inflated(raw, zlib.MAX_WBITS if raw[0] & 0x0F == 8 else -zlib.MAX_WBITS, max_bytes)
    if len(raw) > max_bytes:
        raise _too_large(max_bytes, len(raw))
    return raw if encoding in _ENCODINGS else None


def raw_body(request: Request) -> bytes:
    """The bytes of the body as they were sent, empty if there is none. RefusedError 400 if the gateway's base64 is not valid."""
    body = request.body or ""
    if not request.is_base64:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(400, "not-json", "`isBase64Encoded` is true, but the body is not valid base64.") from None


def _inflated(raw: bytes, window_bits: int, max_bytes: int) -> bytes:
    """The inflated bytes. At most one byte more than `max_bytes` is inflated: a small body may hold gigabytes of zeros.

    A gzip file may have several members (RFC 1952, section 2.2), whose contents are one text. Programs write such a file that compress
    each line by itself. The limit of bytes is that of all members together.
    """
    plain, rest = bytearray(), raw
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(window_bits)
        try:
            plain += inflater.decompress(rest, max_bytes + 1 - len(plain))
        except zlib.error:
            raise RefusedError(400, "bad-compression", "The body cannot be decompressed.") from None
        if len(plain) > max_bytes:
            raise _too_large(max_bytes, len(plain))
        rest = inflater.unused_data
        if not inflater.eof or (rest and window_bits != _GZIP):
            break
        if not rest:
            return bytes(plain)
    raise RefusedError(400, "bad-compression", "The compressed body is incomplete, has data after its end, or has too many members.")


def _too_large(limit: int, size: int) -> RefusedError:
    detail = f"A body has at most {limit} bytes of JSON after inflating; this one has {size} or more."
    return RefusedError(413, "body-too-large", detail, limit=limit, size=size)


@dataclass(frozen=True, slots=True)
class Response:
    """A status with a JSON body, with a text if `media` is no type of JSON, or without a body (None); and further headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"

    @property
    def is_json(self) -> bool:
        """Whether the body is a JSON value."""
        return self.media.endswith("json")


def problem(refused: RefusedError, request_id: str) -> Response:
    """An error as problem details (RFC 9457) with its stable code, and the headers that belong to its status."""
    extra = {name: value for name, value in refused.extra.items() if name not in ("allow", "retry_after")}
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
        "requestId": request_id,
        **extra,
    }
    return Response(refused.status, body, _error_headers(refused), "application/problem+json")


def _error_headers(refused: RefusedError) -> Mapping[str, str]:
    allow = refused.extra.get("allow")
    if isinstance(allow, list):
        return {"Allow": ", ".join(allow)}
    retry_after = refused.extra.get("retry_after")
    if isinstance(retry_after, int):
        return {"Retry-After": str(retry_after)}
    return {401: {"WWW-Authenticate": "Api-Key"}, 503: {"Retry-After": "5"}}.get(refused.status, {})


def write(response: Response, request_id: str, method: str = "GET") -> LambdaResponse:
    """A response as API Gateway takes it, in either payload format. HEAD gets the headers of GET and no body."""
    # Pages of other origins may read what a key protects, and neither a page for people nor the files of one.
    readable = {"Access-Control-Allow-Origin": "*"} if response.is_json else {}
    headers = {"X-Request-Id": request_id, **readable, **response.headers}
    if response.body is not None:
        headers["Content-Type"] = response.media
    return {
        "statusCode": response.status,
        "headers": headers,
        "body": "" if method == "HEAD" else _text_of(response),
        "isBase64Encoded": False,
    }


def _text_of(response: Response) -> str:
    if response.body is None:
        return ""
    return _json_text(response.body) if response.is_json else str(response.body)


def _json_text(body: Any) -> str:
    """A body as readable JSON. It is escaped to ASCII if it quotes a lone surrogate, which UTF-8 cannot encode."""
    text = exact_json.dumps(body, ascii_only=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return exact_json.dumps(body)
    return text


LogFunction = Callable[..., None]
"""Writes one line to the log of a function: a text, and fields by name."""

CONFLICT: Final = RefusedError(409, "changed-meanwhile", "Another request changed this at the same time; read it and try again.")
UNAVAILABLE: Final = RefusedError(503, "unavailable", "AWS throttled a call or did not answer in time. Send the request again.")
INTERNAL: Final = RefusedError(500, "internal-error", "An unexpected error occurred. The log has it under the id of this request.")


def respond(work: Callable[[], Response], request_id: str, log: LogFunction, log_exception: LogFunction) -> Response:
    """What `work` returns, or a problem for what it raises: 409 for StaleError, 503 for UnavailableError, 500 for anything unexpected.

    The response to an unexpected error reveals nothing of it; the log has it under the request id.
    """
    try:
        return work()
    except RefusedError as refused:
        log("refused", request_id=request_id, status=refused.status, code=refused.code)
        return problem(refused, request_id)
    except StaleError:
        log("overtaken", request_id=request_id)
        return problem(CONFLICT, request_id)
    except UnavailableError:
        log_exception("unavailable", request_id=request_id)
        return problem(UNAVAILABLE, request_id)
    except Exception:  # noqa: BLE001 - without an answer the gateway would report a timeout
        log_exception("unexpected", request_id=request_id)
        return problem(INTERNAL, request_id)


PREFLIGHT: Final = Response(
    204,
    headers={
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, idempotency-key",
        "Access-Control-Max-Age": "86400",
    },
)
