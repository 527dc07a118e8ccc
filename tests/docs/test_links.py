"""A link that leads nowhere is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.links import broken_links, broken_references
from tests.docs.markdown import Document


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one page and one file of code."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "events.md").write_text("# Events\n\n## Limits\n", encoding="utf-8")
    (tmp_path / "code.py").write_text('"""Rules (docs/events.md#limits)."""\n', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "target",
    ["docs/events.md", "docs/events.md#limits", "docs/", "#here", "README.md#here", "code.py", "code.py#L1", "https://example.com/x#y"],
)
def test_a_good_link(root: Path, target: str) -> None:
    """Files, folders, anchors, lines of code and other sites may be linked."""
    assert not list(broken_links(Document("README.md", f"# Here\n\n[link]({target})\n"), root))


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("docs/event.md", "names a file that does not exist"),
        ("docs/Events.md", "names a file that does not exist"),
        ("docs/events.md#limit", "names an anchor that does not exist"),
        ("#there", "names an anchor that does not exist"),
        ("code.py#here", "names an anchor in a file that has none"),
        ("../elsewhere.md", "leaves the repository"),
    ],
)
def test_a_broken_link(root: Path, target: str, fault: str) -> None:
    """The report names the document, the line and the fault."""
    document = Document("README.md", f"# Here\n\n[link]({target})\n")
    assert list(broken_links(document, root)) == [f"README.md:3: the link {target!r} {fault}"]


def test_a_page_in_a_folder_links_from_there(root: Path) -> None:
    """A relative path starts at the folder of the page."""
    document = Document("docs/events.md", "## Limits\n[a](../code.py) [b](code.py)")
    assert list(broken_links(document, root)) == ["docs/events.md:2: the link 'code.py' names a file that does not exist"]


def test_references_in_code(root: Path) -> None:
    """Code may mention a page and an anchor only if they exist."""
    wrong = root / "wrong.py"
    wrong.write_text("# docs/events.md#limits\n# docs/events.md#none\n# see docs/none.md.\n", encoding="utf-8")
    assert list(broken_references([root / "code.py", wrong], root)) == [
        "wrong.py:2: 'docs/events.md#none' names an anchor that does not exist",
        "wrong.py:3: 'docs/none.md' names a file that does not exist",
    ]
