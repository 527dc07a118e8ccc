"""Workspaces with what the pages of the console show: one with usual data, one with nothing, and one with texts that look like markup."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from functions.local.stack import Stack
from tests.stories.workspace import Workspace, identify, trigger

HOSTILE: Final = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>\'"</textarea>&amp;'
"""A text that runs a script wherever a page parses it as markup."""

HTML: Final = (
    "<h1>Hello {{ customer.first_name | escape }}</h1><p>Your trial has begun. <a href='https://shop.example/start'>Start here</a>.</p>"
)
TRIAL: Final[dict[str, Any]] = {
    "id": "trial",
    "name": "Trial",
    "entry": {"event": "trial_started", "reentry": {"mode": "afterExit"}},
    "exit": [{"event": "account_closed"}],
    "steps": [
        {
            "id": "subject",
            "type": "experiment",
            "branches": [
                {"id": "short", "weight": 50, "next": "short-mail"},
                {"id": "long", "weight": 50, "next": "long-mail"},
            ],
        },
        {
            "id": "short-mail",
            "type": "message",
            "channel": "email",
            "template": {"subject": "Hello", "text": "Hi", "html": HTML},
            "next": "bought",
        },
        {
            "id": "long-mail",
            "type": "message",
            "channel": "email",
            "template": {"subject": "Hello and welcome", "text": "Your trial has begun.", "html": HTML},
            "next": "bought",
        },
        {
            "id": "bought",
            "type": "waitUntil",
            "branches": [
                {
                    "id": "large",
                    "event": "purchase",
                    "conditions": {"property": "payload.total", "operator": "is greater than", "value": 50},
                    "next": "thanks",
                },
                {"id": "small", "event": "purchase", "next": "end"},
            ],
            "timeout": {"after": "P3D", "next": "nudge"},
        },
        {
            "id": "thanks",
            "type": "message",
            "channel": "webhook",
            "template": {"url": "", "json": {"who": "{{ customer.email }}"}},
            "next": "end",
        },
        {"id": "nudge", "type": "message", "channel": "email", "template": {"subject": "Still there?", "text": "..."}, "next": "end"},
        {"id": "end", "type": "exit"},
    ],
}


@dataclass(frozen=True)
class Filled:
    """A workspace, and the ids of what is in it by the names that addresses of pages use, such as `customer`."""

    workspace: Workspace
    ids: Mapping[str, str]


@contextmanager
def running_receiver(body: str) -> Iterator[str]:
    """A server that answers each webhook with 400 and this body; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            content = body.encode()
            self.send_response(400)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook"
        finally:
            server.shutdown()
            thread.join()


def usual(stack: Stack) -> Filled:
    """A workspace with customers in each state of a journey with an experiment and a wait, failed webhooks and suppressed addresses."""
    workspace = Workspace.create(stack)
    with running_receiver("No such customer") as url:
        trial = json.loads(json.dumps(TRIAL))
        trial["steps"][4]["template"]["url"] = url
        workspace.publish(trial)
        trial["name"] = "Trial of a month"
        workspace.publish(trial)
        workspace.put("/api/journeys/draft", {"id": "draft", "name": "A draft", "entry": {"event": "x"}, "steps": []})
        people = ["ada", "ben", "cleo", "dora", "emil", "finn"]
        workspace.send(*(identify(f"device-{name}", workspace.email(name), first_name=name.title(), plan="pro") for name in people))
        workspace.send(*(trigger(f"device-{name}", "trial_started", plan="pro") for name in people))
        stack.settle()
        workspace.send(trigger("device-ada", "purchase", total=99.5), trigger("device-ben", "purchase", total=10))
        workspace.send(
            trigger("device-cleo", "page_viewed", page="/prices"), {"correlationKey": "_id", "correlationValue": "d", "payload": {}}
        )
        workspace.send(trigger("device-finn", "account_closed"))
        stack.settle()
    workspace.post("/api/suppressions", {"items": [{"channel": "email", "address": "gone@example.org"}]})
    return _filled(workspace, workspace.email("ada"), "trial")


def hostile(stack: Stack) -> Filled:
    """A workspace with a text that looks like markup wherever a client or an operator can put a text."""
    workspace = Workspace.create(stack)
    with running_receiver(HOSTILE) as url:
        webhook = {"url": url, "json": {"who": HOSTILE}}
        mail = {"subject": HOSTILE, "text": HOSTILE, "html": f"<p>{HOSTILE}</p>"}
        journey = {
            "id": "trial",
            "name": HOSTILE,
            "entry": {"event": HOSTILE, "reentry": {"mode": "afterExit"}},
            "steps": [
                {"id": "call", "type": "message", "channel": "webhook", "template": webhook, "onFailure": "mail", "next": "mail"},
                {
                    "id": "mail",
                    "type": "message",
                    "channel": "email",
                    "template": {"subject": "{{ event.name }}", "text": "x"},
                    "next": "wait",
                },
                {
                    "id": "wait",
                    "type": "waitUntil",
                    "branches": [{"id": "other", "event": f"{HOSTILE} 2", "next": "end"}],
                    "timeout": {"after": "P3D", "next": "later"},
                },
                {"id": "later", "type": "message", "channel": "email", "template": mail, "next": "end"},
                {"id": "end", "type": "exit"},
            ],
        }
        workspace.publish(journey)
        # A draft may have ids that publishing refuses.
        draft_steps = [
            {"id": HOSTILE, "type": "message", "channel": "email", "template": mail, "next": f"{HOSTILE} 2"},
            {"id": "end", "type": "exit"},
        ]
        workspace.put("/api/journeys/draft", {"id": "draft", "name": HOSTILE, "entry": {"event": HOSTILE}, "steps": draft_steps})
        device = f"device {HOSTILE}"
        workspace.send(identify(device, workspace.email("ada"), **{"first_name": HOSTILE, f"n{HOSTILE}": HOSTILE}))
        workspace.send(trigger(device, HOSTILE, **{f"key{HOSTILE}": HOSTILE}) | {"source": HOSTILE})
        workspace.send({"correlationKey": HOSTILE, "correlationValue": HOSTILE, "event": HOSTILE, "payload": HOSTILE})
        stack.settle()
    return _filled(workspace, workspace.email("ada"), "trial")


def _filled(workspace: Workspace, primary_key: str, journey: str) -> Filled:
    events = workspace.get("/api/events?limit=200")["items"]
    messages = workspace.get("/api/messages")["items"]
    entered = next(each for each in events if each["journeys"] and each["payload"])
    return Filled(
        workspace,
        {
            "customer": workspace.customer(primary_key)["id"],
            "journey": journey,
            "event": entered["uuid"],
            "message": next(each["id"] for each in messages if each["channel"] == "email"),
            "failed": next(each["id"] for each in messages if each["status"] == "failed"),
            "letter": workspace.get("/api/dead-letters")["items"][0]["id"],
        },
    )
