"""What is promised of every answer of the HTTP functions, whatever the request was (docs/events.md#answers, docs/api.md#errors)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from waypost.domain.errors import RefusedError
from waypost.manage.api import Operation
from waypost.manage.operations import ALL_OPERATIONS, document
from waypost.web import routes

DOCS: Final = Path(__file__).parents[3] / "docs"
PROBLEM: Final = "application/problem+json"
MAX_BYTES: Final = 6 * 1024 * 1024
"""The largest response of a Lambda function; in place of a larger one the gateway answers 502."""
PAGE: Final = "text/html; charset=utf-8"


def assert_answer(method: str, path: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """An answer is no 500; its status, media type and body are those of the OpenAPI document; and an error has a code of the documents."""
    assert status < 500, (method, path, status, text)
    assert len(text.encode()) < MAX_BYTES, (method, path, len(text))
    assert headers["X-Request-Id"] == "request-1"
    media = headers.get("Content-Type")
    if media == PROBLEM:
        problem = parsed(text)
        validator(PROBLEM).validate(problem)
        assert problem["status"] == status >= 400
        assert problem["code"] in documented_codes(), problem
        for each in problem.get("errors", ()):
            assert each["code"], problem
        return
    if media == PAGE and status >= 400 and path.startswith("/u/"):
        return  # a page says what is wrong in words, also under a method that its path does not take
    operation = operation_of(method, path)
    assert operation is not None, (method, path, status, text)
    assert status in (operation.status, *operation.further_statuses), (method, path, status, text)
    if operation.response is None or method == "HEAD":
        assert (text, media if method != "HEAD" else None) == ("", None), (method, path, text)
        return
    assert media == operation.media, (method, path, media)
    if media == "application/json":
        validator(f"{operation.method} {operation.path} {status}").validate(parsed(text))


def parsed(text: str) -> Any:
    """The value of a JSON text, by the parser of Python: an answer is JSON for everybody, in UTF-8, without NaN."""

    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text.encode("utf-8"), parse_constant=refuse)


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that a request reaches, None for a path or a method of no operation."""
    try:
        return routes.match(ALL_OPERATIONS, method, path).route
    except RefusedError:
        return None


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """The validator of `PROBLEM`, or of the body of an operation under a status, by `METHOD path status`."""
    whole = document()
    if name == PROBLEM:
        place = whole["paths"]["/api/health"]["get"]["responses"]["default"]["content"][PROBLEM]
    else:
        method, path, status = name.split(" ")
        [place] = whole["paths"][path][method.lower()]["responses"][status]["content"].values()
    return jsonschema_rs.Draft202012Validator({**place["schema"], "components": whole["components"]})


@cache
def documented_codes() -> frozenset[str]:
    """The error codes that docs/events.md and docs/api.md name."""
    texts = [(DOCS / name).read_text(encoding="utf-8") for name in ("events.md", "api.md", "customers.md", "journeys.md", "messages.md")]
    return frozenset(code for text in texts for code in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", text))
