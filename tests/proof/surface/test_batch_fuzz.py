"""The batch parser from raw bytes: real batches and the example events, changed at random."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from tests.proof.counted import count, depth
from tests.proof.surface.application import Application
from tests.proof.surface.mutations import changed_bytes, changed_value, encoded
from tests.proof.surface.test_naughty_strings import EVENTS

EXAMPLES: Final = Path(__file__).parents[3] / "events"


def bodies() -> list[bytes]:
    """The bodies of the example requests to the intake, and batches with each kind of event."""
    requests = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLES.glob("ingest-*.json"))]
    sent = [
        base64.b64decode(each["body"]) if each.get("isBase64Encoded") else each["body"].encode() for each in requests if each.get("body")
    ]
    events = [{**event, "uuid": f"u{number}"} for number, event in enumerate(EVENTS)]
    return [
        *sent,
        json.dumps({"batch": events, "sentAt": "2026-11-23T05:17:13Z"}).encode(),
        json.dumps({"batch": [*events, *events], "historical": True}).encode(),
        json.dumps(events[0]).encode(),
    ]


BODIES: Final = bodies()


@pytest.mark.parametrize("seed", range(5))
def test_no_bytes_are_a_fault_of_the_intake(application: Application, seed: int) -> None:
    """Whatever bytes arrive, the answer is no 5xx; what it accepts is on the queue, and is processed without an error."""
    random = Random(seed)
    statuses: dict[int, int] = {}
    number = depth(30)
    count("bodies of the intake at random", number)
    for _ in range(number):
        raw = random.choice(BODIES)
        body, headers = encoded(changed_bytes(raw, random) if random.random() < 0.7 else raw, random)
        answer = application.post(body, random.choice(("/api/events/batch", "/api/events", "/events/batch/")), headers)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        application.settle()
    assert {201, 400} <= set(statuses), statuses


@pytest.mark.parametrize("seed", range(5))
def test_no_structure_is_a_fault_of_the_intake(application: Application, seed: int) -> None:
    """Whatever a batch holds, the event beside the changed ones is accepted, and all that is accepted is processed without an error."""
    random = Random(100 + seed)
    number = depth(30)
    count("bodies of the intake at random", number)
    for each in range(number):
        beside = {"correlationKey": "_id", "correlationValue": "beside", "event": "go", "uuid": f"beside-{each}"}
        batch: list[Any] = [changed_value(event, random) for event in random.sample(EVENTS, 3)]
        body = json.dumps({"batch": [*batch, beside]}).encode()
        answer = application.post(body, headers={"idempotency-key": random.choice((None, "k"))})
        assert answer.json["results"][-1]["status"] == "accepted", answer.text
        application.settle()


def test_a_repeated_body_is_stored_once_more_under_the_same_uuids(application: Application) -> None:
    """The same bytes have the same answer, apart from the time and the warnings: their events keep their uuids when they are sent again."""
    random = Random(7)
    for _ in range(depth(10)):
        body, headers = encoded(changed_bytes(random.choice(BODIES), random), random)
        first, second = (application.post(body, headers={**headers, "idempotency-key": "again"}) for _ in range(2))
        count("bodies of the intake at random", 2)
        assert first.status == second.status
        results = [[(each["status"], each.get("uuid")) for each in answer.json.get("results", ())] for answer in (first, second)]
        assert results[0] == results[1]


def test_two_members_of_one_name(application: Application) -> None:
    """Of two members with the same name the last one counts, in the answer and on the queue alike."""
    answer = application.post(
        b'{"correlationKey":"_id","correlationValue":"d","event":"a","uuid":"u1","event":"b","uuid":"u2"}', "/api/events"
    )
    [signal] = application.signals()
    assert [(each["uuid"]) for each in answer.json["results"]] == ["u2"]
    assert [(event.uuid, event.name) for event in signal.events] == [("u2", "b")]
