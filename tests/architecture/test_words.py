"""The vocabulary of the glossary (docs/architecture.md#glossary): names and prose use the field's standard terms, and no private words."""

from __future__ import annotations

import ast
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "service", "data", "info", "misc"}

# Words of names, docstrings, comments, texts and documents, as regular expressions: what to write in their place.
PRIVATE_WORDS = {
    "graves?": "tombstone",
    "bury|buries|buried": "add tombstones",
    "newborn": "new row",
    "overfull": "exceeds its limits",
    "absorb(s|ed|ing)?": "merge",
    "twins?": "duplicate, or what the two have in common",
    "parcels?": "queue message",
    "trains?": "batches by customer",
    "ledgers?": "unit of work",
    "ow(e|es|ed|ing)": "pending effect, or: needs, gets",
    "gates?": "version row",
    "scenes?": "step context",
    "footprints?": "step visit",
    "trails?": "history",
    "sweeps?": "pass",
    "told|heard|said": "logged, recorded, matched, stated",
    "anew": "again, new",
    "leavings": "what is left of a customer",
    "worlds?": "dependencies, system",
    "doors?": "Lambda function, handler, route",
    "rooms|houses?": "package, layer",
    "storyteller|teller": "history generator",
    "weather|town": "faults, simulated system",
    "laboratory": "benchmark",
    "founders?|founding": "workspace creator",
    "mend(s|ed|ing)?": "fix, repair",
    "pushed|pushes": "advanced, advances",
    "bundles?": "chunk",
    "whoever|somebody|someone": "the customer, the client, the worker, the user",
    "floors?": "layer",
    "rests": "stays, waits",
    "catch(es)? up": "apply the time that has passed",
    "clash(es)?": "contradiction",
    "(give|gave|given) up on": "could not be processed, failed",
    "on (its|their) way again": "put on the queue again",
    "overdue stays?|the stay of a run": "a wait that is over",
}
# Words of names only, because prose has other uses for them.
PRIVATE_NAMES = {
    "pay|paying": "execute",
    "hear|hears|listens": "matches, event_names",
    "digging|bond|grown|covered|heavy|heaviest|loud|picture|located|pins": "a plain description of what it holds",
    "living|happening|walked|addressed": "a plain description of what it holds",
    "tell|tells": "log, record",
    "touch|touched|untouched": "update, not updated",
    "forget|forgets": "discard",
    "front": "gateway proxy",
    "overtaken": "conflict",
    "border": "translate errors",
    "standing|trail": "customer runs, history",
    "arrive": "on_enter",
    "drifts": "has_server_time",
    "naming|named by": "identification",
    "known as": "lookup_id",
    "moving": "merge_pending",
    "recovered": "after_expired_lease",
}
# Whole names that had a private meaning, although their words have plain uses too, such as `close` in `close_files`.
PRIVATE_IDENTIFIERS = {
    "apart",
    "by_time",
    "claim_key",
    "close",
    "cut",
    "deleting",
    "excess",
    "go",
    "happened",
    "in_force",
    "is_light",
    "leaf",
    "leave",
    "lost",
    "lost_ways",
    "meet_anew",
    "nothing",
    "own_key",
    "passed",
    "places",
    "population",
    "putting",
    "reject_error",
    "reply",
    "rev",
    "said_no",
    "says",
    "stand",
    "stay",
    "take",
    "time_is_up",
    "touched_by",
    "tries",
    "unless",
    "way",
    "ways",
}
# Modules that sounded like another one: identify, match, times.
PRIVATE_MODULES = {"identity", "matching", "settle", "settled", "timestamps"}
# Of the old names, these cannot be checked, because they are also plain words for something else: `again`, `answer`, `arrived`, `broken`,
# `claimed`, `committed`, `down`, `end`, `fault`, `found`, `gone`, `held`, `intake`, `known`, `linked`, `load`, `made`, `pauses`, `pointer`,
# `released`, `settled`, `shown`, `since`, `skip`, `stage`.
# Names of classes that said nothing to a reader who did not know this code.
PRIVATE_CLASSES = {
    "Addressed",
    "Arrival",
    "Answer",
    "Asked",
    "End",
    "Excess",
    "Fault",
    "Founder",
    "Gate",
    "Go",
    "Happening",
    "Held",
    "InForce",
    "Known",
    "Leaf",
    "Leavings",
    "Linked",
    "Load",
    "Made",
    "Moving",
    "Parcel",
    "Pointer",
    "Population",
    "Released",
    "Reply",
    "Shown",
    "Skip",
    "Stand",
    "Standing",
    "Tell",
    "Told",
    "Untouched",
    "Walked",
    "Way",
    "World",
}
OLD_REFERENCE = re.compile(r"\bcontract(, section)? \d|\(contract\b")


class Text(NamedTuple):
    """A piece of prose or a name, with the line on which it begins."""

    line: int
    text: str


def tracked(*patterns: str) -> list[Path]:
    """The files of the repository that match patterns of git, also those that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(path for name in names if (path := ROOT / name).exists())


DEPLOYED = tracked("layers/core/waypost/*.py", "functions/*.py")
SOURCES = [path for path in tracked("layers/*.py", "functions/*.py", "tests/*.py") if path != Path(__file__)]
DOCUMENTS = tracked("*.md", "template.yaml", "Makefile", "pyproject.toml", ".pre-commit-config.yaml", ".ci/run")


def label(path: Path) -> str:
    """A short name for the output of a test."""
    return str(path.relative_to(ROOT))


class Module(NamedTuple):
    """What the rules read of a module."""

    names: list[Text]
    """The names that the module defines: of classes, functions, arguments, variables, attributes and import aliases."""
    classes: list[ast.ClassDef]
    """Its classes, without what is in them."""
    functions: list[Text]
    prose: list[Text]
    """Its docstrings and other texts, without comments."""


READ = {
    *(ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.arg, ast.Name, ast.Attribute),
    *(ast.MatchAs, ast.MatchStar, ast.ExceptHandler, ast.Import, ast.ImportFrom, ast.Constant, ast.keyword),
}
"""The nodes that may hold a name or a text."""


def names_in(node: ast.AST) -> Iterator[Text]:
    """The names that a node defines, apart from those that the nodes in it define."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield Text(node.lineno, name)
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield Text(node.lineno, name)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
            yield Text(node.lineno, name)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (Text(node.lineno, each.asname) for each in names if each.asname)
        case _:
            pass


# Once for all rules and in one pass. The syntax trees are not kept: those of all modules are millions of objects, which each run of the
# garbage collector would visit.
@cache
def module_at(path: Path) -> Module:
    """What the rules read of the module in this file.

    A string without a space is no text: it may be a stored attribute, a key on the wire or the label of a digest, which never change.
    Neither is an expression of DynamoDB, which names stored attributes.
    """
    module = Module([], [], [], [])
    not_prose: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if type(node) not in READ or (isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)):
            continue  # most nodes
        module.names.extend(names_in(node))
        match node:
            case ast.Constant(value=str(text)):
                if " " in text and id(node) not in not_prose:
                    module.prose.append(Text(node.lineno, text))
            case ast.keyword(arg=str(name)) if name.endswith("Expression"):
                not_prose.update(id(part) for part in ast.walk(node))  # they come later: the walk visits parents before children
            case ast.ClassDef(name=name):
                # without what is in it
                module.classes.append(ast.ClassDef(name, bases=node.bases, keywords=[], body=[], decorator_list=[], lineno=node.lineno))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                module.functions.append(Text(node.lineno, name))
            case _:
                pass
    return module


def comments(path: Path) -> list[Text]:
    """The comments of the module in this file."""
    with tokenize.open(path) as source:
        return [Text(each.start[0], each.string) for each in tokenize.generate_tokens(source.readline) if each.type == tokenize.COMMENT]


def without_code(text: str) -> str:
    """A text without what it quotes as code: fenced blocks and backticks. Line breaks stay, so that lines keep their numbers."""
    without_blocks = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"``?[^`\n]*(\n[^`\n]*)?``?", lambda code: "\n" * code[0].count("\n"), without_blocks)


def split_name(name: str) -> str:
    """The words of a name in snake case or camel case, with spaces between them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name)


def private_identifier(name: str) -> bool:
    """Whether a name as a whole, in snake case or camel case, is one of the private ones."""
    return split_name(name).strip().lower().replace(" ", "_") in PRIVATE_IDENTIFIERS


def word_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """The pattern that finds these words, which are regular expressions themselves, as whole words and in any case."""
    return re.compile(rf"(?<![\w-])({'|'.join(words)})(?![\w-])", re.IGNORECASE)


ANY_PRIVATE_WORD = word_pattern(PRIVATE_WORDS)


def private_words(texts: Iterable[Text], words: dict[str, str]) -> Iterator[str]:
    """One line for each private word in the texts, with what to write in its place."""
    any_word = word_pattern(words)  # one search for each of many thousand texts
    for first_line, text in texts:
        for word, plain in words.items() if any_word.search(text) else ():
            for found in word_pattern([word]).finditer(text):
                line = first_line + text.count("\n", 0, found.start())
                yield f"line {line}: {found[0]!r} (write: {plain})"


# A rule is one test for all files, because pytest takes longer for a test than a rule does for a file.
def assert_nothing(check: Callable[[Path], Iterable[str]], paths: Iterable[Path]) -> None:
    """Fails with all that a check finds in files, a line each."""
    found = [f"{label(path)}: {each}" for path in paths for each in check(path)]
    assert not found, "\n".join(found)


@cache
def is_private_name(name: str) -> bool:
    """Whether a name contains a private word, or is itself a private name. The result is kept, because most names are in many modules."""
    return private_identifier(name) or any(private_words([Text(1, split_name(name))], PRIVATE_WORDS | PRIVATE_NAMES))


def private_names(path: Path) -> Iterator[str]:
    """The private words in the names of a module, and its private names as a whole."""
    module = module_at(path)
    names = [each for each in (Text(1, path.stem), *module.names) if is_private_name(each.text)]
    yield from private_words([Text(line, split_name(name)) for line, name in names], PRIVATE_WORDS | PRIVATE_NAMES)
    yield from (f"line {each.lineno}: the class {each.name!r}" for each in module.classes if each.name.strip("_") in PRIVATE_CLASSES)
    yield from (f"line {line}: {name!r}" for line, name in names if private_identifier(name))


def private_prose(path: Path) -> Iterator[str]:
    """The private words in the docstrings, comments and other texts of a module."""
    texts = list(module_at(path).prose)
    # The tokenizer takes ten times as long as all else, and few files have a private word, in whatever sense, in a line with a comment.
    lines = path.read_text(encoding="utf-8").splitlines()
    if any("#" in line and ANY_PRIVATE_WORD.search(line) for line in lines):
        texts += comments(path)
    return private_words([Text(line, without_code(text)) for line, text in texts], PRIVATE_WORDS)


def old_references(path: Path) -> Iterator[str]:
    """The lines that refer to a contract."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return (f"line {number}: {line.strip()}" for number, line in enumerate(lines, start=1) if OLD_REFERENCE.search(line))


def empty_names(path: Path) -> Iterator[str]:
    """The names of a module, its classes and functions that fit everything, and names such as `handle_...`."""
    module = module_at(path)
    names = [path.stem, *(each.name for each in module.classes), *(each.text for each in module.functions)]
    return (name for name in names if name.lower() in EMPTY_WORDS or name.startswith("handle_"))


def errors_by_other_names(path: Path) -> Iterator[str]:
    """The exception classes of a module whose name does not end in Error."""
    for each in module_at(path).classes:
        if not each.name.endswith("Error"):
            bases = {base.id for base in each.bases if isinstance(base, ast.Name)}
            if any(base.endswith("Error") or base == "Exception" for base in bases):
                yield each.name


def test_names_are_standard_terms() -> None:
    """No module, class, function, argument or variable has a private word in its name, or a private name as a whole."""
    assert_nothing(private_names, SOURCES)


def test_modules_do_not_sound_alike() -> None:
    """No module has a name that differs only by its form from that of a module with another task."""
    assert_nothing(lambda path: PRIVATE_MODULES & {path.stem}, DEPLOYED)


def test_prose_in_code_is_plain() -> None:
    """No docstring, comment or other text has a private word; stored attributes, wire keys and digest labels stand in backticks."""
    assert_nothing(private_prose, SOURCES)


def test_documents_are_plain() -> None:
    """No document has a private word outside of code, and neither has a comment or a description of the template or the Makefile."""
    assert_nothing(lambda path: private_words([Text(1, without_code(path.read_text(encoding="utf-8")))], PRIVATE_WORDS), DOCUMENTS)


def test_code_refers_to_documents_of_the_repository() -> None:
    """Code and documents refer to pages such as `docs/events.md#limits`, and not to a contract that is not in the repository."""
    assert_nothing(old_references, [*SOURCES, *DOCUMENTS])


def test_names_have_a_meaning() -> None:
    """Modules, classes and functions have no name that fits everything, and none below a Lambda handler is called `handle_...`."""
    assert_nothing(empty_names, DEPLOYED)


def test_errors_are_called_errors() -> None:
    """The name of an exception class ends in Error, so that an except clause shows what it catches."""
    assert_nothing(errors_by_other_names, DEPLOYED)


def test_the_rules_read_files() -> None:
    """The rules above checked something: there are modules, documents, and deployed modules among them."""
    assert len(SOURCES) > len(DEPLOYED) > 100
    assert len(DOCUMENTS) > 10


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The graves of a customer.", ["graves"]),
        ("It is told\nby the Door.", ["told", "Door"]),
        ("The attribute `absorbed` and ``the\ndoor``.", []),
        ("An aggregate, outdoors.", []),
        ("```json\ntold\n```\nsaid\n", ["said"]),
    ],
    ids=["a word", "two lines", "code in backticks", "a part of a word", "a fenced block"],
)
def test_the_check_finds_private_words(text: str, found: list[str]) -> None:
    """The check finds whole words in any case, and ignores quoted code."""
    assert [line.split("'")[1] for line in private_words([Text(1, without_code(text))], PRIVATE_WORDS)] == found
