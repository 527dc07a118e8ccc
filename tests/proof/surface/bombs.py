"""Requests that try to exhaust time and memory, in a process with little memory. `test_bombs.py` runs it.

Usage: python -m tests.proof.surface.bombs <megabytes above the baseline> <seconds for each request> <n: only one of n requests>. It prints
each request that exceeds a limit or that is answered wrongly, and at the end how many were tried.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.proof.surface.application import Application, running

MB: Final = 1024 * 1024
LARGEST: Final = 4 * MB


class Bomb(NamedTuple):
    """A request to the intake or to the management API, and the statuses of which its answer has one."""

    name: str
    make: Callable[[], bytes]
    statuses: frozenset[int]
    path: str = "/api/events/batch"
    method: str = "POST"
    encoding: str = ""


def event_with(value: str) -> bytes:
    """A batch of an event with this JSON text in its payload and of a harmless one."""
    event = '{"correlationKey":"_id","correlationValue":"d","event":"e","payload":{"v":%s}}'
    return f'{{"batch":[{event % value},{event % 1}]}}'.encode()


def zeros(megabytes: int) -> bytes:
    """A gzip file, without its end, of so many megabytes of zeros: a thousandth of their length. It repeats one part."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    first, other = (packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + other * (megabytes - 1)


def filled(unit: str, start: str = "[", end: str = "0]") -> str:
    """A JSON text of about 4 MB that repeats a unit."""
    return start + unit * ((LARGEST - 500) // len(unit)) + end


def bodies() -> Iterator[Bomb]:
    """What the intake gets."""
    too_large, refused, one = frozenset({413}), frozenset({400}), frozenset({207})
    yield Bomb("gzip of 2 GB", lambda: zeros(2048), too_large, encoding="gzip")
    yield Bomb("gzip without a header", lambda: zeros(512), too_large)
    yield Bomb("gzip in gzip", lambda: gzip.compress(zeros(1024)), refused | too_large, encoding="gzip")
    yield Bomb("gzip in gzip in gzip", lambda: gzip.compress(gzip.compress(zeros(1024))), refused | too_large, encoding="gzip")
    yield Bomb("many members", lambda: gzip.compress(b"") * 100_000, refused, encoding="gzip")
    yield Bomb("many members of a byte", lambda: gzip.compress(b" ") * 100_000, refused, encoding="gzip")
    yield Bomb("zlib of 1 GB", lambda: zlib.compress(b"\0" * (64 * MB), 9), too_large, encoding="deflate")
    yield Bomb("a gzip file that never ends", lambda: zeros(3), refused, encoding="gzip")
    yield Bomb("an extra field of gzip", lambda: b"\x1f\x8b\x08\x04" + b"\0" * 6 + b"\xff\xff" + b"x" * 65535, refused, encoding="gzip")
    yield Bomb("a file name of 4 MB in gzip", lambda: b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"x" * LARGEST, refused, encoding="gzip")
    for depth in (1_000, 100_000, 1_000_000):
        yield Bomb(f"{depth} arrays", lambda depth=depth: event_with("[" * depth + "]" * depth), one)  # type: ignore[misc]
        yield Bomb(f"{depth} open arrays", lambda depth=depth: event_with("[" * depth), refused)  # type: ignore[misc]
    yield Bomb("600,000 objects", lambda: event_with('{"":' * 600_000 + "1" + "}" * 600_000), one)
    yield Bomb("deep and wide", lambda: event_with("[" * 2000 + "[],{}," * 600_000 + "0" + "]" * 2000), one)
    yield Bomb("deep, and a string without an end", lambda: event_with("[" * 2000 + '"' + '\\"x' * 1_200_000), refused)
    yield Bomb("deep, and a long string", lambda: event_with("[" * 2000 + '"' + '\\"' * 1_900_000 + '"' + "]" * 2000), one)
    yield Bomb("an integer of a million digits", lambda: event_with("9" * 1_000_000), one)
    yield Bomb("a fraction of a million digits", lambda: event_with("0." + "9" * 1_000_000), one)
    yield Bomb("an exponent of a million digits", lambda: event_with("1e" + "9" * 1_000_000), one)
    for number in ("1e1000000000", "-1e-1000000000", "1e999999999999999999", "0e1000000000", "0." + "0" * 1_000_000 + "1"):
        yield Bomb(f"the number {number[:20]}", lambda number=number: event_with(number), one)  # type: ignore[misc]
    yield Bomb("integers of 4,000 digits", lambda: event_with(filled("9" * 4000 + ",")), one)
    yield Bomb("integers of 38 digits", lambda: event_with(filled("9" * 38 + ",")), one)
    yield Bomb("large exponents", lambda: event_with(filled("1e99999999999999999999,")), one)
    yield Bomb("digits", lambda: event_with(filled("1,")), one)
    yield Bomb("empty objects", lambda: event_with(filled("{},")), one)
    yield Bomb("empty texts", lambda: event_with(filled('"",')), one)
    yield Bomb("escapes", lambda: event_with(filled("\\u00e9", '"', '"')), one)
    yield Bomb("lone surrogates", lambda: event_with(filled("\\ud800", '"', '"')), one)
    yield Bomb("100,000 keys", lambda: event_with("{" + ",".join(f'"k{number}":1' for number in range(100_000)) + "}"), one)
    yield Bomb("100,000 equal keys", lambda: event_with("{" + ",".join(['"k":1'] * 100_000) + "}"), frozenset({201}))
    yield Bomb("a key of 4 MB", lambda: event_with('{"' + "k" * (LARGEST - 500) + '":1}'), one)
    yield Bomb("a text of 4 MB", lambda: event_with('"' + "é" * (LARGEST // 2 - 500) + '"'), one)
    yield Bomb("1,000 events of 4 KB", lambda: many_events(1000, "x" * 3800), frozenset({201}))
    yield Bomb("1,000 identifications", lambda: identifications(1000), frozenset({201, 207}))
    yield Bomb("100,000 events", lambda: b'{"batch":[' + b"{}," * 100_000 + b"{}]}", too_large)
    yield Bomb("1,000 events that are rejected", lambda: b'{"batch":[' + b'{"event":[[[]]]},' * 999 + b"{}]}", frozenset({422}))
    yield Bomb("4 MB of spaces", lambda: b" " * LARGEST, refused)
    yield Bomb("base64 of 10 MB", lambda: b" " * 10 * MB, too_large)


def many_events(number: int, text: str) -> bytes:
    """A batch of events with a text each."""
    event = {"correlationKey": "_id", "event": "e", "payload": {"v": text}}
    return json.dumps({"batch": [{**event, "correlationValue": f"d{each}"} for each in range(number)]}).encode()


def identifications(number: int) -> bytes:
    """A batch of identifications with 200 attributes among all of them."""
    event = {"correlationKey": "_id", "event": "$identify"}
    return json.dumps(
        {
            "batch": [
                {**event, "correlationValue": f"i{each}", "payload": {"distinct_id": f"p{each}@b.cd", "n": each}} for each in range(number)
            ]
        }
    ).encode()


TEMPLATES: Final = {
    "a long range": "{% for i in (1..1000000000) %}{{ i }}{% endfor %}",
    "nested loops": "{% for i in (1..99999) %}" * 8 + "x" + "{% endfor %}" * 8,
    "a text that doubles": "{% assign t = 'xxxxxxxx' %}" + "{% assign t = t | append: t %}" * 40 + "{{ t }}",
    "a split that doubles": "{% assign l = 'a,b' | split: ',' %}" + "{% assign l = l | concat: l %}" * 40 + "{{ l | size }}",
    "powers": "{% assign x = 99999999 %}" + "{% assign x = x | times: x %}" * 40 + "{{ x }}",
    "blocks in blocks": "{% if true %}" * 20_000 + "x" + "{% endif %}" * 20_000,
    "open tags": "{{" * 50_000,
    "many outputs": "{{ 1 }}" * 30_000,
    "filters in a row": "{{ 'x'" + " | append: 'x'" * 10_000 + " }}",
    "a deep path": "{{ customer" + ".a" * 20_000 + " }}",
    "brackets": "{{ customer" + "[customer" * 5_000 + "]" * 5_000 + " }}",
    "a long condition": "{% if 1 == 1" + " and 1 == 1" * 20_000 + " %}x{% endif %}",
    "a long date": "{{ 'now' | date: '" + "%c" * 50_000 + "' }}",
    "replacements": "{{ '" + "a" * 50_000 + "' | replace: 'a', '" + "b" * 50_000 + "' }}",
}


def documents() -> Iterator[Bomb]:
    """What the management API gets."""
    any_answer = frozenset({200, 201, 422})
    for name, text in TEMPLATES.items():
        preview = json.dumps({"channel": "email", "template": {"subject": "Hi", "text": text}, "customer": {"attributes": {"a": 1}}})
        yield Bomb(f"a template with {name}", preview.encode, any_answer, "/api/templates/preview")
    steps = [{"id": f"s{number}", "type": "timeDelay", "delay": "P1D", "next": f"s{number + 1}"} for number in range(10_000)]
    long = json.dumps({"entry": {"event": "e"}, "steps": steps}).encode()
    nested: Any = {"property": "payload.a", "operator": "is equal to", "value": 1}
    for _ in range(20):
        nested = {"all": [nested, nested]} if len(json.dumps(nested)) < 200_000 else {"not": nested}
    conditions = json.dumps({"entry": {"event": "e", "conditions": nested}, "steps": [{"id": "end", "type": "exit"}]}).encode()
    for name, body in {
        "10,000 steps": long,
        "many conditions": conditions,
        "a deep array": b'{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}",
    }.items():
        for path, method in (("/api/journeys/bomb", "PUT"), ("/api/journeys/bomb/check", "POST")):
            yield Bomb(f"{name} at {path}", lambda body=body: body, any_answer | {413}, path, method)  # type: ignore[misc]
    yield Bomb("gzip of 1 GB to management", lambda: zeros(1024), frozenset({413}), "/api/schema", "PUT", "gzip")
    events = [{"event": "e", "at": "2026-11-23T05:17:13Z"}] * 1000
    yield Bomb(
        "a dry run of 1,000 events", json.dumps({"definition": loop(), "events": events}).encode, any_answer, "/api/journeys/bomb/simulate"
    )


def loop() -> dict[str, Any]:
    """A journey that goes in a circle of a minute."""
    steps = [
        {"id": "a", "type": "timeDelay", "delay": "PT30S", "next": "b"},
        {"id": "b", "type": "timeDelay", "delay": "PT30S", "next": "a"},
    ]
    return {"entry": {"event": "e", "reentry": {"mode": "always"}}, "steps": steps}


def failures(application: Application, seconds: float, one_of: int) -> Iterator[str]:
    """The requests that take too long, that end for want of memory, or that have another answer."""
    bombs = [*bodies(), *documents()][::one_of]
    for bomb in bombs:
        raw = bomb.make()
        application.empty_queue()
        started = time.process_time()
        try:
            answer = application.send(bomb.method, bomb.path, raw, headers={"content-encoding": bomb.encoding or None})
        except (MemoryError, AssertionError) as error:
            yield f"{bomb.name}: {type(error).__name__} {str(error)[:200]}"
            application.system.errors.clear()
            continue
        taken = time.process_time() - started
        sys.stderr.write(f"{taken:6.2f} s {answer.status} {bomb.name}\n")
        if answer.status not in bomb.statuses:
            yield f"{bomb.name}: {answer.status} {answer.text[:200]}"
        if taken > seconds:
            yield f"{bomb.name}: {taken:.1f} s"
    sys.stderr.write(f"{len(bombs)} tried\n")


def main() -> int:
    """Sends all requests within the limits of the command line."""
    megabytes, seconds, one_of = map(int, sys.argv[1:])
    with running() as application:
        application.post(many_events(1, "x"))
        application.call(
            "POST", "/api/templates/preview", {"channel": "email", "template": {"subject": "a", "text": "{{ 'now' | date: '%Y' }}"}}
        )
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + megabytes * MB
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        found = list(failures(application, seconds, one_of))
    sys.stdout.write("\n".join(found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
