"""The first minute of a person who opens the link that `make run` prints, and what the pages do about dead letters."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from functions.local.seed import ADMIN_KEY
from functions.local.stack import Stack, running
from tests.console.browser import PATIENCE, ConsolePage, open_console
from tests.console.workspaces import usual
from tests.stories.workspace import Workspace
from waypost.adapters.dynamodb.dead_letters import key
from waypost.adapters.dynamodb.items import serialize
from waypost.adapters.dynamodb.json_attributes import compress

LONG = PATIENCE * 1000  # milliseconds


@pytest.fixture
def first_visit(chromium: Any) -> Iterator[ConsolePage]:
    """A tab in which the link of a new local run was opened."""
    with running() as stack, open_console(chromium, stack.url, None) as page:
        page.tab.goto(f"{page.url}/console#key={ADMIN_KEY}", timeout=90_000)
        yield page


def post_with_curl(command: str) -> httpx.Response:
    """The response to the request that a curl command describes."""
    words = shlex.split(command.replace("\\\n", " "))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    url = next(word for word in words if word.startswith("http"))
    return httpx.post(url, headers=headers, content=words[words.index("-d") + 1].encode(), timeout=60)


def test_the_first_minute(first_visit: ConsolePage) -> None:
    """The page shows a curl command; as it is posted, its row, what came of it, and its mail appear; three days later comes the reminder.

    The command works as it is copied, because on this machine it holds the key.
    """
    tab = first_visit.tab
    tab.get_by_text("No events yet").wait_for(timeout=LONG)
    response = post_with_curl(tab.locator("pre.block").inner_text())
    assert (response.status_code, response.json()["accepted"]) == (201, 2)

    row = tab.locator("tbody tr", has_text="trigger_some_message")
    row.get_by_text("entered welcome").wait_for(timeout=LONG)
    row.locator("a.open").click()
    detail = tab.locator("aside")
    detail.get_by_text("What came of it").wait_for(timeout=LONG)
    detail.locator("a[href^='#/messages/']").click()
    mail = tab.frame_locator("iframe.mail")
    mail.get_by_role("heading", name="Welcome, Ada").wait_for(timeout=LONG)

    tab.get_by_role("button", name="3 days").click()
    tab.locator("tbody tr", has_text="nudge").get_by_text("sent").wait_for(timeout=3 * LONG)
    assert tab.locator("tbody tr").count() == 2
    tab.locator("tbody tr", has_text="nudge").locator("a.open").click()
    tab.locator("aside h2", has_text="Still there, Ada?").wait_for(timeout=LONG)
    assert not first_visit.new_faults()


@pytest.mark.parametrize(
    ("press", "confirm", "done"), [("Redrive…", "Redrive it", "back on its queue"), ("Discard…", "Discard it", "discarded")]
)
def test_a_dead_letter_is_redriven_or_discarded(chromium: Any, stack: Stack, press: str, confirm: str, done: str) -> None:
    """After the confirmation the page says what was done, and the dead letter has left the list and the number in the header."""
    filled = usual(stack)
    with open_console(chromium, stack.url, filled.workspace.admin_key) as page:
        letter = filled.ids["letter"]
        assert not page.open(f"#/dead-letters/{letter}", "The queue record")
        page.tab.locator("aside").get_by_role("button", name=press).click()
        page.tab.locator("dialog").get_by_role("button", name=confirm).click()
        page.tab.get_by_text(done).wait_for(timeout=LONG)
        page.tab.locator(".foot .empty h2").wait_for(timeout=LONG)
        assert filled.workspace.get("/api/dead-letters")["items"] == [] or press == "Redrive…"


def test_dead_letters_are_grouped_by_reason(chromium: Any, stack: Stack) -> None:
    """Each reason has its number; an open group shows its rows only, and its redrive and discard say how many and leave the others."""
    workspace = Workspace.create(stack)
    park(stack, workspace, *["rejected"] * 3, *["gave-up"] * 2)
    with open_console(chromium, stack.url, workspace.admin_key) as page:
        assert not page.open("#/dead-letters", "rejected")
        heads, rows = page.tab.locator(".groups a"), page.tab.locator(".split tbody tr")
        heads.nth(1).wait_for(timeout=LONG)
        assert [each.split() for each in heads.all_inner_texts()] == [["rejected", "message", "3"], ["gave-up", "message", "2"]]
        assert rows.count() == 5
        heads.nth(1).click()
        rows.nth(2).wait_for(state="detached", timeout=LONG)
        page.tab.get_by_role("button", name="Discard these…").wait_for(timeout=LONG)
        rows.nth(1).wait_for(timeout=LONG)
        assert {each.split()[0] for each in rows.locator("b").all_inner_texts()} == {"gave-up"}
        assert page.tab.url.endswith("#/dead-letters?kind=message&reason=gave-up")
        page.tab.get_by_role("button", name="Discard these…").click()
        assert page.tab.locator("dialog h2").inner_text() == "Discard 2 dead letters?"
        page.tab.locator("dialog input").fill("gave-up")
        page.tab.get_by_role("button", name="Discard them").click()
        page.tab.get_by_text("2 dead letters are discarded.").wait_for(timeout=LONG)
        assert [each["reason"] for each in workspace.get("/api/dead-letters")["items"]] == ["rejected"] * 3
        heads.nth(1).wait_for(state="detached", timeout=LONG)
        heads.first.click()
        page.tab.get_by_role("button", name="Redrive these…").click()
        assert page.tab.locator("dialog h2").inner_text() == "Redrive 3 dead letters?"
        page.tab.get_by_role("button", name="Redrive them").click()
        page.tab.get_by_text("3 dead letters are back on their queues.").wait_for(timeout=LONG)
        assert page.new_faults() == []


def park(stack: Stack, workspace: Workspace, *reasons: str) -> None:
    """Parks the record of a message that no longer exists for each reason: a redrive deletes it and sends nothing."""
    for number, reason in enumerate(reasons):
        row = key(workspace.id, f"2026-11-23T05:17:1{number}.000Z#msg_none{number}")
        item = serialize({**row, "kind": "message", "body": compress("{}"), "reason": reason})
        stack.cloud.client("dynamodb").put_item(TableName=stack.deployment.resources["DeadTable"], Item=item)


def test_each_reason_and_status_has_a_sentence(filled_page: ConsolePage, stack: Stack) -> None:
    """The page has a sentence for each reason, cause and status of the API, and for none that the API does not have."""
    assert not filled_page.open("#/events", "Events")
    folder = filled_page.tab.evaluate("document.querySelector('script').src.replace(/[^/]+$/, '')")
    names = ["REASONS", "CAUSES", "MESSAGE_REASONS", "MESSAGE_STATUSES", "OUTCOMES", "PARKED_KINDS"]
    script = (
        "async ([url, names]) => { const m = await import(url + 'words.js'); return names.map((each) => Object.keys(m[each]).sort()); }"
    )
    words = dict(zip(names, filled_page.tab.evaluate(script, [folder, names]), strict=True))
    document = httpx.get(f"{stack.url}/api/openapi.json", timeout=60).json()
    schemas = document["components"]["schemas"]
    enums = {
        "REASONS": schemas["Reason"],
        "CAUSES": schemas["Cause"],
        "MESSAGE_REASONS": schemas["MessageReason"],
        "MESSAGE_STATUSES": schemas["MessageStatus"],
        "OUTCOMES": schemas["JourneyOutcomeResponse"]["properties"]["outcome"],
        "PARKED_KINDS": schemas["DeadLetterResponse"]["properties"]["kind"],
    }
    assert words == {name: sorted(schema["enum"]) for name, schema in enums.items()}
