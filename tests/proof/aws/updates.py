"""Update expressions of DynamoDB: SET, REMOVE, ADD and DELETE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from tests.proof.aws.attribute_values import Value, kind_of, number, total
from tests.proof.aws.dynamodb_errors import validation_error
from tests.proof.aws.expressions import CACHED, Item, Path, Read, Tokens, Usage, at_path, reader_of, refuse_overlaps

Compute = Callable[[Item, Item], Value | None]
"""The new value of an attribute, of the item before the update and the expression's values. None removes the attribute."""

_SETS: Final = frozenset({"SS", "NS", "BS"})
_ADDED: Final = frozenset({"N", *_SETS})
_SECTIONS: Final = ("SET", "REMOVE", "ADD", "DELETE")


@dataclass(frozen=True, slots=True)
class Update:
    """An update: the new values by path, and the paths that it removes."""

    changes: tuple[tuple[Path, Compute], ...]
    removed: tuple[Path, ...]
    usage: Usage

    def apply(self, item: Item, values: Item) -> dict[str, Value]:
        """The item after the update. All operands are read from the item before it."""
        computed = [(path, compute(item, values)) for path, compute in self.changes]
        root: Value = {"M": dict(item)}
        for path, value in computed:
            root = _with(root, path, value) if value is not None else _without(root, path)
        # From the last element of a list to the first: the positions are those before the update.
        for path in self.removed:
            root = _without(root, path)
        return root["M"]  # type: ignore[no-any-return]


def _invalid_path() -> Exception:
    return validation_error("The document path provided in the update expression is invalid for update")


def _wrong_type() -> Exception:
    return validation_error("An operand in the update expression has an incorrect data type")


def _with(container: Value, path: Path, value: Value) -> Value:
    part, below = path[0], path[1:]
    if isinstance(part, str):
        if kind_of(container) != "M" or (below and part not in container["M"]):
            raise _invalid_path()
        return {"M": {**container["M"], part: _with(container["M"][part], below, value) if below else value}}
    if kind_of(container) != "L" or (below and part >= len(container["L"])):
        raise _invalid_path()
    elements = list(container["L"])
    elements[part : part + 1] = [_with(elements[part], below, value) if below else value]
    return {"L": elements}


def _without(container: Value, path: Path) -> Value:
    part, below = path[0], path[1:]
    if isinstance(part, str):
        if kind_of(container) != "M" or (below and part not in container["M"]):
            raise _invalid_path()
        entries = dict(container["M"])
        if below:
            entries[part] = _without(entries[part], below)
        else:
            entries.pop(part, None)
        return {"M": entries}
    if kind_of(container) != "L" or (below and part >= len(container["L"])):
        raise _invalid_path()
    elements = list(container["L"])
    if below:
        elements[part] = _without(elements[part], below)
    else:
        del elements[part : part + 1]
    return {"L": elements}


@lru_cache(maxsize=CACHED)
def update(text: str, names: tuple[tuple[str, str], ...]) -> Update:
    """An update expression; `names` are the pairs of ExpressionAttributeNames."""
    tokens = Tokens("UpdateExpression", text, dict(names))
    changes: list[tuple[Path, Compute]] = []
    removed: list[Path] = []
    sections: set[str] = set()
    while section := tokens.accept(*_SECTIONS):
        if section in sections:
            raise tokens.invalid(f'The "{section}" section can only be used once in an update expression;')
        sections.add(section)
        while True:
            path = tokens.path()
            if section == "REMOVE":
                removed.append(path)
            else:
                changes.append((path, _ACTIONS[section](tokens, path)))
            if not tokens.accept(","):
                break
    if not sections:
        tokens.unexpected()
    usage = tokens.usage()
    refuse_overlaps(tokens, [*(path for path, _ in changes), *removed])
    return Update(tuple(changes), tuple(sorted(removed, key=_position, reverse=True)), usage)


def _position(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (0, part) for part in path)


def _set(tokens: Tokens, path: Path) -> Compute:
    tokens.expect("=")
    first = _operand(tokens)
    sign = {"+": 1, "-": -1}.get(tokens.accept("+", "-"), 0)
    if not sign:
        return first
    tokens.operator()
    second = _operand(tokens)

    def compute(item: Item, values: Item) -> Value:
        left, right = first(item, values), second(item, values)
        if kind_of(left) != "N" or kind_of(right) != "N":
            raise _wrong_type()
        return {"N": total(left["N"], right["N"], sign)}

    return compute


def _operand(tokens: Tokens) -> Callable[[Item, Item], Value]:
    """An operand of SET, which must exist."""
    if tokens.peek() in {"if_not_exists", "list_append"} and tokens.peek(1) == "(":
        return _function(tokens)
    if tokens.peek().startswith(":"):
        placeholder = tokens.value()
        return lambda item, values: values[placeholder]
    return _existing(reader_of(tokens.path()))


def _existing(read: Read) -> Callable[[Item, Item], Value]:
    def value(item: Item, values: Item) -> Value:
        found = read(item, values)
        if found is None:
            raise validation_error("The provided expression refers to an attribute that does not exist in the item")
        return found

    return value


def _function(tokens: Tokens) -> Callable[[Item, Item], Value]:
    tokens.operator()
    name = tokens.next()
    tokens.expect("(")
    if name == "if_not_exists":
        path = tokens.path()
        tokens.expect(",")
        default = _operand(tokens)
        tokens.expect(")")
        return lambda item, values: found if (found := at_path(item, path)) is not None else default(item, values)
    first = _operand(tokens)
    tokens.expect(",")
    second = _operand(tokens)
    tokens.expect(")")

    def appended(item: Item, values: Item) -> Value:
        left, right = first(item, values), second(item, values)
        if kind_of(left) != "L" or kind_of(right) != "L":
            raise _wrong_type()
        return {"L": [*left["L"], *right["L"]]}

    return appended


def _add(tokens: Tokens, path: Path) -> Compute:
    placeholder = tokens.value()
    tokens.check_kind(placeholder, "ADD", _ADDED)

    def compute(item: Item, values: Item) -> Value:
        added, stored = values[placeholder], at_path(item, path)
        if stored is None:
            return added
        kind = kind_of(added)
        if kind_of(stored) != kind:
            raise _wrong_type()
        if kind == "N":
            return {"N": total(stored["N"], added["N"])}
        return {kind: _ordered(kind, {*stored[kind], *added[kind]})}

    return compute


def _delete(tokens: Tokens, path: Path) -> Compute:
    placeholder = tokens.value()
    tokens.check_kind(placeholder, "DELETE", _SETS)

    def compute(item: Item, values: Item) -> Value | None:
        deleted, stored = values[placeholder], at_path(item, path)
        if stored is None:
            return None
        kind = kind_of(deleted)
        if kind_of(stored) != kind:
            raise _wrong_type()
        left = set(stored[kind]) - set(deleted[kind])
        return {kind: _ordered(kind, left)} if left else None

    return compute


def _ordered(kind: str, members: set[Any]) -> list[Any]:
    return sorted(members, key=number if kind == "NS" else None)


_ACTIONS: Final[Mapping[str, Callable[[Tokens, Path], Compute]]] = {"SET": _set, "ADD": _add, "DELETE": _delete}
