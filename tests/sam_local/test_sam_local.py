"""`make invoke` and `make api`: the built functions in containers, behind SAM's own gateway, on the emulator of the local run."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest

from functions.local.seed import ADMIN_KEY, EVENTS_KEY
from tests.sam_local.conftest import SamLocal, local_run
from tests.stories.http_client import http

ADMIN = {"Authorization": f"Api-Key {ADMIN_KEY}"}
EVENTS = {"Authorization": f"Api-Key {EVENTS_KEY}", "Content-Type": "application/json"}


def batch(device: str) -> dict[str, object]:
    """The documented batch: an identify and a trigger of one device."""
    about = {"correlationKey": "_id", "correlationValue": device, "source": "custom"}
    return {
        "batch": [
            {**about, "event": "$identify", "payload": {"distinct_id": f"{device}@example.com", "first_name": "Ada"}},
            {**about, "event": "trigger_some_message", "payload": {"some_value": "the_value"}},
        ]
    }


def read(sam_local: SamLocal, path: str) -> Any:
    """What the HTTP API of the run answers about something of the demo workspace."""
    answer = http.get(f"{sam_local.url}/api/{path}", headers=ADMIN, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def mails(sam_local: SamLocal) -> list[dict[str, Any]]:
    """The e-mails in the mailbox of the run."""
    found: list[dict[str, Any]] = http.get(f"{sam_local.url}/_local/mails", timeout=30).json()["items"]
    return found


@pytest.fixture(scope="module")
def invoked(sam_local: SamLocal) -> dict[str, object]:
    """What `make invoke` returns for the batch of events/, after which its customer exists."""
    answer: dict[str, object] = sam_local.invoke("IngestFunction", "ingest-batch")
    sam_local.settle()
    return answer


def test_the_documented_batch_is_accepted_by_the_invoked_function(invoked: dict[str, object]) -> None:
    """`make invoke` of the intake with the file that the README names answers 201 for both events."""
    assert invoked["statusCode"] == 201
    assert json.loads(str(invoked["body"]))["accepted"] == 2


def test_the_invoked_management_function_finds_the_customer(invoked: dict[str, object], sam_local: SamLocal) -> None:
    """The customer of an invoked batch is found by `make invoke` of the management API."""
    found = sam_local.invoke("ManageFunction", "manage-find-customer")
    assert found["statusCode"] == 200
    assert json.loads(found["body"])["primaryKey"] == "example@youremail.com"


def test_the_queue_functions_act_on_the_records_of_events(sam_local: SamLocal) -> None:
    """`make invoke` of the matcher enters the customers of its file into a journey, and of the sender sends them their e-mails.

    No other function consumes the send queue meanwhile, so a mail in the mailbox is the container's. Nothing is parked as a dead letter.
    """
    names = {uuid: f"sam-{uuid}@example.com" for uuid in ("a1", "b1", "c1")}
    identify = [
        {"correlationKey": "_id", "correlationValue": f"device-{uuid[0]}", "event": "$identify", "payload": {"distinct_id": name}}
        for uuid, name in names.items()
    ]
    http.post(f"{sam_local.url}/api/events/batch", json={"batch": identify}, headers=EVENTS, timeout=60).raise_for_status()
    sam_local.settle()
    with sam_local.without_consumer("SendQueue"):
        assert sam_local.invoke("MatchFunction", "match-groups") == {"batchItemFailures": []}
        receipts = [read(sam_local, f"events/{uuid}") for uuid in names]
        assert [[each["outcome"] for each in receipt["journeys"]] for receipt in receipts] == [["entered"]] * 3
        messages = [message for receipt in receipts for message in receipt["messages"]]
        assert [read(sam_local, f"messages/{message}")["status"] for message in messages] == ["pending"] * 3

        assert sam_local.invoke("SendFunction", "send-batch") == {"batchItemFailures": []}
        states = [read(sam_local, f"messages/{message}") for message in messages]
        assert [(state["status"], len(state["attempts"])) for state in states] == [("sent", 1)] * 3
        assert {name for mail in mails(sam_local) for name in mail["to"]} >= set(names.values())
    assert read(sam_local, "dead-letters")["items"] == []


def test_a_call_without_credentials_says_what_to_set(sam_local: SamLocal) -> None:
    """A plain `sam local invoke` without credentials, for which SAM makes some up, ends with 503, and the log says which ones to set."""
    answer, log = sam_local.invoke_without_credentials("IngestFunction", "ingest-batch")
    assert answer["statusCode"] == 503
    assert "AWS_ACCESS_KEY_ID=test and AWS_SECRET_ACCESS_KEY=test" in log
    assert "Task timed out" not in log


@pytest.mark.usefixtures("docker_engine")
def test_the_documented_batch_is_processed_on_moto(tmp_path: Path) -> None:
    """A container reaches moto as it reaches MiniStack: its batch makes the customer, and the journey of the run sends the e-mail."""
    with local_run(tmp_path, "BACKEND=moto") as run:
        answer = run.invoke("IngestFunction", "ingest-batch")
        assert (answer["statusCode"], json.loads(answer["body"])["accepted"]) == (201, 2)
        run.settle()
        assert read(run, "customers?primaryKey=example@youremail.com")["attributes"]["first_name"] == "Ada"
        assert [mail["to"] for mail in mails(run)] == [["example@youremail.com"]]
        assert read(run, "dead-letters")["items"] == []


@pytest.mark.parametrize("path", ["/api/events/batch/", "/api/events/batch", "/events/batch/", "/events/batch"])
def test_every_path_of_the_batch_takes_events(path: str, api: str, sam_local: SamLocal) -> None:
    """All four paths of the batch lead to the intake, and the customer can be read back from the same API."""
    device = f"sam{abs(hash(path)) % 10_000}"
    answer = http.post(api + path, json=batch(device), headers=EVENTS, timeout=60)
    assert (answer.status_code, answer.json().get("accepted")) == (201, 2), answer.text
    sam_local.settle()
    found = http.get(f"{api}/api/customers", params={"primaryKey": f"{device}@example.com"}, headers=ADMIN, timeout=60)
    assert (found.status_code, found.json()["attributes"]["first_name"]) == (200, "Ada")


@pytest.mark.parametrize("path", ["/api/events/", "/api/events", "/events/", "/events"])
def test_every_path_of_a_single_event_takes_it(path: str, api: str) -> None:
    """All four paths of a bare event lead to the intake."""
    event = {"correlationKey": "_id", "correlationValue": "sam-single", "event": "opened"}
    answer = http.post(api + path, json=event, headers=EVENTS, timeout=60)
    assert (answer.status_code, answer.json().get("accepted")) == (201, 1), answer.text


def test_events_without_an_id_are_different_events(api: str, sam_local: SamLocal) -> None:
    """Two requests with the same event and no id, timestamp or Idempotency-Key are two events, though SAM repeats its request id."""
    event = {"correlationKey": "_id", "correlationValue": "sam-fresh", "event": "clicked"}
    uuids = {http.post(f"{api}/events", json=event, headers=EVENTS, timeout=60).json()["results"][0]["uuid"] for _ in range(2)}
    assert len(uuids) == 2


def test_a_gzip_body_is_taken(api: str) -> None:
    """A compressed batch reaches the function in one piece."""
    body = gzip.compress(json.dumps(batch("sam-gzip")).encode())
    answer = http.post(f"{api}/api/events/batch", content=body, headers={**EVENTS, "Content-Encoding": "gzip"}, timeout=60)
    assert (answer.status_code, answer.json().get("accepted")) == (201, 2), answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/nowhere", 404),
        ("POST", "/api/events/nowhere/deeper", 404),
        ("DELETE", "/events/batch", 405),
        ("PUT", "/api/events/batch", 405),
        ("OPTIONS", "/events/batch", 204),
        ("OPTIONS", "/api/events/batch", 204),
    ],
)
def test_other_requests_get_our_own_answers(method: str, path: str, status: int, api: str) -> None:
    """Unknown paths, wrong methods and preflight requests are answered by our code, not by the gateway."""
    answer = http.request(method, api + path, headers=ADMIN, timeout=60)
    assert answer.status_code == status, answer.text
    assert "X-Request-Id" in answer.headers
    if status == 405:
        assert "POST" in answer.headers["Allow"]


def test_a_journey_of_the_run_acts_on_an_event_from_a_container(api: str, sam_local: SamLocal) -> None:
    """An event that a container took starts the demo journey: its mail is in the mailbox of the local run."""
    http.post(f"{api}/api/events/batch/", json=batch("sam-mail"), headers=EVENTS, timeout=60).raise_for_status()
    sam_local.settle()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if any(mail["to"] == ["sam-mail@example.com"] for mail in mails(sam_local)):
            return
        time.sleep(0.2)
    pytest.fail("no mail to sam-mail@example.com")
