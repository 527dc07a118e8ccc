"""README and docs/ say what the code does: their commands run, their responses and journeys are real, their links lead somewhere.

Blocks (the info string behind the fence):
- `sh`: runs with bash in the order of the page, in one session and one empty folder for each page, in a new workspace like the demo
  workspace. The test replaces http://127.0.0.1:3000 by the address of its stack, and the id and the keys of the demo workspace by those
  of the new one. Each command must succeed; an answer of 400 or more fails too, except for
  the last request of a block with a `json response` and for a curl that prints the status (-i, -I, -w).
- `json response`: must match the last JSON value that the `sh` block before it prints. Members that are not shown are ignored; "..." is any
  value, "abc..." any text that begins so, and "..." at the end of an array any further elements.
- `json journey`: is saved, published and simulated with an event that fulfils its entry conditions, in a workspace of its own. The session
  has it as the file `<id>.json`.
- all others (`json`, `console`, `text`, `yaml`, `mermaid`, ...) are shown only.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.local.paths import ROOT
from tests.docs import demo, journeys, links, session
from tests.docs.markdown import Document, MarkdownError
from tests.stories.workspace import Workspace

MOST_README_LINES = 200
WITH_EXAMPLES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
WITH_LINKS = [*WITH_EXAMPLES, *sorted(ROOT.glob("*.md")), *sorted((ROOT / ".github").glob("**/*.md"))]
CODE = [
    *(path for folder in ("layers", "functions", "tests") for path in (ROOT / folder).rglob("*.py") if "docs" not in path.parent.name),
    *(ROOT / name for name in ("template.yaml", "Makefile", "pyproject.toml")),
]


def read(path: Path) -> Document:
    """A document whose blocks can be read."""
    document = Document.read(path, ROOT)
    try:
        _ = document.blocks
    except MarkdownError as error:
        pytest.fail(str(error), pytrace=False)
    return document


def report(failures: list[str]) -> None:
    """Fails with all that was found, a line each."""
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_examples_of_a_document_work(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every command succeeds and answers what the page shows; every journey can be published and entered."""
    document = read(path)
    misplaced = list(session.misplaced(document))
    if not any(block.kind in {"sh", "json journey"} for block in document.blocks):
        report(misplaced)
        return
    has_clock = any(block.kind == "sh" and "/_local/clock" in block.text for block in document.blocks)
    stack = request.getfixturevalue("advancing" if has_clock else "ministack")
    ran = list(session.failures(document, demo.replacements(stack), tmp_path))
    stack.providers.clear_plans()
    published = list(journeys.failures(document, Workspace.create(stack)))
    report([*misplaced, *ran, *published])


@pytest.mark.parametrize("path", dict.fromkeys(WITH_LINKS), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    """Each relative link names a file of the repository, and an anchor is a heading of that file."""
    report(list(links.broken_links(read(path), ROOT)))


def test_every_mention_of_a_page_in_code_leads_somewhere() -> None:
    """A docstring or a comment that names a page of docs/, such as `docs/events.md#limits`, names one that exists."""
    report(list(links.broken_references(CODE, ROOT)))


def test_the_readme_is_short() -> None:
    """The README has at most 200 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_README_LINES


def test_no_document_names_a_path_of_the_machine_it_was_written_on() -> None:
    """Documents hold no home folders."""
    report([str(path.relative_to(ROOT)) for path in WITH_LINKS if re.search(r"/(root|home/\w+|Users/\w+)/", path.read_text())])
