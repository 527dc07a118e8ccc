"""Checks that each relative link of a document names a file of the repository and an anchor that it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from tests.docs.markdown import Document

ELSEWHERE: Final = re.compile(r"^([a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
CODE_LINES: Final = re.compile(r"^L\d+(-L\d+)?$")
IN_CODE: Final = re.compile(r"(?<![\w/.-])(?P<path>docs/[\w-]+\.md)(?:#(?P<anchor>[\w-]+))?")
Anchors = Callable[[Path], frozenset[str]]


def broken_links(document: Document, root: Path, anchors: Anchors | None = None) -> Iterator[str]:
    """One line for each relative link of the document that leads nowhere; `anchors` answers which anchors a Markdown file has."""
    home = (root / document.name).parent
    anchors = anchors or _anchors_in(root)
    for link in document.links:
        if ELSEWHERE.match(link.target):
            continue
        path, _, anchor = unquote(link.target).partition("#")
        target = (home / path).resolve() if path else root / document.name
        fault = _fault(target, anchor, root, anchors, document)
        if fault:
            yield f"{document.name}:{link.line}: the link {link.target!r} {fault}"


def broken_references(files: Iterable[Path], root: Path, anchors: Anchors | None = None) -> Iterator[str]:
    """One line for each mention of a page of docs/ in code, such as `docs/events.md#limits`, that leads nowhere."""
    anchors = anchors or _anchors_in(root)
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            for found in IN_CODE.finditer(line):
                fault = _fault(root / found["path"], found["anchor"] or "", root, anchors)
                if fault:
                    yield f"{file.relative_to(root)}:{number}: {found[0]!r} {fault}"


def _fault(target: Path, anchor: str, root: Path, anchors: Anchors, document: Document | None = None) -> str | None:
    here = document is not None and target == root / document.name
    if not here and not target.is_relative_to(root):
        return "leaves the repository"
    if not here and not _exists(target):
        return "names a file that does not exist"
    if not anchor:
        return None
    if target.suffix != ".md":
        return None if CODE_LINES.match(anchor) else "names an anchor in a file that has none"
    known = document.anchors if here and document else anchors(target)
    return None if anchor in known else "names an anchor that does not exist"


def _exists(target: Path) -> bool:
    """Whether the path exists with exactly these letters, also on a file system that ignores case."""
    return target.exists() and (target.name in {each.name for each in target.parent.iterdir()} or not target.name)


def _anchors_in(root: Path) -> Anchors:
    return lambda path: Document.read(path, root).anchors
