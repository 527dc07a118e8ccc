"""Suppressed addresses through the management function on the template's tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.fakes.api_client import call, new_workspace
from tests.fakes.messages import pending_message
from waypost import wiring
from waypost.adapters.dynamodb.message_items import key_of, to_item
from waypost.adapters.dynamodb.table import Table

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
HOOK = "https://example.com/hook"
MESSAGE = "msg_ot2peo92zpgcpb0p65xut66iy"


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace in which the endpoint `HOOK` has answered 410 to `MESSAGE`."""
    created = new_workspace()
    message = pending_message(id=MESSAGE, workspace=created, channel="webhook", to=HOOK)
    Table("MessagesTable").put(to_item(message))
    wiring.managing().suppressions.add(created, "webhook", HOOK, MESSAGE, NOW)
    return created


def test_a_suppressed_endpoint_is_listed_with_its_address(workspace: str) -> None:
    """The list names the endpoint, and the message and time by which it was suppressed."""
    expected = {"channel": "webhook", "address": HOOK, "message": MESSAGE, "since": "2026-11-23T05:17:13.000Z"}
    assert call("GET", "/api/suppressions") == (200, {"items": [expected], "next": None})


def test_a_suppressed_endpoint_can_be_lifted(workspace: str) -> None:
    """After the endpoint is lifted it is not suppressed any more, the list is empty, and a second lift finds nothing."""
    body = {"channel": "webhook", "address": HOOK}
    assert call("DELETE", "/api/suppressions", body) == (204, None)
    assert not wiring.managing().suppressions.holds(workspace, "webhook", HOOK)
    assert call("GET", "/api/suppressions") == (200, {"items": [], "next": None})
    status, problem = call("DELETE", "/api/suppressions", body)
    assert (status, problem["code"]) == (404, "not-found")


def test_nobody_lifts_what_another_workspace_suppresses(workspace: str) -> None:
    """A key of another workspace neither lists nor lifts the endpoint."""
    new_workspace()
    assert call("GET", "/api/suppressions")[1]["items"] == []
    assert call("DELETE", "/api/suppressions", {"channel": "webhook", "address": HOOK})[0] == 404
    assert wiring.managing().suppressions.holds(workspace, "webhook", HOOK)


def test_the_address_of_an_erased_message_is_not_shown(workspace: str) -> None:
    """If the message was erased with its customer, the list has the suppression without the address, which is stored nowhere."""
    Table("MessagesTable").delete(key_of(workspace, MESSAGE))
    [item] = call("GET", "/api/suppressions")[1]["items"]
    assert (item["address"], item["message"]) == (None, MESSAGE)


def test_a_long_list_has_a_next_page(workspace: str) -> None:
    """Each suppression is on one page of the list."""
    for number in range(4):
        wiring.managing().suppressions.add(workspace, "webhook", f"{HOOK}/{number}")
    _, first = call("GET", "/api/suppressions", query={"limit": "3"})
    _, second = call("GET", "/api/suppressions", query={"limit": "3", "cursor": first["next"]})
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 2, None)
