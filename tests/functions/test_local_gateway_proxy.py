"""The local front does to a request what API Gateway does, and not more."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import pytest

from functions.local.gateway import BODY_LIMIT, GATEWAY_LIMIT, ProblemError, received

BODY = b'{"batch": []}'
GZIP = gzip.compress(BODY, mtime=0)  # a time in it would give a test another name in each process


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
def test_a_function_gets_the_plain_body(body: bytes, encoding: str) -> None:
    """Compressed bodies arrive inflated, plain ones as they are, whatever the header says."""
    assert received(body, encoding) == BODY


@pytest.mark.parametrize("body", [GZIP[:-9], b"\x1f\x8bnonsense", b"\x1f\x8b"])
def test_a_broken_body_goes_on_to_our_own_code(body: bytes) -> None:
    """The intake says what is wrong with it."""
    assert received(body, "gzip") == body


@pytest.mark.parametrize(
    "body", [b"x" * (BODY_LIMIT + 1), gzip.compress(b"x" * (BODY_LIMIT + 1), mtime=0), gzip.compress(b"x" * (GATEWAY_LIMIT + 1), mtime=0)]
)
def test_too_much_is_a_problem_that_names_limit_and_size(body: bytes) -> None:
    """413 in the shape of all errors, with both numbers in its text."""
    with pytest.raises(ProblemError) as refused:
        received(body, "gzip")
    problem = json.loads(refused.value.body())
    assert (problem["status"], problem["code"]) == (413, "body-too-large")
    assert len([word for word in problem["detail"].replace(".", "").split() if word.isdigit()]) == 2
    assert refused.value.headers()["Content-Type"] == "application/problem+json"


def test_inflating_stops_at_the_limit() -> None:
    """A small body cannot fill the memory, however much it would inflate to."""
    bomb = gzip.compress(b"\0" * (GATEWAY_LIMIT * 30))
    tracemalloc.start()
    with pytest.raises(ProblemError):
        received(bomb, "gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < GATEWAY_LIMIT * 3
