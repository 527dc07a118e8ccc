"""Changes of bytes and of JSON values at random, for tests that give a parser what no client would send. A seed decides all of them."""

from __future__ import annotations

import copy
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

FRAGMENTS: Final = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x80\xa8", b"\x1f\x8b", b"\r\n", b"\x0b"),
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"\\udc00",
        b"null",
        b"true",
        b"-",
        b"1e999",
        b"NaN",
        b"0" * 50,
    ),
    *(b'"event":', b'"uuid":null,', b'"batch":[],', b'"payload":[],', b'"historical":1,', b'"$set":{"a":1},', b'"correlationValue":"",'),
)
VALUES: Final[tuple[Any, ...]] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        10**20,
        1.5,
        1e300,
        "",
        " ",
        "a",
        "end",
        "PT1S",
        "P1Y",
        "email",
        "custom",
        "2026-11-23T05:17:13Z",
        "{{ customer.a }}",
    ),
    *([], {}, [[]], [None], {"": ""}, {"all": []}, {"not": {}}, {"any": [{}]}, ["a", "a"], "x" * 300, "\ud800", "\x00", {"event": "go"}),
)


def changed_bytes(raw: bytes, random: Random) -> bytes:
    """A copy with one to four changes: a byte replaced, a part removed, repeated, moved or cut off, or a fragment put in."""
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(raw) + 1)
        end = min(len(raw), start + random.choice((1, 1, 2, 8, 64)))
        part = raw[start:end]
        raw = random.choice(
            (
                raw[:start] + bytes([random.randrange(256)]) + raw[start + 1 :],
                raw[:start] + raw[end:],
                raw[:end] + part + raw[end:],
                raw[:start] + random.choice(FRAGMENTS) + raw[start:],
                raw[:start] + random.choice(FRAGMENTS) + raw[end:],
                raw[:start] if start > 1 else raw,
            )
        )
    return raw


def encoded(raw: bytes, random: Random) -> tuple[bytes, dict[str, str | None]]:
    """A body as some client may send it, and its headers: compressed, cut off, in another encoding, or under a wrong header."""
    text = raw.decode("utf-8", "replace")
    makers: Sequence[Callable[[], tuple[bytes, str]]] = (
        lambda: (raw, ""),
        lambda: (raw, random.choice(("gzip", "deflate", "identity", "br", "gzip, gzip", ""))),
        lambda: (gzip.compress(raw, 1), "gzip"),
        lambda: (gzip.compress(raw, 1)[: random.randrange(1, 60)], "gzip"),
        lambda: (changed_bytes(gzip.compress(raw, 1), random), "gzip"),
        lambda: (gzip.compress(gzip.compress(raw, 1), 1), "gzip"),
        lambda: (b"".join(gzip.compress(raw[start : start + 50], 1) for start in range(0, len(raw), 50)), "gzip"),
        lambda: (zlib.compress(raw, 1), "deflate"),
        lambda: (zlib.compress(raw, 1)[:-3], "deflate"),
        lambda: (zlib.compress(raw, 1)[2:-4], "deflate"),
        lambda: (b"\xef\xbb\xbf" + raw, ""),
        lambda: (text.encode(random.choice(("utf-16", "utf-16-le", "utf-32", "utf-7"))), ""),
        lambda: (text.encode("latin-1", "replace"), ""),
    )
    # Most bodies are plain, so that most of them reach the parser of events.
    body, encoding = random.choice(makers)() if random.random() < 0.4 else (raw, "")
    media = (
        random.choice((None, "application/json; charset=utf-16", "text/plain", "application/x+json"))
        if random.random() < 0.1
        else "application/json"
    )
    return body, {"content-encoding": encoding or None, "content-type": media}


def changed_value(value: Any, random: Random) -> Any:
    """A copy of a JSON value with one to three changes of its structure: a member replaced, removed, repeated, renamed or exchanged."""
    changed = copy.deepcopy(value)
    for _ in range(random.randint(1, 3)):
        holders = list(containers(changed))
        if not holders:
            break
        holder, other = random.choice(holders), random.choice(holders)
        if isinstance(holder, list):
            _change_list(holder, other, random)
        else:
            _change_object(holder, other, random)
    return json.loads(json.dumps(changed))  # no part is shared by two places


def containers(value: Any, levels: int = 20) -> Iterator[Any]:
    """All objects and arrays in a value that are not empty, down to so many levels."""
    if isinstance(value, dict | list) and value and levels:
        yield value
        for member in list(value.values() if isinstance(value, dict) else value):
            yield from containers(member, levels - 1)


def _member(other: Any, random: Random) -> Any:
    return copy.deepcopy(random.choice(list(other.values()) if isinstance(other, dict) else other))


def _change_list(holder: list[Any], other: Any, random: Random) -> None:
    place = random.randrange(len(holder))
    match random.randrange(5):
        case 0:
            holder[place] = random.choice(VALUES)
        case 1:
            holder[place] = _member(other, random)
        case 2:
            del holder[place]
        case 3:
            holder.insert(place, copy.deepcopy(holder[place]))
        case _:
            random.shuffle(holder)


def _change_object(holder: dict[str, Any], other: Any, random: Random) -> None:
    name = random.choice(list(holder))
    match random.randrange(5):
        case 0:
            holder[name] = random.choice(VALUES)
        case 1:
            holder[name] = _member(other, random)
        case 2:
            del holder[name]
        case 3:
            holder[random.choice(("id", "next", "type", "event", "conditions", "template", "branches", "key", name))] = holder.pop(name)
        case _:
            holder[random.choice(list(other)) if isinstance(other, dict) else f"{name}2"] = random.choice(VALUES)
