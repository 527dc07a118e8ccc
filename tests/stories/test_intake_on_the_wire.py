"""The intake behind the gateway: encodings, sizes, unknown paths, CORS and parallel requests."""

from __future__ import annotations

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from functions.local.stack import Stack
from tests.stories.http_client import http
from tests.stories.workspace import Workspace, identify, mailing, trigger


def post_bytes(workspace: Workspace, body: bytes, **headers: str) -> httpx.Response:
    """Posts a body as it is to the intake."""
    shared = {"Authorization": f"Api-Key {workspace.events_key}", "Content-Type": "application/json"}
    return http.post(f"{workspace.stack.url}/api/events/batch/", content=body, headers=shared | headers, timeout=30)


def batch(*events: dict[str, Any]) -> bytes:
    """The JSON of a batch."""
    return json.dumps({"batch": events}).encode()


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_batch_is_accepted(workspace: Workspace, encoding: str, compress: Any) -> None:
    """A batch in gzip or deflate, as the iOS SDK sends it, is accepted and applied."""
    response = post_bytes(
        workspace, compress(batch(identify("phone", workspace.email("zip"), plan="pro"))), **{"Content-Encoding": encoding}
    )
    assert response.status_code == 201, response.text
    assert workspace.customer(workspace.email("zip"))["attributes"]["plan"] == "pro"


def test_a_plain_body_with_a_gzip_header_is_accepted(workspace: Workspace) -> None:
    """A plain body is accepted although its Content-Encoding says gzip: some gateways inflate a body and leave the header."""
    assert post_bytes(workspace, batch(trigger("phone", "opened")), **{"Content-Encoding": "gzip"}).status_code == 201


def test_a_zip_bomb_is_rejected(workspace: Workspace) -> None:
    """A small body that inflates to 200 MB gets 413."""
    response = post_bytes(workspace, gzip.compress(b"[" * 200_000_000), **{"Content-Encoding": "gzip"})
    assert (response.status_code, response.json()["code"]) == (413, "body-too-large")


@pytest.mark.parametrize("size", [5_000_000, 12_000_000])
def test_a_body_that_is_too_large_is_413(workspace: Workspace, size: int) -> None:
    """A body beyond Waypost's limit and a body beyond the gateway's limit get a 413 of the same shape."""
    response = post_bytes(workspace, batch(trigger("phone", "opened", text="x" * size)))
    assert (response.status_code, response.json()["code"]) == (413, "body-too-large")
    assert response.headers["content-type"] == "application/problem+json"


def test_a_key_that_is_not_ascii_is_unauthorized(stack: Stack) -> None:
    """A key with characters beyond ASCII gets the same 401 as every other unknown key."""
    response = http.post(
        f"{stack.url}/api/events/batch/", json={"batch": []}, headers={b"Authorization": "Api-Key schlüssel".encode()}, timeout=30
    )
    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")


def test_health_needs_no_key_and_an_unknown_path_is_404(stack: Stack) -> None:
    """`GET /api/health` responds without a key, and an unknown path gets a 404 in the shape of all errors."""
    assert http.get(f"{stack.url}/api/health", timeout=30).json() == {"status": "ok"}
    response = http.get(f"{stack.url}/api/nothing-here", timeout=30)
    assert (response.status_code, response.headers["content-type"], response.json()["code"]) == (
        404,
        "application/problem+json",
        "not-found",
    )


def test_browsers_can_post(stack: Stack) -> None:
    """The response to a CORS preflight allows any origin and every header that a batch may have. The local run adds a check of its own."""
    response = http.options(f"{stack.url}/api/events/batch/", headers={"Origin": "http://localhost:5173"}, timeout=30)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert {"authorization", "content-type", "content-encoding", "idempotency-key"} <= {
        name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")
    }


def test_parallel_identifies_of_one_person_create_one_customer(workspace: Workspace) -> None:
    """Eight parallel `$identify` events with one primary key create one customer with eight ids and send one e-mail."""
    workspace.publish(mailing("welcome", "joined"))
    with ThreadPoolExecutor(8) as devices:
        responses = list(
            devices.map(lambda n: workspace.send(identify(f"d{n}", workspace.email("many")), trigger(f"d{n}", "joined")), range(8))
        )
    assert {response.status_code for response in responses} == {201}
    assert workspace.stack.settle()
    assert sorted(workspace.customer(workspace.email("many"))["correlationIds"]) == [f"d{n}" for n in range(8)]
    assert len(workspace.mails_to(workspace.email("many"))) == 1


def test_an_id_in_a_path_is_decoded_once(workspace: Workspace) -> None:
    """The receipt of an event whose uuid holds percent signs is found under the uuid, encoded once, as on AWS."""
    uuid = "100%25 off"
    sent = workspace.send({**trigger("phone", "bought"), "uuid": uuid})
    assert sent.json()["results"][0]["uuid"] == uuid
    workspace.stack.settle()
    assert workspace.get(f"/api/events/{quote(uuid, safe='')}")["uuid"] == uuid
