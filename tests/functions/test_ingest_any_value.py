"""Any JSON value at any place of a batch: the intake stores or rejects it, and it never costs another event of the batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.ingest import app
from tests.fakes.api_client import Context
from tests.fakes.ingest_harness import IngestHarness, identify, wire
from tests.fakes.json_values import ANY_TEXT, MARK, marked
from tests.fakes.keys import TEXT, FakeKeys, stored
from tests.fakes.workspaces import FakeWorkspaces
from waypost import wiring
from waypost.cache.workspace_cache import Schemas
from waypost.domain.customers.schema import Schema
from waypost.domain.values import exact_json
from waypost.web.authentication import Authenticator

SCHEMA = Schema.model_validate(
    {
        "primaryKey": {"name": "email", "type": "Email"},
        "attributes": {"born": "Date", "seen": "DateTime", "age": "Number", "tags": "Array", "mail": "Email"},
    }
)
EVENTS: tuple[dict[str, Any], ...] = (
    identify(born="1815-12-10", seen=1795411033, age=36, tags=[1], mail="a@b.cd", **{"$anon_distinct_id": "phone", "$set_once": {"n": 1}}),
    wire("$set", correlationValue=["device-1"], timestamp="2026-11-23", payload={"$set": {"seen": "Nov 23, 2026, 5:17:13 AM"}}),
    wire("bought", source="mobile", uuid="e-1", payload={"total": 1.5}, **{"$fcm": {"androidDeviceToken": "t", "iosDeviceToken": ""}}),
    wire("$opened", source="message", payload={"messageID": "msg_1"}),
    wire("bought", correlationKey="email", correlationValue="ada@example.com"),
)
GOOD = '{"correlationKey": "_id", "correlationValue": "neighbour", "event": "bought", "uuid": "good"}'
EXAMPLES = settings(max_examples=100)


@pytest.fixture(scope="module", autouse=True)
def intake() -> Iterator[None]:
    """The intake on fakes, for all examples of this module."""
    harness, keys = IngestHarness(), FakeKeys()
    keys.add(stored())
    authenticator, schemas = Authenticator(keys), Schemas(FakeWorkspaces({"w1": SCHEMA}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "authenticator", lambda: authenticator)
        patch.setattr(wiring, "schemas", lambda: schemas)
        patch.setattr(wiring, "intake", lambda: harness.dependencies)
        yield


def posted(body: str) -> tuple[int, Any]:
    """Status and JSON of the response of the intake to a body."""
    headers = {"Authorization": f"Api-Key {TEXT}", "Content-Type": "application/json"}
    event = {"httpMethod": "POST", "path": "/events/batch", "headers": headers, "body": body, "requestContext": {"requestId": "r-1"}}
    response = app.lambda_handler(event, Context())
    return response["statusCode"], exact_json.loads(response["body"])


@EXAMPLES
@given(st.sampled_from([each for event in EVENTS for each in marked(event)]), ANY_TEXT)
def test_no_value_in_an_event_costs_its_neighbour(event: str, value: str) -> None:
    """Whatever stands at any place of an event, the event beside it is accepted, and the event is accepted or rejected with a pointer."""
    status, body = posted(f'{{"batch": [{event.replace(MARK, value)}, {GOOD}]}}')
    assert status in (201, 207), body
    first, neighbour = body["results"]
    assert neighbour["status"] == "accepted"
    assert first["status"] == "accepted" or first["error"]["pointer"].startswith("/batch/0")


@EXAMPLES
@given(st.sampled_from(["sentAt", "sent_at", "historical", "batch", "other"]), ANY_TEXT)
def test_no_value_in_the_envelope_of_a_batch_is_a_fault(name: str, value: str) -> None:
    """Whatever a member of the batch object holds, the response is no 500."""
    status, body = posted(f'{{"batch": [{GOOD}], "{name}": {value}}}')
    assert status < 500, body


@pytest.mark.parametrize("number", ["1e999999999999999999999", "-1E-999999999999999999999", "1e999999999999", "9" * 5000])
def test_an_absurd_number_rejects_its_event_only(number: str) -> None:
    """A number that no library can hold is `number-out-of-range` of its event, with its pointer; the event beside it is accepted."""
    broken = exact_json.dumps(wire(payload={"a": [MARK.strip('"')]})).replace(MARK, number)
    status, body = posted(f'{{"batch": [{broken}, {GOOD}], "sentAt": "2026-11-23T05:17:13Z"}}')
    assert status == 207, body
    assert (body["results"][0]["error"]["code"], body["results"][0]["error"]["pointer"]) == ("number-out-of-range", "/batch/0/payload/a/0")
    assert body["results"][1]["uuid"] == "good"
