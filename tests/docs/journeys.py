"""Saves, publishes and simulates the `json journey` blocks of a document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.docs.markdown import Document
from tests.stories.workspace import Workspace

AT: Final = "2026-12-01T10:00:00.000Z"
EXAMPLES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "is not equal to": lambda _: None,
    "is greater than": lambda value: float(value) + 1,
    "is less than": lambda value: float(value) - 1,
    "before": lambda _: "1970-01-01T00:00:00Z",
    "after": lambda _: "9000-01-01T00:00:00Z",
    "during": lambda value: value["from"],
    "contains": lambda value: value if isinstance(value, str) else [value],
    "does not contain": lambda _: None,
    "exist": lambda _: "example",
    "exists": lambda _: "example",
    "not exist": lambda _: None,
    "doesNotExist": lambda _: None,
    "length is greater than": lambda value: "x" * (int(value) + 1),
    "length is less than": lambda _: "",
    "length is equal to": lambda value: "x" * int(value),
}
"""Operator: the value of a condition -> a value for which the condition is true; None where a missing property makes it true."""


def failures(document: Document, workspace: Workspace) -> Iterator[str]:
    """One line for each journey that cannot be saved, published or entered, with the line of its block."""
    for block in document.blocks:
        if block.kind == "json journey":
            yield from (f"{document.name}:{block.line}: {each}" for each in _failure(block.text, workspace))


def _failure(text: str, workspace: Workspace) -> Iterator[str]:
    try:
        journey = json.loads(text)
        path = f"/api/journeys/{journey['id']}"
    except (ValueError, KeyError) as error:
        yield f"this is not the JSON of a journey with an id: {error!r}"
        return
    for method, route, body in (("PUT", path, journey), ("POST", f"{path}/publish", None)):
        answer = workspace.request(method, route, body)
        if answer.is_error:
            yield f"{method} {route} answered {answer.status_code}: {answer.text}"
            return
    answer = workspace.request("POST", f"{path}/simulate", simulation(journey))
    if answer.is_error:
        yield f"the simulation answered {answer.status_code}: {answer.text}"
    elif not answer.json()["moves"]:
        yield f"nobody enters by {simulation(journey)}: {answer.json()['ignored']}"


def simulation(journey: Mapping[str, Any]) -> dict[str, Any]:
    """A dry run with one event that fulfils the conditions of the journey's entry."""
    entry = journey["entry"]
    roots: dict[str, dict[str, Any]] = {"payload": {}, "customer": {}}
    if "conditions" in entry:
        _fulfil(entry["conditions"], roots)
    if key := entry.get("reentry", {}).get("key"):
        _put(roots["payload"], key.removeprefix("payload.").split("."), "example")
    source = {"source": entry["source"]} if "source" in entry else {}
    event = {"event": entry["event"], "payload": roots["payload"], "at": AT, **source}
    return {"customer": {"attributes": roots["customer"]}, "events": [event]}


def _fulfil(condition: Mapping[str, Any], roots: dict[str, dict[str, Any]]) -> None:
    """Adds the properties that make a condition true; of `any` the first one, of `not` none, because a missing property is enough."""
    if "all" in condition:
        for each in condition["all"]:
            _fulfil(each, roots)
    elif "any" in condition:
        _fulfil(condition["any"][0], roots)
    elif "not" not in condition:
        root, *path = condition["property"].split(".")
        value = _example(condition["operator"], condition.get("value"))
        if value is not None:
            _put(roots[root], path, value)


def _example(operator: str, value: Any) -> Any:
    """A value that fulfils a comparison; None where a missing property does."""
    return EXAMPLES.get(operator, lambda each: each)(value)


def _put(properties: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        properties = properties.setdefault(name, {})
    properties.setdefault(path[-1], value)
