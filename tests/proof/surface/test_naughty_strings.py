"""Texts at which programs are known to fail, in every text field of the intake and of the management API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.functions.test_manage_any_value import BODIES, JOURNEY, SCHEMA
from tests.proof.counted import IS_FULL, count
from tests.proof.surface.application import Application
from tests.proof.surface.naughty_strings import ALL, STRINGS
from tests.proof.surface.text_fields import Replace, text_fields
from waypost.manage.operations import OPERATIONS

EVENTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "correlationKey": "_id",
        "correlationValue": "d",
        "event": "go",
        "source": "s",
        "uuid": "u",
        "timestamp": "2026-11-23",
        "payload": {"k": "v"},
    },
    {
        "correlationKey": "_id",
        "correlationValue": ["d"],
        "event": "$identify",
        "payload": {"distinct_id": "a@b.cd", "$anon_distinct_id": "p"},
    },
    {
        "correlationKey": "email",
        "correlationValue": "a@b.cd",
        "event": "$set",
        "payload": {"n": "v", "$set": {"a": "b"}, "$set_once": {"c": "d"}},
    },
    {"correlationKey": "_id", "correlationValue": "d", "event": "x", "$fcm": {"androidDeviceToken": "t", "iosDeviceToken": "t"}},
    {
        "correlationKey": "_id",
        "correlationValue": "d",
        "event": "$subscribe",
        "payload": {"topic": "news", "channel": "email", "textVersion": "1"},
    },
    {"correlationKey": "_id", "correlationValue": "d", "event": "$opened", "source": "message", "payload": {"messageID": "m", "link": "l"}},
)
EVENT_PLACES: Final = [each for event in EVENTS for each in text_fields(event)]
BODY_PLACES: Final = [(name, each) for name, body in BODIES.items() for each in text_fields(body)]
VARIABLES: Final = [
    each
    for each in OPERATIONS
    if "{" in each.path and each.name not in ("save-journey", "show-link", "use-link", "stop-journey", "erase-customer")
]
PARAMETERS: Final = [(each, name) for each in OPERATIONS for name in each.query.model_json_schema().get("properties", {})]
EVERY_STRING: Final = [(number, text) for number, text in enumerate(ALL)]


@pytest.fixture(scope="module", autouse=True)
def workspace(application: Application) -> None:
    """A workspace with a schema and a published journey `any`."""
    assert application.call("PUT", "/api/schema", SCHEMA).status == 200
    assert application.call("PUT", "/api/journeys/any", JOURNEY).status == 201
    assert application.call("POST", "/api/journeys/any/publish").status == 200


def chosen(fields: list[Any], number: int, one_of: int) -> Iterator[Any]:
    """The fields at which the text of this number is tried: a part of them, another one for each text, and more in the full form."""
    step = max(one_of // 10, 1) if IS_FULL else 2 * one_of
    return (place for index, place in enumerate(fields) if (index + number) % step == 0)


def encoded(value: Any) -> bytes:
    """JSON in ASCII: a lone surrogate is an escape."""
    return json.dumps(value).encode()


@pytest.mark.parametrize("kind", STRINGS)
def test_any_text_in_an_event_is_stored_or_rejected(application: Application, kind: str) -> None:
    """The event beside is accepted; what is accepted is on the queue, is processed without an error, and has a receipt under its uuid."""
    accepted: list[str] = []
    for number, text in EVERY_STRING:
        if text not in STRINGS[kind]:
            continue
        made: list[Replace] = list(chosen(EVENT_PLACES, number, 20))
        count("texts in fields", len(made))
        batch = [*(place(text) for place in made), {"correlationKey": "_id", "correlationValue": "beside", "event": "go"}]
        answer = application.post(encoded({"batch": batch, "sentAt": text}), headers={"idempotency-key": f"key {number}"})
        assert answer.json["results"][-1]["status"] == "accepted", answer.text
        accepted += [each["uuid"] for each in answer.json["results"] if each["status"] == "accepted"]
        application.settle()
    for uuid in accepted:
        receipt = application.call("GET", f"/api/events/{quote(uuid, safe='')}")
        assert receipt.status == 200, (uuid, receipt.text)
        assert receipt.json["uuid"] == uuid


@pytest.mark.parametrize("kind", STRINGS)
def test_any_text_in_headers_of_the_intake_is_no_fault(application: Application, kind: str) -> None:
    """Whatever a header holds, the events are accepted, or the request is refused as a whole."""
    body = encoded({"batch": [{"correlationKey": "_id", "correlationValue": "d", "event": "go"}]})
    for text in STRINGS[kind]:
        count("texts in fields", 4)
        for header in ("idempotency-key", "content-type", "content-encoding", "authorization"):
            application.post(body, headers={header: text})


@pytest.mark.parametrize("kind", STRINGS)
def test_any_text_in_a_body_of_management_is_stored_or_refused(application: Application, kind: str) -> None:
    """Whatever text stands in a field, or as the name of one, in the body of any operation, the answer is one that is documented."""
    for number, text in EVERY_STRING:
        for name, place in chosen(BODY_PLACES, number, 250) if text in STRINGS[kind] else ():
            [operation] = [each for each in OPERATIONS if each.name == name]
            path = operation.path.replace("{id}", "draft" if name == "save-journey" else "any")
            count("texts in fields")
            answer = application.send(operation.method, path, encoded(place(text)))
            if name == "save-journey" and answer.status < 300:
                application.call("POST", "/api/journeys/draft/publish")
    assert not application.system.errors, application.system.errors[-1]


@pytest.mark.parametrize("kind", STRINGS)
def test_any_text_in_a_path_or_a_query_is_no_fault(application: Application, kind: str) -> None:
    """Whatever a variable of a path, a parameter or a precondition holds, the answer is one that is documented."""
    for number, text in EVERY_STRING:
        if text not in STRINGS[kind]:
            continue
        in_url = text.encode("utf-8", "replace").decode()
        for operation in chosen(VARIABLES, number, 20):
            path = operation.path.replace("{id}", quote(in_url or " ", safe="")).replace("{uuid}", quote(in_url or " ", safe=""))
            path = path.replace("{step}", quote(in_url or " ", safe=""))
            count("texts in fields")
            application.send(operation.method, path, encoded({}), {"goal": "end"} if "experiments" in path else None)
        for operation, name in chosen(PARAMETERS, number, 40):
            path = operation.path.replace("{id}", "any").replace("{uuid}", "u").replace("{step}", "draw")
            count("texts in fields")
            application.send(operation.method, path, query={name: in_url}, headers={"if-match": in_url, "if-none-match": in_url})
    assert not application.system.errors, application.system.errors[-1]
