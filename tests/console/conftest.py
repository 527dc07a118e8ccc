"""Fixtures for tests of the console: a browser for each file, one local stack and one set of data for all tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.local.stack import Stack, running
from tests.console import workspaces
from tests.console.browser import REQUIRED, ConsolePage, fail_calls, open_console, running_chromium, why_missing
from tests.console.workspaces import Filled
from tests.stories.workspace import Workspace


@pytest.fixture(scope="session")
def has_chromium() -> None:
    """Where there is no browser, the test is skipped, or fails if `WAYPOST_BROWSER=required`."""
    missing = why_missing()
    if missing and REQUIRED:
        pytest.fail(f"WAYPOST_BROWSER=required, but {missing}")
    if missing:
        pytest.skip(f"!!! THE CONSOLE IS NOT TESTED: {missing}")


# One for each file, and not for the session: Playwright runs an event loop in the thread of the tests as long as it is open, in which the
# tests of other folders could run none.
@pytest.fixture(scope="module")
def chromium(has_chromium: None) -> Iterator[Any]:
    """The browser."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def stack(has_chromium: None) -> Iterator[Stack]:
    """All of Waypost on MiniStack."""
    with running() as stack:
        yield stack


@pytest.fixture(scope="session")
def usual(stack: Stack) -> Filled:
    """The workspace with usual data."""
    return workspaces.usual(stack)


@pytest.fixture(scope="session")
def hostile(stack: Stack) -> Filled:
    """The workspace with texts that look like markup."""
    return workspaces.hostile(stack)


@pytest.fixture(scope="session")
def nothing_yet(stack: Stack) -> Workspace:
    """A workspace without events."""
    return Workspace.create(stack)


@pytest.fixture(scope="module")
def filled_page(chromium: Any, stack: Stack, usual: Filled) -> Iterator[ConsolePage]:
    """A tab with the usual workspace."""
    with open_console(chromium, stack.url, usual.workspace.admin_key) as page:
        yield page


@pytest.fixture(scope="module")
def empty_page(chromium: Any, stack: Stack, nothing_yet: Workspace) -> Iterator[ConsolePage]:
    """A tab with the empty workspace."""
    with open_console(chromium, stack.url, nothing_yet.admin_key) as page:
        yield page


@pytest.fixture(scope="module")
def hostile_page(chromium: Any, stack: Stack, hostile: Filled) -> Iterator[ConsolePage]:
    """A tab with the workspace of texts that look like markup."""
    with open_console(chromium, stack.url, hostile.workspace.admin_key) as page:
        yield page


@pytest.fixture(scope="module")
def failing_page(chromium: Any, stack: Stack, usual: Filled) -> Iterator[ConsolePage]:
    """A tab for which the API answers every call with 503."""
    with open_console(chromium, stack.url, usual.workspace.admin_key) as page:
        fail_calls(page)
        yield page
