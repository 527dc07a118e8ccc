"""The handler of the ingest function, on the events of API Gateway in the folder events/ (docs/events.md)."""

from __future__ import annotations

import base64
import gzip
import tracemalloc
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.ingest import app
from tests.fakes.ingest_harness import IngestHarness, wire
from tests.fakes.keys import TEXT, FakeKeys, stored
from tests.fakes.workspaces import FakeWorkspaces
from waypost import wiring
from waypost.cache.workspace_cache import Schemas
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.values import exact_json
from waypost.web.authentication import Authenticator

EVENTS = Path(__file__).parents[2] / "events"
ADMIN_KEY = "an-admin-key-for-this-test"
BATCH_PATHS = ("/api/events/batch/", "/api/events/batch", "/events/batch/", "/events/batch")
SINGLE_PATHS = ("/api/events/", "/api/events", "/events/", "/events")

EXPECTED: dict[str, tuple[int, str | None]] = {
    "batch": (201, None),
    "single": (201, None),
    "batch-http-api": (201, None),
    "single-http-api": (201, None),
    "batch-gzip": (201, None),
    "batch-gzip-inflated-by-the-gateway": (201, None),
    "batch-deflate": (201, None),
    "backend-custom": (201, None),
    "backend-primary-key": (201, None),
    "backend-set": (201, None),
    "backend-historical": (201, None),
    "backend-identical-events": (201, None),
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
def intake(monkeypatch: pytest.MonkeyPatch) -> IngestHarness:
    """A new instance on fakes, with an intake key and an admin key."""
    harness = IngestHarness()
    keys = FakeKeys()
    keys.add(stored())
    keys.add(stored(ADMIN_KEY, id="k_2", scopes=frozenset({"admin"})))
    authenticator, schemas = (
        Authenticator(keys),
        Schemas(FakeWorkspaces({"w1": Schema(primary_key=PrimaryKey(name="email", type="Email"))})),
    )
    monkeypatch.setattr(wiring, "authenticator", lambda: authenticator)
    monkeypatch.setattr(wiring, "schemas", lambda: schemas)
    monkeypatch.setattr(wiring, "intake", lambda: harness.dependencies)
    return harness


def sent(name: str) -> dict[str, Any]:
    """The content of a file in events/."""
    event: dict[str, Any] = exact_json.loads((EVENTS / f"ingest-{name}.json").read_bytes())
    return event


def post(body: Any, path: str = BATCH_PATHS[0], **headers: str | None) -> dict[str, Any]:
    """A request as API Gateway sends it. Bytes are sent as base64, a body of any other type than a string as JSON."""
    given = {"Authorization": f"Api-Key {TEXT}", "Content-Type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    event = {"httpMethod": "POST", "path": path, "headers": given, "requestContext": {"requestId": "r-1", "stage": "live"}}
    if isinstance(body, bytes):
        return event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event | {"body": body if isinstance(body, str) else exact_json.dumps(body), "isBase64Encoded": False}


def respond(event: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
    """Status, body and headers of the handler's response."""
    context = LambdaContext()
    context._aws_request_id = "lambda-request"
    response = app.lambda_handler(event, context)
    return response["statusCode"], exact_json.loads(response["body"]) if response["body"] else None, response["headers"]


def test_every_file_of_ingest_events_is_tested() -> None:
    """The files events/ingest-*.json are those with an expected status here."""
    assert {path.stem.removeprefix("ingest-") for path in EVENTS.glob("ingest-*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_each_file_gets_its_status_and_code(name: str) -> None:
    """Each file gets its status, its code and the id of the request; errors are problem documents of one shape."""
    status, code = EXPECTED[name]
    event = sent(name)
    actual, body, headers = respond(event)
    assert (actual, (body or {}).get("code")) == (status, code)
    assert headers["X-Request-Id"] == event["requestContext"]["requestId"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    if status >= 400 and code != "nothing-accepted":
        assert headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "code", "detail"} <= set(body)


@pytest.mark.parametrize(
    "name", [name for name in EXPECTED if "/batch" in str(sent(name)) and name not in {"bad-path", "bad-method", "preflight"}]
)
def test_the_four_batch_paths_respond_alike(name: str) -> None:
    """Each of the four paths of a batch gives the same status, and no redirect: the iOS SDK repeats a 3xx for ever."""
    statuses = set()
    for path in BATCH_PATHS:
        event = sent(name)
        event |= {"path": path, "resource": path.rstrip("/")} if "path" in event else {"rawPath": path}
        statuses.add(respond(event | {"pathParameters": None})[0])
    assert statuses == {EXPECTED[name][0]}


@pytest.mark.parametrize("path", SINGLE_PATHS)
def test_a_bare_event_is_accepted_on_four_paths(path: str) -> None:
    """A bare event is accepted on each of its four paths, and the pointers of its errors start at the event."""
    assert respond(post(wire(uuid="e"), path))[0] == 201
    status, body, _ = respond(post(wire(event=7), path))
    assert (status, body["results"][0]["error"]["pointer"]) == (422, "/event")


def test_the_results_of_a_batch_are_in_request_order(intake: IngestHarness) -> None:
    """A batch of two events gets two results in order, with the uuids under which both are on the queue as one customer's."""
    status, body, _ = respond(sent("batch"))
    assert (status, body["accepted"], body["rejected"]) == (201, 2, 0)
    assert body["requestId"] == sent("batch")["requestContext"]["requestId"]
    assert body["receivedAt"].endswith("Z")
    [signal] = intake.signals.arrived
    assert body["results"] == [
        {"index": place, "uuid": event.uuid, "status": "accepted", "warnings": []} for place, event in enumerate(signal.events)
    ]
    assert signal.primary == Identifier("primary", "example@youremail.com")


def test_one_invalid_event_is_rejected_between_accepted_ones() -> None:
    """An invalid event gets code, pointer and no uuid; the events before and behind it are accepted."""
    status, body, _ = respond(sent("bad-in-the-middle"))
    assert (status, [result["status"] for result in body["results"]]) == (207, ["accepted", "rejected", "accepted"])
    result = body["results"][1]
    assert result["uuid"] is None
    assert {name: result["error"][name] for name in ("code", "pointer", "retryable")} == {
        "code": "missing-correlation-value",
        "pointer": "/batch/1/correlationValue",
        "retryable": False,
    }
    [warning] = body["results"][0]["warnings"]
    assert warning["code"] == "not-repeatable"
    assert all(each in warning["detail"] for each in ("`uuid`", "`timestamp`", "`Idempotency-Key`"))


def test_a_repeated_request_gets_the_same_uuids() -> None:
    """Two identical events of a batch get two uuids, and the same two when the batch is sent again."""
    first, again = ([result["uuid"] for result in respond(sent("backend-identical-events"))[1]["results"]] for _ in range(2))
    assert first == again
    assert len(set(first)) == 2


def test_an_idempotency_key_makes_a_request_repeatable() -> None:
    """With an Idempotency-Key header, in any case, events without uuid and timestamp have no warning `not-repeatable`."""
    _, body, _ = respond(sent("backend-idempotency-key"))
    assert body["results"][0]["warnings"] == []


def test_a_repeated_request_id_of_the_gateway_gives_no_repeated_ids(intake: IngestHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sam local start-api` and the test button of the console send one request id again and again: each event gets a uuid of its own.

    The rows of rejected events have keys of their own as well, and the answers have the id that the gateway gave.
    """
    invocations = []
    monkeypatch.setattr(intake.rejected, "keep", lambda workspace, at, invocation_id, events: invocations.append(invocation_id))
    bodies = [respond(post({"batch": [wire(), wire(), "bad"]}))[1] for _ in range(2)]
    accepted = [result["uuid"] for body in bodies for result in body["results"][:2]]
    assert len(set(accepted)) == 4
    assert len(set(invocations)) == 2
    assert [body["requestId"] for body in bodies] == ["r-1", "r-1"]


def test_a_timestamp_without_a_zone_is_corrected(intake: IngestHarness) -> None:
    """An event of the Android SDK, in local time without a zone, one second before sentAt, has the time one second before receipt."""
    _, body, _ = respond(sent("android-custom"))
    [signal] = intake.signals.arrived
    assert (signal.received_at - signal.events[0].at).total_seconds() == 1
    assert body["results"][0]["warnings"] == []


def test_without_a_gateway_the_request_id_is_lambdas() -> None:
    """A request without an id of API Gateway gets the id of the Lambda invocation in its response."""
    assert respond(post({"batch": [wire()]}) | {"requestContext": {}})[2]["X-Request-Id"] == "lambda-request"


NO_KEY, ADMIN_AUTHORIZATION = "Bearer nothing", f"Api-Key {ADMIN_KEY}"


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
def test_a_request_is_checked_in_a_fixed_order(event: dict[str, Any], status: int) -> None:
    """A request with several errors gets the first of: path, method, key, size, media type or encoding, JSON, events."""
    assert respond(event)[0] == status


def test_an_admin_key_may_send_events_and_a_key_without_scope_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """An admin key may send events; a key without the scope gets 403 even with an invalid body."""
    assert respond(post({"batch": [wire()]}, Authorization=ADMIN_AUTHORIZATION))[0] == 201
    keys = FakeKeys({stored().hash: stored(scopes=frozenset())})
    monkeypatch.setattr(wiring, "authenticator", lambda: Authenticator(keys))
    status, body, _ = respond(post("{"))
    assert (status, body["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/api/events", "/api/health", "/api/schema"])
def test_routes_of_the_management_api_are_not_found(intake: IngestHarness, path: str) -> None:
    """A route of the management API gets 404 from this function, and nothing is put on the queue."""
    status, body, _ = respond(post({"batch": [wire()]}, path) | {"httpMethod": "GET"})
    assert (status, body["code"], intake.signals.calls) == (404, "not-found", [])


def test_errors_name_what_is_allowed() -> None:
    """A 401 names the scheme, a 405 the methods, and a 413 the limit and the size."""
    assert respond(sent("bad-no-key"))[2]["WWW-Authenticate"] == "Api-Key"
    assert respond(sent("bad-method"))[2]["Allow"] == "OPTIONS, POST"
    _, body, _ = respond(post({"batch": [wire()] * 1001}))
    assert (body["status"], body["limit"], body["size"]) == (413, 1000, 1001)


def test_browsers_may_post_from_anywhere() -> None:
    """A preflight request without a key gets 204 with the allowed headers and methods, for any origin."""
    status, body, headers = respond(sent("preflight"))
    assert (status, body, headers["Access-Control-Allow-Origin"]) == (204, None, "*")
    assert set(headers["Access-Control-Allow-Headers"].split(", ")) == {
        "authorization",
        "content-type",
        "content-encoding",
        "idempotency-key",
    }
    assert "POST" in headers["Access-Control-Allow-Methods"]


def of_size(size: int) -> str:
    """A batch of this many bytes of JSON, in events of less than 64 KiB."""
    texts = [exact_json.dumps(wire(uuid=str(number), payload={"a": "x" * 40_000})) for number in range(size // 41_000)]
    batch = '{"batch":[' + ",".join(texts) + "]}"
    return batch + " " * (size - len(batch))


@pytest.mark.parametrize(
    "pack", [lambda text: text, str.encode, lambda text: gzip.compress(text.encode(), 1)], ids=["plain", "base64", "gzip"]
)
def test_a_body_has_at_most_4_mib_after_inflating(pack: Any) -> None:
    """A body of 4 MiB is accepted and one byte more gets 413, as plain text, base64 or gzip."""
    assert respond(post(pack(of_size(4 * 1024 * 1024))))[0] == 201
    status, body, _ = respond(post(pack(of_size(4 * 1024 * 1024 + 1))))
    assert (status, body["code"], body["limit"]) == (413, "body-too-large", 4 * 1024 * 1024)


@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS], ids=["deflate", "raw deflate", "gzip"])
def test_a_decompression_bomb_is_refused_in_little_memory(wbits: int) -> None:
    """A few KB that inflate to 60 MB get 413, and the function never holds more than 16 MB for them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    chunk = b" " * 500_000
    compressed = b"".join(packer.compress(chunk) for _ in range(120)) + packer.flush()
    event = post(compressed, Content_Encoding="gzip" if wbits > zlib.MAX_WBITS else "deflate")
    tracemalloc.start()
    status, body, _ = respond(event)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (status, body["code"]) == (413, "body-too-large")
    assert peak < 16_000_000


def test_with_the_queue_down_the_response_is_503(intake: IngestHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the queue down, a batch gets 503 with `Retry-After` after fewer than ten calls."""
    seconds = iter(range(1000))
    monkeypatch.setattr("functions.ingest.app.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    intake.signals.down = True
    status, body, headers = respond(post({"batch": [wire()]}))
    assert (status, body["code"], int(headers["Retry-After"]) > 0) == (503, "unavailable", True)
    assert len(intake.signals.calls) < 10


def test_an_unexpected_error_is_a_500_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in our code gives 500 with a code, and nothing of the exception."""
    monkeypatch.setattr(wiring, "intake", lambda: 1 / 0)
    status, body, _ = respond(post({"batch": [wire()]}))
    assert (status, body["code"]) == (500, "internal-error")
    assert "ZeroDivision" not in str(body)
