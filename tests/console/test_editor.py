"""A journey's definition in the page: findings, completion, two editors, what a reload keeps, versions, and dry runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.console.browser import ConsolePage, open_console
from tests.stories.workspace import Workspace

CART: dict[str, Any] = {
    "id": "cart",
    "name": "Cart",
    "entry": {"event": "cart_updated"},
    "steps": [
        {
            "id": "wait",
            "type": "waitUntil",
            "branches": [{"id": "paid", "event": "purchase", "next": "end"}],
            "timeout": {"after": "P3D", "next": "nudge"},
        },
        {
            "id": "nudge",
            "type": "message",
            "channel": "email",
            "transactional": True,
            "template": {"subject": "Hello {{ customer.first_name }}", "text": "You left {{ event.payload.total }} in your cart."},
            "next": "end",
        },
        {"id": "end", "type": "exit"},
    ],
}
SELECTED = (
    "(() => { const area = document.querySelector('.code textarea'); return area.value.slice(area.selectionStart, area.selectionEnd); })()"
)
IS_FOCUSED = "document.activeElement === document.querySelector('.code textarea')"


@pytest.fixture
def workspace(stack: Stack) -> Workspace:
    """A workspace with a published journey that waits."""
    workspace = Workspace.create(stack)
    workspace.publish(CART)
    return workspace


@pytest.fixture
def page(chromium: Any, stack: Stack, workspace: Workspace) -> Iterator[ConsolePage]:
    """A tab with the definition of the journey. At its end it has logged no fault."""
    with open_console(chromium, stack.url, workspace.admin_key) as page:
        page.open("#/journeys/cart/definition")
        page.tab.wait_for_selector(".define .picture")
        yield page
        assert page.new_faults() == []


def test_a_finding_moves_the_caret(page: ConsolePage) -> None:
    """A click on a finding selects the value at its pointer in the text, and the line and the step in the picture carry a mark."""
    _replace(page, '"next": "nudge"', '"next": "nudgge"')
    page.tab.get_by_role("button", name="unknown-step").click()
    assert page.tab.evaluate(SELECTED) == "nudgge"
    assert page.tab.evaluate(IS_FOCUSED)
    line = page.tab.locator(".code .line.marked").first
    assert "nudgge" in line.text_content()
    assert "finding" in page.tab.get_by_role("button", name="wait", exact=False).first.text_content()


def test_a_text_that_is_no_json_is_a_finding(page: ConsolePage, workspace: Workspace) -> None:
    """A syntax error is shown with its line; the text is not sent to the check and cannot be saved."""
    asked = len(page.requests)
    page.tab.locator(".code textarea").fill('{\n  "id": "cart",\n  "steps": [1 2]\n}')
    page.tab.wait_for_selector(".findings")
    page.tab.get_by_role("button", name="not-json").click()
    assert "line 3" in page.tab.locator(".findings").inner_text()
    page.tab.get_by_role("button", name="Save", exact=True).click()
    page.wait()
    assert not [url for url, _ in page.requests[asked:] if url.endswith("/check")]
    assert workspace.get("/api/journeys/cart")["version"] == 1


def test_the_drawing_follows_the_text(page: ConsolePage, workspace: Workspace) -> None:
    """A step that is added to the text appears in the picture without being saved."""
    changed = json.loads(json.dumps(CART))
    changed["steps"][0]["timeout"]["next"] = "pause"
    changed["steps"].insert(1, {"id": "pause", "type": "timeDelay", "delay": "P1D", "next": "nudge"})
    page.tab.locator(".code textarea").fill(json.dumps(changed, indent=2))
    page.tab.wait_for_selector(".picture .step:has-text('pause')")
    assert workspace.get("/api/journeys/cart")["version"] == 1


def test_completion_by_keyboard(page: ConsolePage) -> None:
    """Step types, fields, operators and step ids are proposed; arrows choose, Enter takes, Escape closes, and the browser can undo it."""
    _caret(page, '"steps": [', len('"steps": ['))
    page.tab.keyboard.press("Enter")
    page.tab.keyboard.press("Control+Space")
    assert "timeDelay" in _proposals(page)
    while page.tab.locator("[role=option][aria-selected=true] b").inner_text() != "timeDelay":
        page.tab.keyboard.press("ArrowDown")
    page.tab.keyboard.press("Enter")
    page.tab.keyboard.type("first")
    definition = json.loads(_text(page))
    assert definition["steps"][0] == {"id": "first", "type": "timeDelay", "delay": "PT30M", "next": ""}

    _caret(page, '"next": ""', len('"next": "'))
    page.tab.keyboard.type("nu")
    assert _proposals(page) == ["nudge"]
    page.tab.keyboard.press("Enter")
    assert json.loads(_text(page))["steps"][0]["next"] == "nudge"

    _caret(page, '"event": "cart_updated"', len('"event": "cart_updated"'))
    page.tab.keyboard.type(', "con')
    page.tab.keyboard.press("Enter")
    page.tab.keyboard.type('"property": "payload.total", "operator": "less')
    assert _proposals(page) == ["is less than", "length is less than"]
    page.tab.keyboard.press("Escape")
    assert _proposals(page) == []
    page.tab.keyboard.press("Control+Space")
    page.tab.keyboard.press("Enter")
    assert json.loads(_text(page))["entry"]["conditions"] == {"property": "payload.total", "operator": "is less than"}
    for _ in range(80):
        page.tab.keyboard.press("Control+Z")
    assert json.loads(_text(page))["steps"] == CART["steps"]


def test_the_list_of_proposals_is_accessible(page: ConsolePage) -> None:
    """The text area names the active proposal, the number of proposals is spoken, and axe finds nothing."""
    _caret(page, '"next": "nudge"', len('"next": "'))
    page.tab.keyboard.press("Control+Space")
    active = page.tab.locator(".code textarea").get_attribute("aria-activedescendant")
    assert page.tab.locator(f"#{active}").get_attribute("aria-selected") == "true"
    assert "proposals" in page.tab.locator(".code [role=status]").inner_text()
    assert page.inaccessible() == []


def test_a_reload_keeps_the_text(page: ConsolePage) -> None:
    """What is not saved is there again after a reload and after another page, and it can be discarded."""
    _replace(page, '"Cart"', '"Cart of mine"')
    page.tab.reload()
    page.tab.wait_for_selector(".define .picture")
    assert '"Cart of mine"' in _text(page)
    page.open("#/events")
    page.open("#/journeys/cart/definition")
    page.tab.wait_for_selector(".define .picture")
    assert '"Cart of mine"' in _text(page)
    page.tab.get_by_role("button", name="Discard it").click()
    assert '"Cart of mine"' not in _text(page)
    page.tab.reload()
    page.tab.wait_for_selector(".define .picture")
    assert '"Cart of mine"' not in _text(page)


def test_two_editors(page: ConsolePage, workspace: Workspace) -> None:
    """A save over a version of another user is refused, shows the difference, and loses neither text."""
    _replace(page, '"Cart"', '"Mine"')
    workspace.put("/api/journeys/cart", CART | {"name": "Theirs"})
    page.tab.get_by_role("button", name="Save", exact=True).click()
    page.tab.wait_for_selector(".other")
    assert "Another user has saved version 2" in page.tab.locator(".other").inner_text()
    lines = page.tab.locator(".other .diff li").all_inner_texts()
    assert any("only in 2" in line and "Theirs" in line for line in lines)
    assert any("only in yours" in line and "Mine" in line for line in lines)
    assert workspace.get("/api/journeys/cart")["name"] == "Theirs"

    page.tab.reload()
    page.tab.wait_for_selector(".other")
    assert '"Mine"' in _text(page)
    page.tab.get_by_role("button", name="Take version 2").click()
    assert '"Theirs"' in _text(page)
    page.tab.locator(".code textarea").press("Control+Z")
    assert '"Mine"' in _text(page)
    page.tab.get_by_role("button", name="Save", exact=True).click()
    page.tab.wait_for_selector("text=version 3, not published")
    assert workspace.get("/api/journeys/cart?version=2")["definition"]["name"] == "Theirs"
    assert workspace.get("/api/journeys/cart")["name"] == "Mine"


def test_publishing_publishes_what_was_saved(page: ConsolePage, workspace: Workspace) -> None:
    """A change that is not saved is not published, the dialog says so, and the change stays; a pause in between refuses nothing."""
    _replace(page, '"Cart"', '"Saved"')
    page.tab.get_by_role("button", name="Save", exact=True).click()
    page.tab.wait_for_selector("text=version 2, not published")
    _replace(page, '"Saved"', '"Not saved"')
    workspace.post("/api/journeys/cart/pause")
    page.tab.locator(".define").get_by_role("button", name="Publish…").click()
    assert "is not saved, and is not published" in page.tab.locator("dialog").inner_text()
    page.tab.locator("dialog").get_by_role("button", name="Publish version 2").click()
    page.tab.wait_for_selector("dialog", state="detached")
    found = workspace.get("/api/journeys/cart")
    assert (found["publishedVersion"], found["name"]) == (2, "Saved")
    assert '"Not saved"' in _text(page)


def test_the_difference_of_two_versions(page: ConsolePage, workspace: Workspace) -> None:
    """Lines that two versions do not share are marked with a word, unchanged parts are folded, and an old version can be saved again."""
    changed = json.loads(json.dumps(CART))
    changed["steps"][1]["template"]["subject"] = "Still there?"
    workspace.put("/api/journeys/cart", changed)
    page.open("#/journeys/cart/versions?version=2&with=1")
    page.tab.wait_for_selector(".diff")
    lines = page.tab.locator(".diff li:not(.folded)").all_inner_texts()
    marked = [line.split(maxsplit=1) for line in lines if line.startswith(("added", "removed"))]
    assert [word for word, _ in marked] == ["removed", "added"]
    assert "Hello {{ customer.first_name }}" in marked[0][1]
    assert "Still there?" in marked[1][1]
    before = page.tab.locator(".diff li").count()
    page.tab.locator(".diff .folded button").first.click()
    assert page.tab.locator(".diff li").count() > before

    page.open("#/journeys/cart/versions?version=1")
    page.tab.get_by_role("button", name="Make it the draft").click()
    page.tab.get_by_role("button", name="Save it as version 3").click()
    page.tab.wait_for_selector("text=version 3, not published")
    assert workspace.get("/api/journeys/cart")["definition"] == workspace.get("/api/journeys/cart?version=1")["definition"]


def test_a_dry_run_of_a_wait(page: ConsolePage) -> None:
    """A dry run shows the moves with plain reasons, the message as its customer would see it, and the way on the picture."""
    page.open("#/journeys/cart/dry-run")
    page.tab.wait_for_selector(".dry .picture")
    page.tab.get_by_label("Payload").fill('{"total": 30}')
    page.tab.get_by_role("button", name="Run", exact=True).click()
    page.tab.wait_for_selector(".timeline")
    shown = page.tab.locator(".dry aside").inner_text()
    assert "The time of the wait was over." in shown
    assert "Hello Ada" in shown
    assert "You left 30 in your cart." in shown
    highlighted = page.tab.locator(".picture .step.walked .name").all_inner_texts()
    assert highlighted == ["cart_updated", "wait", "nudge", "end"]
    assert page.tab.locator(".picture .chip.walked").all_inner_texts() == ["after 3 days"]


def test_a_dry_run_of_a_text_that_is_not_saved(page: ConsolePage, workspace: Workspace) -> None:
    """An unsaved definition can be tried; an event that it does not name is a warning; the form survives a reload."""
    _replace(page, '"after": "P3D"', '"after": "P5D"')
    page.open("#/journeys/cart/dry-run")
    page.tab.wait_for_selector(".dry .picture")
    page.tab.get_by_role("button", name="Add an event").click()
    page.tab.keyboard.type("purchse")
    page.tab.get_by_role("button", name="Run", exact=True).click()
    page.tab.wait_for_selector(".timeline")
    assert page.tab.locator(".picture .chip.walked").all_inner_texts() == ["after 5 days"]
    assert "the journey does not name `purchse`" in page.tab.locator(".dry aside").inner_text()
    page.tab.reload()
    page.tab.wait_for_selector(".dry .picture")
    assert page.tab.get_by_label("Name", exact=True).nth(1).input_value() == "purchse"
    assert workspace.get("/api/journeys/cart")["version"] == 1


def test_the_parser_agrees_with_the_browser(page: ConsolePage) -> None:
    """The parser with positions finds a fault in a text exactly if `JSON.parse` does, and gives the place of every value."""
    disagreements = page.tab.evaluate(
        """async () => {
          const { find, parse } = await import(new URL("json_positions.js", document.querySelector("script[type=module]").src));
          const text = '{"a":[1,{"b":"c\\\\n"},true],"d":{"e/f":null,"g":-1.5e3}}', found = [];
          let seed = 1;
          const random = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return Math.trunc((seed / 0x7fffffff) * n); };
          for (let round = 0; round < 20000; round += 1) {
            let changed = text;
            for (let change = random(4); change > 0; change -= 1) {
              const at = random(changed.length + 1);
              const isCut = random(2), inserted = isCut ? "" : '{}[],:"\\\\ 1n\\n'[random(12)];
              changed = changed.slice(0, at) + inserted + changed.slice(isCut ? at + 1 : at);
            }
            let isJson = true;
            try { JSON.parse(changed); } catch { isJson = false; }
            if ((parse(changed).error === null) !== isJson) found.push(changed);
          }
          const { root } = parse(text);
          const places = { "/a/0": "1", "/a/1/b": '"c\\\\n"', "/d/e~1f": "null", "/d/g": "-1.5e3", "/a/1/none": '{"b":"c\\\\n"}' };
          for (const [pointer, value] of Object.entries(places)) {
            const place = find(root, pointer).value;
            if (text.slice(place.start, place.end) !== value) found.push(pointer);
          }
          return found;
        }"""
    )
    assert disagreements == []


def test_a_difference_contains_both_texts(page: ConsolePage) -> None:
    """The lines that are not added are the first text, and those that are not removed the second; large texts take less than a second."""
    wrong = page.tab.evaluate(
        """async () => {
          const { difference } = await import(new URL("diff.js", document.querySelector("script[type=module]").src));
          const random = (n) => Math.trunc(Math.random() * n), found = [];
          const some = (most, letters) => Array.from({ length: random(most) }, () => letters[random(letters.length)]).join("\\n");
          const without = (lines, kind) => lines.filter((each) => each.kind !== kind).map((each) => each.text).join("\\n");
          for (let round = 0; round < 2000; round += 1) {
            const before = some(12, "abc"), after = some(12, "abc"), lines = difference(before, after);
            if (without(lines, "added") !== before || without(lines, "removed") !== after) found.push([before, after]);
          }
          const begun = performance.now(), large = [some(9000, "abcdefghij"), some(9000, "abcdefghij")], lines = difference(...large);
          if (without(lines, "added") !== large[0] || performance.now() - begun > 1000) found.push("large");
          return found;
        }"""
    )
    assert wrong == []


def _text(page: ConsolePage) -> str:
    return str(page.tab.locator(".code textarea").input_value())


def _replace(page: ConsolePage, old: str, new: str) -> None:
    """Replaces a part of the definition, as a person does, and waits for the check of it."""
    assert old in _text(page)
    with page.tab.expect_response(lambda response: response.url.endswith("/check")):
        page.tab.locator(".code textarea").fill(_text(page).replace(old, new))
    page.wait()


def _caret(page: ConsolePage, before: str, offset: int) -> None:
    """Sets the caret behind so many characters of the first place of a text."""
    at = _text(page).index(before) + offset
    area = page.tab.locator(".code textarea")
    area.focus()
    area.evaluate("(area, at) => area.setSelectionRange(at, at)", at)


def _proposals(page: ConsolePage) -> list[str]:
    return list(page.tab.locator("[role=option]:visible b").all_inner_texts())
