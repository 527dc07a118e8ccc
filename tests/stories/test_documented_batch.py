"""The first thing that anybody does: clone, run, paste the curl, look."""

from __future__ import annotations

import httpx
import pytest

from functions.local.banner import BATCH, WHO
from functions.local.seed import ADMIN_KEY, EVENTS_KEY
from tests.stories.backends import AnyStack, both_backends
from tests.stories.workspace import Workspace

PATHS = ["/api/events/batch/", "/api/events/batch", "/events/batch/", "/events/batch"]


@pytest.fixture
def demo(stack: AnyStack) -> Workspace:
    """The demo workspace with the keys that the banner prints."""
    return Workspace(stack, "demo", ADMIN_KEY, EVENTS_KEY)


def paste(demo: Workspace, path: str = PATHS[0]) -> httpx.Response:
    """The printed curl."""
    answer = demo.send(*BATCH["batch"], path=path)
    assert demo.stack.settle()
    return answer


@both_backends
def test_the_pasted_curl_makes_a_customer_a_run_and_a_mail(demo: Workspace) -> None:
    """After the documented batch the customer is named, has been through the journey, and has the mail; each can be read back."""
    answer = paste(demo)
    assert answer.status_code == 201, answer.text
    assert [result["status"] for result in answer.json()["results"]] == ["accepted", "accepted"]

    customer = demo.customer(WHO)
    assert customer["primaryKey"] == WHO
    assert customer["correlationIds"] == ["device-1"]
    assert [run["journey"] for run in customer["runs"]] == ["welcome"]

    receipt = demo.get(f"/api/events/{answer.json()['results'][1]['uuid']}")
    assert [(entry["journey"], entry["outcome"]) for entry in receipt["journeys"]] == [("welcome", "entered")]

    [mail] = demo.mails_to(WHO)
    assert "Ada" in mail["subject"]
    message = demo.get(f"/api/messages/{receipt['messages'][0]}")
    assert (message["status"], message["to"], message["journey"]) == ("sent", WHO, "welcome")


@pytest.mark.parametrize("path", PATHS)
def test_the_same_batch_again_on_any_path_changes_nothing_and_mails_nobody(demo: Workspace, path: str) -> None:
    """A client that is not sure posts again, with or without /api and the last slash: accepted, and nothing happens twice."""
    paste(demo)
    before = demo.customer(WHO)
    assert paste(demo, path).status_code == 201
    assert demo.customer(WHO) == before
    assert len(demo.mails_to(WHO)) == 1


def test_the_events_key_may_not_read(demo: Workspace) -> None:
    """The key that apps ship cannot look at customers."""
    headers = {"Authorization": f"Api-Key {EVENTS_KEY}"}
    assert httpx.get(f"{demo.stack.url}/api/customers?primaryKey={WHO}", headers=headers, timeout=30).status_code == 403
