"""The two HTTP functions as a client sees them: a request of raw bytes, and an answer that is compared with what is promised of each.

A request goes through the real handler, as API Gateway passes it on: every body in base64, because the template names all media types
as binary.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.proof.scripts import SCHEMA, WORKSPACE
from tests.proof.surface.promises import assert_answer
from tests.proof.system import ADMIN_KEY, System, on, simulated
from waypost import wiring
from waypost.domain import signal_codec
from waypost.domain.signals import EventsArrived
from waypost.domain.values import exact_json

JSON: Final = "application/json"


@dataclass(frozen=True)
class HttpAnswer:
    """The answer to a request, with its JSON value where it has one."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The JSON value of the body, None if there is no body."""
        return exact_json.loads(self.text) if self.text else None


@dataclass
class Application:
    """The ingest and the manage function with one workspace, on the simulated services of AWS."""

    system: System = field(default_factory=lambda: System(index_lag=0.0, table_lag=0.0))

    def send(
        self,
        method: str,
        path: str,
        raw: bytes | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> HttpAnswer:
        """The answer to a request with the admin key, checked against what is promised of each. A header that is None is left out."""
        all_headers = {"authorization": f"Api-Key {ADMIN_KEY}", "content-type": JSON, **(headers or {})}
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {name: value for name, value in all_headers.items() if value is not None},
            "queryStringParameters": dict(query or {}) or None,
            "body": None if raw is None else base64.b64encode(raw).decode(),
            "isBase64Encoded": raw is not None,
            "requestContext": {"requestId": "request-1"},
        }
        response = self.system.invoke("ingest" if is_of_intake(method, path) else "manage", event)
        answer = HttpAnswer(response["statusCode"], response["headers"], response["body"])
        assert_answer(method, path, answer.status, answer.headers, answer.text)
        return answer

    def call(self, method: str, path: str, body: Any = None, **query: str) -> HttpAnswer:
        """The answer to a request with a JSON body."""
        return self.send(method, path, None if body is None else exact_json.dumps(body).encode(), query)

    def post(self, raw: bytes, path: str = "/api/events/batch", headers: Mapping[str, str | None] | None = None) -> HttpAnswer:
        """The answer of the intake to a body. The events on the queue are those that the answer accepts, and no others."""
        self.empty_queue()
        answer = self.send("POST", path, raw, headers=headers)
        accepted = [each["uuid"] for each in answer.json.get("results", ()) if each["status"] == "accepted"]
        # Of two events with one uuid the queue may hold one: the other is a duplicate of it.
        assert set(self.stored_uuids()) == set(accepted), (answer.text, self.signals())
        assert (answer.status in (201, 207)) is bool(accepted), answer.text
        return answer

    def empty_queue(self) -> None:
        """Deletes what is on the signals queue. Time passes, so that the queue takes a message of the same deduplication id again."""
        while records := self.system.sqs.receive("SignalsQueue", 10):
            for record in records:
                self.system.sqs.delete("SignalsQueue", record["receiptHandle"])
        self.system.clock.advance(301.0)

    def signals(self) -> list[EventsArrived]:
        """The signals of events on the queue."""
        signals = [signal_codec.from_body(each.body) for each in self.system.sqs.stored("SignalsQueue")]
        return [signal for signal in signals if isinstance(signal, EventsArrived)]

    def stored_uuids(self) -> list[str]:
        """The uuids of the events on the queue."""
        return [event.uuid for signal in self.signals() for event in signal.events]

    def settle(self) -> None:
        """Processes what is on the queues. No record fails, none is parked, and no function logs an error."""
        self.system.settle()
        assert not self.system.errors, self.system.errors[-1]
        assert not self.call("GET", "/api/dead-letters", kind="signal").json["items"]


def is_of_intake(method: str, path: str) -> bool:
    """Whether API Gateway routes a request to the ingest function (template.yaml)."""
    is_event = path == "/api/events" or path.startswith("/api/events/")
    return path == "/events" or path.startswith("/events/") or (method == "POST" and is_event)


@contextmanager
def running() -> Iterator[Application]:
    """Both functions with a workspace whose primary key is an e-mail address."""
    with simulated():
        application = Application()
        with on(application.system):
            wiring.workspace_administration().create_workspace("surface", ADMIN_KEY, application.system.clock.now, WORKSPACE)
            assert application.call("PUT", "/api/schema", SCHEMA).status == 200
            yield application
