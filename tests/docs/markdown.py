"""Reads what the documentation test needs from a Markdown file: fenced blocks, links and the anchors of headings, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

FENCE: Final = re.compile(r"^(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
CODE_SPAN: Final = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n[ \t]*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
INLINE_LINK: Final = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?(?P<target>[^()\s<>]*)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE: Final = re.compile(r"^ {0,3}\[[^\]]+\]:[ \t]*<?(?P<target>[^\s<>]+)>?", re.MULTILINE)
HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]+(?P<text>.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
KINDS: Final = frozenset(
    {"sh", "json response", "json journey", "json", "console", "text", "yaml", "mermaid", "python", "html", "http", "toml", "liquid"}
)


class MarkdownError(Exception):
    """A document that this module cannot read; the text names the line."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its info string, its text, and the lines of its fences (the first line of a file is 1)."""

    kind: str
    text: str
    line: int
    end: int


@dataclass(frozen=True, slots=True)
class Link:
    """The target of a link or an image, as it is written."""

    target: str
    line: int


@dataclass(frozen=True)
class Document:
    """A Markdown file; `name` is its path in the repository."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path, root: Path) -> Document:
        """Reads a file of the repository at `root`."""
        return cls(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their line ends."""
        return self.text.splitlines()

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks in order. MarkdownError for a block that does not end or that has an unknown info string."""
        return list(_blocks(self))

    @cached_property
    def prose(self) -> str:
        """The text with spaces in place of all code, so that offsets and line numbers stay the same."""
        lines = list(self.lines)
        for block in self.blocks:
            lines[block.line - 1 : block.end] = [""] * (block.end - block.line + 1)
        return CODE_SPAN.sub(lambda span: re.sub(r"[^\n]", " ", span[0]), "\n".join(lines))

    @cached_property
    def links(self) -> list[Link]:
        """All links and images, in the order of the text."""
        found = [*INLINE_LINK.finditer(self.prose), *REFERENCE.finditer(self.prose)]
        return [
            Link(each["target"], self.prose.count("\n", 0, each.start("target")) + 1)
            for each in sorted(found, key=lambda each: each.start())
        ]

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The anchors that GitHub gives to the headings; a repeated heading gets -1, -2 and so on."""
        anchors: set[str] = set()
        for slug in map(_slug, self._headings()):
            number, anchor = 0, slug
            while anchor in anchors:
                number += 1
                anchor = f"{slug}-{number}"
            anchors.add(anchor)
        return frozenset(anchors)

    def _headings(self) -> Iterator[str]:
        inside = {line for block in self.blocks for line in range(block.line, block.end + 1)}
        for number, line in enumerate(self.lines, start=1):
            heading = HEADING.match(line)
            if heading and number not in inside:
                yield heading["text"]


def _blocks(document: Document) -> Iterator[Block]:
    lines = document.lines
    number = 0
    while number < len(lines):
        fence = FENCE.match(lines[number])
        number += 1
        if fence is None:
            continue
        start, kind = number, fence["info"].strip()
        if kind not in KINDS:
            raise MarkdownError(f"{document.name}:{start}: unknown kind of block {kind!r}; known are {sorted(KINDS)}")
        while number < len(lines) and not (lines[number].startswith(fence["mark"]) and not lines[number].strip(fence["mark"][0] + " ")):
            number += 1
        if number == len(lines):
            raise MarkdownError(f"{document.name}:{start}: this block does not end")
        yield Block(kind, "\n".join(lines[start:number]), start, number + 1)
        number += 1


def _slug(heading: str) -> str:
    """GitHub's rule: link text alone, lower case, no punctuation but hyphens and underscores, a hyphen for each space."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
