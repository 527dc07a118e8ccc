"""Every page, filled, empty and with an API that fails: what it says, and that it can be used with every sense, colour scheme and width."""

from __future__ import annotations

import itertools

import pytest

from tests.console.browser import NARROW, WIDE, ConsolePage
from tests.console.pages import PAGES, Page
from tests.console.workspaces import Filled

STATES = {"filled": "filled_page", "empty": "empty_page", "error": "failing_page"}
CASES = [
    pytest.param(page, state, id=f"{page.name}-{state}")
    for state in STATES
    for page in PAGES
    if getattr(page, state) is not None and not (state == "error" and page.filled is None)
]


@pytest.mark.parametrize(("page", "state"), CASES)
def test_a_page_is_accessible_and_quiet(page: Page, state: str, usual: Filled, request: pytest.FixtureRequest) -> None:
    """It shows its text; axe finds nothing, the browser logs nothing, the policy refuses nothing, nothing is wider than the window."""
    console: ConsolePage = request.getfixturevalue(STATES[state])
    console.tab.set_viewport_size(WIDE)
    console.tab.emulate_media(color_scheme="light")
    missing = console.open(page.address.format(**usual.ids), getattr(page, state), page.press)
    found = [missing] if missing else []
    for scheme, size in itertools.product(("light", "dark"), (WIDE, NARROW)):
        console.tab.set_viewport_size(size)
        console.tab.emulate_media(color_scheme=scheme)
        where = f"{size['width']} {scheme}"
        # The colour scheme changes colours only, so that a second run of all rules would find what the first one has found.
        found += [f"{where}: {each}" for each in console.inaccessible(*(["color-contrast"] if scheme == "dark" else []))]
        found += [f"{where}: wider than the window: {each}" for each in console.sideways()]
    found += console.new_faults()
    if found:
        pytest.fail("\n".join(found), pytrace=False)
