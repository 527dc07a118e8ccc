"""A second workspace tries every operation with the ids of the first one.

The answer is that for an id that does not exist, and nothing of the first workspace changes or is shown. `ATTEMPTS` has a row for each
operation, and a new operation without a row fails a test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.fakes.api_client import ADMIN, new_workspace
from tests.proof.counted import count
from tests.proof.functions_on_moto import FunctionsOnMoto, functions_on_moto, rows_of
from tests.proof.marked_customer import ADDRESS, DEVICE, MARK, PHONE, MarkedCustomer, event
from waypost import wiring
from waypost.adapters.pinned_http import HttpResponse
from waypost.domain.messages.links import Link, LinkPurpose, token_of
from waypost.domain.values.wire_time import iso
from waypost.manage.operations import ALL_OPERATIONS


@dataclass(frozen=True)
class Ids:
    """Everything by which a request can name something of a workspace. None takes the id of a run."""

    customer: str
    erased: str
    device: str
    address: str
    phone: str
    journey: str
    step: str
    message: str
    event: str
    dead_letter: str
    topic: str
    key: str
    token: str
    cursors: tuple[str, ...]


ABSENT: Final = Ids(
    customer="c_00000000000000000000000000",
    erased="c_00000000000000000000000001",
    device="device-of-nobody",
    address="nobody@example.com",
    phone="+4915100000001",
    journey="no-such-journey",
    step="no-such-step",
    message="msg_0000000000000000000000000",
    event="an-event-that-nobody-sent",
    dead_letter="2026-11-27T00:00:00.000Z#0000",
    topic="no-such-topic",
    key="0" * 64,
    token="AQAAAAAA",
    cursors=("bm8gY3Vyc29y",),
)
"""Ids of which no workspace has one."""


@dataclass(frozen=True)
class Attempt:
    """A request of the second workspace; `key` is that of the events API where the operation is the intake's."""

    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Attempts = Callable[[Ids], list[Attempt]]
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
DRAFT: Final = {"entry": {"event": "x"}, "steps": [{"id": "end", "type": "exit"}]}
TEMPLATE: Final = {"subject": "x", "text": "{{ customer.first_name }}"}


def at_journey(method: str, suffix: str, body: Any = None, **query: str) -> Attempts:
    """The request of an operation on a journey."""
    return lambda ids: [Attempt(method, f"/api/journeys/{ids.journey}{suffix}", body, query or None)]


def at_customer(method: str, suffix: str = "", body: Any = None) -> Attempts:
    """The request of an operation on a customer, with each id of one."""
    return lambda ids: [Attempt(method, f"/api/customers/{each}{suffix}", body) for each in (ids.customer, ids.erased)]


def pages_of(path: str, *queries: Callable[[Ids], Mapping[str, str]]) -> Attempts:
    """The requests of a list: all of it, with these queries, and from each cursor on."""
    return lambda ids: [
        Attempt("GET", path),
        *(Attempt("GET", path, query=query(ids)) for query in queries),
        *(Attempt("GET", path, query={"cursor": cursor}) for cursor in ids.cursors),
    ]


def events(ids: Ids) -> list[dict[str, Any]]:
    """Events with ids of a workspace: its correlation values, primary keys, uuids and messages."""
    return [
        event("$identify", correlation=ids.device, uuid=ids.event, distinct_id=ids.address, phone=ids.phone),
        event("ordered", correlation=ids.device, uuid=f"{ids.event}-2", note="theirs"),
        {**event("$opened", correlation=ids.device, messageId=ids.message), "source": "message"},
        event("$unsubscribe", correlation=ids.device, topic=ids.topic),
    ]


def consent(ids: Ids) -> dict[str, Any]:
    """A change of consent."""
    return {"topic": ids.topic, "state": "unsubscribed"}


def forms(ids: Ids) -> list[Attempt]:
    """The uses of a link."""
    bodies = "List-Unsubscribe=One-Click", f"action=save&topic={ids.topic}", "action=none", "action=confirm"
    return [Attempt("POST", f"/u/{ids.token}", body, headers=FORM) for body in bodies]


ATTEMPTS: Final[Mapping[str, Attempts]] = {
    "batch": lambda ids: [
        Attempt("POST", path, {"batch": events(ids)}, headers={"Idempotency-Key": ids.event})
        for path in ("/events/batch", "/api/events/batch")
    ],
    "event": lambda ids: [Attempt("POST", path, each) for each in events(ids) for path in ("/events", "/api/events")],
    "preflight": lambda _: [Attempt("OPTIONS", "/api/events")],
    "health": lambda ids: [Attempt("GET", "/api/health", query={"workspace": ids.customer})],
    "openapi": lambda _: [Attempt("GET", "/api/openapi.json")],
    "journey-schema": lambda _: [Attempt("GET", "/api/journeys/schema")],
    "read-schema": lambda _: [Attempt("GET", "/api/schema")],
    "save-schema": lambda ids: [Attempt("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "String"}, "attributes": {}})],
    "read-settings": lambda _: [Attempt("GET", "/api/settings")],
    "save-settings": lambda ids: [Attempt("PUT", "/api/settings", {"topics": [{"id": ids.topic}], "sending": False})],
    "list-keys": pages_of("/api/keys"),
    "add-key": lambda ids: [Attempt("POST", "/api/keys", {"scopes": ["admin"], "name": ids.key})],
    "remove-key": lambda ids: [Attempt("DELETE", f"/api/keys/{ids.key}")],
    "list-journeys": pages_of("/api/journeys"),
    "read-journey": at_journey("GET", ""),
    "save-journey": lambda ids: [
        Attempt("PUT", f"/api/journeys/{ids.journey}", {"id": ids.journey, **DRAFT}),
        Attempt("DELETE", f"/api/journeys/{ids.journey}"),
    ],
    "delete-journey": at_journey("DELETE", ""),
    "list-versions": at_journey("GET", "/versions"),
    "list-runs": lambda ids: [
        Attempt("GET", f"/api/journeys/{ids.journey}/runs", query=query)
        for query in (None, {"step": ids.step}, *({"cursor": each} for each in ids.cursors))
    ],
    "publish-journey": at_journey("POST", "/publish"),
    "pause-journey": at_journey("POST", "/pause"),
    "resume-journey": at_journey("POST", "/resume"),
    "stop-journey": at_journey("POST", "/stop"),
    "simulate-journey": lambda ids: [
        Attempt("POST", f"/api/journeys/{ids.journey}/simulate", {"customer": {"primaryKey": ids.address}, **played})
        for played in ({}, {"definition": {"id": "x", **DRAFT}}, {"definition": {"id": "x", **DRAFT}, "recorded": {"since": long_ago()}})
    ],
    "draw-journey": at_journey("GET", "/diagram", counts="true"),
    "read-picture": at_journey("GET", "/picture", counts="true"),
    "check-journey": at_journey("POST", "/check", {"id": "x", **DRAFT}),
    "read-stats": at_journey("GET", "/stats"),
    "read-experiment": lambda ids: [Attempt("GET", f"/api/journeys/{ids.journey}/experiments/{ids.step}", query={"goal": ids.step})],
    "count-messages": at_journey("GET", "/counts"),
    "find-customer": lambda ids: [
        Attempt("GET", "/api/customers", query=query) for query in ({"primaryKey": ids.address}, {"correlationId": ids.device})
    ],
    "read-customer": at_customer("GET"),
    "erase-customer": at_customer("DELETE"),
    "read-erasure": lambda ids: [Attempt("GET", f"/api/erasures/{each}") for each in (ids.customer, ids.erased)],
    "export-customer": at_customer("GET", "/export"),
    "read-timeline": at_customer("GET", "/timeline"),
    "read-consents": at_customer("GET", "/consents"),
    "change-consent": at_customer("POST", "/consents", {"state": "unsubscribed"}),
    "import-consents": lambda ids: [
        Attempt("POST", "/api/consents/import", {"items": [{"state": "unsubscribed", "at": long_ago(), **who}]})
        for who in ({"primaryKey": ids.address}, {"correlationId": ids.device})
    ],
    "list-events": pages_of(
        "/api/events", lambda ids: {"customer": ids.customer}, lambda _: {"status": "rejected"}, lambda _: {"event": "ordered"}
    ),
    "count-events": lambda _: [Attempt("GET", "/api/events/histogram", query={"buckets": "1"})],
    "read-receipt": lambda ids: [Attempt("GET", f"/api/events/{ids.event}")],
    "explain-event": lambda ids: [Attempt("GET", f"/api/events/{ids.event}/why", query={"journey": ids.journey})],
    "list-messages": pages_of("/api/messages", lambda ids: {"customer": ids.customer}, lambda ids: {"journey": ids.journey}),
    "read-message": lambda ids: [Attempt("GET", f"/api/messages/{ids.message}")],
    "send-test": lambda ids: [
        Attempt("POST", "/api/messages/test", {"channel": "email", "template": TEMPLATE, "to": f"test.{MARK}@example.com"}),
        Attempt("POST", "/api/messages/test", {"channel": "email", "template": TEMPLATE, "to": ids.address}),
    ],
    "preview-template": lambda ids: [
        Attempt(
            "POST",
            "/api/templates/preview",
            {"channel": "email", "template": TEMPLATE, "customer": {"primaryKey": ids.address}, **journey},
        )
        for journey in ({}, {"journey": ids.journey})
    ],
    "read-secret": lambda _: [Attempt("GET", "/api/webhooks/secret")],
    "rotate-secret": lambda _: [Attempt("POST", "/api/webhooks/secret")],
    "rotate-link-key": lambda _: [Attempt("POST", "/api/links/key")],
    "show-link": lambda ids: [Attempt("GET", f"/u/{ids.token}")],
    "use-link": forms,
    "list-suppressions": pages_of("/api/suppressions", lambda ids: {"channel": "email", "address": ids.address}),
    "suppress": lambda ids: [Attempt("POST", "/api/suppressions", {"items": [{"channel": "email", "address": ids.address}]})],
    "lift-suppression": lambda ids: [Attempt("DELETE", "/api/suppressions", {"channel": "sms", "address": ids.phone})],
    "list-dead-letters": pages_of("/api/dead-letters"),
    "count-dead-letters": lambda _: [Attempt("GET", "/api/dead-letters/count")],
    "group-dead-letters": lambda _: [Attempt("GET", "/api/dead-letters/groups")],
    "delete-dead-letter": lambda ids: [Attempt("DELETE", f"/api/dead-letters/{ids.dead_letter}")],
    "redrive": lambda ids: [
        Attempt("POST", "/api/dead-letters/redrive", body)
        for body in ({"id": ids.dead_letter}, *({"cursor": each} for each in ids.cursors), {})
    ],
}
"""What the second workspace tries with each operation, by the operation's name."""


def long_ago() -> str:
    """A time before everything."""
    return iso(wiring.now() - timedelta(days=30))


@dataclass
class First:
    """The first workspace, and what is in it. No test changes its rows."""

    functions: FunctionsOnMoto
    workspace: str
    ids: Ids
    secrets: set[str]
    rows: list[str]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    """A workspace with a customer who has everything, an erased one, and a message that failed."""
    with pytest.MonkeyPatch.context() as patch, functions_on_moto(patch, tmp_path_factory.mktemp("clock")) as functions:
        workspace = new_workspace()
        marked = MarkedCustomer(functions, ADMIN, workspace)
        functions.receiver = lambda *_: HttpResponse(404, {}, b"")
        marked.prepare()
        marked.send_events()
        functions.settle()
        marked.find()
        for number in range(2):
            bob = event("$identify", correlation=f"bob-{number}", distinct_id=f"bob{number}@example.com")
            functions.ingest({"batch": [bob]}, marked.events_key)
        functions.settle()
        erased = read(functions, "/api/customers", primaryKey="bob0@example.com")["id"]
        functions.manage("DELETE", f"/api/customers/{erased}", key=ADMIN)
        functions.advance(130)
        functions.manage("POST", "/api/suppressions", {"items": [{"channel": "sms", "address": PHONE}]}, key=ADMIN)
        assert read(functions, f"/api/erasures/{erased}")["complete"]
        ids = ids_of(functions, workspace, marked, erased)
        yield First(functions, workspace, ids, marked.secrets, rows_of(workspace))


def read(functions: FunctionsOnMoto, path: str, **query: str) -> Any:
    """The body of a successful GET of the first workspace."""
    response = functions.manage("GET", path, key=ADMIN, query=query)
    assert response["statusCode"] == 200, response
    return json.loads(response["body"])


def ids_of(functions: FunctionsOnMoto, workspace: str, marked: MarkedCustomer, erased: str) -> Ids:
    """The ids of the first workspace. The token is forged: it names the workspace, but the second one's key has signed it."""
    messages = read(functions, "/api/messages")["items"]
    lists = ("/api/messages", "/api/events", "/api/keys", f"/api/customers/{marked.customer}/timeline")
    cursors = tuple(read(functions, path, limit="1")["next"] for path in lists)
    assert all(cursors)
    expires, now = wiring.now().replace(microsecond=0) + timedelta(days=1), wiring.now()
    forged = Link(LinkPurpose.PREFERENCES, workspace, marked.customer, "hash", "email", "news-topic", expires)
    return Ids(
        customer=marked.customer,
        erased=erased,
        device=DEVICE,
        address=ADDRESS,
        phone=PHONE,
        journey="journey-of-all",
        step="wait-for-open",
        message=messages[0]["id"],
        event=read(functions, "/api/events", event="ordered")["items"][0]["uuid"],
        dead_letter=read(functions, "/api/dead-letters")["items"][0]["id"],
        topic="news-topic",
        key=read(functions, "/api/keys")["items"][0]["id"],
        token=token_of(forged, wiring.link_keys().of(second_workspace(functions, "forger")[0], now)[0]),
        cursors=cursors,
    )


def second_workspace(functions: FunctionsOnMoto, name: str) -> tuple[str, str]:
    """A new workspace with a schema like that of the first one: its id, and its key for everything."""
    key = f"admin-key-of-{name}-{len(functions.responses)}"
    workspace, _ = wiring.workspace_administration().create_workspace(name, key, wiring.now())
    functions.manage("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}, "attributes": {}}, key=key)
    functions.manage("POST", "/api/keys", {"scopes": ["events"], "key": f"events-{key}"}, key=key)
    return workspace, key


def tried(functions: FunctionsOnMoto, operation: str, ids: Ids) -> Sequence[tuple[Attempt, Mapping[str, Any]]]:
    """The requests that a new workspace sends to an operation with these ids, with their responses."""
    _, key = second_workspace(functions, "second")
    found = []
    for attempt in ATTEMPTS[operation](ids):
        if operation in ("batch", "event"):
            response = functions.ingest(attempt.body, f"events-{key}", attempt.path, **attempt.headers)
        else:
            response = functions.manage(attempt.method, attempt.path, attempt.body, key=key, query=attempt.query, headers=attempt.headers)
        functions.settle()
        found.append((attempt, response))
    return found


def without(ids: Ids, response: Mapping[str, Any]) -> str:
    """A response without what differs between two equal ones: the ids that were sent, times, and random texts."""
    text = f"{response['statusCode']} {response['body']}"
    for each in (*ids.cursors, *(value for value in astuple(ids) if isinstance(value, str))):
        text = text.replace(each, "<sent>")
    return text if len(text) > LARGEST_ANSWER else RANDOM.sub("<random>", TIME.sub("<time>", text))


LARGEST_ANSWER: Final = 50_000
"""The characters of the largest response with random texts; the documents of the API are larger and have none."""
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\d{4}-\d\d-\d\d")
RANDOM: Final = re.compile(r'"(?:id|key|secret|previous|prefix)":"[^"]*"|\b[a-z_]{0,4}[a-z0-9]{25}\b|[A-Za-z0-9+/_]*\d[A-Za-z0-9+/_]{7,}')


def test_every_operation_is_tried() -> None:
    """The table of attempts has a row for each operation of the intake and of the management API, and no other."""
    assert set(ATTEMPTS) == {operation.name for operation in ALL_OPERATIONS}


def test_every_id_is_tried() -> None:
    """Each id occurs in some attempt, and the first workspace has another one than those that do not exist."""
    sent = json.dumps([[astuple(attempt) for attempt in attempts(ABSENT)] for attempts in ATTEMPTS.values()], default=str)
    unused = [each.name for each in fields(Ids) if not any(text in sent for text in _texts(getattr(ABSENT, each.name)))]
    assert unused == []


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


@pytest.mark.parametrize("operation", sorted(ATTEMPTS))
def test_a_second_workspace_finds_and_changes_nothing(first: First, operation: str) -> None:
    """An id of another workspace gets the answer of one that does not exist, shows nothing, and changes nothing."""
    calls_before = len(first.functions.calls)
    absent, foreign = tried(first.functions, operation, ABSENT), tried(first.functions, operation, first.ids)
    assert first.rows
    assert rows_of(first.workspace) == first.rows
    seen = [without(first.ids, response) for _, response in foreign]
    expected = [without(ABSENT, response) for _, response in absent]
    # Each cursor of the first workspace gets the answer of the one that nobody has.
    assert sorted(set(seen)) == sorted(set(expected))
    assert all(response["statusCode"] < 500 for _, response in (*absent, *foreign))
    secret = {
        MARK,
        PHONE,
        first.workspace,
        *first.secrets,
        *(each for each in astuple(first.ids) if isinstance(each, str) and len(each) > 8),
    }
    for attempt, response in foreign:
        request = json.dumps(astuple(attempt))
        assert [each for each in secret if each in json.dumps(response) and each not in request] == []
    provider_calls = [json.dumps(call.arguments) for call in first.functions.calls[calls_before:] if call.service == "sesv2"]
    assert [call for call in provider_calls if ADDRESS in call] == []
    count("attempts of a second workspace", len(foreign))


def test_the_key_of_another_workspace_is_not_taken_over(first: First) -> None:
    """To import a key that another workspace has is refused, and the key stays what it was. The holder of the key knows it already."""
    _, key = second_workspace(first.functions, "second")
    response = first.functions.manage("POST", "/api/keys", {"scopes": ["admin"], "key": ADMIN}, key=key)
    assert (response["statusCode"], json.loads(response["body"])["code"]) == (409, "key-exists")
    assert rows_of(first.workspace) == first.rows
