"""The house's words: names that say nothing, or that say what another word already says, do not come in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "layers/core/waypost").rglob("*.py"), *(ROOT / "functions").rglob("*.py")])
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "service", "data", "info", "misc"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_say_what_a_thing_is(path: Path) -> None:
    """Modules, classes and functions avoid the words of the glossary's right column that fit everything; nothing "handles"."""
    defined = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [path.stem, *(node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, defined))]
    assert not [name for name in names if name.lower() in EMPTY_WORDS or name.startswith("handle_")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_errors_are_called_errors(path: Path) -> None:
    """A class that is raised ends in Error, so that a reader of an except clause knows."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
            raised = any(base.endswith("Error") or base == "Exception" for base in bases)
            assert not raised or node.name.endswith("Error"), node.name
