"""What is JSON is accepted by the intake and by the management API, and what is not is refused, for each kind of text of `json_kinds`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.proof.counted import count
from tests.proof.surface.application import Application
from tests.proof.surface.json_kinds import VALUES, WHOLE, Case

EVENT = b'{"correlationKey": "_id", "correlationValue": "device-1", "event": "kind", "payload": {"value": %s}}'


def by_verdict(cases: tuple[Case, ...], verdict: str) -> pytest.MarkDecorator:
    """A parametrization of the cases of a verdict, by their names."""
    return pytest.mark.parametrize("case", [each for each in cases if each.verdict == verdict], ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def counted() -> None:
    """Counts each case."""
    count("JSON texts")


def stored_value(application: Application) -> Any:
    """The value in the payload of the one event on the queue."""
    [signal] = application.signals()
    [event] = signal.events
    return event.payload["value"]


@by_verdict(VALUES, "y")
def test_a_json_value_is_stored_as_it_was_sent(application: Application, case: Case) -> None:
    """An event with this value is accepted, and the value on the queue is the one that Python's own parser reads."""
    answer = application.post(EVENT.replace(b"%s", case.raw), "/api/events")
    assert answer.status == 201, answer.text
    assert stored_value(application) == json.loads(case.raw, parse_float=Decimal)


@by_verdict(VALUES, "n")
def test_what_is_no_json_value_refuses_the_request(application: Application, case: Case) -> None:
    """A body with this text at the place of a value is 400 `not-json`, and nothing of it is stored: in both functions."""
    for path in ("/api/events", "/events/batch"):
        answer = application.post(EVENT.replace(b"%s", case.raw), path)
        assert (answer.status, answer.json["code"]) == (400, "not-json"), answer.text
    saved = application.send("PUT", "/api/journeys/kind", b'{"name": %s}'.replace(b"%s", case.raw))
    assert (saved.status, saved.json["code"]) == (400, "not-json"), saved.text


@by_verdict(VALUES, "i")
def test_a_value_beyond_the_limits_is_rejected_or_stored(application: Application, case: Case) -> None:
    """A value that a parser may refuse is accepted, or rejects its event with a pointer to it, and the event beside it is accepted."""
    answer = application.post(b'{"batch": [%s, %s]}' % (EVENT.replace(b"%s", case.raw), EVENT.replace(b"%s", b"1")))
    first, second = answer.json["results"]
    assert second["status"] == "accepted"
    assert first["status"] == "accepted" or first["error"]["pointer"] == "/batch/0/payload/value", first


@by_verdict(WHOLE, "y")
def test_a_json_document_is_read(application: Application, case: Case) -> None:
    """A body that is JSON but no batch is 400 `no-batch`, and not `not-json`."""
    answer = application.post(case.raw)
    assert (answer.status, answer.json["code"]) == (400, "no-batch"), answer.text


@by_verdict(WHOLE, "n")
def test_what_is_no_json_document_is_refused(application: Application, case: Case) -> None:
    """A body that is not one JSON text in UTF-8 is 400, in both functions."""
    answers = (application.post(case.raw), application.send("PUT", "/api/schema", case.raw))
    for answer in answers:
        assert answer.status == 400, answer.text
        assert answer.json["code"] in ("not-json", "bad-compression"), answer.text


@by_verdict(WHOLE, "i")
def test_a_byte_order_mark_is_no_fault(application: Application, case: Case) -> None:
    """A body after a byte order mark is read or refused as a whole."""
    assert application.post(case.raw).status == 400
