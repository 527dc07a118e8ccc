"""What the sender reads between claim and call, and the opt-outs of addresses, in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from tests.fakes.messages import GONE, NOW
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.address_rows import address_hash
from waypost.adapters.dynamodb.consent_history import DynamoConsentHistory
from waypost.adapters.dynamodb.customer_data import DynamoCustomerData
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.permissions import DynamoOptOuts, DynamoPermissions
from waypost.adapters.dynamodb.suppressions import DynamoSuppressions
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.consents import ALL, ConsentChange
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, head_key
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.permission import Permission

ADA = "ada@example.com"
HEAD = head_key("w1", Identifier("primary", ADA))
STOP = ConsentChange("unsubscribed", "news", ALL, NOW, "u1", "page", "v1")


def secret_of(workspace: str) -> bytes:
    """The secret key of a workspace."""
    return workspace.encode()


@pytest.fixture
def tables() -> Iterator[dict[str, Table]]:
    """The two tables, and that of events."""
    with aws():
        yield {name: empty_table(name) for name in ("CustomersTable", "WorkspacesTable", "EventsTable")}


def permission(tables: dict[str, Table], address: str = ADA, channel: str = "email", workspace: str = "w1") -> Permission:
    """The permission to write to an address of Ada's row."""
    of = DynamoPermissions(tables["CustomersTable"], tables["WorkspacesTable"], secret_of).of
    return of(workspace, channel, address, HEAD._replace(workspace=workspace))


def save(tables: dict[str, Table], row: Row) -> None:
    """Writes a row of a customer."""
    assert DynamoCustomers(tables["CustomersTable"], secret_of).save([row]) is None


def test_consents_and_suppression_come_in_one_call(tables: dict[str, Table]) -> None:
    """One BatchGetItem reads the main row with its consents and the row of the address, whatever the case of the address."""
    save(tables, Row(HEAD, "c_1", facts=STOP.facts))
    assert permission(tables) == Permission(facts=STOP.facts, opt_outs={})
    DynamoSuppressions(tables["WorkspacesTable"], secret_of).add("w1", "email", "Ada@Example.com", GONE)
    with patch("waypost.adapters.dynamodb.table.client") as client:
        client.return_value.batch_get_item.return_value = {"Responses": {}}
        permission(tables)
    assert [call[0] for call in client.return_value.method_calls] == ["batch_get_item"]
    assert permission(tables).suppressed
    assert not permission(tables, "eve@example.com").suppressed
    assert not permission(tables, channel="webhook").suppressed


def test_a_customer_that_is_gone_or_moved_is_seen(tables: dict[str, Table]) -> None:
    """A missing row and one that is being erased are an erasure; a pointer says that the customer was named or merged."""
    assert permission(tables).erasing
    save(tables, Row(HEAD, "c_1", erasing=True))
    assert permission(tables).erasing
    save(tables, Row(HEAD, "c_1", revision=1, linked_to=Identifier("primary", "eve@example.com")))
    assert (permission(tables).moved, permission(tables).erasing) == (True, False)
    assert permission(tables, workspace="w2").erasing


def test_opt_outs_are_no_suppression_and_keep_the_latest_time(tables: dict[str, Table]) -> None:
    """An opt-out of a topic concerns its address, channel and workspace; of two times the later one stays, in either order."""
    save(tables, Row(HEAD, "c_1"))
    opt_outs = DynamoOptOuts(tables["WorkspacesTable"], secret_of)
    earlier = NOW - timedelta(days=1)
    opt_outs.add("w1", "email", "ADA@example.com", {"news": NOW, ALL: earlier})
    opt_outs.add_by_hash("w1", "email", address_hash("w1", "email", ADA, secret_of), {"news": earlier, ALL: NOW})
    assert permission(tables) == Permission(facts={}, opt_outs={"news": NOW, ALL: NOW})
    assert permission(tables, "eve@example.com").opt_outs == {}
    suppressions = DynamoSuppressions(tables["WorkspacesTable"], secret_of)
    assert suppressions.page("w1", limit=10) == ([], None)
    suppressions.add("w1", "email", ADA, GONE)
    suppressions.remove("w1", "email", ADA, NOW + timedelta(days=1))
    assert permission(tables) == Permission(facts={}, opt_outs={"news": NOW, ALL: NOW})


def test_a_row_of_an_address_does_not_show_the_address(tables: dict[str, Table]) -> None:
    """The table holds a keyed hash, which another workspace has differently, and nothing else of the address."""
    for workspace in ("w1", "w2"):
        DynamoOptOuts(tables["WorkspacesTable"], secret_of).add(workspace, "email", ADA, {ALL: NOW})
    stored = [str(row) for each in ("w1", "w2") for row in tables["WorkspacesTable"].query_all("workspace = :w", {":w": each})]
    assert len(stored) == 2
    assert not any("ada" in row for row in stored)
    assert address_hash("w1", "email", ADA, secret_of) != address_hash("w2", "email", ADA, secret_of)


def test_what_a_throttled_read_leaves_undone_is_read_again(tables: dict[str, Table]) -> None:
    """A batch that is answered in part is requested again for the rest; if that never ends, it is an outage."""
    with (
        patch("waypost.adapters.dynamodb.table.client") as client,
        patch("waypost.adapters.dynamodb.table.backoff.attempts", range),
    ):
        undone: dict[str, dict[str, list[str]]] = {"WorkspacesTable": {"Keys": []}}
        client.return_value.batch_get_item.side_effect = [{"Responses": {}, "UnprocessedKeys": undone}, {"Responses": {}}]
        assert permission(tables).erasing
        assert client.return_value.batch_get_item.call_args.kwargs == {"RequestItems": undone}
        client.return_value.batch_get_item.side_effect = lambda **_: {"Responses": {}, "UnprocessedKeys": undone}
        with pytest.raises(UnavailableError):
            permission(tables)


def test_the_history_is_kept_once_and_erased(tables: dict[str, Table]) -> None:
    """A change that is stored twice is one row, newest first in pages, without an expiry; an erasure removes those of its customer only."""
    history = DynamoConsentHistory(tables["EventsTable"])
    again = replace(STOP, state="subscribed", at=NOW + timedelta(seconds=1), uuid="u2", text_version=None, confirmed=True)
    for _ in range(2):
        history.add("w1", "c_1", [STOP, again], NOW + timedelta(seconds=9))
    history.add("w1", "c_2", [STOP], NOW)
    newest, position = history.page("w1", "c_1", limit=1)
    assert position is not None
    oldest, _ = history.page("w1", "c_1", limit=9, before=position)
    assert [each.change for each in (*newest, *oldest)] == [again, STOP]
    assert newest[0].received_at == NOW + timedelta(seconds=9)
    assert all("expires" not in item for item in tables["EventsTable"].query_all("id = :id", {":id": "consent#w1#c_1"}))
    data = DynamoCustomerData(*[tables["EventsTable"]] * 4)
    assert (data.remove_consents("w1", "c_1"), data.remove_consents("w1", "c_1")) == (2, 0)
    assert len(history.page("w1", "c_2", limit=9)[0]) == 1
