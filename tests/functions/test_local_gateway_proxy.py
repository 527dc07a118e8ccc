"""The local run treats request bodies as API Gateway does."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import pytest

from functions.local.gateway import BODY_LIMIT, GATEWAY_LIMIT, ProblemError, body_for_function

BODY = b'{"batch": []}'
GZIP = gzip.compress(BODY, mtime=0)  # with a time in it the ids of parametrized tests would differ between processes


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, ""),
        (BODY, "gzip"),
        (BODY, "br"),
        (GZIP, "gzip"),
        (GZIP, " GZIP"),
        (zlib.compress(BODY), "deflate"),
    ],
)
def test_a_function_receives_the_plain_body(body: bytes, encoding: str) -> None:
    """A compressed body is inflated, and a plain body is unchanged whatever its Content-Encoding header says."""
    assert body_for_function(body, encoding) == BODY


@pytest.mark.parametrize("body", [GZIP[:-9], b"\x1f\x8bnonsense", b"\x1f\x8b"])
def test_a_body_that_cannot_be_inflated_is_unchanged(body: bytes) -> None:
    """A broken gzip body reaches the intake as it is, so that the intake rejects it with its own error."""
    assert body_for_function(body, "gzip") == body


@pytest.mark.parametrize(
    "body",
    [b"x" * (BODY_LIMIT + 1), gzip.compress(b"x" * (BODY_LIMIT + 1), mtime=0), gzip.compress(b"x" * (GATEWAY_LIMIT + 1), mtime=0)],
    ids=["plain", "inflated beyond Lambda's limit", "inflated beyond the gateway's limit"],
)
def test_a_body_that_is_too_large_is_an_error_with_limit_and_size(body: bytes) -> None:
    """The error has status 413, the shape of all errors, and both numbers in its text."""
    with pytest.raises(ProblemError) as raised:
        body_for_function(body, "gzip")
    problem = json.loads(raised.value.body())
    assert (problem["status"], problem["code"]) == (413, "body-too-large")
    assert len([word for word in problem["detail"].replace(".", "").split() if word.isdigit()]) == 2
    assert raised.value.headers()["Content-Type"] == "application/problem+json"


def test_inflating_stops_at_the_limit() -> None:
    """A small body cannot fill the memory, whatever it would inflate to."""
    bomb = gzip.compress(b"\0" * (GATEWAY_LIMIT * 30))
    tracemalloc.start()
    with pytest.raises(ProblemError):
        body_for_function(bomb, "gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < GATEWAY_LIMIT * 3
