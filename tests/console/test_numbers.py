"""Numbers that JavaScript cannot keep: the page shows, sends and saves them digit by digit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.console.browser import ConsolePage, open_console
from tests.stories.workspace import Workspace, identify, trigger

LARGE = "9007199254740993"
"""2^53 + 1. A double has the next even number in its place."""
FINE = "0.12345678901234567891"
NOTE = 1_234_567_890_123_456_789
JOURNEY: dict[str, Any] = {
    "id": "numbers",
    "name": "Numbers",
    "entry": {"event": "began"},
    "steps": [
        {
            "id": "wait",
            "type": "waitUntil",
            "branches": [
                {
                    "id": "paid",
                    "event": "purchase",
                    "conditions": {"property": "payload.total", "operator": "is equal to", "value": int(LARGE)},
                    "next": "paid-end",
                }
            ],
            "timeout": {"after": "P3D", "next": "end"},
        },
        {"id": "paid-end", "type": "exit"},
        {"id": "end", "type": "exit"},
    ],
}


@pytest.fixture
def workspace(stack: Stack) -> Workspace:
    """A workspace with a published journey whose condition has a large number."""
    workspace = Workspace.create(stack)
    workspace.publish(JOURNEY)
    return workspace


@pytest.fixture
def page(chromium: Any, stack: Stack, workspace: Workspace) -> Iterator[ConsolePage]:
    """A tab. At its end it has logged no fault."""
    with open_console(chromium, stack.url, workspace.admin_key) as page:
        yield page
        assert page.new_faults() == []


def test_json_keeps_the_value_of_every_number(page: ConsolePage) -> None:
    """What is read and written again has the same digits; a number that a double keeps is a number of JavaScript."""
    page.open("#/events")
    wrong = page.tab.evaluate(
        """async () => {
          const { parseJson } = await import(new URL("exact.js", document.querySelector("script[type=module]").src));
          const large = "9007199254740993", found = [];
          const kept = [large, `-${large}`, "0.12345678901234567891",
            "123456789012345678901234567890", "1e400", "1E-400", "3.000000000000000001"];
          const same = { "9007199254740992": 9007199254740992, "1e3": 1000, "0.10": 0.1, "1.50000000000000000000": 1.5, "-0.0": -0,
            "1e21": 1e21, "100000000000000000000": 1e20, "0e999": 0 };
          const written = (text) => JSON.stringify(parseJson(text));
          for (const text of kept) if (written(`[${text}]`) !== `[${text}]` || String(parseJson(text)) !== text) found.push(text);
          for (const [text, value] of Object.entries(same)) if (!Object.is(parseJson(text), value)) found.push(text);
          for (const text of [`"${large}"`, `{"${large}":1}`, '"1e400"']) if (written(text) !== text) found.push(text);
          for (let n = 0; n < 2000; n += 1) {
            const text = String((Math.random() - 0.5) * 10 ** (n % 40));
            if (parseJson(text) !== Number(text)) found.push(text);
          }
          return found;
        }"""
    )
    assert wrong == []


def test_a_definition_is_saved_with_the_digits_of_its_text(page: ConsolePage, workspace: Workspace) -> None:
    """The editor shows large and fine numbers as they are saved, and saves them as they are written, also from an older version."""
    page.open("#/journeys/numbers/definition", LARGE)
    area = page.tab.locator(".code textarea")
    area.fill(area.input_value().replace('"Numbers"', '"Fine numbers"').replace('"P3D"', '"P4D"'))
    page.tab.get_by_role("button", name="Save", exact=True).click()
    page.tab.wait_for_selector("text=version 2, not published")
    assert stored(workspace) == [LARGE]
    area.fill(area.input_value().replace(LARGE, FINE))
    page.tab.get_by_role("button", name="Save", exact=True).click()
    page.tab.wait_for_selector("text=version 3, not published")
    assert stored(workspace) == [FINE]
    page.open("#/journeys/numbers/versions?version=3&with=2")
    page.tab.wait_for_selector(".diff")
    lines = page.tab.locator(".diff li:not(.folded)").all_inner_texts()
    assert [each.split('"value": ')[1] for each in lines if each.startswith(("added", "removed"))] == [LARGE, FINE]
    page.open("#/journeys/numbers/versions?version=1")
    page.tab.get_by_role("button", name="Make it the draft").click()
    page.tab.get_by_role("button", name="Save it as version 4").click()
    page.tab.wait_for_selector("text=version 4, not published")
    assert stored(workspace) == [LARGE]


def test_a_dry_run_compares_the_digits_that_were_typed(page: ConsolePage) -> None:
    """A dry run of a text that is not saved sends the numbers of its definition and of its payloads as they are written."""
    page.open("#/journeys/numbers/definition", LARGE)
    area = page.tab.locator(".code textarea")
    area.fill(area.input_value().replace('"Numbers"', '"Large numbers"').replace(LARGE, f"{LARGE}1"))
    page.open("#/journeys/numbers/dry-run")
    page.tab.wait_for_selector(".dry .picture")
    page.tab.get_by_role("button", name="Add an event").click()
    page.tab.keyboard.type("purchase")
    for total, end in ((f"{LARGE}1", "paid-end"), (f"{LARGE}0", "end")):
        page.tab.get_by_label("Payload").nth(1).fill(f'{{"total": {total}}}')
        with page.tab.expect_response(lambda response: response.url.endswith("/simulate")):
            page.tab.get_by_role("button", name="Run", exact=True).click()
        page.wait()
        assert page.tab.locator(".picture .step.walked .name").all_inner_texts()[-1] == end


def test_events_and_customers_show_all_digits(page: ConsolePage, workspace: Workspace) -> None:
    """A payload and an attribute are shown with all digits, and an event that is sent again has them too."""
    workspace.send(identify("a", workspace.email("ada"), account=NOTE), trigger("a", "paid", total=int(LARGE)))
    assert workspace.stack.settle()
    uuid = next(each["uuid"] for each in workspace.get("/api/events")["items"] if each["event"] == "paid")
    assert page.open(f"#/events/{uuid}", LARGE) == ""
    page.tab.get_by_role("button", name="Send again").click()
    assert f'"total": {LARGE}' in page.tab.get_by_label("The batch as JSON").input_value()
    assert page.open(f"#/customers/{workspace.customer(workspace.email('ada'))['id']}", str(NOTE)) == ""


def stored(workspace: Workspace) -> list[str]:
    """The numbers of the conditions in the newest definition, digit by digit."""
    text = workspace.request("GET", "/api/journeys/numbers").raise_for_status().text
    return [each.split('"value":')[1].strip(" }]").split("}")[0] for each in text.split('"operator"')[1:]]
