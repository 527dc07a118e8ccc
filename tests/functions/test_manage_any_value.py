"""Any JSON value at any place of a request to the management API: it is stored or refused, and never a 500."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.api_client import call, new_workspace, send
from tests.fakes.json_values import ANY_TEXT, EDGES, MARK, marked
from waypost.domain.values import exact_json
from waypost.manage.operations import OPERATIONS

SCHEMA = {
    "primaryKey": {"name": "email", "type": "Email"},
    "attributes": {"born": "Date", "seen": "DateTime", "age": "Number", "tags": "Array", "mail": "Email"},
    "timezone": "Europe/Paris",
}
SIMULATION = {
    "customer": {"primaryKey": "ada@example.com", "attributes": {"timezone": "Europe/Paris", "seen": "2026-11-23"}},
    "events": [{"event": "go", "at": "2026-11-23T05:17:13Z", "payload": {"n": 1, "key": "k"}, "source": "custom"}],
}
JOURNEY: dict[str, Any] = {
    "name": "Any",
    "entry": {
        "event": "go",
        "source": "custom",
        "reentry": {"mode": "always", "cooldown": "PT1M", "key": "payload.key"},
        "conditions": {
            "all": [
                {"property": "payload.n", "operator": "is greater than", "value": 0},
                {
                    "not": {
                        "any": [{"property": "customer.seen", "operator": "during", "value": {"from": "2027-01-01", "to": "2027-02-01"}}]
                    }
                },
                {"property": "payload.key", "operator": "length is equal to", "value": 1},
            ]
        },
    },
    "exit": [{"event": "stop"}],
    "quietHours": {"from": "22:00", "to": "06:00", "otherwise": "wait"},
    "steps": [
        {"id": "hours", "type": "timeWindow", "from": "05:00", "to": "21:00", "next": "days"},
        {"id": "days", "type": "timeWindow", "onDays": ["monday"], "fromTime": "01:00", "toTime": "23:00", "next": "dates"},
        {"id": "dates", "type": "timeWindow", "from": "2020-01-01", "to": "2099-01-01", "next": "hi"},
        {
            "id": "hi",
            "type": "message",
            "channel": "email",
            "template": {"subject": "Hi", "text": "{{ event.payload.n }}"},
            "next": "split",
        },
        {
            "id": "split",
            "type": "multisplit",
            "branches": [{"conditions": {"property": "customer.seen", "operator": "before", "value": "2030-01-01"}, "next": "draw"}],
            "otherwise": "later",
        },
        {"id": "draw", "type": "experiment", "branches": [{"id": "all", "weight": 100, "next": "later"}]},
        {"id": "later", "type": "timeDelay", "delay": "P1M1DT1H", "next": "wait"},
        {
            "id": "wait",
            "type": "waitUntil",
            "branches": [{"all": ["one", {"event": "two"}], "next": "hook"}],
            "timeout": {"after": "P1Y", "next": "hook"},
        },
        {
            "id": "hook",
            "type": "message",
            "channel": "webhook",
            "template": {"url": "https://example.com", "headers": {"x": "y"}, "json": {"n": 1}},
            "next": "end",
        },
        {"id": "end", "type": "exit"},
    ],
}
PREVIEW: dict[str, Any] = {
    "channel": "email",
    "template": {
        "subject": "Hi",
        "text": "{{ event.payload.n }}",
        "replyTo": "help@example.com",
        "headers": {"X-A": "1"},
        "cc": ["ann@example.com"],
        "to": "ada@example.com",
    },
    "customer": {"primaryKey": "ada@example.com", "attributes": {"seen": "2026-11-23"}},
    "event": {"event": "go", "payload": {"n": 1}, "source": "custom"},
    "journey": "any",
    "transactional": True,
}
BODIES: dict[str, Any] = {
    "save-schema": SCHEMA,
    "add-key": {"name": "app", "scopes": ["events"], "key": "a-key-of-20-characters", "expiresAt": "2099-01-01T00:00:00Z"},
    "save-journey": JOURNEY,
    "check-journey": JOURNEY,
    "simulate-journey": SIMULATION,
    "redrive": {"id": "nothing"},
    "save-settings": {
        "senders": ["news@example.com", "@example.org"],
        "testAddresses": ["qa@example.com"],
        "topics": [{"id": "news", "name": "News", "default": "unsubscribed", "doubleOptIn": True}],
    },
    "change-consent": {"state": "subscribed", "topic": "general", "channel": "email", "textVersion": "v1", "at": "2026-11-23T05:17:13Z"},
    "import-consents": {
        "items": [{"primaryKey": "ada@example.com", "state": "unsubscribed", "topic": "general", "at": "2026-11-23T05:17:13Z"}]
    },
    "suppress": {"items": [{"channel": "webhook", "address": "https://example.com/hook", "reason": "manual"}], "source": "api"},
    "preview-template": PREVIEW,
    "send-test": {**PREVIEW, "to": "qa@example.com"},
    "lift-suppression": {"channel": "webhook", "address": "https://example.com/hook"},
}
"""A valid body of each operation that takes one."""

QUERIES = (
    *(("/api/events", name) for name in ("since", "event", "status", "limit", "cursor")),
    *(("/api/messages", name) for name in ("customer", "journey", "status")),
    *(("/api/customers", name) for name in ("primaryKey", "correlationId")),
    ("/api/journeys/any/diagram", "counts"),
    *(("/api/journeys/any/picture", name) for name in ("counts", "version")),
    *(("/api/journeys/any/counts", name) for name in ("since", "cursor")),
)


@pytest.fixture(scope="module", autouse=True)
def workspace(tables: None) -> None:
    """A workspace of the management API with a published journey, for all examples of this module."""
    new_workspace()
    assert call("PUT", "/api/schema", BODIES["save-schema"])[0] == 200
    assert call("PUT", "/api/journeys/any", JOURNEY)[0] == 201
    status, published = call("POST", "/api/journeys/any/publish")
    assert status == 200, published


@settings(max_examples=40)
@given(st.sampled_from([(name, each) for name, body in BODIES.items() for each in marked(body)]), ANY_TEXT)
def test_no_value_in_a_body_of_the_management_api_is_a_fault(place: tuple[str, str], value: str) -> None:
    """Whatever stands at any place of the body of any operation, the response is no 500, also where the journey is then published."""
    name, body = place
    [operation] = [each for each in OPERATIONS if each.name == name]
    path = operation.path.replace("{id}", "draft" if name == "save-journey" else "any")
    response = send(operation.method, path, body.replace(MARK, value))
    assert response["statusCode"] < 500, response["body"]
    if name == "save-journey" and response["statusCode"] < 300:
        for action in (
            ("POST", "publish", None),
            ("GET", "diagram", None),
            ("GET", "picture", None),
            ("POST", "simulate", exact_json.dumps(SIMULATION)),
        ):
            followed = send(action[0], f"{path}/{action[1]}", action[2])
            assert followed["statusCode"] < 500, followed["body"]


@settings(max_examples=40)
@given(st.sampled_from(QUERIES), st.sampled_from(EDGES).map(lambda text: text.strip('"')) | st.text(max_size=20))
def test_no_value_in_a_query_is_a_fault(place: tuple[str, str], value: str) -> None:
    """Whatever a parameter of a list holds, the response is no 500."""
    path, name = place
    response = send("GET", path, query={name: value})
    assert response["statusCode"] < 500, response["body"]


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "pointer"),
    [
        ("PUT", "/api/journeys/any", '{"a": [1e999999999999999999999]}', "number-out-of-range", "/a/0"),
        ("PUT", "/api/journeys/any", '{"a": -1E-999999999999999999999}', "number-out-of-range", "/a"),
        ("PUT", "/api/schema", '{"timezone": 1e999999999999999999999}', "number-out-of-range", "/timezone"),
        ("POST", "/api/journeys/any/simulate", '{"customer": {"attributes": {"a": 1e1000000}}}', "number-out-of-range", None),
        ("POST", "/api/journeys/any/simulate", '{"customer": {"attributes": {"a": ' + "[" * 900 + "]" * 900 + "}}}", "too-deep", None),
        ("POST", "/api/journeys/any/simulate", '{"customer": {"attributes": {"a": ' + "[" * 5000 + "]" * 5000 + "}}}", "too-deep", None),
        ("POST", "/api/keys", '{"scopes": ["events"], "expiresAt": "9999-12-31T23:59:59-01:00"}', "bad-time", "/expiresAt"),
        ("POST", "/api/keys", '{"scopes": ["events"], "expiresAt": "0001-01-01T00:00:00+01:00"}', "bad-time", "/expiresAt"),
        (
            "POST",
            "/api/journeys/any/simulate",
            '{"events": [{"event": "go", "at": "9999-12-31T23:59:59-01:00"}]}',
            "bad-time",
            "/events/0/at",
        ),
    ],
)
def test_a_value_that_a_library_cannot_read_is_refused_with_its_pointer(
    method: str, path: str, body: str, code: str, pointer: str | None
) -> None:
    """A number out of range, a value nested too deeply, or an impossible time is refused with 422, a code and a JSON pointer."""
    response = send(method, path, body)
    assert response["statusCode"] == 422, response["body"]
    [error] = exact_json.loads(response["body"])["errors"]
    assert error["code"] == code
    assert pointer in (None, error["pointer"])


def test_a_time_of_a_query_that_utc_cannot_write_is_refused() -> None:
    """`since` at the end of the calendar, with an offset that leads beyond it, is 400 and names the parameter."""
    status, problem = call("GET", "/api/events", query={"since": "9999-12-31T23:59:59-01:00"})
    assert (status, [each["parameter"] for each in problem["errors"]]) == (400, ["since"])


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "0001-12-31T23:00:00Z", "9999-01-01T00:00:00Z", "9999-12-31T10:00:00Z", "9999-12-31T23:59:59.999Z"]
)
@pytest.mark.parametrize(
    "step",
    [
        {"type": "timeDelay", "delay": "P1Y"},
        {"type": "timeDelay", "delay": "P1D"},
        {"type": "timeDelay", "delay": "PT1H"},
        {"type": "timeWindow", "from": "11:00", "to": "10:59"},
        {"type": "timeWindow", "onDays": ["monday"], "fromTime": "01:00", "toTime": "00:30"},
        {"type": "timeWindow", "from": "0001-01-01", "to": "9999-12-31"},
        {"type": "waitUntil", "branches": [{"event": "x", "next": "end"}], "timeout": {"after": "P1Y", "next": "end"}},
    ],
    ids=lambda step: "-".join(str(value) for value in step.values() if isinstance(value, str)),
)
def test_a_dry_run_at_the_ends_of_the_calendar_answers(step: dict[str, Any], at: str, zone: str) -> None:
    """A dry run in the year 1 or 9999 is 200 whatever waits in it, with a run that has entered or an event that is ignored."""
    steps = [{"id": "first", "next": "end", **step} if "branches" not in step else {"id": "first", **step}, {"id": "end", "type": "exit"}]
    call("PUT", "/api/journeys/edge", {"entry": {"event": "go", "reentry": {"mode": "always", "cooldown": "P1Y"}}, "steps": steps})
    body = {"customer": {"attributes": {"timezone": zone}}, "events": [{"event": "go", "at": at}, {"event": "go", "at": at}]}
    status, simulated = call("POST", "/api/journeys/edge/simulate", body)
    assert status == 200, simulated
    assert simulated["moves"][0] == {**simulated["moves"][0], "step": "first"}
    assert len(simulated["ignored"]) == 1


def test_every_operation_with_a_body_is_tried() -> None:
    """`BODIES` has a body of each operation that takes one."""
    assert {each.name for each in OPERATIONS if each.body is not None} == set(BODIES)
