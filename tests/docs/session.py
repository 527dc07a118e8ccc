"""Runs the `sh` blocks of a document in one bash session and compares their output with the `json response` blocks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.docs.markdown import Block, Document
from tests.docs.responses import differences, last_json

BASH_ERROR: Final = re.compile(r"\.script: line (\d+): ")

Replacements = Mapping[str, str]
"""Texts that documents show, such as the address of the local run, and what stands for each in the session: the address of its stack."""

# 22 is curl's exit code for a status of 400 or more. Such a status fails the session, also where the document does not write
# --fail-with-body. It passes where the document shows it: the last request of a block with a `json response`, and commands that print the
# status (-i, -I, -w).
PRELUDE: Final = r"""
set -eu -o pipefail
trap 'echo "$LINENO: exit code $?: $BASH_COMMAND" >>"$DOCS_FAILED"' ERR
curl() {
  local argument code=0 fail=--fail-with-body
  for argument in "$@"; do
    if [[ $argument =~ ^(-[sSkgNv]*[iIw]|--include|--head|--write-out) ]]; then fail=; fi
  done
  command curl --max-time 90 $fail "$@" || code=$?
  if [ "$code" = 22 ] && [ -n "$DOCS_RESPONSE" ]; then echo "${BASH_LINENO[0]}" >>"$DOCS_REFUSED"; return 0; fi
  return "$code"
}
"""


def failures(document: Document, replacements: Replacements, folder: Path, seconds: float = 300) -> Iterator[str]:
    """Runs the document's commands, with these replacements, in an empty folder; one line for each failure, with its line in the document.

    Each `json journey` of the document is a file `<id>.json` in the folder, for commands that save it.
    """
    for block in document.blocks:
        if block.kind == "json journey":
            (folder / f"{json.loads(block.text)['id']}.json").write_text(block.text, encoding="utf-8")
    failed = _run(document, replacements, folder, seconds)
    yield from failed
    yield from _refused(document, folder)
    for block, response in responses(document):
        if (folder / f".output-{block.line}").exists() and not any(_line_of(each) in range(block.line, block.end) for each in failed):
            yield from _compared(document, block, response, replacements, folder)


def responses(document: Document) -> Iterator[tuple[Block, Block]]:
    """Each `sh` block with the `json response` that follows it."""
    for before, after in pairwise(document.blocks):
        if before.kind == "sh" and after.kind == "json response":
            yield before, after


def misplaced(document: Document) -> Iterator[str]:
    """One line for each `json response` that does not follow an `sh` block, so that nothing would be compared with it."""
    known = {response.line for _, response in responses(document)}
    for block in document.blocks:
        if block.kind == "json response" and block.line not in known:
            yield f"{document.name}:{block.line}: this response does not follow an `sh` block"


def script(document: Document, replacements: Replacements) -> str:
    """The document as a bash script in which each command stands on the line on which the document has it."""
    lines = [""] * (len(document.lines) + 1)
    answered = {block.line for block, _ in responses(document)}
    for block in document.blocks:
        if block.kind == "sh":
            lines[block.line - 1] = f"DOCS_RESPONSE={'yes' if block.line in answered else ''}; {{ :"
            lines[block.line : block.end - 1] = replaced(block.text, replacements).split("\n")
            lines[block.end - 1] = f'}} >"$DOCS_FOLDER/.output-{block.line}"'
    return "\n".join(lines)


def replaced(text: str, replacements: Replacements) -> str:
    """The text with all replacements."""
    for shown, used in replacements.items():
        text = text.replace(shown, used)
    return text


def _run(document: Document, replacements: Replacements, folder: Path, seconds: float) -> list[str]:
    (folder / ".prelude").write_text(PRELUDE, encoding="utf-8")
    (folder / ".script").write_text(script(document, replacements), encoding="utf-8")
    names = {
        "DOCS_FOLDER": folder,
        "DOCS_FAILED": folder / ".failed",
        "DOCS_REFUSED": folder / ".refused",
        "HOME": folder,
        "TMPDIR": folder,
    }
    environment = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "DOCS_RESPONSE": "",
        **{name: str(path) for name, path in names.items()},
    }
    command = ["bash", "--noprofile", "--norc", "-c", '. "$DOCS_FOLDER/.prelude"; . "$DOCS_FOLDER/.script"']
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return [f"{document.name}:{_last_block(document, folder)}: not done after {seconds} seconds"]
    if process.returncode == 0:
        return []
    line, what = _where(folder, document, errors)
    output = "\n".join(part for part in (_output(folder, document), errors.strip()) if part)
    return [f"{document.name}:{line}: {what}\n{output}"]


def _where(folder: Path, document: Document, errors: str) -> tuple[int, str]:
    """The line of the failed command and what failed."""
    failed = folder / ".failed"
    if failed.exists():
        place, _, what = failed.read_text(encoding="utf-8").splitlines()[-1].partition(": ")
        return int(place), what
    own = BASH_ERROR.search(errors)
    return int(own[1]) if own else _last_block(document, folder), "bash could not run this"


def _last_block(document: Document, folder: Path) -> int:
    begun = [block.line for block in document.blocks if (folder / f".output-{block.line}").exists()]
    return begun[-1] if begun else 1


def _output(folder: Path, document: Document) -> str:
    path = folder / f".output-{_last_block(document, folder)}"
    return path.read_text(encoding="utf-8", errors="replace")[-2000:].strip() if path.exists() else ""


def _refused(document: Document, folder: Path) -> Iterator[str]:
    """Error statuses that the response of a block does not show, because another request follows."""
    path = folder / ".refused"
    lines = [int(line) for line in path.read_text(encoding="utf-8").split()] if path.exists() else []
    for line in lines:
        block = next(each for each in document.blocks if each.line <= line <= each.end)
        behind = block.text.split("\n")[line - block.line :]
        if any("curl " in each for each in behind):
            yield f"{document.name}:{line}: answered with an error status, and the block goes on with another request"


def _compared(document: Document, block: Block, response: Block, replacements: Replacements, folder: Path) -> Iterator[str]:
    output = (folder / f".output-{block.line}").read_text(encoding="utf-8", errors="replace")
    place = f"{document.name}:{response.line}"
    try:
        expected = json.loads(replaced(response.text, replacements))
    except ValueError as error:
        yield f"{place}: this response is not JSON: {error}"
        return
    try:
        found = last_json(output)
    except ValueError as error:
        yield f"{place}: {error}: {output[-500:]!r}"
        return
    yield from (f"{place}: {each}" for each in differences(expected, found))


def _line_of(failure: str) -> int:
    return int(failure.split(":")[1])
