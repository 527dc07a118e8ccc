"""`make screens`: writes a screenshot of every page of the console into a folder: filled, empty, with an error, dark, and narrow.

It also writes the two screenshots of the README into `docs/`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from functions.local.stack import running
from tests.console import workspaces
from tests.console.browser import NARROW, WIDE, ConsolePage, fail_calls, open_console, running_chromium, why_missing
from tests.console.pages import PAGES
from tests.stories.workspace import Workspace

VARIANTS: Final[dict[str, list[tuple[str, dict[str, int], str]]]] = {
    "filled": [("", WIDE, "light"), ("-dark", WIDE, "dark"), ("-narrow", NARROW, "light"), ("-narrow-dark", NARROW, "dark")],
    "empty": [("", WIDE, "light"), ("-narrow", NARROW, "light")],
    "error": [("", WIDE, "light")],
}
DOCS: Final = Path(__file__).parents[2] / "docs"
DOCUMENTED: Final = {"event": "console-event.png", "customer in a journey": "console-journey.png"}
"""The files in `docs/` with the pages that the README shows. Each has at most 150 KB (tests/functions/test_console_files.py)."""
DOCUMENTED_SIZE: Final = {"width": 1040, "height": 640}


def main(folder: Path) -> int:
    """Writes all screenshots. Returns 1 without a browser."""
    if missing := why_missing():
        print(f"make screens: {missing}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with running() as stack, running_chromium() as browser:
        filled, empty = workspaces.usual(stack, "example.com"), Workspace.create(stack)
        _write(browser, folder, stack.url, filled.workspace.admin_key, filled, "filled")
        _write(browser, folder, stack.url, empty.admin_key, filled, "empty")
        _write(browser, folder, stack.url, filled.workspace.admin_key, filled, "error")
    print(f"{len(list(folder.glob('*.png')))} screenshots are in {folder}")
    return 0


def _write(browser: Any, folder: Path, url: str, key: str, filled: workspaces.Filled, state: str) -> None:
    with open_console(browser, url, key) as console:
        if state == "error":
            fail_calls(console)
        for page in PAGES:
            text = getattr(page, state)
            if text is not None:
                console.tab.mouse.move(0, 0)
                console.open(page.address.format(**filled.ids), text, page.press)
                for suffix, size, scheme in VARIANTS[state]:
                    _save(console, folder / f"{page.name.replace(' ', '-')}-{state}{suffix}.png", size, scheme)
                if state == "filled" and page.name in DOCUMENTED:
                    _save(console, DOCS / DOCUMENTED[page.name], DOCUMENTED_SIZE, "light")


def _save(console: ConsolePage, path: Path, size: dict[str, int], scheme: str) -> None:
    console.tab.set_viewport_size(size)
    console.tab.emulate_media(color_scheme=scheme)
    console.tab.wait_for_timeout(50)
    console.tab.screenshot(path=str(path))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
