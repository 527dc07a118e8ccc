"""The key of the console: where it is, where it never is, and what a wrong one gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from functions.local.seed import ADMIN_KEY
from functions.local.stack import Stack
from tests.console.browser import ConsolePage, open_console
from tests.console.workspaces import Filled


@pytest.fixture
def locked(chromium: Any, stack: Stack) -> Iterator[ConsolePage]:
    """A tab without a key."""
    with open_console(chromium, stack.url, None) as page:
        yield page


def enter(page: ConsolePage, key: str) -> None:
    """Types a key and opens the console with it."""
    page.tab.get_by_label("Admin key").fill(key)
    page.tab.get_by_role("button", name="Open").click()


def test_the_link_of_the_local_run_opens_the_console(locked: ConsolePage) -> None:
    """The key of the link is taken, is in the address no more, and is kept in the storage of the tab only."""
    assert not locked.open(f"#key={ADMIN_KEY}", "Send an event")
    assert locked.tab.url == f"{locked.url}/console#/events"
    assert ADMIN_KEY not in locked.tab.evaluate("JSON.stringify([{ ...localStorage }, document.cookie, history.state])")
    assert ADMIN_KEY in locked.tab.evaluate("JSON.stringify({ ...sessionStorage })")


def test_the_key_travels_in_its_header_only(locked: ConsolePage) -> None:
    """No address of a request has the key, and no header but `Authorization`; the files of the console are requested without it."""
    locked.open(f"#key={ADMIN_KEY}", "Send an event")
    for address in ("#/journeys", "#/messages", "#/settings/keys"):
        locked.open(address)
    with_key = []
    for url, headers in locked.requests[1:]:
        assert ADMIN_KEY not in url
        assert [name for name, value in headers.items() if ADMIN_KEY in value] in ([], ["authorization"])
        with_key += [url for value in headers.values() if ADMIN_KEY in value]
    assert with_key
    assert all(url.startswith(f"{locked.url}/api/") for url in with_key)


def test_no_request_goes_to_another_host(locked: ConsolePage) -> None:
    """The browser talks to the server of the console only."""
    locked.open(f"#key={ADMIN_KEY}", "Send an event")
    assert {re.sub(r"^(https?://[^/]+).*", r"\1", url) for url, _ in locked.requests} == {locked.url}


def test_a_wrong_key_gets_a_sentence_and_the_address_stays(locked: ConsolePage, usual: Filled) -> None:
    """An unknown key and one that may send events only are refused with what to do; the right one leads to the page of the address."""
    assert not locked.open("#/messages?status=failed", "Admin key of the workspace")
    enter(locked, "no-such-key-in-this-stack")
    locked.tab.get_by_text("This key is not valid.").wait_for()
    enter(locked, usual.workspace.events_key)
    locked.tab.get_by_text("This key may send events only.").wait_for()
    assert locked.inaccessible() == []
    enter(locked, usual.workspace.admin_key)
    locked.tab.get_by_role("heading", name="Messages").wait_for()
    assert locked.tab.url.endswith("#/messages?status=failed")


def test_a_key_that_stops_working_leads_to_the_key_page(chromium: Any, stack: Stack, usual: Filled) -> None:
    """After a 401 the page asks for a key, keeps the address, and has forgotten the old key."""
    with open_console(chromium, stack.url, None) as page:
        page.open("#/journeys", "Admin key")
        enter(page, usual.workspace.admin_key)
        page.tab.get_by_role("heading", name="Journeys").wait_for()
        page.tab.context.route(
            "**/api/**", lambda route: route.fulfill(status=401, json={"status": 401, "code": "unauthorized", "detail": "No"})
        )
        page.tab.evaluate("location.hash = '#/messages'")
        page.tab.get_by_text("The key of this tab is no longer valid.").wait_for()
        assert page.tab.url.endswith("#/messages")
        assert usual.workspace.admin_key not in page.tab.evaluate("JSON.stringify({ ...sessionStorage })")


def test_leaving_drops_the_key(locked: ConsolePage) -> None:
    """`Leave` empties the page and the storage of the tab of the key."""
    locked.open(f"#key={ADMIN_KEY}", "Send an event")
    locked.tab.get_by_role("button", name="Leave").click()
    locked.tab.get_by_label("Admin key").wait_for()
    assert ADMIN_KEY not in locked.tab.evaluate("JSON.stringify({ ...sessionStorage })")
