"""What the documentation test reads from a page."""

from __future__ import annotations

import pytest

from tests.docs.markdown import Document, MarkdownError

PAGE = """# Ways of sending

See [limits](#limits), [`code`](docs/a.md#b_c) and a
[link over
two lines](docs/b.md). Not `[this](nowhere.md)`.

```sh
echo "[not](a-link.md)"
# not a heading
```

## Limits
## `reentry.key` & [others](x.md)
## Limits

![picture](p.png "title")

[ref]: docs/c.md#d
"""


def page(text: str) -> Document:
    """A document with this text."""
    return Document("page.md", text)


def test_blocks_have_kind_text_and_line() -> None:
    """A block knows the line of its opening fence and of its closing one."""
    [block] = page(PAGE).blocks
    assert (block.kind, block.line, block.end) == ("sh", 7, 10)
    assert block.text == 'echo "[not](a-link.md)"\n# not a heading'


def test_links_in_prose_are_found_with_their_lines() -> None:
    """Links, images and reference definitions count; what stands in code does not."""
    assert [(link.target, link.line) for link in page(PAGE).links] == [
        ("#limits", 3),
        ("docs/a.md#b_c", 3),
        ("docs/b.md", 5),
        ("x.md", 13),
        ("p.png", 16),
        ("docs/c.md#d", 18),
    ]


def test_anchors_follow_githubs_rule() -> None:
    """Lower case, hyphens for spaces, no punctuation; the second heading of one text gets a number; comments in code are no headings."""
    assert page(PAGE).anchors == {"ways-of-sending", "limits", "reentrykey--others", "limits-1"}


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("The way of an event", "the-way-of-an-event"),
        ("Ids that are never joined", "ids-that-are-never-joined"),
        ("`waitUntil` (a wait)", "waituntil-a-wait"),
        ("`is_equal_to`", "is_equal_to"),
        ("What is it? -- A test!", "what-is-it----a-test"),
        ("Größe", "größe"),
    ],
)
def test_one_anchor(heading: str, anchor: str) -> None:
    """An anchor is what GitHub makes of the heading."""
    assert page(f"## {heading}\n").anchors == {anchor}


@pytest.mark.parametrize("text", ["```json respons\n{}\n```\n", "```bash\nls\n```\n", "```sh\nls\n"])
def test_a_block_that_nobody_would_run_is_refused(text: str) -> None:
    """An unknown info string, or a block without an end, must not pass as text that is only shown."""
    with pytest.raises(MarkdownError, match=r"^page\.md:1: "):
        _ = page(text).blocks


def test_a_longer_fence_holds_a_shorter_one() -> None:
    """A page may show a fence inside a block."""
    assert [block.text for block in page("````text\n```sh\nls\n```\n````\n").blocks] == ["```sh\nls\n```"]
