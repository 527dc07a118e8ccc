"""The page behind the links of an e-mail, in a browser: its policy lets its forms be sent, and a person can use them."""

from __future__ import annotations

from typing import Any

from functions.local.stack import Stack
from tests.console.browser import open_console
from tests.stories.test_links import issue, link, subscribed
from tests.stories.workspace import Workspace


def test_a_customer_unsubscribes_and_changes_topics_in_a_browser(chromium: Any, stack: Stack) -> None:
    """The button of the page ends the topic; the list of topics takes it back; the page is accessible, and its policy refuses nothing."""
    workspace = Workspace.create(stack)
    address = subscribed(workspace)
    stop, choose = link(workspace, address), link(workspace, address, "Choose")
    with open_console(chromium, stack.url, None) as page:
        page.tab.goto(stop)
        assert not page.inaccessible()
        page.tab.locator("form button").first.click()
        page.tab.wait_for_load_state()
        assert stack.settle()
        assert issue(workspace, 2) == "skipped unsubscribed"
        page.tab.goto(choose)
        assert not page.inaccessible()
        page.tab.locator("input[type=checkbox][value=news]").check()
        page.tab.locator("form button").first.click()
        page.tab.wait_for_load_state()
        assert stack.settle()
        assert issue(workspace, 3) == "sent None"
        assert not page.new_faults()
