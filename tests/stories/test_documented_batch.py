"""The batch that `make run` prints, sent to the demo workspace."""

from __future__ import annotations

import httpx
import pytest

from functions.local.banner import BATCH, CUSTOMER_EMAIL
from functions.local.seed import ADMIN_KEY, EVENTS_KEY
from tests.stories.backends import AnyStack, both_backends
from tests.stories.http_client import http
from tests.stories.workspace import Workspace

PATHS = ["/api/events/batch/", "/api/events/batch", "/events/batch/", "/events/batch"]


@pytest.fixture
def demo(stack: AnyStack) -> Workspace:
    """The demo workspace with the keys that the banner prints."""
    return Workspace(stack, "demo", ADMIN_KEY, EVENTS_KEY)


def send_batch(demo: Workspace, path: str = PATHS[0]) -> httpx.Response:
    """Sends the printed batch and waits until everything that is due is done."""
    response = demo.send(*BATCH["batch"], path=path)
    assert demo.stack.settle()
    return response


@both_backends
def test_the_documented_batch_creates_a_customer_a_run_and_an_email(demo: Workspace) -> None:
    """After the documented batch the customer is identified, has a run of the journey and one e-mail, and the API returns each of them."""
    response = send_batch(demo)
    assert response.status_code == 201, response.text
    assert [result["status"] for result in response.json()["results"]] == ["accepted", "accepted"]

    customer = demo.customer(CUSTOMER_EMAIL)
    assert customer["primaryKey"] == CUSTOMER_EMAIL
    assert customer["correlationIds"] == ["device-1"]
    assert [run["journey"] for run in customer["runs"]] == ["welcome"]

    receipt = demo.get(f"/api/events/{response.json()['results'][1]['uuid']}")
    assert [(entry["journey"], entry["outcome"]) for entry in receipt["journeys"]] == [("welcome", "entered")]

    [mail] = demo.mails_to(CUSTOMER_EMAIL)
    assert "Ada" in mail["subject"]
    message = demo.get(f"/api/messages/{receipt['messages'][0]}")
    assert (message["status"], message["to"], message["journey"]) == ("sent", CUSTOMER_EMAIL, "welcome")


@pytest.mark.parametrize("path", PATHS)
def test_a_repeated_batch_has_no_effect_on_any_path(demo: Workspace, path: str) -> None:
    """A repeated batch is accepted, changes no customer and sends no e-mail, with and without `/api` and the last slash in its path."""
    send_batch(demo)
    before = demo.customer(CUSTOMER_EMAIL)
    assert send_batch(demo, path).status_code == 201
    assert demo.customer(CUSTOMER_EMAIL) == before
    assert len(demo.mails_to(CUSTOMER_EMAIL)) == 1


def test_the_events_key_cannot_read_customers(demo: Workspace) -> None:
    """A key with the scope `events`, which apps contain, gets 403 for a request for customers."""
    headers = {"Authorization": f"Api-Key {EVENTS_KEY}"}
    assert http.get(f"{demo.stack.url}/api/customers?primaryKey={CUSTOMER_EMAIL}", headers=headers, timeout=30).status_code == 403
