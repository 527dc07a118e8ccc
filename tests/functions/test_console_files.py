"""The files of the console: what none of them may hold, and how large they are together."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from functions.local.paths import ROOT
from tests.console.screens import DOCS, DOCUMENTED

FOLDER = ROOT / "functions" / "manage" / "console"
FILES = sorted(FOLDER.iterdir())
FIRST_VISIT = 32_000
"""Bytes, each file compressed by itself, that a browser loads before it shows the first page, events."""
ALL = 100_000
"""Bytes of all files together, compressed in the same way."""
LOCAL_ONLY = "http://www.w3.org/2000/svg"
"""The name of a namespace, which nobody loads."""
FORBIDDEN = {
    "parsed markup": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTMLUnsafe|srcdoc",
    "evaluated text": r"\beval\b|new Function|setTimeout\(\s*[\"'`]|setInterval\(\s*[\"'`]|javascript:",
    "styles in markup": r"style=|setAttribute\(\s*[\"']style",
    "addresses of other hosts": r"https?:|[\"'(]//\w",
    "keys outside of the session of the tab": r"localStorage[^;\n]*key\b|document\.cookie",
}


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_no_file_has_what_the_policy_or_safety_forbids(rule: str) -> None:
    """No file parses markup, evaluates a text, has a style in markup or names another host."""
    found = []
    for file in FILES:
        lines = file.read_text(encoding="utf-8").replace(LOCAL_ONLY, "").splitlines()
        found += [
            f"{file.name}:{number}: {line.strip()[:120]}" for number, line in enumerate(lines, start=1) if re.search(FORBIDDEN[rule], line)
        ]
    assert not found, "\n".join(found)


def test_only_the_frame_of_a_mail_parses_a_document() -> None:
    """`DOMParser` is in mail.js alone, whose frame has an origin of its own."""
    assert [each.name for each in FILES if "DOMParser" in each.read_text(encoding="utf-8")] == ["mail.js"]


def compressed(names: Iterable[str]) -> dict[str, int]:
    """The sizes of files after compression."""
    return {each: len(gzip.compress((FOLDER / each).read_bytes(), 9)) for each in sorted(names)}


def loaded_by(*names: str) -> set[str]:
    """These files and the modules that they import, and so on; not what is imported when it is needed."""
    found, left = set[str](), set(names)
    while left:
        name = left.pop()
        found.add(name)
        left |= set(re.findall(r'from "\./([^"]+)"', (FOLDER / name).read_text(encoding="utf-8"))) - found
    return found


def test_the_first_visit_is_small() -> None:
    """The first page needs at most 32,000 bytes when they are compressed."""
    sizes = compressed(loaded_by("index.html", "console.css", "icon.svg", "main.js", "events.js"))
    assert sum(sizes.values()) <= FIRST_VISIT, sizes


def test_all_files_are_small() -> None:
    """Together they have at most 100,000 bytes when they are compressed."""
    sizes = compressed(each.name for each in FILES)
    assert sum(sizes.values()) <= ALL, sizes


def test_every_module_is_loaded() -> None:
    """Each module is imported by another one or named by a document, so that nothing is shipped that nobody uses."""
    text = "\n".join(each.read_text(encoding="utf-8") for each in FILES)
    assert [each.name for each in FILES if each.suffix == ".js" and not re.search(rf'["/]{each.name}"', text)] == []


def test_every_import_is_exported() -> None:
    """Each name that a module imports is one that the other module exports: without a build, only a browser would find that it is not."""
    faults = []
    for file in FILES:
        for names, other in re.findall(r'import \{([^}]*)\} from "\./([^"]+)"', file.read_text(encoding="utf-8")):
            source = (FOLDER / other).read_text(encoding="utf-8")
            exported = set(re.findall(r"export (?:async )?(?:const|let|function|class) (\w+)", source))
            for group in re.findall(r"export \{([^}]*)\}", source):
                exported |= {each.split(" as ")[-1].strip() for each in group.split(",")}
            faults += [
                f"{file.name}: {other} has no {name}"
                for each in names.split(",")
                if (name := each.split(" as ")[0].strip()) and name not in exported
            ]
    assert faults == []


@pytest.mark.parametrize("name", ["index.html", "mail.html"])
def test_documents_have_no_script_of_their_own(name: str) -> None:
    """All scripts and styles are files: the policy refuses those in a document."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=", text)


def test_the_folder_is_flat() -> None:
    """There are no folders in it: the routes have one segment for the name of a file."""
    assert [each.name for each in FILES if not Path(each).is_file()] == []


def test_the_screenshots_of_the_documents_are_small() -> None:
    """Each image that the README shows has at most 150 KB, so that a clone stays small."""
    sizes = {each.name: each.stat().st_size for each in DOCS.glob("*.png")}
    assert sorted(sizes) == sorted(DOCUMENTED.values())
    assert {name: size for name, size in sizes.items() if size > 150_000} == {}
