"""Consents through the management function on the template's tables, and the matcher on what it puts on the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from tests.fakes.api_client import call, new_workspace
from waypost import identify, wiring
from waypost.adapters.sqs import SqsSignals
from waypost.domain.customers.consents import ALL, ConsentChange, change_in
from waypost.domain.customers.facts import merge
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import head_key
from waypost.domain.signal_codec import from_body
from waypost.domain.signals import EventsArrived, QueueMessage

ADA = Identifier("primary", "ada@example.com")
AT = datetime(2026, 11, 20, 5, tzinfo=UTC)
TOPICS = [{"id": "news", "name": "News", "default": "unsubscribed", "doubleOptIn": True}]


@dataclass
class RecordedQueue:
    """The signals queue of a workspace, which takes everything unless it is full."""

    workspace: str
    calls: list[list[QueueMessage]] = field(default_factory=list)
    full: bool = False

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """The messages that the queue refuses."""
        self.calls.append(list(queue_messages))
        return list(queue_messages) if self.full else []

    @property
    def signals(self) -> list[EventsArrived]:
        """The signals of all calls."""
        found = [from_body(each.body) for sent in self.calls for each in sent]
        return [each for each in found if isinstance(each, EventsArrived)]


@pytest.fixture
def queue(tables: None, monkeypatch: pytest.MonkeyPatch) -> RecordedQueue:
    """The queue of a new workspace whose primary key is an e-mail address and which has the topic `news`."""
    recorded = RecordedQueue(new_workspace())
    assert call("PUT", "/api/schema", {"primaryKey": {"name": "email", "type": "Email"}})[0] == 200
    assert call("PUT", "/api/settings", {"topics": TOPICS})[0] == 200
    monkeypatch.setattr(SqsSignals, "send", lambda _, queue_messages: recorded.send(queue_messages))
    return recorded


def write(workspace: str, *changes: ConsentChange) -> str:
    """Writes consents of Ada as the matcher does; returns her id."""
    customer = identify.write_facts(wiring.customers(), head_key(workspace, ADA), merge(*(change.facts for change in changes)))
    assert isinstance(customer, str)
    wiring.consent_history().add(workspace, customer, changes, AT + timedelta(seconds=1))
    return customer


def consent(state: Literal["subscribed", "unsubscribed"] = "unsubscribed", topic: str = ALL, hours: int = 0) -> ConsentChange:
    """A change of consent on all channels, so many hours after `AT`."""
    return ConsentChange(state, topic, ALL, AT + timedelta(hours=hours), f"u{hours}", "custom", "v1")


def row(**changes: Any) -> dict[str, Any]:
    """A row of an import; a field with the value `...` is left out."""
    fields = {"primaryKey": "Ada@Example.com", "state": "unsubscribed", "at": "2026-11-20T05:00:00Z", **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def test_the_consents_of_a_customer_are_shown_with_their_history(queue: RecordedQueue) -> None:
    """The state of each topic of the settings, and of `general`, on each channel, and the changes with the newest first, in pages."""
    ada = write(queue.workspace, consent(), consent("subscribed", "news", hours=1))
    status, found = call("GET", f"/api/customers/{ada}/consents", query={"limit": "1"})
    assert (status, found["customer"]) == (200, ada)
    assert {(each["topic"], each["channel"], each["state"]) for each in found["states"]} >= {
        ("general", "email", "unsubscribed"),
        ("general", "webhook", "unsubscribed"),
        ("news", "email", "pending"),
    }
    [newest] = found["items"]
    assert newest == {
        "at": "2026-11-20T06:00:00.000Z",
        "receivedAt": "2026-11-20T05:00:01.000Z",
        "state": "subscribed",
        "topic": "news",
        "channel": None,
        "source": "custom",
        "textVersion": "v1",
        "confirmed": False,
        "uuid": "u1",
    }
    _, second = call("GET", f"/api/customers/{ada}/consents", query={"limit": "1", "cursor": found["next"]})
    assert ([each["uuid"] for each in second["items"]], second["next"]) == (["u0"], None)
    assert [each["uuid"] for each in call("GET", f"/api/customers/{ada}/export")[1]["consents"]] == ["u1", "u0"]


def test_a_change_is_an_event_on_the_queue_of_its_customer(queue: RecordedQueue) -> None:
    """The API puts an event of the source `api` on the queue, whose time is not in the future, and answers with its uuid."""
    ada = write(queue.workspace, consent())
    body = {"state": "subscribed", "topic": "news", "channel": "email", "textVersion": "v2", "confirmed": True}
    status, answer = call("POST", f"/api/customers/{ada}/consents", {**body, "at": "2999-01-01T00:00:00Z"})
    assert status == 202
    [signal] = queue.signals
    [event] = signal.events
    assert (signal.customer, signal.historical, event.uuid, event.name, event.source) == (ada, False, answer["uuid"], "$subscribe", "api")
    assert event.payload == {"topic": "news", "channel": "email", "textVersion": "v2", "confirmed": True}
    change = change_in(event.facts, event.uuid)
    assert change is not None
    assert (change.at == event.at <= signal.received_at, change.confirmed) == (True, True)
    assert [each.group for each in queue.calls[0]] == [ada]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"state": "subscribed", "topic": "offers"}, "/topic"),
        ({"state": "pending"}, "/state"),
        ({"state": "subscribed", "channel": "pigeon"}, "/channel"),
        ({"state": "unsubscribed", "confirmed": True}, ""),
        ({"state": "unsubscribed", "at": "soon"}, "/at"),
    ],
    ids=["unknown topic", "unknown state", "unknown channel", "a confirmed stop", "no time"],
)
def test_a_wrong_change_is_refused_with_a_pointer(queue: RecordedQueue, body: dict[str, Any], pointer: str) -> None:
    """What cannot be recorded gets 422 with a pointer, and nothing is on the queue."""
    ada = write(queue.workspace, consent())
    status, problem = call("POST", f"/api/customers/{ada}/consents", body)
    assert (status, [each["pointer"] for each in problem["errors"]]) == (422, [pointer])
    assert not queue.calls
    assert call("POST", "/api/customers/c_nobody/consents", {"state": "unsubscribed"})[0] == 404


def test_an_import_makes_one_event_of_each_row_that_moves_no_journey(queue: RecordedQueue) -> None:
    """The rows of one customer are one historical signal in the customer's group; the same import again has the same uuids."""
    ada = write(queue.workspace, consent())
    rows = [row(), row(state="subscribed", topic="news", at="2026-11-21T05:00:00Z"), row(primaryKey=..., correlationId="device-9")]
    assert call("POST", "/api/consents/import", {"items": rows}) == (202, {"imported": 3})
    of_ada, of_device = queue.signals
    assert (of_ada.customer, of_ada.known, of_ada.historical, len(of_ada.events)) == (ada, True, True, 2)
    assert (of_device.known, of_device.events[0].identifier) == (False, Identifier("correlation", "device-9"))
    assert {event.source for event in of_ada.events} == {"import"}
    call("POST", "/api/consents/import", {"items": rows})
    assert [each.events for each in queue.signals[2:]] == [of_ada.events, of_device.events]
    assert [each.name for each in queue.calls[0]] == [each.name for each in queue.calls[1]]


def test_an_import_of_a_thousand_rows_is_a_hundred_calls(queue: RecordedQueue) -> None:
    """Ten customers are one call of the queue, and a customer with many rows has several messages in several calls."""
    rows = [row(primaryKey=f"c{number}@example.com") for number in range(750)] + [
        row(at=f"2026-11-20T05:00:{number % 60:02}.{number:03}Z") for number in range(250)
    ]
    assert call("POST", "/api/consents/import", {"items": rows}) == (202, {"imported": 1000})
    assert all(len({each.group for each in sent}) == len(sent) <= 10 for sent in queue.calls)
    assert sum(len(signal.events) for signal in queue.signals) == 1000
    assert call("POST", "/api/consents/import", {"items": [*rows, row()]})[0] == 422


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"topic": "offers"}, "/items/1/topic"),
        ({"primaryKey": "Ada"}, "/items/1/primaryKey"),
        ({"primaryKey": ..., "correlationId": "null"}, "/items/1/correlationId"),
        ({"correlationId": "device-1"}, "/items/1"),
        ({"at": ...}, "/items/1/at"),
    ],
    ids=["unknown topic", "no e-mail address", "placeholder", "two identifiers", "no time"],
)
def test_an_import_with_a_wrong_row_imports_nothing(queue: RecordedQueue, wrong: dict[str, Any], pointer: str) -> None:
    """The answer has a pointer to the row, and no row of the request is on the queue."""
    status, problem = call("POST", "/api/consents/import", {"items": [row(), row(**wrong)]})
    assert (status, [each["pointer"] for each in problem["errors"]]) == (422, [pointer])
    assert not queue.calls


def test_a_full_queue_is_an_outage(queue: RecordedQueue) -> None:
    """If the queue does not take a consent, the answer is 503, so that the caller sends it again."""
    ada = write(queue.workspace, consent())
    queue.full = True
    assert call("POST", f"/api/customers/{ada}/consents", {"state": "unsubscribed"})[0] == 503
    assert call("POST", "/api/consents/import", {"items": [row()]})[0] == 503


def test_a_journey_with_an_unknown_topic_is_not_published(queue: RecordedQueue) -> None:
    """A topic has to be in the settings when a journey is published; a transactional step has none."""
    step: dict[str, Any] = {
        "id": "hello",
        "type": "message",
        "channel": "email",
        "template": {"subject": "Hi", "text": "Hello"},
        "next": "end",
    }
    draft: dict[str, Any] = {"entry": {"event": "go"}, "steps": [{**step, "topic": "offers"}, {"id": "end", "type": "exit"}]}
    call("PUT", "/api/journeys/welcome", draft)
    status, problem = call("POST", "/api/journeys/welcome/publish")
    assert (status, [(each["code"], each["pointer"]) for each in problem["errors"]]) == (422, [("unknown-topic", "/steps/0/topic")])
    draft["steps"][0]["topic"] = "news"
    call("PUT", "/api/journeys/welcome", draft)
    assert call("POST", "/api/journeys/welcome/publish")[0] == 200
    draft["steps"][0]["transactional"] = True
    _, saved = call("PUT", "/api/journeys/welcome", draft)
    assert [(each["code"], each["pointer"]) for each in saved["problems"]] == [("transactional-topic", "/steps/0/transactional")]


def test_topics_with_one_id_are_refused(queue: RecordedQueue) -> None:
    """The topics of the settings have different ids, and an id is a word."""
    too_many = [{"id": f"t{number}"} for number in range(51)]
    for topics in ([{"id": "a"}, {"id": "a"}], [{"id": "two words"}], [{"id": "a", "default": "pending"}], too_many):
        assert call("PUT", "/api/settings", {"topics": topics})[0] == 422
    assert call("GET", "/api/settings")[1]["topics"] == TOPICS


def test_a_dry_run_skips_what_the_customer_has_unsubscribed_from(queue: RecordedQueue) -> None:
    """The dry run has the reason of the sender, by the consents that are stored and by those of the events that it plays."""
    write(queue.workspace, consent())
    template = {"subject": "Hi", "text": "Hello", "from": "waypost@example.com"}
    steps = [
        {"id": "hello", "type": "message", "channel": "email", "template": template, "next": "receipt"},
        {"id": "receipt", "type": "message", "channel": "email", "transactional": True, "template": template, "next": "news"},
        {"id": "news", "type": "message", "channel": "email", "topic": "news", "template": template, "next": "end"},
        {"id": "end", "type": "exit"},
    ]
    call("PUT", "/api/journeys/welcome", {"entry": {"event": "go"}, "steps": steps})
    go = {"event": "go", "at": "2026-11-20T07:00:00Z"}
    played = [{"event": "$subscribe", "payload": {"topic": "general"}, "at": "2026-11-20T06:00:00Z"}, go]
    for events, reasons in ((played[1:], ["unsubscribed", None, "unsubscribed"]), (played, [None, None, "unsubscribed"])):
        _, simulated = call("POST", "/api/journeys/welcome/simulate", {"customer": {"primaryKey": "ada@example.com"}, "events": events})
        assert [each["reason"] for each in simulated["messages"]] == reasons
