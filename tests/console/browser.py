"""Chromium for the tests of the console, and a page of the console whose faults are recorded.

Playwright and axe lie in a folder of their own, which `make` fills where there is a Chromium (tests/console/requirements.txt). So this
module can be imported without them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from functions.local.paths import TOOLS

PACKAGES: Final = TOOLS / "browser"
REQUIRED: Final = os.environ.get("WAYPOST_BROWSER") == "required"
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = [
    "--no-sandbox",  # a process of root, as in continuous integration, can have no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE: Final = {"width": 1280, "height": 800}
NARROW: Final = {"width": 390, "height": 844}
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PATIENCE: Final = 20.0  # seconds in which a page has to be complete
FIRST_VISIT: Final = 90.0  # seconds: a dozen files are loaded at once, and the local stack starts a process for each call
QUIET: Final = 0.12  # seconds without a request to the API, after which a page is complete
RECORD_VIOLATIONS: Final = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
  window.violations.push(`${violatedDirective}: ${blockedURI} ${sample}`);
});
"""


def why_missing() -> str | None:
    """Why no browser can be used; None if one can."""
    if program() is None:
        return "there is no Chromium on PATH; on Debian, `apt-get install chromium` installs it"
    if not (PACKAGES / "playwright").is_dir():
        return "Playwright is not installed in .local/browser; `make .local/browser/.ready` installs it"
    return None


def program() -> str | None:
    """The path of the Chromium of this machine."""
    return next((path for each in PROGRAMS if (path := shutil.which(each))), None)


TEXT: Final = """
[document.body?.innerText ?? "", ...[...document.querySelectorAll("input, textarea")].map((each) => each.value)].join("\\n")
"""
WIDER: Final = """
(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > width + 0.5);
  const ends = wide.filter((each) => ![...each.children].some((child) => wide.includes(child)));
  return [`${document.documentElement.scrollWidth} px wide`, ...ends.slice(0, 5).map((each) => each.outerHTML.slice(0, 120))];
})()
"""


@contextmanager
def running_chromium() -> Iterator[Any]:
    """Starts Chromium and ends it."""
    sys.path.append(str(PACKAGES))  # at the end: what it shares with the environment of the tests comes from there
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it is not always installed

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class ConsolePage:
    """A tab with the console. `faults` are what the browser has logged as errors, and what the policy has refused."""

    tab: Any
    url: str
    faults: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _pending: set[Any] = field(default_factory=set)
    _last: float = 0.0

    def __post_init__(self) -> None:
        self.tab.on("console", self._log)
        self.tab.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.tab.on("request", self._begin)
        for event in ("requestfinished", "requestfailed"):
            self.tab.on(event, self._end)

    def _log(self, message: Any) -> None:
        # The browser logs each answer with an error status; whether there should be one is another question.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"{message.type}: {message.text}")

    def _begin(self, request: Any) -> None:
        self.requests.append((request.url, request.headers))
        self._pending.add(request)
        self._last = time.monotonic()

    def _end(self, request: Any) -> None:
        self._pending.discard(request)
        self._last = time.monotonic()

    def open(self, address: str, text: str = "", press: str | None = None) -> str:
        """Shows an address behind `/console`, such as `#/events`, and waits until it shows a text and is complete.

        `press` is the name of a button that is pressed before. Returns a fault if the text does not come, and otherwise nothing.
        """
        for dialog in self.tab.query_selector_all("dialog[open]"):
            dialog.evaluate("(dialog) => dialog.close()")
        self.tab.goto(f"{self.url}/console{address}", timeout=FIRST_VISIT * 1000)
        end = time.monotonic() + PATIENCE
        if press is not None:
            self.tab.get_by_role("button", name=press, exact=True).first.click(timeout=PATIENCE * 1000)
        while text not in self.text():
            if time.monotonic() > end:
                return f"the text {text!r} is missing at {address}, which shows {self.text()[:1500]!r}"
            self.tab.wait_for_timeout(50)
        self.wait()
        return ""

    def wait(self) -> None:
        """Waits until the page requests nothing any more, apart from its polls."""
        end = time.monotonic() + PATIENCE
        self.tab.wait_for_timeout(50)
        while self._pending or time.monotonic() - self._last < QUIET:
            assert time.monotonic() < end, f"{self.tab.url} still waits for {[each.url for each in self._pending]}"
            self.tab.wait_for_timeout(30)

    def text(self) -> str:
        """The visible text of the page, and the values of its input fields."""
        return str(self.tab.evaluate(TEXT))

    def sideways(self) -> list[str]:
        """The innermost elements that make the page wider than its window."""
        return list(self.tab.evaluate(WIDER))

    def inaccessible(self, *rules: str) -> list[str]:
        """The violations of WCAG 2.2 AA that axe finds, one line for each element; with `rules` only those of these rules."""
        if not self.tab.evaluate("typeof window.axe === 'object'"):
            from axe_playwright_python.base import AXE_SCRIPT  # noqa: PLC0415 - it is not always installed

            self.tab.evaluate(AXE_SCRIPT)
        options = {"runOnly": list(rules) or LEVELS, "resultTypes": ["violations"], "iframes": False}
        found = self.tab.evaluate(f"axe.run({json.dumps(options)}).then((results) => results.violations)")
        return [f"{each['id']}: {node['target']} {node['html'][:160]} {node['failureSummary']}" for each in found for node in each["nodes"]]

    def new_faults(self) -> list[str]:
        """The faults since the last call."""
        violations = self.tab.evaluate("(window.violations ?? []).splice(0)")
        found = [*self.faults, *(f"policy: {each}" for each in violations)]
        self.faults.clear()
        return found


@contextmanager
def open_console(browser: Any, url: str, key: str | None, **options: Any) -> Iterator[ConsolePage]:
    """A tab in a context of its own, with the key of a workspace in it. `options` are those of Playwright's context."""
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce", timezone_id="Europe/Berlin", locale="en-GB", **options)
    context.add_init_script(RECORD_VIOLATIONS)
    if key is not None:
        # In the frame of a mail there is no storage.
        context.add_init_script(f"try {{ sessionStorage.setItem('waypost-key', {json.dumps(key)}) }} catch {{}}")
    try:
        yield ConsolePage(context.new_page(), url)
    finally:
        context.close()


def fail_calls(page: ConsolePage) -> None:
    """Answers every later call of the API in a tab with the error of a throttled call."""
    detail = "AWS throttled a call or did not answer in time. Send the request again."
    body = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "unavailable",
        "detail": detail,
        "requestId": "r-1",
    }
    page.tab.context.route(
        "**/api/**", lambda route: route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(body))
    )
