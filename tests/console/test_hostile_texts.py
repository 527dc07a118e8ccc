"""Texts of other people: none becomes markup, and each is shown as it is."""

from __future__ import annotations

from typing import Any

import pytest

from functions.local.stack import Stack
from tests.console.browser import ConsolePage, open_console
from tests.console.workspaces import HOSTILE, Filled

AS_JSON = HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
SHOWN = [
    ("the names of events", "#/events", HOSTILE),
    ("the payload of an event", "#/events/{event}", f'"key{AS_JSON}": "{AS_JSON}"'),
    ("the correlation id of an event", "#/events/{event}", f"device {HOSTILE}"),
    ("a rejected event", "#/events?status=rejected", HOSTILE),
    ("the names of journeys", "#/journeys", HOSTILE),
    ("the name of a journey", "#/journeys/{journey}/picture", HOSTILE),
    ("the entry of a journey", "#/journeys/{journey}/picture?step=wait", HOSTILE),
    ("the way of a customer", "#/journeys/{journey}/picture?customer={customer}", HOSTILE),
    ("who is in a journey", "#/journeys/{journey}/here", HOSTILE),
    ("the messages of a journey", "#/journeys/{journey}/messages", "mail"),
    ("the definition of a journey", "#/journeys/{journey}/definition", AS_JSON),
    ("the ids of steps in a draft", "#/journeys/draft/definition", AS_JSON),
    ("a draft with such ids", "#/journeys/draft/picture", HOSTILE),
    ("versions", "#/journeys/draft/versions", HOSTILE),
    ("a dry run of a draft", "#/journeys/draft/dry-run", HOSTILE),
    ("the id of a journey in the address", "#/journeys/{hostile}/picture", HOSTILE),
    ("the attributes of a customer", "#/customers/{customer}", f"n{HOSTILE}"),
    ("the ids of a customer", "#/customers/{customer}", f"device {HOSTILE}"),
    ("the subject of a message", "#/messages/{message}", HOSTILE),
    ("the answer to a webhook", "#/messages/{failed}", f"HTTP 400: {HOSTILE}"),
    ("the content of a dead letter", "#/dead-letters/{letter}", "The queue record"),
    ("a filter in the address", "#/events?event={hostile}", HOSTILE),
    ("an id in the address", "#/messages/{hostile}", "There is no message with this id."),
    ("an id of an event in the address", "#/events/{hostile}", ""),
    ("a customer in the address", "#/customers/{hostile}", "There is no customer with this id."),
]
HACKED = "window.hacked ?? [...document.querySelectorAll('img, main script, aside script')].map((each) => each.outerHTML).join()"


@pytest.mark.parametrize(("address", "text"), [pytest.param(address, text, id=name) for name, address, text in SHOWN])
def test_a_text_of_other_people_is_shown_and_never_runs(hostile_page: ConsolePage, hostile: Filled, address: str, text: str) -> None:
    """The page shows the text character by character; it makes no element of it, and the policy has nothing to refuse."""
    encoded = hostile_page.tab.evaluate("(text) => encodeURIComponent(text)", HOSTILE)
    missing = hostile_page.open(address.format(hostile=encoded, **hostile.ids), text)
    assert not missing
    assert hostile_page.tab.evaluate(HACKED) == ""
    assert hostile_page.new_faults() == []


def test_an_error_of_the_api_is_shown_as_text(chromium: Any, stack: Stack, hostile: Filled) -> None:
    """Detail, code and request id of an error are texts, whatever they hold."""
    body = {"status": 500, "code": HOSTILE, "detail": HOSTILE, "requestId": HOSTILE, "errors": [{"detail": HOSTILE, "pointer": HOSTILE}]}
    with open_console(chromium, stack.url, hostile.workspace.admin_key) as page:
        page.tab.context.route("**/api/**", lambda route: route.fulfill(status=500, json=body))
        assert not page.open("#/messages", HOSTILE)
        assert page.tab.evaluate(HACKED) == ""
        assert page.new_faults() == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", f"<h1>{HOSTILE}</h1>"), ("application/json", "{"), ("application/json", "")],
    ids=["html", "cut", "empty"],
)
def test_an_answer_that_is_no_json_is_an_error_of_the_page(
    chromium: Any, stack: Stack, hostile: Filled, content_type: str, body: str
) -> None:
    """A proxy's page, or half an answer, is named as no JSON; nothing of it runs."""
    with open_console(chromium, stack.url, hostile.workspace.admin_key) as page:
        page.tab.context.route("**/api/**", lambda route: route.fulfill(status=502, content_type=content_type, body=body))
        assert not page.open("#/messages", "502")
        assert page.tab.evaluate(HACKED) == ""
