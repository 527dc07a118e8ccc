"""What only shows on a real socket in front of a real gateway: encodings, sizes, twins of paths, many at once."""

from __future__ import annotations

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from functions.local.stack import Stack
from tests.stories.workspace import Workspace, identify, mailing, trigger


def raw(workspace: Workspace, body: bytes, **headers: str) -> httpx.Response:
    """A batch as bytes."""
    shared = {"Authorization": f"Api-Key {workspace.events_key}", "Content-Type": "application/json"}
    return httpx.post(f"{workspace.stack.url}/api/events/batch/", content=body, headers=shared | headers, timeout=30)


def batch(*events: dict[str, Any]) -> bytes:
    """The JSON of a batch."""
    return json.dumps({"batch": events}).encode()


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_batch_is_taken(workspace: Workspace, encoding: str, pack: Any) -> None:
    """The iOS SDK compresses its batches; they count like any other."""
    answer = raw(workspace, pack(batch(identify("phone", workspace.email("zip"), plan="pro"))), **{"Content-Encoding": encoding})
    assert answer.status_code == 201, answer.text
    assert workspace.customer(workspace.email("zip"))["attributes"]["plan"] == "pro"


def test_a_body_that_only_says_gzip_is_taken(workspace: Workspace) -> None:
    """Some gateways inflate and leave the header; the body decides."""
    assert raw(workspace, batch(trigger("phone", "opened")), **{"Content-Encoding": "gzip"}).status_code == 201


def test_a_small_body_that_inflates_without_end_is_refused(workspace: Workspace) -> None:
    """A zip bomb gets 413 and does not fill the memory."""
    answer = raw(workspace, gzip.compress(b"[" * 200_000_000), **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


@pytest.mark.parametrize("size", [5_000_000, 12_000_000])
def test_too_much_is_413_with_the_limit(workspace: Workspace, size: int) -> None:
    """Beyond our limit and beyond the gateway's own the answer has one shape."""
    answer = raw(workspace, batch(trigger("phone", "opened", text="x" * size)))
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_that_is_not_ascii_is_one_more_unknown_key(stack: Stack) -> None:
    """A key that was pasted badly gets the 401 of every other wrong key."""
    answer = httpx.post(
        f"{stack.url}/api/events/batch/", json={"batch": []}, headers={b"Authorization": "Api-Key schlüssel".encode()}, timeout=30
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_health_needs_no_key_and_unknown_paths_are_problems(stack: Stack) -> None:
    """Load balancers ask for health; a typo gets 404 in the one shape of all errors."""
    assert httpx.get(f"{stack.url}/api/health", timeout=30).json() == {"status": "ok"}
    answer = httpx.get(f"{stack.url}/api/nothing-here", timeout=30)
    assert (answer.status_code, answer.headers["content-type"], answer.json()["code"]) == (404, "application/problem+json", "not-found")


def test_browsers_may_post_from_anywhere(stack: Stack) -> None:
    """A preflight is answered on the intake with every header that a batch may carry."""
    answer = httpx.options(f"{stack.url}/api/events/batch/", headers={"Origin": "https://shop.example"}, timeout=30)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"authorization", "content-type", "content-encoding", "idempotency-key"} <= {
        name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")
    }


def test_many_devices_at_once_make_one_customer(workspace: Workspace) -> None:
    """Eight devices name the same person in the same moment: one customer with eight ids, and one mail."""
    workspace.publish(mailing("welcome", "joined"))
    with ThreadPoolExecutor(8) as devices:
        answers = list(
            devices.map(lambda n: workspace.send(identify(f"d{n}", workspace.email("many")), trigger(f"d{n}", "joined")), range(8))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert workspace.stack.settle()
    assert sorted(workspace.customer(workspace.email("many"))["correlationIds"]) == [f"d{n}" for n in range(8)]
    assert len(workspace.mails_to(workspace.email("many"))) == 1
