"""One name for one thing: no two modules of the package give a class, a type or a constant the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def defined_names(path: Path) -> list[str]:
    """The public classes, types and constants that a module defines, without the type variables of generic code."""
    names: list[str] = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name):
                names.append(name)
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if name[0].isupper():
                names.append(name)
            case _:
                pass
    return names


def defined_twice(paths: Iterable[Path], names: str) -> dict[str, list[str]]:
    """The names that several of these modules define, with the modules. `names`: only `classes`, or `all`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for name in defined_names(path):
            if not name.startswith("_") and (names == "all" or not name.isupper()):
                found[name].append(path.name)
    return {name: sorted(modules) for name, modules in found.items() if len(modules) > 1}


def test_no_name_of_the_package_has_two_meanings() -> None:
    """Each public class, type and constant of the package is defined once."""
    assert defined_twice((ROOT / "layers").rglob("*.py"), "all") == {}


def test_no_class_of_the_functions_has_the_name_of_another_one() -> None:
    """Nor do the functions and the local run define a public class or type that the package or another of them defines."""
    assert defined_twice([*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")], "classes") == {}


def test_the_check_finds_a_name_that_is_defined_twice(tmp_path: Path) -> None:
    """The check finds classes, types and constants that two modules define, and leaves private names and type variables out."""
    text = 'T = TypeVar("T")\nLIMIT: Final = 1\nKind = int\n_OWN = 1\n\nclass Exit: ...\n\nclass _Own: ...\n'
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(text)
    twice = ["a.py", "b.py"]
    assert defined_twice(tmp_path.glob("*.py"), "all") == {"LIMIT": twice, "Kind": twice, "Exit": twice}
    assert defined_twice(tmp_path.glob("*.py"), "classes") == {"Kind": twice, "Exit": twice}
