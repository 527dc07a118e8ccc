"""The pages of journeys: new ones from examples, the picture with one customer's way, dialogs with numbers, and the drawing itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.console.browser import ConsolePage, open_console
from tests.console.workspaces import Filled
from tests.stories.workspace import Workspace, identify, trigger

WAIT: dict[str, Any] = {
    "id": "wait",
    "name": "A wait",
    "entry": {"event": "joined"},
    "steps": [
        {
            "id": "bought",
            "type": "waitUntil",
            "branches": [{"id": "first", "event": "a", "next": "end"}, {"event": "b", "next": "end"}],
            "timeout": {"after": "P3D", "next": "late"},
        },
        {"id": "late", "type": "timeDelay", "delay": "P1D", "next": "bought"},
        {"id": "end", "type": "exit"},
    ],
}
PATIENCE = 40.0  # seconds; a picture is read again after 10


@pytest.fixture(scope="module")
def workspace(stack: Stack) -> Workspace:
    """A workspace with a journey in which two customers wait."""
    workspace = Workspace.create(stack)
    workspace.publish(WAIT)
    workspace.send(*(identify(f"d-{name}", workspace.email(name)) for name in ("ada", "ben")))
    workspace.send(*(trigger(f"d-{name}", "joined") for name in ("ada", "ben")))
    stack.settle()
    return workspace


@pytest.fixture
def page(chromium: Any, stack: Stack, workspace: Workspace) -> Iterator[ConsolePage]:
    """A tab with that workspace."""
    with open_console(chromium, stack.url, workspace.admin_key) as page:
        yield page


def until(condition: Callable[[], object], page: ConsolePage) -> None:
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, page.text()[:1500]
        page.tab.wait_for_timeout(100)


def imported(page: ConsolePage, module: str, expression: str, *values: object) -> Any:
    """The value of an expression of a module of the console (`m`), for JSON values (`v`)."""
    folder = page.tab.evaluate("document.querySelector('script').src.replace(/[^/]+$/, '')")
    script = f"async ([url, v]) => {{ const m = await import(url); return ({expression}); }}"
    return page.tab.evaluate(script, [folder + module, list(values)])


def test_an_example_becomes_a_draft_that_can_be_published(page: ConsolePage, workspace: Workspace) -> None:
    """Each example passes the checks of publishing; the dialog saves the chosen one under the typed id and opens its definition."""
    assert not page.open("#/journeys", "A wait")
    examples = imported(page, "examples.js", "m.EXAMPLES.map((each) => each.definition)")
    assert [workspace.post("/api/journeys/new/check", each)["errors"] for each in examples] == [[], [], []]
    page.tab.get_by_role("button", name="New journey…").click()
    page.tab.get_by_label("Which offer works").check()
    page.tab.get_by_label("Id", exact=False).last.fill("my-offers")
    page.tab.get_by_role("button", name="Save as a draft").click()
    until(lambda: page.tab.url.endswith("#/journeys/my-offers/definition"), page)
    saved = workspace.get("/api/journeys/my-offers")
    assert (saved["status"], saved["problems"], saved["definition"]["name"]) == ("draft", [], "Which offer works")


def test_a_new_journey_does_not_overwrite_another(page: ConsolePage, workspace: Workspace) -> None:
    """With the id of a journey that exists, the dialog says so, stays open, and saves nothing."""
    assert not page.open("#/journeys", "A wait")
    page.tab.get_by_role("button", name="New journey…").click()
    page.tab.get_by_label("Id", exact=False).last.fill("wait")
    page.tab.get_by_role("button", name="Save as a draft").click()
    page.tab.locator("dialog .problem").wait_for()
    assert workspace.get("/api/journeys/wait")["version"] == 1


def test_the_layout_shows_where_a_customer_stands_and_came_from(page: ConsolePage, workspace: Workspace) -> None:
    """The steps of a customer's way are marked, the present one as such, and what leads elsewhere is not."""
    customer = workspace.customer(workspace.email("ada"))
    assert not page.open(f"#/journeys/wait/picture?customer={customer['id']}", workspace.email("ada"))
    until(lambda: page.tab.locator("a.step.walked").count(), page)
    marked = page.tab.eval_on_selector_all("a.step", "all => all.map((each) => [each.querySelector('.name').textContent, each.className])")
    assert marked == [["bought", "step walked now"], ["late", "step"], ["end", "step"]]


def test_a_step_beside_the_way_of_a_customer(page: ConsolePage, workspace: Workspace) -> None:
    """An address with a customer and a step shows both when it is opened: the way is marked, and the facts of the step are beside it."""
    customer = workspace.customer(workspace.email("ada"))
    assert not page.open(f"#/journeys/wait/picture?customer={customer['id']}&step=late", "timeDelay")
    until(lambda: page.tab.locator("a.step.walked").count(), page)
    marked = page.tab.eval_on_selector_all("a.step", "all => all.map((each) => [each.querySelector('.name').textContent, each.className])")
    assert marked == [["bought", "step walked now"], ["late", "step"], ["end", "step"]]
    assert page.tab.locator("aside h2").first.inner_text() == "late"
    page.tab.get_by_role("button", name="Close").click()
    until(lambda: page.tab.locator("aside h2").first.inner_text() == workspace.email("ada"), page)
    assert "Stands in" in page.tab.locator("aside").inner_text()


def test_a_timeline_is_read_again_as_far_as_it_is_new(page: ConsolePage, workspace: Workspace, stack: Stack) -> None:
    """After the first reading the page reads the 20 newest entries of a customer, and shows what has happened since."""
    workspace.send(identify("d-dora", workspace.email("dora")), trigger("d-dora", "joined"))
    assert stack.settle()
    customer = workspace.customer(workspace.email("dora"))
    assert not page.open(f"#/journeys/wait/picture?customer={customer['id']}", workspace.email("dora"))
    until(lambda: len(timeline_reads(page)) > 2, page)
    workspace.send(trigger("d-dora", "a"))
    until(lambda: "Ended in" in page.tab.locator("aside").inner_text(), page)
    assert page.tab.locator("a.step.walked .name").all_inner_texts() == ["bought", "end"]
    reads = timeline_reads(page)
    assert ["limit=200" in reads[0], {each.split("?")[1] for each in reads[1:]}] == [True, {"limit=20"}]


def timeline_reads(page: ConsolePage) -> list[str]:
    """The addresses at which the page has read a timeline."""
    return [url for url, _ in page.requests if "/timeline?" in url]


def test_a_layout_that_is_read_again_keeps_focus_scroll_and_elements(page: ConsolePage, workspace: Workspace, stack: Stack) -> None:
    """The number in a step changes in place: the element, its focus and the scroll of the picture stay as they are."""
    assert not page.open("#/journeys/wait/picture", "bought")
    page.tab.set_viewport_size({"width": 1280, "height": 420})
    page.tab.locator("a.step").nth(1).focus()
    page.tab.evaluate("() => { window.kept = document.activeElement; document.querySelector('main .scroll').scrollTop = 60; }")
    before = page.tab.evaluate("document.querySelector('main .scroll').scrollTop")
    workspace.send(identify("d-cleo", workspace.email("cleo")), trigger("d-cleo", "joined"))
    stack.settle()
    until(lambda: "3 here" in page.tab.locator("a.step").first.inner_text().replace("\n", " "), page)
    assert page.tab.evaluate("window.kept === document.activeElement && window.kept.isConnected")
    assert before > 0
    assert page.tab.evaluate("document.querySelector('main .scroll').scrollTop") == before


def test_a_pause_says_whom_it_holds_and_can_be_ended(page: ConsolePage, workspace: Workspace) -> None:
    """The dialogs say how many customers are in the journey; the head shows the new status, and the API has it."""
    assert not page.open("#/journeys/wait/picture", "bought")
    for action, status in (("Pause", "paused"), ("Resume", "published")):
        page.tab.get_by_role("button", name=f"{action}…").click()
        page.tab.get_by_text("customers are in it now").wait_for()
        page.tab.get_by_role("button", name=action, exact=True).click()
        page.tab.locator(".head .pill", has_text=status).wait_for()
        assert workspace.get("/api/journeys/wait")["status"] == status


def test_a_journey_is_stopped_only_after_its_id_was_typed(page: ConsolePage, workspace: Workspace) -> None:
    """The button of the dialog waits for the id."""
    workspace.publish({**WAIT, "id": "over"})
    assert not page.open("#/journeys/over/picture", "bought")
    page.tab.get_by_role("button", name="Stop…").click()
    stop = page.tab.get_by_role("button", name="Stop", exact=True)
    assert stop.is_disabled()
    page.tab.get_by_label("Type over to confirm").fill("over")
    stop.click()
    until(lambda: page.tab.locator(".head .pill").inner_text() == "stopped", page)
    assert workspace.get("/api/journeys/over")["status"] == "stopped"


def test_messages_of_a_journey_are_counted_by_step_and_status(chromium: Any, stack: Stack, usual: Filled) -> None:
    """A number leads to exactly the messages that it counts."""
    counted = usual.workspace.get("/api/journeys/trial/counts")["steps"]
    row = next(each for each in counted if each["messages"].get("sent"))
    with open_console(chromium, stack.url, usual.workspace.admin_key) as page:
        assert not page.open("#/journeys/trial/messages", row["step"])
        cell = page.tab.locator(".counts tr", has=page.tab.locator(f"th:text-is({json.dumps(row['step'])})")).locator("a").first
        assert cell.inner_text() == str(row["messages"]["sent"])
        cell.click()
        until(lambda: page.tab.locator(".split tbody tr").count() == row["messages"]["sent"], page)


def test_the_counts_of_messages_follow_what_is_sent(page: ConsolePage, workspace: Workspace, stack: Stack) -> None:
    """The table of counts is read again while it is shown, with few calls; version and days are kept in the links to messages."""
    message = {"id": "hello", "type": "message", "channel": "email", "transactional": True, "template": {"subject": "Hi", "text": "Hi"}}
    steps = [message | {"next": "end"}, {"id": "end", "type": "exit"}]
    journey = {"id": "mails", "entry": {"event": "mailed", "reentry": {"mode": "always"}}, "steps": steps}
    workspace.publish(journey)
    workspace.send(trigger("d-ada", "mailed"))
    assert stack.settle()
    assert not page.open("#/journeys/mails/messages", "hello")
    shown = page.tab.locator(".counts tbody tr")
    until(lambda: shown.inner_text().split() == ["hello", "1", "1"], page)
    workspace.publish(journey | {"name": "Mails"})
    workspace.send(trigger("d-ada", "mailed"))
    assert stack.settle()
    before = len(page.requests)
    until(lambda: shown.inner_text().split() == ["hello", "2", "2"], page)
    assert len([url for url, _ in page.requests[before:] if url.endswith("/counts")]) <= 3

    assert not page.open("#/journeys/mails/picture?version=2&days=7", "here now, of all versions")
    link = page.tab.get_by_role("link", name="1 messages")
    until(lambda: link.count() == 1, page)
    link.click()
    until(lambda: page.tab.locator(".split tbody tr").count() == 1, page)
    assert page.tab.url.endswith("#/journeys/mails/messages?version=2&days=7")
    page.tab.get_by_role("button", name="Messages of all versions").click()
    until(lambda: page.tab.locator(".split tbody tr").count() == 2, page)
    page.tab.locator(".split tbody a.open").first.click()
    until(lambda: page.tab.locator("tr[aria-current=true]").count() == 1, page)
    assert page.tab.locator("tr[aria-selected]").count() == 0


def test_steps_edges_and_an_experiment_have_the_numbers_of_the_api(chromium: Any, stack: Stack, usual: Filled) -> None:
    """Each step shows how many came to it, each labelled edge how many took it, and each branch its conversion to the chosen goal."""
    stats = usual.workspace.get("/api/journeys/trial/stats")
    conversions = usual.workspace.get("/api/journeys/trial/experiments/subject?goal=bought&branch=large")["branches"]
    assert stats["entered"] > 0
    with open_console(chromium, stack.url, usual.workspace.admin_key) as page:
        assert not page.open("#/journeys/trial/picture?step=subject&goal=bought&branch=large", "95 % interval")
        came = page.tab.eval_on_selector_all("a.step .came > span:first-child", "all => all.map((each) => Number(each.textContent))")
        assert came == [each["came"] for each in stats["steps"]]
        taken = page.tab.eval_on_selector_all(".chip b", "all => all.map((each) => Number(each.textContent))")
        assert taken == [each["count"] for each in stats["edges"] if each["label"]]
        rows = page.tab.eval_on_selector_all(
            ".branches tbody tr", "all => all.map((each) => [...each.children].slice(0, 3).map((cell) => cell.textContent))"
        )
        assert rows == [[each["branch"], str(each["entered"]), str(each["came"])] for each in conversions]


def test_two_edges_between_the_same_steps_are_distinguished(page: ConsolePage) -> None:
    """The id of a branch, its position where it has none, and the reason of a move each find their own edge; an unknown edge is none."""
    page.open("#/journeys", "A wait")
    labels = ["a", "b", "after P3D"]
    geometry = {
        "edges": [{"from": "bought", "to": "end", "label": label} for label in labels] + [{"from": "late", "to": "bought", "label": ""}]
    }
    found = imported(
        page, "drawing.js", "v[1].map((branch) => m.edgeOf(v[0], 'bought', 'end', branch, v[2]))", geometry, ["first", "2", "timeout"], WAIT
    )
    assert found == [0, 1, 2]
    assert imported(page, "drawing.js", "[m.edgeOf(v[0], 'late', 'bought'), m.edgeOf(v[0], 'end', 'late')]", geometry) == [3, -1]
    moves = [{"step": "late", "branch": None}, {"step": "bought", "branch": None}, {"step": "end", "branch": None, "reason": "timeout"}]
    assert imported(page, "drawing.js", "[...m.wayOf(v[0], v[1], v[2]).edges]", geometry, moves, WAIT) == [3, 2]


def test_moves_are_those_of_one_run_in_order_of_time(page: ConsolePage) -> None:
    """A timeline is newest first and has other runs; a move by an event has several steps, a move by time has one."""
    page.open("#/journeys", "A wait")
    entries = [
        {"kind": "move", "run": "r", "steps": None, "step": "late", "branch": None, "reason": "timeout"},
        {"kind": "move", "run": "other", "step": "x"},
        {"kind": "message", "run": "r"},
        {"kind": "move", "run": "r", "steps": [{"step": "mail"}, {"step": "bought"}]},
    ]
    assert imported(page, "picture.js", "m.movesOf(v[0], { id: 'r' }).map((each) => each.step)", entries) == ["mail", "bought", "late"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("P3D", "3 days"), ("P1DT12H", "1 day 12 hours"), ("PT1M", "1 minute"), ("P", "P"), ("PT", "PT"), ("tomorrow", "tomorrow")],
)
def test_durations_are_shown_in_words(page: ConsolePage, text: str, words: str) -> None:
    """A text that is no duration stays as it is."""
    page.open("#/journeys", "A wait")
    assert imported(page, "words.js", "m.duration(v[0])", text) == words
