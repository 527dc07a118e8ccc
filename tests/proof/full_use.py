"""One use of everything that the functions do, on the simulated services: every feature, and every branch that makes a call of its own.

It says which permissions the functions need. What fails on purpose is only what makes a further call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from tests.proof.aws.calls import Call
from tests.proof.aws.client_errors import client_error
from tests.proof.aws.providers import Report, answered, http, in_order
from tests.proof.marked_customer import inbound_text
from tests.proof.scenarios import ADA, DAY, email_step, event, identify, journey, wait, webhook_step
from tests.proof.system import ADMIN_KEY, QUEUES, System

PHONE: Final = "+15550123"
TESTER: Final = "test@example.com"
SCHEMA: Final = {"primaryKey": {"name": "email", "type": "Email"}, "attributes": {}, "timezone": "UTC"}
TEXT: Final = {"id": "text", "type": "message", "channel": "sms", "template": {"text": "Hello {{ unsubscribe_url }}"}, "next": "end"}
LINKED: Final = {"subject": "Hello", "text": "{{ unsubscribe_url }} {{ preferences_url }}"}
TIMED: Final = journey(
    "timed",
    "ordered",
    {**email_step("mail", "call"), "transactional": False, "template": LINKED},
    webhook_step("call", "text", onFailure="text"),
    {**TEXT, "next": "soon"},
    {"id": "soon", "type": "timeDelay", "delay": "PT5M", "next": "read"},
    {
        "id": "read",
        "type": "waitUntil",
        "branches": [{"message": "mail", "status": "clicked", "next": "end"}],
        "timeout": {"after": "P2D", "next": "end"},
    },
)
AGAIN: Final = {"event": "ordered", "reentry": {"mode": "always"}}
WAITING: Final = journey("waiting", "seen", wait("paid", "purchase", "thanks", "P1D", "end"), email_step("thanks", "end"))

DRAWING: Final = journey(
    "drawing",
    "tried",
    {"id": "draw", "type": "experiment", "branches": [{"id": side, "weight": 50, "next": "paid"} for side in ("left", "right")]},
    wait("paid", "purchase", "end", "P1D", "end"),
)


@dataclass
class FullUse:
    """The system, the requests that it got, and the calls that it made."""

    system: System
    calls: list[Call] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    numbers: int = 0

    def request(self, method: str, path: str, body: Any = None, *, expected: int | None = None, **query: str) -> Any:
        """The body of the response to a request. AssertionError if it has another status than expected, by default one of 2xx."""
        self.requests.append((method, path))
        found, answer = self.system.request(method, path, body, **query)
        assert found == expected if expected is not None else 200 <= found < 300, (method, path, found, answer)
        return answer

    def open(self, method: str, path: str, body: str | None = None, **query: str) -> None:
        """Requests a text or a page. AssertionError if it has another status than 200."""
        self.requests.append((method, path))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Api-Key {ADMIN_KEY}"}
        event = {"httpMethod": method, "path": path, "headers": headers, "queryStringParameters": query or None, "body": body}
        response = self.system.invoke("manage", event | {"requestContext": {"requestId": self.system.token()}})
        assert response["statusCode"] == 200, (method, path, response)

    def post(self, *events: Mapping[str, Any], status: int = 201) -> None:
        """Posts a batch of events and lets everything happen that comes of it."""
        self.request("POST", "/api/events/batch", {"batch": list(events)}, expected=status)
        self.system.settle()

    def new_id(self) -> str:
        """A uuid of an event."""
        self.numbers += 1
        return f"event-{self.numbers}"

    def publish(self, definition: Mapping[str, Any]) -> None:
        """Saves and publishes a journey; customers enter it afterwards."""
        self.request("PUT", f"/api/journeys/{definition['id']}", definition)
        self.request("POST", f"/api/journeys/{definition['id']}/publish")
        self.system.advance(15)

    @contextmanager
    def failing(self, fails: Callable[[Call], bool], code: str = "ThrottlingException") -> Iterator[None]:
        """Some calls fail with an error of AWS."""

        def intervene(call: Call, perform: Callable[..., Any]) -> Any:
            if fails(call):
                raise client_error(call.operation, code, "refused")
            return perform()

        before, self.system.aws.intervene = self.system.aws.intervene, intervene
        yield
        self.system.aws.intervene = before


def use_everything(use: FullUse) -> None:
    """Everything, one feature after the other."""
    prepare(use)
    keys(use)
    customers(use)
    messages(use)
    lifecycle(use)
    failures(use)
    lists(use)
    consents(use)
    erasure(use)


def prepare(use: FullUse) -> None:
    """Schema, settings and secrets."""
    use.request("PUT", "/api/schema", SCHEMA)
    use.request("GET", "/api/schema")
    use.request("PUT", "/api/settings", {"caps": [{"messages": 50, "per": "P1D"}], "testAddresses": [TESTER], "topics": [{"id": "news"}]})
    use.request("GET", "/api/settings")
    use.request("GET", "/api/webhooks/secret")
    use.request("POST", "/api/webhooks/secret")
    use.request("POST", "/api/links/key")


def keys(use: FullUse) -> None:
    """A key that is added, listed and revoked."""
    added = use.request("POST", "/api/keys", {"scopes": ["events"], "name": "app"})
    use.request("POST", "/api/events/batch", {"batch": [event(use.new_id(), "seen", "phone")]}, expected=201, key=added["key"])
    use.system.advance(5)
    use.request("GET", "/api/keys")
    use.request("DELETE", f"/api/keys/{added['id']}")


def customers(use: FullUse) -> None:
    """Customers that are created, joined and merged, and events that are rejected."""
    use.post(event(use.new_id(), "seen", "tablet"))
    use.post(identify(use.new_id(), "phone", ADA, phone=PHONE))
    use.post(identify(use.new_id(), "tablet", ADA))
    use.post(
        event(use.new_id(), "seen", "laptop"), identify(use.new_id(), "desk", "bob@example.com"), identify(use.new_id(), "laptop", ADA)
    )
    use.post(event(use.new_id(), "$set", "phone", plan="gold"))
    for device in ("large", "larger"):  # with a time of their own, by which the intake saves the attributes itself
        large = identify(use.new_id(), device, "large@example.com", **{f"{device}-{number}": number for number in range(120)})
        use.post({**large, "timestamp": "2026-01-01T00:00:00Z"})
    use.post({**event(use.new_id(), "x"), "event": 5}, status=422)


def messages(use: FullUse) -> None:
    """Messages on all channels, their timers, what providers report, and links."""
    system = use.system
    use.publish({**TIMED, "entry": AGAIN})
    system.ses.behaviour = in_order(answered(Report("Delivery", 1.0), Report("Click", 2.0, {"link": "https://example.com"})))
    system.receivers.behaviour = in_order(http(500, accepts=False), http(200))
    use.post(event(use.new_id(), "ordered", "phone"))
    system.ses.behaviour = in_order(answered(Report("Bounce", 1.0)))
    use.post(event(use.new_id(), "ordered", "phone"))
    system.advance(3 * DAY)
    system.settle()


def lifecycle(use: FullUse) -> None:
    """A journey with its versions: paused, resumed with what it holds, simulated, drawn, counted, and stopped; a draft that is deleted."""
    system = use.system
    use.publish(WAITING)
    use.post(event(use.new_id(), "seen", "phone"), event(use.new_id(), "seen", "desk"))
    use.request("POST", "/api/journeys/waiting/pause")
    system.advance(15)
    use.post(event(use.new_id(), "purchase", "phone"))
    use.request("POST", "/api/journeys/waiting/resume")
    system.settle()
    system.advance(20 * 60)
    system.settle()
    use.request("PUT", "/api/journeys/waiting", {**WAITING, "name": "Second"})
    use.request("POST", "/api/journeys/waiting/publish")
    use.request("PUT", "/api/settings", {"sending": False})
    system.advance(15)
    use.post(event(use.new_id(), "ordered", "phone"))
    use.request("PUT", "/api/settings", {"sending": True, "testAddresses": [TESTER], "topics": [{"id": "news"}], "caps": CAPS})
    system.settle()
    for path in ("", "/versions", "/runs", "/stats", "/counts"):
        use.request("GET", f"/api/journeys/waiting{path}")
    use.request("GET", "/api/journeys/waiting/picture", counts="true")
    use.open("GET", "/api/journeys/waiting/diagram", counts="true")
    use.request("POST", "/api/journeys/waiting/check", WAITING)
    use.publish(DRAWING)
    use.request("POST", "/api/events", event(use.new_id(), "tried", "phone"), expected=201)
    system.settle()
    use.request("GET", "/api/journeys/drawing/experiments/draw", goal="paid")
    use.request("GET", "/api/journeys")
    played = {"customer": {"primaryKey": ADA}, "recorded": {"since": "2020-01-01T00:00:00Z"}}
    use.request("POST", "/api/journeys/waiting/simulate", played)
    use.request("POST", "/api/journeys/waiting/stop")
    system.settle()
    for name in ("First", "Second"):
        use.request("PUT", "/api/journeys/draft", {"id": "draft", "name": name})
    use.request("DELETE", "/api/journeys/draft")


CAPS: Final = [{"messages": 50, "per": "P1D"}]


def of_function(function: str, operation: str) -> Callable[[Call], bool]:
    """Whether a call is one of a function and of an operation."""
    return lambda call: (call.function, call.operation) == (function, operation)


def times(number: int, fails: Callable[[Call], bool]) -> Callable[[Call], bool]:
    """Whether a call is one of the first ones that fail."""
    left = count(1)
    return lambda call: fails(call) and next(left) <= number


def failures(use: FullUse) -> None:
    """Records that fail until they are parked, records that are postponed, and dead letters that are listed, redriven and deleted."""
    system = use.system
    system.receivers.behaviour = in_order(http(404, accepts=False))
    use.post(event(use.new_id(), "ordered", "phone"))
    with use.failing(lambda call: (call.function, call.operation) == ("match", "transact_write_items"), "ValidationException"):
        use.post(event(use.new_id(), "ordered", "phone"))
    with use.failing(lambda call: call.function == "send" and call.operation == "get_item", "ValidationException"):
        use.post(event(use.new_id(), "ordered", "desk"))
    for function, operation, number in (("match", "batch_get_item", 40), ("send", "get_item", 50)):
        with use.failing(times(number, of_function(function, operation))):  # until a record may be one that ends the process
            use.post(event(use.new_id(), "ordered", "phone"))
    timer = json.dumps(["group", "name", "{}"])
    with use.failing(times(2, of_function("match", "send_message_batch"))):
        system.sqs.send_message(QueueUrl=QUEUES["DelaysQueue"].url, MessageBody=timer)
        system.settle()
    with use.failing(times(1, of_function("send", "update_item"))):
        for kind in ("Bounce", "Bounce"):
            system.ses.behaviour = in_order(answered(Report(kind, 1.0)))
            use.post(event(use.new_id(), "ordered", "desk"))
    system.advance(60)
    found = use.request("GET", "/api/dead-letters")["items"]
    use.request("GET", "/api/dead-letters/count")
    use.request("GET", "/api/dead-letters/groups")
    use.request("DELETE", f"/api/dead-letters/{found[0]['id']}")
    use.request("POST", "/api/dead-letters/redrive", {"id": found[1]["id"]})
    use.request("POST", "/api/dead-letters/redrive", {})
    system.settle()


def lists(use: FullUse) -> None:
    """What the management API reads."""
    use.system.advance(30)
    customer = use.request("GET", "/api/customers", primaryKey=ADA)["id"]
    use.request("GET", "/api/customers", correlationId="phone")
    for path in ("", "/timeline", "/export", "/consents"):
        use.request("GET", f"/api/customers/{customer}{path}")
    use.request("GET", "/api/events")
    use.request("GET", "/api/events", status="rejected")
    use.request("GET", "/api/events", customer=customer)
    use.request("GET", "/api/events/histogram")
    use.request("GET", "/api/events/event-1")
    use.request("GET", "/api/events/event-1/why", journey="timed")
    found = use.request("GET", "/api/messages")["items"]
    use.request("GET", "/api/messages", customer=customer)
    use.request("GET", "/api/messages", journey="timed")
    use.request("GET", f"/api/messages/{found[0]['id']}")
    template = {"channel": "email", "template": {"subject": "x", "text": "y"}, "customer": {"primaryKey": ADA}}
    use.request("POST", "/api/templates/preview", template)
    use.request("POST", "/api/messages/test", {**template, "to": TESTER})
    address = {"channel": "email", "address": "eve@example.com"}
    use.request("POST", "/api/suppressions", {"items": [address]})
    use.request("GET", "/api/suppressions")
    use.request("GET", "/api/suppressions", channel="email", address="eve@example.com")
    use.request("DELETE", "/api/suppressions", {**address, "provider": True})


def consents(use: FullUse) -> None:
    """Consents by event, API, import, link and reply."""
    customer = use.request("GET", "/api/customers", primaryKey=ADA)["id"]
    use.post(event(use.new_id(), "$unsubscribe", "phone", topic="news"))
    sent = use.request("GET", "/api/messages")["items"][0]
    use.post({**event(use.new_id(), "$opened", "phone", messageId=sent["id"]), "source": "message"})
    use.request("POST", f"/api/customers/{customer}/consents", {"topic": "news", "state": "subscribed"})
    imported = {"primaryKey": "new@example.com", "state": "subscribed", "at": "2026-01-01T00:00:00Z"}
    use.request("POST", "/api/consents/import", {"items": [imported, {**imported, "primaryKey": ADA}]})
    use.system.settle()
    mails = [json.dumps(call.arguments) for call in use.calls if call.operation == "send_email"]
    for token in sorted({token for mail in mails for token in re.findall(r"/u/([A-Za-z0-9_-]+)", mail)}):
        use.open("GET", f"/u/{token}")
        if token in mails[0]:
            use.open("POST", f"/u/{token}", "action=none")
    use.system.settle()
    for words in ("STOP", "START"):
        body = json.dumps(inbound_text(PHONE, words))
        use.system.sqs.send_message(QueueUrl=QUEUES["ReportsQueue"].url, MessageBody=body)
        use.system.settle()


def erasure(use: FullUse) -> None:
    """An erasure of a customer with runs, messages, timers and dead letters, which continues in the background."""
    system = use.system
    system.receivers.behaviour = in_order(http(404, accepts=False))
    use.post(event(use.new_id(), "ordered", "phone"))
    use.post({**event(use.new_id(), "x", "phone"), "source": 5}, status=422)
    system.advance(30)
    customer = use.request("GET", "/api/customers", primaryKey=ADA)["id"]
    other = use.request("GET", "/api/customers", primaryKey="bob@example.com")["id"]
    use.request("DELETE", f"/api/customers/{other}")
    with use.failing(lambda call: call.function == "manage" and call.resources == ("DeadTable",)):
        use.request("DELETE", f"/api/customers/{customer}", expected=503)  # the matcher does it
    use.request("GET", f"/api/erasures/{customer}")
    system.settle()
    system.advance(600)
    system.settle()
    use.request("DELETE", f"/api/customers/{customer}")
