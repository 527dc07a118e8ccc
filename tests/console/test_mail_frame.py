"""The frame that shows the HTML of a mail: it shows what the mail looks like, and nothing in the mail does anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.console.browser import ConsolePage, open_console
from tests.console.workspaces import Filled

MAIL = Path(__file__).with_name("hostile_mail.html").read_text(encoding="utf-8")
SHOW = """
([address, html]) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.style.setProperty("width", "600px");
  frame.style.setProperty("height", "500px");
  frame.src = address;
  window.answers = [];
  window.addEventListener("message", (event) => { if (event.source === frame.contentWindow) { window.answers.push(event.data); done(); } });
  frame.addEventListener("load", () => frame.contentWindow.postMessage({ html }, "*"));
  document.body.replaceChildren(frame);
  setTimeout(done, 10000);
})
"""


class Elsewhere(ThreadingHTTPServer):
    """Another server than that of the console, which counts the connections to it."""

    connections = 0

    def get_request(self) -> Any:
        """Accepts a connection."""
        self.connections += 1
        return super().get_request()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    """A server to which a mail refers."""
    with Elsewhere(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def shown(chromium: Any, stack: Stack, elsewhere: Elsewhere) -> Iterator[tuple[ConsolePage, Any]]:
    """A tab of the console in which the mail is shown, and the frame of the mail."""
    mail = MAIL.replace("ELSEWHERE", f"http://127.0.0.1:{elsewhere.server_port}")
    with open_console(chromium, stack.url, None) as page:
        page.open("", "Admin key")
        # The console draws nothing below this: the frame is the whole page.
        build = page.tab.evaluate("document.querySelector('script[src]').src").rpartition("/")[0]
        page.tab.evaluate(SHOW, [f"{build}/mail.html", mail.replace("CONSOLE", build)])
        [frame] = [each for each in page.tab.frames if each.url.endswith("/mail.html")]
        page.tab.wait_for_timeout(300)
        yield page, frame


def test_a_mail_looks_as_it_was_written(shown: tuple[ConsolePage, Any]) -> None:
    """Its text, styles and embedded images are shown, and the frame reports its height."""
    page, frame = shown
    assert "The text of the mail" in frame.inner_text("body")
    assert frame.evaluate("getComputedStyle(document.getElementById('text')).color") == "rgb(1, 2, 3)"
    assert frame.evaluate("document.getElementById('own').naturalWidth") == 1
    assert frame.evaluate("document.body.getAttribute('bgcolor')") == "#eeeeee"
    assert page.tab.evaluate("window.answers.at(-1).height") > 700


def test_nothing_in_a_mail_runs(shown: tuple[ConsolePage, Any]) -> None:
    """Neither a script nor a handler of the mail has run, and the frame has an origin of its own without storage."""
    _, frame = shown
    assert frame.evaluate("window.ran === undefined") is True
    assert frame.evaluate("self.origin") == "null"
    assert frame.evaluate("try { sessionStorage.length } catch (error) { error.name }") == "SecurityError"


def test_a_mail_loads_nothing(shown: tuple[ConsolePage, Any], elsewhere: Elsewhere) -> None:
    """No image, sheet, font, frame or hint makes the browser connect to another server, which would learn that the mail is open."""
    page, _ = shown
    page.tab.wait_for_timeout(300)
    assert elsewhere.connections == 0


@pytest.mark.parametrize("link", ["link", "top", "new", "script", "svg", "send", "ping"])
def test_a_link_or_a_form_of_a_mail_leads_nowhere(shown: tuple[ConsolePage, Any], elsewhere: Elsewhere, link: str) -> None:
    """A click, with and without Ctrl, and Enter open nothing, neither in the frame nor in the tab, and request nothing."""
    page, frame = shown
    tab = page.tab.url
    for options in ({}, {"modifiers": ["Control"]}, {"button": "middle"}):
        frame.click(f"#{link}", **options)
    if link != "svg":
        frame.focus(f"#{link}")
        page.tab.keyboard.press("Enter")
    page.tab.wait_for_timeout(100)
    assert frame.url.endswith("/mail.html")
    assert (page.tab.url, len(page.tab.context.pages), elsewhere.connections) == (tab, 1, 0)
    assert frame.evaluate("window.ran === undefined") is True


def test_the_frame_takes_messages_of_its_parent_only(shown: tuple[ConsolePage, Any]) -> None:
    """A message that another window, here the frame itself, posts to the frame changes nothing."""
    _, frame = shown
    frame.evaluate("window.postMessage({ html: 'replaced' }, '*')")
    frame.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert "The text of the mail" in frame.inner_text("body")


def test_no_other_page_can_show_the_frame(chromium: Any, stack: Stack) -> None:
    """A page of another origin cannot put the console or the frame of a mail into a frame of its own."""
    with open_console(chromium, stack.url, None) as page:
        page.open("", "Admin key")
        build = page.tab.evaluate("document.querySelector('script[src]').src").rpartition("/")[0]
        other = stack.url.replace("127.0.0.1", "localhost")
        page.tab.route(
            f"{other}/other",
            lambda route: route.fulfill(
                content_type="text/html", body=f'<iframe src="{build}/mail.html"></iframe><iframe src="{stack.url}/console"></iframe>'
            ),
        )
        page.tab.goto(f"{other}/other")
        assert [each.url for each in page.tab.frames[1:]] == ["chrome-error://chromewebdata/"] * 2


def test_the_page_of_a_message_shows_its_mail(filled_page: ConsolePage, usual: Filled) -> None:
    """The preview of a message holds what the customer got."""
    assert not filled_page.open(f"#/messages/{usual.ids['message']}", "As it looks")
    frame = next(each for each in filled_page.tab.frames if each.url.endswith("/mail.html"))
    frame.wait_for_selector("h1")
    assert "Your trial has begun." in frame.inner_text("body")
    assert filled_page.new_faults() == []
