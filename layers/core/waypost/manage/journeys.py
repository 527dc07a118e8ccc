"""Journeys as a team manages them: drafts are saved as they come, publishing looks at everything (contract 3, 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.domain.journeys.checks import graph, publish_checks
from waypost.domain.journeys.diagram import mermaid
from waypost.domain.journeys.journey import Journey, JourneyId, parse
from waypost.domain.journeys.lifecycle import MOST_LISTENED, MOST_PUBLISHED, Lifecycle, pointed
from waypost.domain.journeys.published import ActiveJourneys
from waypost.domain.values.findings import Finding, from_errors
from waypost.domain.values.wire_time import iso
from waypost.ports import ManagedJourneys

ATTEMPTS: Final = 5
_NAMED: Final[TypeAdapter[dict[str, str]]] = TypeAdapter(dict[str, JourneyId])


@dataclass(frozen=True, slots=True)
class Checks:
    """What publishing looks at beyond the journey itself: whether a template parses, whether a webhook's address is allowed."""

    template: publish_checks.Check
    address: publish_checks.Check


def position(journey: Lifecycle) -> str:
    """A journey's place in lists."""
    return f"{iso(journey.created_at)}#{journey.id}"


def read(journeys: ManagedJourneys, workspace: str, journey: str) -> tuple[Lifecycle, Any]:
    """Where a journey stands and its newest definition. RefusedError 404 where there is none."""
    found = journeys.lifecycle(workspace, journey)
    if found is None:
        raise RefusedError(404, "not-found", "There is no journey with this id.")
    return found, journeys.definition(workspace, journey, found.version)


def save(journeys: ManagedJourneys, workspace: str, journey: str, raw: Any, now: datetime) -> tuple[Lifecycle, Any]:
    """Saves a new draft, complete or not; the first one makes the journey. RefusedError 422 for what cannot be kept as a draft."""
    refused = _unkeepable(journey, raw)
    if refused:
        raise invalid("This cannot be kept as a draft.", refused)
    definition = {"id": journey, **raw}
    for _ in range(ATTEMPTS):
        was = journeys.lifecycle(workspace, journey) or Lifecycle(journey, "", now, now)
        if was.status == "stopped":
            raise RefusedError(409, "stopped", "A stopped journey stays as it is.")
        saved = was.saved(definition.get("name") or "", now)
        try:
            journeys.save_draft(workspace, saved, definition)
        except StaleError:
            continue
        return saved, definition
    raise UnavailableError("a journey was changed too often")


def publish(journeys: ManagedJourneys, workspace: str, journey: str, checks: Checks, now: datetime) -> tuple[Lifecycle, Any]:
    """Makes the newest draft the version that customers enter; once or twice is the same. A paused journey stays paused.

    RefusedError 404, 409 once it is stopped, or 422 with everything that forbids it.
    """
    for _ in range(ATTEMPTS):
        was, definition = read(journeys, workspace, journey)
        if was.status == "stopped":
            raise wrong_move(was, "publish")
        published = was.publishing(now)
        if published is was:
            return was, definition
        found = publish_checks.publishable(definition, checks.template, checks.address)
        event_names = found.event_names if isinstance(found, Journey) else ()
        pointer = pointed(journeys.pointer(workspace), journey, published.version, event_names)
        findings = [*(found if isinstance(found, list) else ()), *_too_many(pointer)]
        if findings:
            raise invalid("This journey cannot be published as it is.", findings)
        try:
            journeys.publish(workspace, published, pointer)
        except StaleError:
            continue
        return published, definition
    raise UnavailableError("the workspace's journeys were changed too often")


def invalid(detail: str, findings: list[Finding]) -> RefusedError:
    """The refusal of a body that is JSON and still wrong, with every fault's code, sentence and place."""
    return RefusedError(422, "invalid", detail, errors=[asdict(each) for each in findings])


def diagram_of(journeys: ManagedJourneys, counts: Callable[[], Mapping[str, int]] | None, workspace: str, journey: str) -> str:
    """A journey's newest definition as Mermaid text, with `counts` of customers on its steps.

    RefusedError 404, or 422 for a draft that is no journey yet.
    """
    _, definition = read(journeys, workspace, journey)
    found = parse(definition)
    faults = found if isinstance(found, list) else [each for each in graph.findings(definition["steps"]) if each.code == "unknown-step"]
    if not isinstance(found, Journey) or faults:
        raise invalid("This draft cannot be drawn yet.", faults)
    return mermaid(found, counts() if counts else None)


def wrong_move(journey: Lifecycle, move: str) -> RefusedError:
    """The refusal of a step that a journey cannot take from where it stands."""
    return RefusedError(409, "wrong-move", f"This journey is {journey.status}: it cannot {move}.")


def _too_many(pointer: ActiveJourneys) -> Iterator[Finding]:
    """What a workspace's pointer cannot hold."""
    if len(pointer.active) > MOST_PUBLISHED:
        yield Finding("too-many-journeys", f"a workspace has at most {MOST_PUBLISHED} published journeys", "")
    if sum(len(name.encode()) for each in pointer.active for name in each.event_names) > MOST_LISTENED:
        yield Finding("too-many-events", f"the names of all events that a workspace waits for have at most {MOST_LISTENED} bytes", "")


def _unkeepable(journey: str, raw: Any) -> list[Finding]:
    """What forbids even a draft: no object, too large, another id, or a name that no list could show."""
    if not isinstance(raw, Mapping):
        return [Finding("wrong-type", "a journey is a JSON object", "")]
    return publish_checks.outsized(raw) or [*_id_faults(journey, raw), *_name_faults(raw)]


def _id_faults(journey: str, raw: Mapping[str, Any]) -> list[Finding]:
    if raw.get("id", journey) != journey:
        return [Finding("other-id", f"the path says {journey!r}", "/id")]
    try:
        _NAMED.validate_python({"id": journey})
    except ValidationError as error:
        return from_errors(error)
    return []


def _name_faults(raw: Mapping[str, Any]) -> list[Finding]:
    name = raw.get("name")
    if name is None or (isinstance(name, str) and len(name) <= 200):
        return []
    return [Finding("bad-name", "a name is a text of at most 200 characters", "/name")]
