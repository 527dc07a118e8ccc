"""An erasure on the template's tables: what is left in them when it is complete."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.api_client import call, new_workspace
from tests.fakes.ingest_harness import event_of, identify, wire
from tests.fakes.stored_text import rows_with
from tests.fakes.tables import shapes
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.aws import client
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import correlation_key
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.signals import ErasureContinued, EventsArrived
from waypost.match.dispatch import match

ADA, PHONE, PLAN, NOTE = "ada.marker@example.com", "phone-marker", "plan-marker", "payload-marker"
MARKERS = (ADA, PHONE, PLAN, NOTE)
JOURNEY: dict[str, Any] = {
    "id": "welcome",
    "entry": {"event": "joined"},
    "steps": [
        {"id": "mail", "type": "message", "channel": "email", "template": {"subject": "Hi", "text": "Hi"}, "next": "pause"},
        {"id": "pause", "type": "timeDelay", "delay": "P2D", "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace that has the admin key of the local run, and a schedule group."""
    with suppress(ClientError):  # an earlier test has created it
        client("scheduler").create_schedule_group(Name="schedule_group")
    return new_workspace()


def arrived(workspace: str, customer: str, at: datetime, *raw: dict[str, Any]) -> EventsArrived:
    """The signal of these events, which were received at this time."""
    events = tuple(event_of(each) for each in raw)
    return EventsArrived(workspace, customer, None, known=False, received_at=at, historical=False, events=events)


def marked_rows(*markers: str) -> list[str]:
    """Every row of every table that contains one of these texts."""
    return rows_with(client("dynamodb"), shapes(), *markers)


def continue_erasure(workspace: str, customer: str, part: int, at: datetime) -> None:
    """Delivers a signal of the erasure to the matcher."""
    match(ErasureContinued(workspace, customer, part), at, wiring.matching(), redelivered=False)


def test_nothing_but_keyed_hashes_is_left_of_a_customer_when_its_erasure_is_complete(workspace: str) -> None:
    """After `complete`, no row of any table holds an identifier, an attribute, a payload, an address or a message of the customer.

    That includes what functions wrote after the first pass that had looked before it. Only the closed version row has the customer's id.
    """
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})[0] == 200
    assert call("PUT", "/api/journeys/welcome", JOURNEY)[0] == 201
    assert call("POST", "/api/journeys/welcome/publish")[0] == 200
    identified = identify(value=PHONE, plan=PLAN, distinct_id=ADA)
    customer = identifying.identify_customer(wiring.customers(), workspace, event_of(identified))
    assert isinstance(customer, str)
    soon = wiring.now() + timedelta(minutes=1)  # later than customers enter the version that was just published
    joined = wire("joined", correlationValue=PHONE, uuid=f"u-{workspace}", payload={"note": NOTE})
    signal = arrived(workspace, customer, soon, identified, joined)
    match(signal, soon, wiring.matching(), redelivered=False)
    receipt = wiring.receipts().read(workspace, [f"u-{workspace}"], soon)[f"u-{workspace}"]
    assert (receipt.customer, len(receipt.messages)) == (customer, 1), receipt
    message = wiring.messages().page(workspace, limit=1, customer=customer)[0][0]
    rendered = PreparedMessage(ADA, {"text": f"Hi {PLAN}"})
    wiring.messages().keep_rendered(message, rendered, soon)
    wiring.rejected_events().keep(
        workspace, soon, "r1", [RejectedEvent(0, {"correlationValue": PHONE, "payload": {"distinct_id": ADA}}, Rejected("x", "y", "/"))]
    )
    wiring.dead_letters().park(Parked(workspace, "signal", "s1", json.dumps({"customer": customer, "note": NOTE}), "poison", soon))
    silent = Receipt(f"n-{workspace}", "named", soon, customer)  # as with `EventLog=effects`: a receipt whose event is on no page
    wiring.matching().log.write(workspace, [], [], [silent])
    assert len(marked_rows(*MARKERS, customer)) > 8

    status, body = call("DELETE", f"/api/customers/{customer}")
    assert (status, body["complete"], body["removed"]["messages"], body["removed"]["rejectedEvents"]) == (202, False, 1, 2)
    assert call("GET", f"/api/customers/{customer}")[0] == 404
    assert call("DELETE", f"/api/customers/{customer}")[0] == 202
    begun = call("GET", f"/api/erasures/{customer}")
    assert (begun[0], begun[1]["id"], begun[1]["complete"]) == (200, customer, False)

    # What functions write that looked before the erasure: a page of the log, a silent receipt, the rendered content of a message.
    late = event_of(wire("late", correlationValue=PHONE, uuid=f"l-{workspace}", payload={"note": NOTE}))
    wiring.matching().log.write(
        workspace, [Page(workspace, customer, soon, "late", (late,))], [Receipt(f"l-{workspace}", "late", soon, customer)]
    )
    wiring.messages().keep_rendered(message, rendered, soon)

    later = wiring.now() + timedelta(seconds=121)
    continue_erasure(workspace, customer, 0, wiring.now())
    assert not call("GET", f"/api/erasures/{customer}")[1]["complete"]
    continue_erasure(workspace, customer, 1, later)

    assert call("GET", f"/api/erasures/{customer}")[1]["complete"]
    assert call("DELETE", f"/api/customers/{customer}") == (200, {"id": customer, "complete": True, "removed": {}})
    assert marked_rows(*MARKERS) == []
    left = marked_rows(customer, message.id)
    assert len(left) == 1
    assert left[0].startswith("RunsTable")
    assert wiring.runs().get(workspace, customer).version_row.erased


def test_an_erasure_is_followed_by_the_merged_id_by_which_it_was_requested(workspace: str) -> None:
    """`DELETE` by the id of a merged customer answers 202, again 202, and 200 at the end; `GET /api/erasures/{id}` knows the id as well."""
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})[0] == 200
    customers = wiring.customers()
    merged = identifying.write_facts(customers, correlation_key(workspace, Identifier("correlation", "tablet")), {})
    for device in ("phone", "tablet"):
        customer = identifying.identify_customer(customers, workspace, event_of(identify(value=device, distinct_id=ADA)))
    assert merged != customer
    for _ in range(2):
        status, body = call("DELETE", f"/api/customers/{merged}")
        assert (status, body["id"], body["complete"]) == (202, customer, False)
        status, body = call("GET", f"/api/erasures/{merged}")
        assert (status, body["id"], body["complete"]) == (200, customer, False)
    continue_erasure(workspace, str(customer), 1, wiring.now() + timedelta(seconds=121))
    assert call("DELETE", f"/api/customers/{merged}") == (200, {"id": customer, "complete": True, "removed": {}})
    assert call("GET", f"/api/erasures/{merged}")[1]["complete"]


def test_an_erasure_that_nobody_requested_is_404(workspace: str) -> None:
    """The state of an erasure exists only for a customer that was erased."""
    assert call("GET", "/api/erasures/c_1")[0] == 404
