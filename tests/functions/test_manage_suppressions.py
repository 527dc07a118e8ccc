"""Suppressed addresses through the management function on the template's tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.fakes.api_client import call, new_workspace
from tests.fakes.messages import GONE, pending_message
from waypost import wiring
from waypost.adapters.dynamodb.message_items import key_of, to_item
from waypost.adapters.dynamodb.table import Table
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.suppression import SuppressionCause
from waypost.ports import ProviderSuppressions

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)
HOOK = "https://example.com/hook"
MESSAGE = "msg_ot2peo92zpgcpb0p65xut66iy"


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace in which the endpoint `HOOK` has answered 410 to `MESSAGE`."""
    created = new_workspace()
    message = pending_message(id=MESSAGE, workspace=created, channel="webhook", to=HOOK)
    Table("MessagesTable").put(to_item(message))
    wiring.managing().suppressions.add(created, "webhook", HOOK, SuppressionCause("gone", "provider", NOW, MESSAGE))
    return created


def test_a_suppressed_endpoint_is_listed_with_its_address(workspace: str) -> None:
    """The list names the endpoint, and the message and time by which it was suppressed."""
    expected = {"channel": "webhook", "address": HOOK, "reason": "gone", "source": "provider"}
    expected |= {"message": MESSAGE, "since": "2026-11-23T05:17:13.000Z"}
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
        wiring.managing().suppressions.add(workspace, "webhook", f"{HOOK}/{number}", GONE)
    _, first = call("GET", "/api/suppressions", query={"limit": "3"})
    _, second = call("GET", "/api/suppressions", query={"limit": "3", "cursor": first["next"]})
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 2, None)


def suppressed(**query: str) -> list[dict[str, object]]:
    """The items of the list of suppressed addresses."""
    _, body = call("GET", "/api/suppressions", query=query)
    items: list[dict[str, object]] = body["items"]
    return items


def test_addresses_are_suppressed_by_hand(tables: None) -> None:
    """`POST` suppresses an address with reason, source and time; the request that names it shows it, the list does not know it."""
    new_workspace()
    body = {"items": [{"channel": "email", "address": " Ada@Example.com"}, {"channel": "webhook", "address": HOOK, "reason": "gone"}]}
    assert call("POST", "/api/suppressions", body) == (200, {"suppressed": 2})
    assert call("POST", "/api/suppressions", body) == (200, {"suppressed": 2})
    assert {(each["channel"], each["address"], each["reason"], each["source"]) for each in suppressed()} == {
        ("email", None, "manual", "api"),
        ("webhook", None, "gone", "api"),
    }
    [one] = suppressed(channel="email", address="ada@example.com")
    assert (one["address"], one["message"], one["since"] is not None) == ("ada@example.com", None, True)
    assert suppressed(channel="email", address="bob@example.com") == []


def test_a_thousand_addresses_are_imported_and_no_more(tables: None) -> None:
    """An import keeps the times that it names, but none in the future; with 1,001 rows it is refused and suppresses nothing."""
    new_workspace()
    items = [{"channel": "email", "address": f"a{n}@example.com", "reason": "bounce", "since": "2024-01-01T00:00:00Z"} for n in range(999)]
    items.append({"channel": "email", "address": "last@example.com", "since": "2099-01-01T00:00:00Z"})
    status, _ = call("POST", "/api/suppressions", {"items": [*items, items[0]], "source": "import"})
    assert (status, suppressed()) == (422, [])
    assert call("POST", "/api/suppressions", {"items": items, "source": "import"}) == (200, {"suppressed": 1_000})
    [first] = suppressed(channel="email", address="a0@example.com")
    assert (first["since"], first["reason"], first["source"]) == ("2024-01-01T00:00:00.000Z", "bounce", "import")
    [last] = suppressed(channel="email", address="last@example.com")
    assert str(last["since"]) < "2099"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        pytest.param({"channel": "carrier-pigeon", "address": "a@example.com"}, "unknown-choice", id="channel"),
        pytest.param({"channel": "email", "address": "Ann <a@example.com>"}, "bad-address", id="address with a name"),
        pytest.param({"channel": "email", "address": "nobody"}, "bad-address", id="no address"),
        pytest.param({"channel": "email", "address": "a@example.com", "reason": "whim"}, "unknown-choice", id="reason"),
    ],
)
def test_a_wrong_row_is_refused_with_its_pointer(tables: None, item: dict[str, str], code: str) -> None:
    """A row with an unknown channel, an address that is none, or an unknown reason suppresses no row of the request."""
    new_workspace()
    status, problem = call("POST", "/api/suppressions", {"items": [{"channel": "email", "address": "b@example.com"}, item]})
    assert (status, problem["errors"][0]["code"]) == (422, code)
    assert problem["errors"][0]["pointer"].startswith("/items/1")
    assert suppressed() == []


def test_a_channel_without_an_address_is_refused(tables: None) -> None:
    """`channel` and `address` of the query come together."""
    new_workspace()
    assert call("GET", "/api/suppressions", query={"channel": "email"})[0] == 400
    assert call("GET", "/api/suppressions", query={"address": "a@example.com"})[0] == 400


def test_the_address_of_another_receiver_is_not_shown(workspace: str) -> None:
    """A suppression because of a message that went to another address does not show that address as its own."""
    cause = SuppressionCause("bounce", "provider", NOW, MESSAGE)
    wiring.managing().suppressions.add(workspace, "email", "copy@example.com", cause)
    shown = {each["reason"]: (each["address"], each["message"]) for each in suppressed()}
    assert shown == {"bounce": (None, MESSAGE), "gone": (HOOK, MESSAGE)}


def use_provider(monkeypatch: pytest.MonkeyPatch, provider: ProviderSuppressions) -> None:
    """Lets the management function use this list of a provider."""
    dependencies = replace(wiring.managing(), provider_suppressions=provider)
    monkeypatch.setattr(wiring, "managing", lambda: dependencies)


def test_an_address_is_lifted_at_the_provider_only_on_request(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`provider` removes the address from the list of SES, also one that is suppressed only there; without it SES is not called."""
    lifted: list[str] = []
    at_provider = {"ada@example.com", "bob@example.com"}

    class OfSes:
        def lift(self, address: str) -> bool:
            lifted.append(address)
            return address in at_provider

    use_provider(monkeypatch, OfSes())
    new_workspace()
    call("POST", "/api/suppressions", {"items": [{"channel": "email", "address": "ada@example.com"}]})
    assert call("DELETE", "/api/suppressions", {"channel": "email", "address": "ada@example.com"}) == (204, None)
    assert lifted == []
    for address, status in (("bob@example.com", 204), ("nobody@example.com", 404)):
        assert call("DELETE", "/api/suppressions", {"channel": "email", "address": address, "provider": True})[0] == status
    assert lifted == ["bob@example.com", "nobody@example.com"]


def test_an_address_that_the_provider_cannot_lift_now_stays_suppressed(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """If SES does not answer, the response is 503 and the address is still suppressed here, so that the request can be repeated."""

    class Down:
        def lift(self, address: str) -> bool:
            raise UnavailableError("SES")

    use_provider(monkeypatch, Down())
    new_workspace()
    call("POST", "/api/suppressions", {"items": [{"channel": "email", "address": "ada@example.com"}]})
    assert call("DELETE", "/api/suppressions", {"channel": "email", "address": "ada@example.com", "provider": True})[0] == 503
    assert len(suppressed(channel="email", address="ada@example.com")) == 1


def test_a_channel_without_a_list_at_its_provider_is_refused(workspace: str) -> None:
    """`provider` with an endpoint of a webhook is refused, and the endpoint stays suppressed."""
    status, problem = call("DELETE", "/api/suppressions", {"channel": "webhook", "address": HOOK, "provider": True})
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, "no-provider-list", "/provider")
    assert wiring.managing().suppressions.holds(workspace, "webhook", HOOK)
