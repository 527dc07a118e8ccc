"""The fields of an HTML form in the body of a request: `application/x-www-form-urlencoded` and `multipart/form-data` (RFC 7578)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl

from waypost.domain.errors import RefusedError
from waypost.web.http import Request, raw_body

MAX_FORM_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 300

FormFields = Mapping[str, tuple[str, ...]]
"""The values of each field of a form, in their order."""

_URL_ENCODED: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"
# The characters of a boundary are those of RFC 2046; a value in quotes may hold a space and `:` too.
_BOUNDARY: Final = re.compile(r""";\s*boundary=(?:"([0-9A-Za-z'()+_,./:=? -]{1,70})"|([0-9A-Za-z'+_.-]{1,70}))\s*(?:;|$)""", re.IGNORECASE)
_DISPOSITION: Final = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*;(.*)$", re.IGNORECASE | re.MULTILINE)
_NAME: Final = re.compile(rb'(?:^|;)[ \t]*name=(?:"([^"\r\n]{1,200})"|([^"; \t\r\n]{1,200}))[ \t]*(?=;|\r|$)', re.IGNORECASE)


def form_fields(request: Request) -> FormFields:
    """The fields of the form in the body of a request. Bytes that are no UTF-8 are replaced.

    RefusedError 413 over `MAX_FORM_BYTES`, 415 for another media type, or 400 for a body that is no such form or has too many fields.
    """
    raw = raw_body(request)
    if len(raw) > MAX_FORM_BYTES:
        detail = f"A form has at most {MAX_FORM_BYTES} bytes; this one has {len(raw)}."
        raise RefusedError(413, "body-too-large", detail, limit=MAX_FORM_BYTES, size=len(raw))
    content_type = request.headers.get("content-type", "")
    media = content_type.split(";")[0].strip().lower()
    if media == _URL_ENCODED:
        return _grouped(_url_encoded(raw))
    if media == _MULTIPART:
        return _grouped(_multipart(raw, content_type))
    raise RefusedError(415, "unsupported-media-type", f"The body must be {_URL_ENCODED} or {_MULTIPART}.")


def _grouped(pairs: Iterator[tuple[str, str]]) -> FormFields:
    fields: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        fields[name].append(value)
    return {name: tuple(values) for name, values in fields.items()}


def _url_encoded(raw: bytes) -> Iterator[tuple[str, str]]:
    try:
        yield from parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise _bad_form(f"it has more than {MAX_FIELDS} fields") from None


def _multipart(raw: bytes, content_type: str) -> Iterator[tuple[str, str]]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _bad_form("its Content-Type names no boundary")
    # The line break in front of a delimiter belongs to the delimiter. The first one may stand at the start of the body.
    parts = (b"\r\n" + raw).split(b"\r\n--" + (boundary[1] or boundary[2]).encode())
    if len(parts) > MAX_FIELDS + 2:
        raise _bad_form(f"it has more than {MAX_FIELDS} fields")
    for part in parts[1:]:
        if part.startswith(b"--"):
            return
        padding, separator, content = part.partition(b"\r\n")
        head, end_of_head, value = content.partition(b"\r\n\r\n")
        disposition = _DISPOSITION.search(head.replace(b"\r\n", b"\n"))
        name = _NAME.search(disposition[1]) if disposition else None
        if padding.strip(b" \t") or not separator or not end_of_head or name is None:
            raise _bad_form("one of its parts has no name, or is not complete")
        yield (name[1] or name[2]).decode("utf-8", "replace"), value.decode("utf-8", "replace")
    raise _bad_form("its end is missing")


def _bad_form(why: str) -> RefusedError:
    return RefusedError(400, "bad-form", f"The body is no form that can be read: {why}.")
