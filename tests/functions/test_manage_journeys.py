"""Journeys through the management function on the template's tables: their lifecycle, their dry run, their diagram."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call, send
from tests.fakes.ingest_harness import event_of, identify, wire
from tests.functions.welcome_journey import WELCOME, workspace_with_welcome
from waypost import identify as identifying
from waypost import wiring
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.table import Table
from waypost.domain.intake.event_log import Page
from waypost.domain.values.wire_time import iso

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace with one saved journey."""
    return workspace_with_welcome()


def ada(workspace: str, raw: dict[str, Any]) -> None:
    """Carries out an `$identify` in the workspace."""
    identifying.identify_customer(wiring.managing().customers, workspace, event_of(raw))


def at(**after: float) -> str:
    """A time after the sign-up."""
    return iso(NOW + timedelta(**after))


def test_a_journey_is_published_paused_resumed_and_stopped() -> None:
    """Each action returns the journey with its new status, also when it is repeated; one that the status does not allow is 409."""
    assert call("POST", "/api/journeys/welcome/pause")[0] == 409
    for step, status in (("publish", "published"), ("pause", "paused"), ("resume", "published"), ("stop", "stopped")):
        for _ in range(2):
            status_code, journey = call("POST", f"/api/journeys/welcome/{step}")
            assert (status_code, journey["status"], journey["id"]) == (200, status, "welcome")
    for step in ("publish", "pause", "resume"):
        status_code, problem = call("POST", f"/api/journeys/welcome/{step}")
        assert (status_code, problem["code"]) == (409, "wrong-move")


def test_a_dry_run_shows_moves_and_messages_with_times_and_reasons() -> None:
    """They come in the order of time, with rendered messages, and neither a message nor a customer is stored."""
    events = [
        {"event": "signed_up", "payload": {"word": "yes"}, "at": at()},
        {"event": "page_view", "at": at(days=1)},
        {"event": "signed_up", "at": at(days=1)},
    ]
    status, done = call(
        "POST",
        "/api/journeys/welcome/simulate",
        {"customer": {"primaryKey": "ada@example.com", "attributes": {"name": "Ada"}}, "events": events},
    )
    assert status == 200
    assert [(move["at"], move["step"], move["reason"]) for move in done["moves"]] == [
        (at(), "hello", "entered"),
        (at(), "bought", "next"),
        (at(days=3), "nudge", "timeout"),
        (at(days=3), "end", "next"),
        (at(days=3), "end", "finished"),
    ]
    assert [(each["at"], each["step"], each["channel"], each["rendered"]) for each in done["messages"]] == [
        (at(), "hello", "email", {"subject": "Hi Ada", "text": "You wrote yes."}),
        (at(days=3), "nudge", "email", {"subject": "Well?", "text": "Come back."}),
    ]
    assert done["ignored"] == [{"at": at(days=1), "event": "signed_up", "reason": "already-entered", "message": None}]
    assert call("GET", "/api/messages")[1]["items"] == []
    assert send("GET", "/api/customers", query={"primaryKey": "ada@example.com"})["statusCode"] == 404


def test_a_dry_run_uses_stored_given_and_set_attributes(workspace: str) -> None:
    """Given attributes replace the stored ones, and what the played events set replaces both."""
    ada(workspace, identify("ada@example.com", name="Stored", city="Paris"))
    for given, events, subject in [
        ({}, [], "Hi Stored"),
        ({"name": "Given"}, [], "Hi Given"),
        ({"name": "Given"}, [{"event": "$set", "payload": {"name": "Set"}, "at": at(seconds=-1)}], "Hi Set"),
    ]:
        body = {
            "customer": {"primaryKey": "Ada@example.com", "attributes": given},
            "events": [*events, {"event": "signed_up", "at": at()}],
        }
        assert call("POST", "/api/journeys/welcome/simulate", body)[1]["messages"][0]["rendered"]["subject"] == subject


def test_a_dry_run_plays_recorded_events(workspace: str) -> None:
    """The recorded events of the customer in the given period are played in their order, and no others."""
    ada(workspace, identify("ada@example.com", name="Ada"))
    customer = json.loads(send("GET", "/api/customers", query={"primaryKey": "ada@example.com"})["body"])["id"]
    log = DynamoLog(DynamoReceipts(Table("EventsTable"), timedelta(days=90)))
    for days, name in [(-9, "signed_up"), (0, "signed_up"), (2, "purchase")]:
        event = replace(event_of(wire(name, uuid=f"e{days}")), facts={})
        log.write(workspace, [Page(workspace, customer, NOW + timedelta(days=days), f"s{days}", (event,))], [])
    body = {"customer": {"primaryKey": "ada@example.com"}, "recorded": {"since": at(days=-1), "until": at(days=5)}}
    done = call("POST", "/api/journeys/welcome/simulate", body)[1]
    assert [(move["at"], move["step"]) for move in done["moves"]][1:3] == [(at(), "bought"), (at(days=2), "end")]


REPORTED_STEPS: list[dict[str, Any]] = [
    {
        "id": "hello",
        "type": "message",
        "channel": "webhook",
        "template": {"url": "https://example.com/", "json": {}},
        "next": "wait",
    },
    {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"id": "opens", "message": "hello", "status": "opened", "next": "end"}],
        "timeout": {"after": "P1D", "next": "end"},
    },
    {"id": "end", "type": "exit"},
]


def simulated_with(workspace: str, *reports: dict[str, Any]) -> tuple[int, Any]:
    """The answer to a dry run of a journey that waits for an open of its webhook, with these reports an hour after the entry."""
    definition = {"id": "reported", "entry": {"event": "signed_up"}, "steps": REPORTED_STEPS}
    assert call("PUT", "/api/journeys/reported", definition)[0] == 201, workspace
    events = [{"event": "signed_up", "at": at()}, *({"at": at(hours=1), **each} for each in reports)]
    return call("POST", "/api/journeys/reported/simulate", {"events": events})


def test_a_dry_run_takes_reports_as_inputs(workspace: str) -> None:
    """A report advances the run at its time, one about a message that was not sent is ignored, and one that nothing asks for is named."""
    early = {"message": "hello", "status": "opened", "at": at(hours=-1)}
    status, done = simulated_with(workspace, {"message": "hello", "status": "delivered"}, {"message": "hello", "status": "opened"}, early)
    assert status == 200
    assert [(move["at"], move["step"], move["reason"], move["branch"]) for move in done["moves"]][2] == (
        at(hours=1),
        "end",
        "report",
        "opens",
    )
    assert done["ignored"] == [{"at": at(hours=-1), "event": None, "reason": "no-message", "message": "hello"}]
    assert [(each["code"], each["pointer"]) for each in done["warnings"]] == [("unnamed-status", "/events/1/status")]


@pytest.mark.parametrize(
    ("report", "code", "pointer"),
    [
        ({"message": "nobody", "status": "opened"}, "unknown-step", "/events/1/message"),
        ({"message": "wait", "status": "opened"}, "unknown-step", "/events/1/message"),
        ({"message": "hello", "status": "bounced"}, "unknown-status", "/events/1/status"),
        ({"message": "hello", "status": "sent"}, "unknown-choice", "/events/1/status"),
        ({"message": "hello", "status": "opened", "event": "x"}, "unknown-field", "/events/1/event"),
    ],
)
def test_a_dry_run_refuses_reports_that_cannot_come(workspace: str, report: dict[str, Any], code: str, pointer: str) -> None:
    """A step that sends no message, and a status that its messages never have, are refused with a pointer."""
    status, refused = simulated_with(workspace, report)
    assert (status, [(each["code"], each["pointer"]) for each in refused["errors"]]) == (422, [(code, pointer)])


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stack with a sender address."""
    monkeypatch.setenv("SENDER_ADDRESS", "waypost@example.com")
    monkeypatch.setenv("SMS_ORIGINATION", "Waypost")
    monkeypatch.setenv("SMS_TYPE", "TRANSACTIONAL")
    for cached in (wiring.channels, wiring.managing):
        cached.cache_clear()
    yield
    for cached in (wiring.channels, wiring.managing):
        cached.cache_clear()


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(
    ("template", "customer", "reason", "missing", "end"),
    [
        ({"to": "{{ customer.mail }}"}, {"attributes": {"mail": "ada@example.com"}}, None, [], "end"),
        ({"to": "{{ customer.mail }}"}, {}, "no-address", ["customer.mail"], "failed"),
        ({"to": "{{ customer.mail }}"}, {"attributes": {"mail": "zoë@example.com"}}, "no-address", [], "failed"),
        ({}, {}, "no-address", [], "failed"),
        ({}, {"primaryKey": "ada@example.com"}, None, [], "end"),
        ({"text": "{{ 1 | divided_by: 0 }}"}, {"primaryKey": "ada@example.com"}, "template", [], "failed"),
        ({"text": "{{ customer.x }}{{ event.payload.n | default: 0 }}"}, {"primaryKey": "ada@example.com"}, None, ["customer.x"], "end"),
    ],
)
def test_a_dry_run_says_which_message_would_be_skipped_and_what_it_misses(
    template: Any, customer: Any, reason: str | None, missing: list[str], end: str
) -> None:
    """The reason is that of the real run, a run with `onFailure` goes the same way, and variables without a value are listed."""
    mail = {"id": "mail", "type": "message", "channel": "email", "next": "end", "onFailure": "failed"}
    ends = [{"id": "end", "type": "exit"}, {"id": "failed", "type": "exit"}]
    steps = [{**mail, "template": {"subject": "Hi", "text": "Hello", **template}}, *ends]
    call("PUT", "/api/journeys/addresses", {"entry": {"event": "go"}, "steps": steps})
    body = {"customer": customer, "events": [{"event": "go", "at": at()}]}
    done = call("POST", "/api/journeys/addresses/simulate", body)[1]
    assert [(each["reason"], each["missing"]) for each in done["messages"]] == [(reason, missing)]
    assert done["moves"][-1]["step"] == end


@pytest.mark.usefixtures("sender")
def test_a_dry_run_shows_the_segments_of_a_text_message() -> None:
    """The rendered text has its encoding and the number of segments that AWS would bill; without a number it is skipped."""
    template = {"text": "Привет {{ event.payload.name }}", "to": "{{ customer.mobile }}"}
    step = {"id": "text", "type": "message", "channel": "sms", "template": template, "next": "end"}
    call("PUT", "/api/journeys/texts", {"entry": {"event": "go"}, "steps": [step, {"id": "end", "type": "exit"}]})
    event = {"event": "go", "payload": {"name": "а" * 70}, "at": at()}
    for customer, reason in [({"attributes": {"mobile": "+49 151 12345678"}}, None), ({}, "no-address")]:
        [message] = call("POST", "/api/journeys/texts/simulate", {"customer": customer, "events": [event]})[1]["messages"]
        assert message["reason"] == reason
        assert message["rendered"]["text"] == "Привет " + "а" * 70
        assert (message["rendered"].get("encoding"), message["rendered"].get("segments")) == ((None, None) if reason else ("UCS-2", 2))


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ({"url": "https://{{ customer.host }}/"}, "template"),
        ({"url": "https://example.com/", "headers": {"X-A": "{{ customer.lines }}"}}, "template"),
        ({"url": "https://example.com/{{ customer.host }}"}, None),
    ],
)
def test_a_dry_run_says_which_webhook_would_be_skipped(hook: Any, reason: str | None) -> None:
    """An address or a header that is refused only after rendering is the reason in the dry run too."""
    step = {"id": "hook", "type": "message", "channel": "webhook", "template": hook, "next": "end"}
    call("PUT", "/api/journeys/hooks", {"entry": {"event": "go"}, "steps": [step, {"id": "end", "type": "exit"}]})
    body = {"customer": {"attributes": {"host": "10.0.0.1", "lines": "a\nb"}}, "events": [{"event": "go", "at": at()}]}
    assert [each["reason"] for each in call("POST", "/api/journeys/hooks/simulate", body)[1]["messages"]] == [reason]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"customer": {"primaryKey": "no e-mail"}}, 422),
        ({"customer": {"primaryKey": "bob@example.com"}, "recorded": {"since": "2026-11-01"}}, 422),
        ({"events": [{"event": "x"}]}, 422),
        ({"events": [{"event": "x", "at": "soon"}]}, 422),
        ({"events": [{"event": "$identify", "at": "2026-11-23T05:17:13Z"}]}, 422),
        ({"events": []}, 200),
        ({"nonsense": 1}, 422),
    ],
)
def test_a_dry_run_that_cannot_be_played_is_refused(body: Any, status: int) -> None:
    """A wrong customer, period or event is 422, and a dry run without events is 200."""
    assert call("POST", "/api/journeys/welcome/simulate", body)[0] == status


def test_a_draft_that_cannot_be_published_is_not_simulated() -> None:
    """The response is the 422 that publishing would give; an unknown journey is 404."""
    call("PUT", "/api/journeys/rough", {"entry": {"event": "x"}, "steps": []})
    status, problem = call("POST", "/api/journeys/rough/simulate", {})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/steps")
    assert call("POST", "/api/journeys/nowhere/simulate", {})[0] == 404


def test_an_unsaved_definition_is_simulated(aws_calls: list[str]) -> None:
    """A dry run uses the definition in the body, also where no journey is stored under the id, and saves nothing."""
    unsaved = {"entry": {"event": "fresh"}, "steps": [{"id": "only", "type": "exit"}]}
    events = {"events": [{"event": "fresh", "at": at()}, {"event": "signed_up", "at": at(hours=1)}]}
    for journey in ("welcome", "nowhere"):
        aws_calls.clear()
        status, done = call("POST", f"/api/journeys/{journey}/simulate", {"definition": unsaved, **events})
        assert (status, [(each["step"], each["reason"]) for each in done["moves"]]) == (200, [("only", "entered"), ("only", "finished")])
        assert [(each["code"], each["pointer"]) for each in done["warnings"]] == [("unknown-event", "/events/1/event")]
        assert set(aws_calls) == {"GetItem"}
    assert call("GET", "/api/journeys/welcome")[1]["version"] == 1
    assert call("GET", "/api/journeys/nowhere")[0] == 404


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        ({"entry": {"event": "x"}, "steps": [{"id": "a", "type": "jumpTo", "next": "nowhere"}]}, "/definition/steps/0/next"),
        ({"id": "other", "entry": {"event": "x"}, "steps": []}, "/definition/id"),
        ([], "/definition"),
    ],
    ids=["cannot run", "other id", "no object"],
)
def test_an_unsaved_definition_that_cannot_run_is_not_simulated(definition: Any, pointer: str) -> None:
    """A fault of the definition in the body is 422, with a pointer into the body."""
    status, problem = call("POST", "/api/journeys/welcome/simulate", {"definition": definition})
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, "invalid", pointer)


def test_a_journey_is_drawn_with_and_without_counts() -> None:
    """The diagram is Mermaid text, with the number of customers in each step on request; a draft that cannot be drawn is 422."""
    response = send("GET", "/api/journeys/welcome/diagram")
    assert response["headers"]["Content-Type"].startswith("text/plain")
    assert response["body"].startswith("flowchart TD\n")
    assert "0 here" in send("GET", "/api/journeys/welcome/diagram", query={"counts": "true"})["body"]
    call("PUT", "/api/journeys/rough", {"entry": {"event": "x"}, "steps": [{"id": "a", "type": "jumpTo", "next": "nowhere"}]})
    assert call("GET", "/api/journeys/rough/diagram")[0] == 422


def test_a_journey_is_laid_out_with_and_without_counts() -> None:
    """The picture has the places of all steps and edges; with counts on request. So are older versions."""
    status, drawn = call("GET", "/api/journeys/welcome/picture")
    assert (status, drawn["version"], drawn["held"]) == (200, 1, None)
    assert [(step["id"], step["type"], step["label"], step["here"]) for step in drawn["steps"]] == [
        ("hello", "message", "email", None),
        ("bought", "waitUntil", "wait for", None),
        ("nudge", "message", "email", None),
        ("end", "exit", "exit", None),
    ]
    edges = [(edge["from"], edge["to"], edge["label"], edge["labelBox"] is not None, edge["back"]) for edge in drawn["edges"]]
    assert edges[0] == ("hello", "bought", "", False, False)
    assert ("bought", "nudge", "after P3D", True, False) in edges
    counted = json.loads(send("GET", "/api/journeys/welcome/picture", query={"counts": "true", "version": "1"})["body"])
    assert {(step["here"], step["hereAtLeast"]) for step in counted["steps"]} == {(0, False)}
    assert (counted["held"], counted["heldAtLeast"]) == (0, False)
    assert send("GET", "/api/journeys/welcome/picture", query={"version": "2"})["statusCode"] == 404
    call("PUT", "/api/journeys/welcome", {"entry": {"event": "x"}, "steps": [{"id": "a", "type": "jumpTo", "next": "nowhere"}]})
    assert call("GET", "/api/journeys/welcome/picture")[0] == 422
    assert send("GET", "/api/journeys/welcome/picture", query={"version": "1"})["statusCode"] == 200


def test_a_definition_is_checked_without_being_saved() -> None:
    """The check lists the very errors of publishing, with a picture where the steps can be drawn, and saves nothing."""
    end = {"id": "end", "type": "exit"}
    status, checked = call("POST", "/api/journeys/fresh/check", {"entry": {"event": "x"}, "steps": [end]})
    assert (status, checked["errors"], [step["id"] for step in checked["picture"]["steps"]]) == (200, [], ["end"])
    assert checked["picture"]["version"] is None
    unreachable = {"entry": {"event": "x"}, "steps": [end, {"id": "lost", "type": "exit"}]}
    _, checked = call("POST", "/api/journeys/fresh/check", unreachable)
    assert [(each["code"], each["pointer"]) for each in checked["errors"]] == [("unreachable-step", "/steps/1")]
    assert [step["id"] for step in checked["picture"]["steps"]] == ["end", "lost"]
    undrawable_definitions: tuple[Any, ...] = ({"steps": [end, end], "entry": {"event": "x"}}, {"steps": []}, [], "text")
    for undrawable in undrawable_definitions:
        _, checked = call("POST", "/api/journeys/fresh/check", undrawable)
        assert checked["errors"]
        assert checked["picture"] is None
    assert call("GET", "/api/journeys/fresh")[0] == 404


def test_a_draft_is_saved_with_the_problems_that_publishing_would_find() -> None:
    """Saving and reading a draft list the very errors of the 422 of publishing; a published version and a stopped journey list none."""
    rough = {"entry": {"event": "x"}, "steps": {}}
    status, saved = call("PUT", "/api/journeys/rough", rough)
    assert (status, saved["problems"]) == (201, [{"code": "wrong-type", "detail": "must be a list", "pointer": "/steps"}])
    assert call("GET", "/api/journeys/rough")[1]["problems"] == saved["problems"]
    assert call("POST", "/api/journeys/rough/publish")[1]["errors"] == saved["problems"]
    assert call("GET", "/api/journeys/welcome")[1]["problems"] == []
    assert call("POST", "/api/journeys/welcome/publish")[1]["problems"] == []
    status, saved = call("PUT", "/api/journeys/welcome", rough)
    assert (status, [each["pointer"] for each in saved["problems"]]) == (200, ["/steps"])
    assert [each["pointer"] for each in call("POST", "/api/journeys/welcome/pause")[1]["problems"]] == ["/steps"]
    assert call("POST", "/api/journeys/welcome/stop")[1]["problems"] == []


def test_a_journey_that_never_ran_can_be_deleted() -> None:
    """A deleted draft is in no list and can be made again under its id; after the first publication deleting is 409."""
    for _ in range(3):
        call("PUT", "/api/journeys/rough", {"entry": {"event": "x"}, "steps": []})
    assert send("DELETE", "/api/journeys/rough")["statusCode"] == 204
    assert send("DELETE", "/api/journeys/rough")["statusCode"] == 404
    assert [each["id"] for each in call("GET", "/api/journeys")[1]["items"]] == ["welcome"]
    status, again = call("PUT", "/api/journeys/rough", WELCOME)
    assert (status, again["version"]) == (201, 1)
    for action in ("publish", "pause", "stop"):
        assert call("POST", f"/api/journeys/rough/{action}")[0] == 200
        status, problem = call("DELETE", "/api/journeys/rough")
        assert (status, problem["code"]) == (409, "wrong-move")


@pytest.mark.parametrize(
    ("body", "warning", "words"),
    [
        ({"events": [{"event": "sign_up", "at": at()}]}, ("unknown-event", "/events/0/event"), "`signed_up`"),
        (
            {"events": [{"event": "signed_up", "at": at()}, {"event": "purchased", "at": at()}]},
            ("unknown-event", "/events/1/event"),
            "`purchase`",
        ),
        ({"events": [{"event": "$idntify", "at": at()}]}, ("unknown-event", "/events/0/event"), "`signed_up`"),
        ({"customer": {"attributes": {"timezone": "Mars/Base"}}}, ("unknown-timezone", "/customer/attributes/timezone"), "workspace"),
        ({"customer": {"attributes": {"timezone": 3}}}, ("unknown-timezone", "/customer/attributes/timezone"), "workspace"),
        ({"customer": {"attributes": {"timezone": "America/Lima"}}}, None, ""),
        ({"customer": {"attributes": {"timezone": "UTC"}}}, None, ""),
        ({"events": [{"event": "$set", "payload": {"plan": "pro"}, "at": at()}, {"event": "unsubscribed", "at": at()}]}, None, ""),
    ],
)
def test_a_dry_run_warns_of_what_looks_like_a_mistake(body: Any, warning: tuple[str, str] | None, words: str) -> None:
    """An event that the journey does not name, and a time zone that is none, are named with what would be right."""
    status, done = call("POST", "/api/journeys/welcome/simulate", body)
    assert status == 200
    assert [(each["code"], each["pointer"]) for each in done["warnings"]] == ([warning] if warning else [])
    assert all(words in each["detail"] for each in done["warnings"])


def test_a_dry_run_warns_of_an_entry_event_from_another_source() -> None:
    """An event with the right name and another source than the entry takes would play without effect, so the warning names both."""
    call("PUT", "/api/journeys/apps", {**WELCOME, "entry": {"event": "signed_up", "source": "mobile"}})
    body = {"events": [{"event": "signed_up", "source": "backend", "at": at()}]}
    [warning] = call("POST", "/api/journeys/apps/simulate", body)[1]["warnings"]
    assert (warning["code"], warning["pointer"]) == ("other-source", "/events/0/source")


def test_a_journey_is_returned_with_its_definition() -> None:
    """The definition is returned as it was saved, with the status and both versions; the list leaves it out."""
    draft = {"name": "Later", "steps": [], "odd": 2.5}
    assert call("PUT", "/api/journeys/later", draft)[0] == 201
    status, journey = call("PUT", "/api/journeys/later", draft)
    assert (status, journey["version"], journey["publishedVersion"], journey["status"]) == (200, 2, None, "draft")
    assert journey["definition"] == {"id": "later", **draft}
    assert call("GET", "/api/journeys/later")[1] == journey
    assert "definition" not in call("GET", "/api/journeys")[1]["items"][0]
    status, problem = call("POST", "/api/journeys/later/publish")
    assert status == 422
    assert {each["pointer"] for each in problem["errors"]} >= {"/entry", "/odd"}


def test_the_list_says_which_journeys_have_a_draft_to_publish() -> None:
    """A journey has one before its first publication and after every later save, until it is published or stopped."""

    def listed() -> tuple[str, str, int, int | None, bool]:
        [journey] = call("GET", "/api/journeys")[1]["items"]
        return journey["name"], journey["status"], journey["version"], journey["publishedVersion"], journey["draft"]

    assert listed() == ("", "draft", 1, None, True)
    call("POST", "/api/journeys/welcome/publish")
    assert listed() == ("", "published", 1, 1, False)
    call("PUT", "/api/journeys/welcome", WELCOME | {"name": "Welcome"})
    assert listed() == ("Welcome", "published", 2, 1, True)
    call("POST", "/api/journeys/welcome/pause")
    assert listed() == ("Welcome", "paused", 2, 1, True)
    call("POST", "/api/journeys/welcome/stop")
    assert listed() == ("Welcome", "stopped", 2, 1, False)
