"""A customer with everything that Waypost can know of one: each value holds a marker, so that a test can find where the value comes out.

`run` uses every feature once: all channels, waits, reports, replies, links, consents, refusals, dead letters, and the management API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from tests.fakes.ses_events import ses_event
from tests.proof.functions_on_moto import FunctionsOnMoto
from waypost import wiring
from waypost.domain.values.wire_time import iso

MARK: Final = "pl4nt3d"
"""A part of every planted text. A phone number cannot hold it, and generated secrets do not."""
PHONE: Final = "+4915155512345"
ADDRESS: Final = f"ada.{MARK}@example.com"
DEVICE: Final = f"device-{MARK}"
EVENTS_KEY: Final = f"events-key-of-{MARK}-000001"
HOOK: Final = f"https://hooks.example.com/{MARK}"
EMAIL: Final = {
    "subject": f"To {{{{ customer.first_name }}}} {MARK}",
    "text": "{{ event.payload.note }} {{ unsubscribe_url }} {{ preferences_url }}",
    "html": '<p>{{ customer.first_name }} <a href="{{ unsubscribe_url }}">x</a></p>',
}
JOURNEY: Final[Mapping[str, Any]] = {
    "id": "journey-of-all",
    "name": "Everything",
    "entry": {"event": "ordered", "reentry": {"mode": "always"}},
    "steps": [
        {"id": "mail", "type": "message", "channel": "email", "template": EMAIL, "next": "call"},
        {
            "id": "call",
            "type": "message",
            "channel": "webhook",
            "template": {"url": HOOK, "headers": {"X-Secret": f"secret-{MARK}"}, "json": {"note": "{{ event.payload.note }}"}},
            "next": "text",
        },
        {
            "id": "text",
            "type": "message",
            "channel": "sms",
            "template": {"text": "{{ customer.first_name }}: {{ event.payload.note }}"},
            "next": "wait-for-open",
        },
        {
            "id": "wait-for-open",
            "type": "waitUntil",
            "branches": [{"id": "opens", "message": "mail", "status": "opened", "next": "soon"}],
            "timeout": {"after": "P3D", "next": "end"},
        },
        {"id": "soon", "type": "timeDelay", "delay": "PT5M", "next": "later"},
        {"id": "later", "type": "timeDelay", "delay": "P2D", "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}
SETTINGS: Final[Mapping[str, Any]] = {
    "topics": [{"id": "news-topic", "name": "News", "doubleOptIn": True}, {"id": "offers", "name": "Offers"}],
    "testAddresses": [f"test.{MARK}@example.com"],
    "caps": [{"messages": 50, "per": "P1D"}],
}


@dataclass
class MarkedCustomer:
    """The customer in the workspace of an admin key; `run` creates both, and fills in what was generated."""

    functions: FunctionsOnMoto
    admin_key: str
    workspace: str
    secrets: set[str] = field(default_factory=set)
    customer: str = ""
    tokens: list[str] = field(default_factory=list)

    @property
    def events_key(self) -> str:
        """The key with which events are sent."""
        return EVENTS_KEY

    @property
    def markers(self) -> set[str]:
        """Every text that may come out nowhere but in a response to a caller who may see it."""
        return {MARK, PHONE, PHONE.removeprefix("+"), self.admin_key, *self.secrets, *self.tokens}

    def run(self) -> None:
        """Uses everything. Whatever the faults are, no request and no record is left out."""
        self.prepare()
        self.send_events()
        self.functions.settle()
        self.find()
        self.use_links()
        self.report()
        self.fail()
        self.manage()
        self.functions.settle()

    def prepare(self) -> None:
        """Schema, settings, keys, secrets, and a journey."""
        self._manage("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}, "attributes": {"phone": "String"}})
        self._manage("PUT", "/api/settings", SETTINGS)
        self._manage("POST", "/api/keys", {"scopes": ["events"], "key": EVENTS_KEY, "name": "app"})
        added = self._manage("POST", "/api/keys", {"scopes": ["admin"], "name": "second"})
        secret = self._manage("POST", "/api/webhooks/secret")
        self.secrets |= {each for each in (added.get("key"), secret.get("secret")) if each}
        self._manage("POST", "/api/links/key")
        self._manage("PUT", "/api/journeys/journey-of-all", JOURNEY)
        self._manage("POST", "/api/journeys/journey-of-all/publish")

    def send_events(self) -> None:
        """Accepted and rejected events, and requests that are refused as a whole."""
        functions = self.functions
        identify = {"distinct_id": ADDRESS, "first_name": f"Ada {MARK}", "phone": PHONE, "email": ADDRESS}
        functions.ingest({"batch": [event("$identify", **identify), event("ordered", note=f"note {MARK}")]}, EVENTS_KEY)
        functions.ingest({"batch": [event("$set", plan=f"plan {MARK}")]}, EVENTS_KEY, **{"Idempotency-Key": f"again-{MARK}"})
        rejected = [event("$identify", distinct_id=f"no address {MARK}"), {"event": 5, "payload": MARK}, MARK, event("x" * 201 + MARK)]
        functions.ingest({"batch": [*rejected, event("seen", deep=json.loads("[" * 40 + f'"{MARK}"' + "]" * 40))]}, EVENTS_KEY)
        functions.ingest(f'{{"batch": [{{"event": "{MARK}"', EVENTS_KEY)
        functions.ingest({"batch": []}, EVENTS_KEY, **{"Content-Encoding": MARK, "Content-Type": "application/json"})
        functions.ingest({"batch": []}, EVENTS_KEY, **{"Content-Type": f"text/{MARK}"})
        functions.ingest({"batch": [event("ordered")]}, f"unknown-key-{MARK}-0000000")
        functions.ingest({"batch": [event("ordered")]}, EVENTS_KEY, path=f"/api/events/{MARK}")

    def find(self) -> None:
        """Reads the customer, its messages and its events by everything that identifies them."""
        self.customer = self._manage("GET", "/api/customers", query={"primaryKey": ADDRESS}).get("id", "c_unknown")
        self._manage("GET", "/api/customers", query={"correlationId": DEVICE})
        self._manage("GET", "/api/customers", query={"primaryKey": f"other.{MARK}@example.com"})
        for part in ("", "/timeline", "/export", "/consents"):
            self._manage("GET", f"/api/customers/{self.customer}{part}")
        for path in ("/api/events", "/api/events/histogram", "/api/messages", f"/api/customers/{MARK}", f"/api/messages/{MARK}"):
            self._manage("GET", path)
        self._manage("GET", "/api/messages", query={"cursor": MARK})
        self._manage("GET", f"/api/events/{MARK}")
        self._manage("GET", "/api/events", query={MARK: MARK})
        sent = [json.dumps(call.arguments) for call in self.functions.calls if call.operation == "SendEmail"]
        self.tokens = sorted({token for text in sent for token in re.findall(r"/u/([\w.~-]+)", text)})

    def use_links(self) -> None:
        """Opens and uses the links of the messages, and changed ones."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for token in (*self.tokens, MARK, *(f"{token[:-3]}xyz" for token in self.tokens[:1])):
            self.functions.manage("GET", f"/u/{token}")
            self.functions.manage("POST", f"/u/{token}", f"List-Unsubscribe=One-Click&{MARK}={MARK}", headers=form)
            self.functions.manage("POST", f"/u/{token}", f"action=save&topic={MARK}", headers=form)
        self.functions.settle()

    def report(self) -> None:
        """Reports of SES and of the SMS service, documented and broken, and texts from the customer's phone."""
        sent = {each["channel"]: each["id"] for each in self._manage("GET", "/api/messages").get("items", [])}
        workspace = self.workspace
        for kind in ("Delivery", "Open", "Click", "Bounce", "Complaint", "Reject"):
            fields = {"link": f"https://example.com/{MARK}"} if kind == "Click" else {}
            self.functions.put_report(ses_event(kind, fields, message=sent.get("email", "msg_1"), workspace=workspace, to=[ADDRESS]))
        self.functions.put_report({"source": "aws.ses", "detail": {"mail": {MARK: MARK}}})
        self.functions.put_report({"source": "aws.ses", "detail": MARK})
        self.functions.put_report(f"not JSON {MARK}")
        text = {"eventType": "TEXT_INVALID", "destinationPhoneNumber": PHONE, "messageStatusDescription": MARK, "eventTimestamp": MARK}
        context = {"waypost-message": sent.get("sms", "msg_1"), "waypost-workspace": workspace}
        self.functions.put_report({"source": "aws.sms-voice", "detail": {**text, "context": context}})
        for words in ("Stop", f"hello {MARK}"):
            self.functions.put_report(inbound_text(PHONE, words))
        self.functions.settle()

    def fail(self) -> None:
        """Records that cannot be read, and their dead letters: listed, redriven and deleted."""
        for queue in ("signals.fifo", "delays", "send"):
            for body in (f"no JSON {MARK}", json.dumps([MARK]), json.dumps({"workspace": MARK, "message": [MARK]})):
                self.functions.enqueue(queue, [{"MessageBody": body, "MessageGroupId": MARK}])
        self.functions.settle()
        self._manage("GET", "/api/dead-letters")
        self._manage("GET", "/api/dead-letters/count")
        self._manage("POST", "/api/dead-letters/redrive", {"id": MARK})
        self._manage("POST", "/api/dead-letters/redrive")
        self._manage("DELETE", f"/api/dead-letters/{MARK}")
        self.functions.settle()

    def manage(self) -> None:
        """The other requests that take or return personal data, the refused ones too, and the erasure."""
        template = {"subject": f"{MARK} {{{{ customer.first_name }}}}", "text": "{{ event.payload.note }}"}
        ordered = {"event": "ordered", "payload": {"note": MARK}}
        preview = {"channel": "email", "template": template, "customer": {"primaryKey": ADDRESS}, "event": ordered}
        self._manage("POST", "/api/templates/preview", preview)
        self._manage("POST", "/api/templates/preview", {**preview, "template": {"subject": f"{{{{ {MARK}", "text": "{% if %}"}})
        self._manage("POST", "/api/messages/test", {**preview, "to": f"test.{MARK}@example.com"})
        self._manage("POST", "/api/messages/test", {**preview, "to": f"other.{MARK}@example.com"})
        played = {"customer": {"primaryKey": ADDRESS}, "events": [{**ordered, "at": iso(wiring.now())}]}
        self._manage("POST", "/api/journeys/journey-of-all/simulate", played)
        self._manage("POST", "/api/journeys/journey-of-all/simulate", {**played, "definition": {"id": MARK}})
        self._manage("PUT", f"/api/journeys/{MARK}", {"id": "other", "entry": MARK})
        self._manage("POST", f"/api/customers/{self.customer}/consents", {"topic": "offers", "state": "subscribed", "textVersion": MARK})
        self._manage("POST", f"/api/customers/{self.customer}/consents", {"topic": MARK, "state": MARK})
        at = iso(wiring.now() - timedelta(days=1))
        imported = [{"primaryKey": ADDRESS, "topic": "offers", "state": "unsubscribed", "at": at}]
        self._manage("POST", "/api/consents/import", {"items": [*imported, {"correlationId": DEVICE, "state": "subscribed", "at": at}]})
        suppressed = [{"channel": "email", "address": ADDRESS}, {"channel": "sms", "address": PHONE}]
        self._manage("POST", "/api/suppressions", {"items": suppressed})
        self._manage("GET", "/api/suppressions", query={"channel": "email", "address": ADDRESS})
        self._manage("GET", "/api/suppressions")
        self._manage("DELETE", "/api/suppressions", {"channel": "email", "address": ADDRESS, "provider": True})
        self._manage("DELETE", "/api/suppressions", {"channel": "sms", "address": PHONE})
        self._manage("GET", f"/api/{quote(ADDRESS)}")
        self._manage("GET", "/api/keys", key=f"unknown-key-{MARK}-0000000")
        self._manage("POST", "/api/keys", {"scopes": [MARK], "key": MARK})
        self.functions.settle()
        self._manage("DELETE", f"/api/customers/{self.customer}")
        self.functions.advance(130)
        self._manage("GET", f"/api/erasures/{self.customer}")

    def _manage(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None, key: str | None = None) -> Any:
        response = self.functions.manage(method, path, body, key=key or self.admin_key, query=query)
        return json.loads(response["body"]) if response["body"].startswith("{") and response["statusCode"] < 300 else {}


def inbound_text(number: str, words: str) -> Mapping[str, Any]:
    """A text from a phone, in the envelope of SNS."""
    message = {"originationNumber": number, "destinationNumber": "+4915100000000", "messageBody": words, "inboundMessageId": f"in-{words}"}
    return {"Type": "Notification", "Message": json.dumps(message), "Timestamp": iso(wiring.now())}


def event(name: str, *, correlation: str = DEVICE, uuid: str | None = None, **payload: Any) -> dict[str, Any]:
    """An event of a device, as clients send it."""
    named = {} if uuid is None else {"uuid": uuid}
    fields = {"correlationKey": "_id", "correlationValue": correlation, "event": name, "payload": payload}
    return {**fields, **named, "timestamp": iso(wiring.now())}
