"""Condition, filter, key-condition and projection expressions of DynamoDB.

An expression is parsed once for its text and its names. The result is a function of an item and of the expression's values.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn

from tests.proof.aws.attribute_values import Value, kind_of, order_of
from tests.proof.aws.dynamodb_errors import validation_error

Item = Mapping[str, Value]
Path = tuple[str | int, ...]
Read = Callable[[Item, Item], Value | None]
"""Reads an operand: of an item and the expression's values, the operand's value (None: the item has no such attribute)."""
Test = Callable[[Item, Item], bool]
Check = Callable[[Item], None]
"""Checks the expression's values: ValidationException if their types do not fit."""

MAX_LENGTH: Final = 4_096
MAX_OPERATORS: Final = 300
CACHED: Final = 20_000

_TOKENS: Final = re.compile(r"\s*(?:([:#]?[A-Za-z0-9_]+)|(<>|<=|>=|[=<>()\[\],.+-]))")
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TYPES: Final = frozenset({"S", "N", "B", "SS", "NS", "BS", "BOOL", "NULL", "L", "M"})
_SIZED: Final = frozenset({"S", "B", "SS", "NS", "BS", "L", "M"})
_KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN"})


class Operand(NamedTuple):
    """An operand: how it is read, its path if it is one, and its placeholder if it is a value."""

    read: Read
    path: Path | None
    placeholder: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The placeholders that an expression uses, its paths, and the checks of its values."""

    names: frozenset[str]
    values: frozenset[str]
    paths: tuple[Path, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition or filter."""

    holds: Test
    usage: Usage


class Tokens:
    """The tokens of one expression, read from left to right, with what was used on the way."""

    def __init__(self, kind: str, text: str, names: Mapping[str, str]) -> None:
        self.kind = kind
        self.names = names
        self.used_names: set[str] = set()
        self.used_values: set[str] = set()
        self.paths: list[Path] = []
        self.checks: list[Check] = []
        self.operators = 0
        if not text:
            raise self.invalid("The expression can not be empty;")
        if len(text.encode()) > MAX_LENGTH:
            raise self.invalid("Expression size has exceeded the maximum allowed size;")
        self._tokens = self._split(text)
        self.position = 0

    def _split(self, text: str) -> list[str]:
        tokens, at = [], 0
        stripped = text.rstrip()
        while at < len(stripped):
            found = _TOKENS.match(stripped, at)
            if found is None:
                raise self.invalid(f'Syntax error; token: "{stripped[at:].strip()[:1]}", near: "{stripped[at : at + 8]}"')
            tokens.append(found[1] or found[2])
            at = found.end()
        return tokens

    def invalid(self, text: str) -> Exception:
        """The error of this expression."""
        return validation_error(f"Invalid {self.kind}: {text}")

    def unexpected(self) -> NoReturn:
        """Raises the error of a token that may not stand here."""
        raise self.invalid(
            f'Syntax error; token: "{self.peek() or "<EOF>"}", near: "{" ".join(self._tokens[max(0, self.position - 1) :][:3])}"'
        )

    def peek(self, ahead: int = 0) -> str:
        """The next token, which stays the next; empty at the end."""
        return self._tokens[self.position + ahead] if self.position + ahead < len(self._tokens) else ""

    def next(self) -> str:
        """The next token."""
        token = self.peek()
        if not token:
            self.unexpected()
        self.position += 1
        return token

    def accept(self, *tokens: str) -> str:
        """The next token if it is one of these (keywords in any case), else nothing."""
        token = self.peek().upper()
        if token not in tokens:
            return ""
        self.position += 1
        return token

    def expect(self, token: str) -> None:
        """Skips this token, which must be the next."""
        if not self.accept(token):
            self.unexpected()

    def operator(self) -> None:
        """Counts an operator or function."""
        self.operators += 1
        if self.operators > MAX_OPERATORS:
            raise self.invalid("The expression contains too many operators;")

    def path(self) -> Path:
        """A document path, with its placeholders replaced by names."""
        path: list[str | int] = [self._name()]
        while self.peek() in {".", "["}:
            if self.accept("."):
                path.append(self._name())
            else:
                self.expect("[")
                index = self.next()
                if not index.isdecimal():
                    self.unexpected()
                path.append(int(index))
                self.expect("]")
        self.paths.append(tuple(path))
        return tuple(path)

    def _name(self) -> str:
        token = self.peek()
        if token.startswith("#"):
            self.next()
            if token not in self.names:
                raise self.invalid(f"An expression attribute name used in the document path is not defined; attribute name: {token}")
            self.used_names.add(token)
            return self.names[token]
        if not token or not (token[0].isalpha() or token[0] == "_") or token.upper() in _KEYWORDS:
            self.unexpected()
        return self.next()

    def value(self) -> str:
        """A placeholder of a value."""
        if not self.peek().startswith(":"):
            self.unexpected()
        token = self.next()
        self.used_values.add(token)
        return token

    def usage(self) -> Usage:
        """What the whole expression used, which must be read to its end."""
        if self.peek():
            self.unexpected()
        return Usage(frozenset(self.used_names), frozenset(self.used_values), tuple(self.paths), tuple(self.checks))

    def check_kind(self, placeholder: str, function: str, kinds: frozenset[str]) -> None:
        """Adds the check that a value has one of these types."""

        def check(values: Item) -> None:
            if (kind := kind_of(values[placeholder])) not in kinds:
                text = f"Incorrect operand type for operator or function; operator or function: {function}, operand type: {kind}"
                raise self.invalid(text)

        self.checks.append(check)

    def check_bounds(self, low: str, high: str) -> None:
        """Adds the check that the bounds of BETWEEN have one type and are in order."""

        def check(values: Item) -> None:
            first, last = values[low], values[high]
            if kind_of(first) != kind_of(last):
                text = "The BETWEEN operator requires same data type for lower and upper bounds"
                raise self.invalid(f"{text}; lower bound operand: AttributeValue: {first}, upper bound operand: AttributeValue: {last}")
            if order_of(first) > order_of(last):
                text = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
                raise self.invalid(f"{text}; lower bound operand: AttributeValue: {first}, upper bound operand: AttributeValue: {last}")

        self.checks.append(check)


ORDERED: Final = frozenset({"S", "N", "B"})


def at_path(item: Item, path: Path) -> Value | None:
    """The value in an item at a document path such as `a.b[0]`; None if the item has none there."""
    value: Any = item.get(str(path[0]))
    for part in path[1:]:
        if value is None:
            return None
        kind, content = next(iter(value.items()))
        if isinstance(part, str):
            value = content.get(part) if kind == "M" else None
        else:
            value = content[part] if kind == "L" and part < len(content) else None
    return value  # type: ignore[no-any-return]


def reader_of(path: Path) -> Read:
    """A function that reads the value at this path."""
    if len(path) == 1:
        name = str(path[0])
        return lambda item, values: item.get(name)
    return lambda item, values: at_path(item, path)


class _ConditionParser:
    """Reads a condition by recursive descent."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._pair = (-1, -1)  # where the parentheses that were read last begin and end

    def condition(self) -> Test:
        test = self._conjunction()
        while self.tokens.accept("OR"):
            self.tokens.operator()
            test = _either(test, self._conjunction())
        return test

    def _conjunction(self) -> Test:
        test = self._negation()
        while self.tokens.accept("AND"):
            self.tokens.operator()
            test = _both(test, self._negation())
        return test

    def _negation(self) -> Test:
        if self.tokens.accept("NOT"):
            self.tokens.operator()
            negated = self._negation()
            return lambda item, values: not negated(item, values)
        return self._primary()

    def _primary(self) -> Test:
        start = self.tokens.position
        if self.tokens.accept("("):
            test = self.condition()
            if self._pair == (start + 1, self.tokens.position):
                raise self.tokens.invalid("The expression has redundant parentheses;")
            self.tokens.expect(")")
            self._pair = (start, self.tokens.position)
            return test
        if self.tokens.peek(1) == "(" and self.tokens.peek() in _FUNCTIONS:
            self.tokens.operator()
            return self._function(self.tokens.next())
        return self._comparison(self.operand())

    def operand(self) -> Operand:
        token = self.tokens.peek()
        if token.startswith(":"):
            placeholder = self.tokens.value()
            return Operand(lambda item, values: values[placeholder], None, placeholder, placeholder)
        if token == "size" and self.tokens.peek(1) == "(":
            self.tokens.operator()
            self.tokens.next()
            self.tokens.expect("(")
            path = self.tokens.path()
            self.tokens.expect(")")
            return Operand(_size_reader(reader_of(path)), None, None, f"size({path})")
        path = self.tokens.path()
        return Operand(reader_of(path), path, None, str(list(path)))

    def _comparison(self, left: Operand) -> Test:
        tokens = self.tokens
        tokens.operator()
        if tokens.accept("BETWEEN"):
            return self._between(left)
        if tokens.accept("IN"):
            tokens.expect("(")
            members = [self.operand()]
            while tokens.accept(","):
                members.append(self.operand())
            tokens.expect(")")
            return _membership(left.read, [each.read for each in members])
        symbol = tokens.accept("=", "<>", *_COMPARISONS)
        if not symbol:
            tokens.unexpected()
        right = self.operand()
        if left.path is not None and left.path == right.path:
            text = "The first operand must be distinct from the remaining operands for this operator or function"
            raise tokens.invalid(f"{text}; operator: {symbol}, first operand: {left.text}")
        if symbol in _COMPARISONS:
            for each in (left, right):
                if each.placeholder:
                    tokens.check_kind(each.placeholder, symbol, ORDERED)
            return _ordering(left.read, right.read, _COMPARISONS[symbol])
        return _equality(left.read, right.read, expected=symbol == "=")

    def _between(self, left: Operand) -> Test:
        low = self.operand()
        self.tokens.expect("AND")
        high = self.operand()
        for each in (left, low, high):
            if each.placeholder:
                self.tokens.check_kind(each.placeholder, "BETWEEN", ORDERED)
        if low.placeholder and high.placeholder:
            self.tokens.check_bounds(low.placeholder, high.placeholder)
        return _both(_ordering(left.read, low.read, operator.ge), _ordering(left.read, high.read, operator.le))

    def _function(self, name: str) -> Test:
        self.tokens.expect("(")
        test = _FUNCTIONS[name](self)
        self.tokens.expect(")")
        return test

    def exists(self) -> Test:
        read = reader_of(self.tokens.path())
        return lambda item, values: read(item, values) is not None

    def not_exists(self) -> Test:
        read = reader_of(self.tokens.path())
        return lambda item, values: read(item, values) is None

    def _two(self) -> tuple[Operand, Operand]:
        first = self.operand()
        self.tokens.expect(",")
        return first, self.operand()

    def has_type(self) -> Test:
        first, second = self._two()
        if second.placeholder:
            self.tokens.check_kind(second.placeholder, "attribute_type", frozenset({"S"}))
        return lambda item, values: (value := first.read(item, values)) is not None and second.read(item, values) == {"S": kind_of(value)}

    def begins_with(self) -> Test:
        first, second = self._two()
        for each in (first, second):
            if each.placeholder:
                self.tokens.check_kind(each.placeholder, "begins_with", frozenset({"S", "B"}))

        def test(item: Item, values: Item) -> bool:
            value, prefix = first.read(item, values), second.read(item, values)
            if value is None or prefix is None or kind_of(value) != kind_of(prefix) or kind_of(value) not in {"S", "B"}:
                return False
            return bool(value[kind_of(value)].startswith(prefix[kind_of(prefix)]))

        return test

    def contains(self) -> Test:
        first, second = self._two()
        return lambda item, values: _contains(first.read(item, values), second.read(item, values))


_FUNCTIONS: Final[dict[str, Callable[[_ConditionParser], Test]]] = {
    "attribute_exists": _ConditionParser.exists,
    "attribute_not_exists": _ConditionParser.not_exists,
    "attribute_type": _ConditionParser.has_type,
    "begins_with": _ConditionParser.begins_with,
    "contains": _ConditionParser.contains,
}


def _either(first: Test, second: Test) -> Test:
    return lambda item, values: first(item, values) or second(item, values)


def _both(first: Test, second: Test) -> Test:
    return lambda item, values: first(item, values) and second(item, values)


def _membership(left: Read, members: list[Read]) -> Test:
    return lambda item, values: (value := left(item, values)) is not None and any(member(item, values) == value for member in members)


def _equality(left: Read, right: Read, *, expected: bool) -> Test:
    # An attribute that is absent equals nothing, so `<>` holds for it.
    def test(item: Item, values: Item) -> bool:
        first, second = left(item, values), right(item, values)
        return (first is not None and first == second) is expected

    return test


def _ordering(left: Read, right: Read, compare: Callable[[Any, Any], bool]) -> Test:
    def test(item: Item, values: Item) -> bool:
        first, second = left(item, values), right(item, values)
        if first is None or second is None or kind_of(first) != kind_of(second) or kind_of(first) not in ORDERED:
            return False
        return compare(order_of(first), order_of(second))

    return test


def _size_reader(read: Read) -> Read:
    def size(item: Item, values: Item) -> Value | None:
        value = read(item, values)
        if value is None or kind_of(value) not in _SIZED:
            return None
        content = value[kind_of(value)]
        return {"N": str(len(content))}

    return size


def _contains(value: Value | None, member: Value | None) -> bool:
    if value is None or member is None:
        return False
    kind, content = next(iter(value.items()))
    member_kind, wanted = next(iter(member.items()))
    if kind in {"S", "B"}:
        return kind == member_kind and wanted in content
    if kind in {"SS", "NS", "BS"}:
        return kind[0] == member_kind and wanted in content
    return kind == "L" and member in content


@lru_cache(maxsize=CACHED)
def condition(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> Condition:
    """A condition or filter; `kind` is the name of its parameter, `names` are the pairs of ExpressionAttributeNames."""
    tokens = Tokens(kind, text, dict(names))
    test = _ConditionParser(tokens).condition()
    return Condition(test, tokens.usage())


class KeyTest(NamedTuple):
    """One comparison of a key condition: `operator` is `=`, `<`, `<=`, `>`, `>=`, `BETWEEN` or `begins_with`."""

    operator: str
    placeholders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """The comparisons of a key condition by attribute."""

    tests: Mapping[str, KeyTest]
    usage: Usage


@lru_cache(maxsize=CACHED)
def key_condition(text: str, names: tuple[tuple[str, str], ...]) -> KeyCondition:
    """A key condition: one comparison, or two with AND between them."""
    tokens = Tokens("KeyConditionExpression", text, dict(names))
    tests: dict[str, KeyTest] = {}
    while True:
        name, test = _key_test(tokens)
        if name in tests:
            raise validation_error("KeyConditionExpressions must only contain one condition per key")
        tests[name] = test
        if not tokens.accept("AND"):
            return KeyCondition(tests, tokens.usage())


def _key_test(tokens: Tokens) -> tuple[str, KeyTest]:
    if tokens.accept("("):
        found = _key_test(tokens)
        tokens.expect(")")
        return found
    if tokens.peek() == "begins_with" and tokens.peek(1) == "(":
        tokens.next()
        tokens.expect("(")
        name = _key_name(tokens)
        tokens.expect(",")
        prefix = tokens.value()
        tokens.check_kind(prefix, "begins_with", frozenset({"S", "B"}))
        tokens.expect(")")
        return name, KeyTest("begins_with", (prefix,))
    name = _key_name(tokens)
    if tokens.accept("BETWEEN"):
        low = tokens.value()
        tokens.expect("AND")
        high = tokens.value()
        for each in (low, high):
            tokens.check_kind(each, "BETWEEN", ORDERED)
        tokens.check_bounds(low, high)
        return name, KeyTest("BETWEEN", (low, high))
    symbol = tokens.accept("=", *_COMPARISONS)
    if not symbol:
        raise tokens.invalid(f"Invalid operator used in KeyConditionExpression: {tokens.peek()}")
    return name, KeyTest(symbol, (tokens.value(),))


def _key_name(tokens: Tokens) -> str:
    path = tokens.path()
    if len(path) != 1:
        raise tokens.invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    return str(path[0])


@dataclass(frozen=True, slots=True)
class Projection:
    """The paths of a projection."""

    paths: tuple[Path, ...]
    usage: Usage


@lru_cache(maxsize=CACHED)
def projection(text: str, names: tuple[tuple[str, str], ...]) -> Projection:
    """A projection expression."""
    tokens = Tokens("ProjectionExpression", text, dict(names))
    tokens.path()
    while tokens.accept(","):
        tokens.path()
    refuse_overlaps(tokens, tokens.paths)
    return Projection(tuple(tokens.paths), tokens.usage())


def refuse_overlaps(tokens: Tokens, paths: list[Path]) -> None:
    """ValidationException if one of these paths is another one, or is below it."""
    ordered = sorted(paths, key=repr)
    for place, path in enumerate(ordered):
        for other in ordered[place + 1 :]:
            short, long = sorted((path, other), key=len)
            if long[: len(short)] == short:
                text = "Two document paths overlap with each other; must remove or rewrite one of these paths"
                raise tokens.invalid(f"{text}; path one: {list(short)}, path two: {list(long)}")


def projected(item: Item, paths: tuple[Path, ...]) -> dict[str, Value]:
    """The parts of an item at these paths."""
    result: dict[str, Value] = {}
    for path in paths:
        value = at_path(item, path)
        if value is not None:
            _place(result, path, value)
    return result


def _place(result: dict[str, Value], path: Path, value: Value) -> None:
    """Adds the value at a path; elements of lists move together."""
    for part in reversed(path[1:]):
        value = {"M": {part: value}} if isinstance(part, str) else {"L": [value]}
    name = str(path[0])
    result[name] = _joined(result[name], value) if name in result else value


def _joined(first: Value, second: Value) -> Value:
    if "M" in first and "M" in second:
        merged = dict(first["M"])
        for name, value in second["M"].items():
            merged[name] = _joined(merged[name], value) if name in merged else value
        return {"M": merged}
    return {"L": [*first["L"], *second["L"]]}
