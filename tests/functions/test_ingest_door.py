"""The intake's door on what API Gateway sends: the files in events/, as pasted into the console's test button (contract 1)."""

from __future__ import annotations

import base64
import gzip
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest import app
from tests.fakes.ingest_harness import Intake, wire
from tests.fakes.keys import TEXT, FakeKeys, stored
from tests.fakes.workspaces import FakeWorkspaces
from waypost import ingest, wiring
from waypost.cache.workspace_cache import Schemas
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.values import exact_json
from waypost.web.authentication import Authenticator

EVENTS = Path(__file__).parents[2] / "events"
ADMIN = "an-admin-key-that-nobody-knows"
BATCH_PATHS = ("/api/events/batch/", "/api/events/batch", "/events/batch/", "/events/batch")
SINGLE_PATHS = ("/api/events/", "/api/events", "/events/", "/events")

ANSWERS: dict[str, tuple[int, str | None]] = {
    "batch": (201, None),
    "single": (201, None),
    "batch-http-api": (201, None),
    "single-http-api": (201, None),
    "batch-base64": (201, None),
    "batch-gzip": (201, None),
    "batch-gzip-inflated-by-the-gateway": (201, None),
    "batch-deflate": (201, None),
    "backend-custom": (201, None),
    "backend-primary-key": (201, None),
    "backend-set": (201, None),
    "backend-historical": (201, None),
    "backend-identical-twins": (201, None),
    "backend-idempotency-key": (201, None),
    "tracker": (201, None),
    "android-custom": (201, None),
    "android-narrow-space": (201, None),
    "android-identify-and-token": (201, None),
    "android-push-opened": (201, None),
    "ios-app-open": (201, None),
    "ios-identify-and-set": (201, None),
    "ios-push-opened": (201, None),
    "flutter": (422, "nothing-accepted"),
    "bad-in-the-middle": (207, None),
    "bad-too-deep": (207, None),
    "bad-all": (422, "nothing-accepted"),
    "bad-not-json": (400, "not-json"),
    "bad-empty-body": (400, "not-json"),
    "bad-no-batch": (400, "no-batch"),
    "bad-empty-batch": (400, "empty-batch"),
    "bad-base64": (400, "not-json"),
    "bad-gzip": (400, "bad-compression"),
    "bad-encoding": (415, "unsupported-encoding"),
    "bad-media-type": (415, "unsupported-media-type"),
    "bad-unknown-key": (401, "unauthorized"),
    "bad-no-key": (401, "unauthorized"),
    "bad-method": (405, "method-not-allowed"),
    "bad-path": (404, "not-found"),
    "preflight": (204, None),
}


@pytest.fixture(autouse=True)
def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    """A function that was just started, with the example's key and an admin key."""
    world = Intake()
    keys = FakeKeys()
    keys.add(stored())
    keys.add(stored(ADMIN, id="k_2", scopes=frozenset({"admin"})))
    access, schemas = Authenticator(keys), Schemas(FakeWorkspaces({"w1": Schema(primary_key=PrimaryKey(name="email", type="Email"))}))
    monkeypatch.setattr(wiring, "authenticator", lambda: access)
    monkeypatch.setattr(wiring, "schemas", lambda: schemas)
    monkeypatch.setattr(wiring, "intake", lambda: world_of(world))
    return world


def world_of(intake: Intake) -> ingest.IngestDependencies:
    """The fakes as the door gets them."""
    return ingest.IngestDependencies(intake.customers, intake.signals, intake.rejected, intake.linked, intake.executor, intake.clock.pause)


def sent(name: str) -> dict[str, Any]:
    """A file of events/."""
    event: dict[str, Any] = exact_json.loads((EVENTS / f"ingest-{name}.json").read_bytes())
    return event


def post(body: Any, path: str = BATCH_PATHS[0], **headers: str | None) -> dict[str, Any]:
    """A request as the gateway passes it on; a body that is no text is written as JSON, bytes as base64."""
    given = {"Authorization": f"Api-Key {TEXT}", "Content-Type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    event = {"httpMethod": "POST", "path": path, "headers": given, "requestContext": {"requestId": "r-1", "stage": "prod"}}
    if isinstance(body, bytes):
        return event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event | {"body": body if isinstance(body, str) else exact_json.dumps(body), "isBase64Encoded": False}


def answer(event: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers of the door's answer."""
    context = LambdaContext()
    context._aws_request_id = "lambda-request"
    given = app.lambda_handler(event, context)
    return given["statusCode"], exact_json.loads(given["body"]) if given["body"] else None, given["headers"]


def test_every_file_has_an_answer() -> None:
    """A file nobody looks at is no example."""
    assert {path.stem.removeprefix("ingest-") for path in EVENTS.glob("ingest-*.json")} == set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_each_file_has_its_status(name: str) -> None:
    """And its code, and the request's id, whatever the answer; errors are problems of one shape."""
    status, code = ANSWERS[name]
    event = sent(name)
    given, body, headers = answer(event)
    assert (given, (body or {}).get("code")) == (status, code)
    assert headers["X-Request-Id"] == event["requestContext"]["requestId"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    if status >= 400 and code != "nothing-accepted":
        assert headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "code", "detail"} <= set(body)


@pytest.mark.parametrize(
    "name", [name for name in ANSWERS if "/batch" in str(sent(name)) and name not in {"bad-path", "bad-method", "preflight"}]
)
def test_the_four_twins_of_the_path_answer_alike(name: str) -> None:
    """Never by a redirect: the iOS SDK repeats a 3xx for ever."""
    statuses = set()
    for path in BATCH_PATHS:
        event = sent(name)
        event |= {"path": path, "resource": path.rstrip("/")} if "path" in event else {"rawPath": path}
        statuses.add(answer(event | {"pathParameters": None})[0])
    assert statuses == {ANSWERS[name][0]}


@pytest.mark.parametrize("path", SINGLE_PATHS)
def test_a_bare_event_is_taken_on_four_paths(path: str) -> None:
    """Its pointers start at its own root."""
    assert answer(post(wire(uuid="e"), path))[0] == 201
    status, body, _ = answer(post(wire(event=7), path))
    assert (status, body["results"][0]["error"]["pointer"]) == (422, "/event")


def test_the_documented_batch_is_answered_event_by_event(intake: Intake) -> None:
    """In request order, each with its identity; both events are on the queue as one customer's."""
    status, body, _ = answer(sent("batch"))
    assert (status, body["accepted"], body["rejected"]) == (201, 2, 0)
    assert body["requestId"] == sent("batch")["requestContext"]["requestId"]
    assert body["receivedAt"].endswith("Z")
    [signal] = intake.signals.arrived
    assert body["results"] == [
        {"index": place, "uuid": event.uuid, "status": "accepted", "warnings": []} for place, event in enumerate(signal.events)
    ]
    assert signal.primary == Identifier("primary", "example@youremail.com")


def test_one_bad_event_in_the_middle_is_told_exactly() -> None:
    """Its neighbours are accepted."""
    status, body, _ = answer(sent("bad-in-the-middle"))
    assert (status, [result["status"] for result in body["results"]]) == (207, ["accepted", "rejected", "accepted"])
    result = body["results"][1]
    assert result["uuid"] is None
    assert {name: result["error"][name] for name in ("code", "pointer", "retryable")} == {
        "code": "missing-correlation-value",
        "pointer": "/batch/1/correlationValue",
        "retryable": False,
    }
    assert body["results"][0]["warnings"] == [{"code": "not-repeatable"}]


def test_the_same_request_again_has_the_same_identities() -> None:
    """Twins are two events, both times."""
    first, again = ([result["uuid"] for result in answer(sent("backend-identical-twins"))[1]["results"]] for _ in range(2))
    assert first == again
    assert len(set(first)) == 2


def test_an_idempotency_key_makes_a_request_repeatable() -> None:
    """The header of that name, in whatever case it comes."""
    _, body, _ = answer(sent("backend-idempotency-key"))
    assert body["results"][0]["warnings"] == []


def test_a_clock_without_a_zone_is_corrected(intake: Intake) -> None:
    """The Android SDK writes local time without a zone: a second before it was sent is a second before it came."""
    _, body, _ = answer(sent("android-custom"))
    [signal] = intake.signals.arrived
    assert (signal.received_at - signal.events[0].at).total_seconds() == 1
    assert body["results"][0]["warnings"] == []


def test_without_a_gateway_the_functions_own_request_id_is_answered() -> None:
    """A function URL or a test button may send none."""
    assert answer(post({"batch": [wire()]}) | {"requestContext": {}})[2]["X-Request-Id"] == "lambda-request"


NO_KEY, OTHER_KEY = "Bearer nothing", f"Api-Key {ADMIN}"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (post("{", "/nowhere", Authorization=NO_KEY, Content_Type="text/plain"), 404),
        (post("{", "/api/events/some-uuid", Authorization=NO_KEY) | {"httpMethod": "POST"}, 405),
        (post("{", Authorization=NO_KEY) | {"httpMethod": "PATCH"}, 405),
        (post("x" * 5_000_000, Authorization=NO_KEY, Content_Type="text/plain"), 401),
        (post("x" * 5_000_000, Content_Type="text/plain"), 413),
        (post("x" * 5_000_000, Content_Encoding="br"), 413),
        (post("{", Content_Type="text/plain"), 415),
        (post("{", Content_Encoding="br"), 415),
        (post("{"), 400),
        (post({"batch": []}), 400),
        (post({"batch": [{}]}), 422),
    ],
)
def test_checks_come_in_one_order(event: dict[str, Any], status: int) -> None:
    """Path, method, key, size, media, JSON, events: the first that fails is the answer."""
    assert answer(event)[0] == status


def test_an_admin_key_may_send_events_and_a_key_without_scope_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """403 comes before the body is looked at."""
    assert answer(post({"batch": [wire()]}, Authorization=OTHER_KEY))[0] == 201
    keys = FakeKeys({stored().hash: stored(scopes=frozenset())})
    monkeypatch.setattr(wiring, "authenticator", lambda: Authenticator(keys))
    status, body, _ = answer(post("{"))
    assert (status, body["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/api/events", "/api/health", "/api/schema"])
def test_the_intake_is_not_the_management_api(intake: Intake, path: str) -> None:
    """Behind a gateway of someone's own it may be asked for what the other function answers; it does not take it for a batch."""
    status, body, _ = answer(post({"batch": [wire()]}, path) | {"httpMethod": "GET"})
    assert (status, body["code"], intake.signals.calls) == (404, "not-found", [])


def test_refusals_say_what_would_have_been_right() -> None:
    """A 401 names the scheme, a 405 the methods, a 413 limit and size."""
    assert answer(sent("bad-no-key"))[2]["WWW-Authenticate"] == "Api-Key"
    assert answer(sent("bad-method"))[2]["Allow"] == "OPTIONS, POST"
    _, body, _ = answer(post({"batch": [wire()] * 1001}))
    assert (body["status"], body["limit"], body["size"]) == (413, 1000, 1001)


def test_browsers_may_post_from_anywhere() -> None:
    """A preflight needs no key and has no body."""
    status, body, headers = answer(sent("preflight"))
    assert (status, body, headers["Access-Control-Allow-Origin"]) == (204, None, "*")
    assert set(headers["Access-Control-Allow-Headers"].split(", ")) == {
        "authorization",
        "content-type",
        "content-encoding",
        "idempotency-key",
    }
    assert "POST" in headers["Access-Control-Allow-Methods"]


def of_size(size: int) -> str:
    """A batch of so many bytes of JSON, in events of less than 64 KiB."""
    texts = [exact_json.dumps(wire(uuid=str(number), payload={"a": "x" * 40_000})) for number in range(size // 41_000)]
    batch = '{"batch":[' + ",".join(texts) + "]}"
    return batch + " " * (size - len(batch))


@pytest.mark.parametrize(
    "pack", [lambda text: text, str.encode, lambda text: gzip.compress(text.encode(), 1)], ids=["plain", "base64", "gzip"]
)
def test_a_body_has_at_most_4_mib_after_inflating(pack: Any) -> None:
    """To the byte, in whatever coat it comes."""
    assert answer(post(pack(of_size(4 * 1024 * 1024))))[0] == 201
    status, body, _ = answer(post(pack(of_size(4 * 1024 * 1024 + 1))))
    assert (status, body["code"], body["limit"]) == (413, "body-too-large", 4 * 1024 * 1024)


@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS], ids=["deflate", "raw deflate", "gzip"])
def test_a_bomb_does_not_go_off(wbits: int) -> None:
    """A few KB that inflate to 60 MB are refused after 4 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    chunk = b" " * 500_000
    bomb = b"".join(packer.compress(chunk) for _ in range(120)) + packer.flush()
    event = post(bomb, Content_Encoding="gzip" if wbits > zlib.MAX_WBITS else "deflate")
    tracemalloc.start()
    status, body, _ = answer(event)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (status, body["code"]) == (413, "body-too-large")
    assert peak < 16_000_000


def test_with_the_queue_down_nothing_is_stored(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 says so, and when to try again."""
    seconds = iter(range(1000))
    monkeypatch.setattr("functions.ingest.app.time.monotonic", lambda: next(seconds))
    intake.signals.down = True
    status, body, headers = answer(post({"batch": [wire()]}))
    assert (status, body["code"], int(headers["Retry-After"]) > 0) == (503, "unavailable", True)
    assert len(intake.signals.calls) < 10


def test_a_bug_of_ours_looks_like_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """500 with a code, and nothing of our code in it."""
    monkeypatch.setattr(wiring, "intake", lambda: 1 / 0)
    status, body, _ = answer(post({"batch": [wire()]}))
    assert (status, body["code"]) == (500, "internal-error")
    assert "ZeroDivision" not in str(body)
