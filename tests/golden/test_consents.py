"""Consents as released code stored them: in rows of customers, in the history, with addresses, in settings and in signals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes import tables
from tests.golden.files import TOMBSTONE_KEY, golden, load, rows_of
from waypost.adapters.dynamodb.consent_history import DynamoConsentHistory
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.permissions import DynamoOptOuts, DynamoPermissions
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.workspace_settings import DynamoWorkspaceSettings
from waypost.domain.customers.consents import ALL, ConsentChange, merged_consents
from waypost.domain.customers.facts import merge
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, head_key
from waypost.domain.customers.topics import Topic
from waypost.domain.intake.consent_payloads import consent_event
from waypost.domain.messages.permission import Permission
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.signal_codec import from_body, to_text
from waypost.domain.signals import EventsArrived

NOW = datetime(2026, 11, 23, 5, 17, 13, 1000, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ADA = Identifier("primary", "ada@example.com")
STOP = ConsentChange("unsubscribed", ALL, ALL, NOW, "u1", "page")
OPT_IN = ConsentChange("subscribed", "news", "email", LATER, "u2", "import", "v2", confirmed=True)
OF_DEVICE = ConsentChange("subscribed", "offers", ALL, NOW, "u3", "custom")
HEAD = Row(head_key("w1", ADA), "c_ada", 1, merge(STOP.facts, OPT_IN.facts, merged_consents(OF_DEVICE.facts, {}, LATER)))
SETTINGS = WorkspaceSettings(
    topics=(Topic(id="news", name="Nyheter på norsk", default="unsubscribed", double_opt_in=True), Topic(id="general"))
)
SIGNAL = EventsArrived("w1", "c_ada", ADA, known=True, received_at=LATER, historical=True, events=(consent_event(OPT_IN, ADA),))


@pytest.fixture
def stored() -> Iterator[dict[str, Table]]:
    """Empty tables."""
    with tables.aws():
        yield {name: tables.empty_table(name) for name in ("CustomersTable", "EventsTable", "WorkspacesTable")}


def secret_of(_: str) -> bytes:
    """The secret key of every workspace."""
    return TOMBSTONE_KEY


def permissions(stored: dict[str, Table]) -> DynamoPermissions:
    """What the sender reads."""
    return DynamoPermissions(stored["CustomersTable"], stored["WorkspacesTable"], secret_of)


def test_consents_are_written_as_they_were(stored: dict[str, Table]) -> None:
    """The main row, the history, the opt-outs of an address and the topics of the settings are written as the golden rows."""
    DynamoCustomers(stored["CustomersTable"], secret_of)._write([Row(HEAD.key, HEAD.customer, 0, HEAD.facts)])
    DynamoConsentHistory(stored["EventsTable"]).add("w1", "c_ada", [STOP, OPT_IN], LATER)
    DynamoOptOuts(stored["WorkspacesTable"], secret_of).add("w1", "email", "Ada@Example.com", {"news": NOW, ALL: LATER})
    DynamoWorkspaceSettings(stored["WorkspacesTable"]).save("w1", SETTINGS, 0)
    written: dict[str, Any] = {name: rows_of(table) for name, table in stored.items()}
    assert written == golden("consents")["rows"]
    assert to_text(SIGNAL) == golden("consents")["signal"]


def test_consents_are_read_as_they_were(stored: dict[str, Table]) -> None:
    """Golden rows of consents are read completely, by each of their readers, and so is a signal that is in flight."""
    for name, rows in golden("consents")["rows"].items():
        load(stored[name], rows)
    assert DynamoCustomers(stored["CustomersTable"], secret_of).get([HEAD.key]) == [HEAD]
    found, _ = DynamoConsentHistory(stored["EventsTable"]).page("w1", "c_ada", limit=9)
    assert [(each.change, each.received_at) for each in found] == [(OPT_IN, LATER), (STOP, LATER)]
    expected = Permission(facts=HEAD.facts, opt_outs={"news": NOW, ALL: LATER})
    assert permissions(stored).of("w1", "email", "ada@example.com", HEAD.key) == expected
    assert DynamoWorkspaceSettings(stored["WorkspacesTable"]).read("w1").settings == SETTINGS
    assert from_body(golden("consents")["signal"]) == SIGNAL
