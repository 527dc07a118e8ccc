"""Journeys: drafts are saved with few checks, and publishing applies all of them (docs/journeys.md#versions)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from waypost.domain.customers.topics import with_general
from waypost.domain.errors import RefusedError, StaleError, UnavailableError
from waypost.domain.journeys.checks import graph, publish_checks
from waypost.domain.journeys.diagram import mermaid
from waypost.domain.journeys.journey import Journey, JourneyId, json_schema, parse
from waypost.domain.journeys.lifecycle import MOST_LISTENED, MOST_PUBLISHED, Lifecycle, pointed
from waypost.domain.journeys.published import ActiveJourneys
from waypost.domain.messages import receivers
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.values import exact_json
from waypost.domain.values.calendar_edges import EPOCH
from waypost.domain.values.cursors import bad_cursor, cursor_of, position_in
from waypost.domain.values.findings import Finding, from_errors
from waypost.domain.values.wire_time import iso
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import PublishChecks
from waypost.manage.pagination import in_memory_source, read_page
from waypost.manage.preconditions import Precondition, etag_of, precondition_failed
from waypost.manage.requests import DiagramQuery, JourneyQuery, NoQuery, VersionQuery
from waypost.manage.responses.journeys import CREATED_STATUS, JourneyResponse, JourneySummary
from waypost.manage.responses.lists import ListResponse
from waypost.manage.time_limit import HasTime, time_limit
from waypost.ports import ManagedJourneys, RunHistory
from waypost.web.http import Response

EDIT_ATTEMPTS: Final = 5
ANY_STATE: Final = Precondition()
MAX_NAME_CHARACTERS: Final = 200
_NAMED: Final[TypeAdapter[dict[str, str]]] = TypeAdapter(dict[str, JourneyId])


def position(journey: Lifecycle) -> str:
    """The journey's position in lists, which sorts by creation."""
    return f"{iso(journey.created_at)}#{journey.id}"


def existing(journeys: ManagedJourneys, workspace: str, journey_id: str) -> Lifecycle:
    """The status of a journey. RefusedError 404 if there is no such journey."""
    journey = journeys.lifecycle(workspace, journey_id)
    if journey is None:
        raise RefusedError(404, "not-found", "There is no journey with this id.")
    return journey


def read(journeys: ManagedJourneys, workspace: str, journey_id: str) -> tuple[Lifecycle, Any]:
    """The status of a journey and its newest definition. RefusedError 404 if there is no such journey."""
    journey = existing(journeys, workspace, journey_id)
    return journey, journeys.definition(workspace, journey_id, journey.version)


def read_version(journeys: ManagedJourneys, workspace: str, journey_id: str, version: int | None) -> tuple[Lifecycle, Any]:
    """The status of a journey and the definition of one version (None: the newest). RefusedError 404 if there is no such version."""
    if version is None:
        return read(journeys, workspace, journey_id)
    journey = existing(journeys, workspace, journey_id)
    return journey, definition_of(journeys, workspace, journey, version)


def definition_of(journeys: ManagedJourneys, workspace: str, journey: Lifecycle, version: int) -> Any:
    """The definition of one version of a journey. RefusedError 404 if there is no such version."""
    if version > journey.version:
        raise RefusedError(404, "not-found", "This journey has no such version.")
    try:
        return journeys.definition(workspace, journey.id, version)
    except LookupError:  # the draft was deleted after the first read, or its deletion ended after the older versions
        raise RefusedError(404, "not-found", "This journey has no such version.") from None


def etag(journey: Lifecycle) -> str:
    """The `ETag` of a journey, which every write of it changes.

    The time of its creation distinguishes it from a deleted journey that had the same id.
    """
    return etag_of(journey.revision, (journey.created_at - EPOCH) // timedelta(milliseconds=1))


def save(
    journeys: ManagedJourneys, workspace: str, journey_id: str, raw: Any, now: datetime, precondition: Precondition = ANY_STATE
) -> tuple[Lifecycle, Any]:
    """Saves a new draft, complete or not. The first draft creates the journey.

    RefusedError 422 for a value that not even a draft may be, 409 if the journey is stopped, or 412 if the precondition does not hold. A
    repeat of the latest save is accepted: its first answer may be lost.
    """
    findings = draft_findings(journey_id, raw)
    if findings:
        raise invalid("This cannot be kept as a draft.", findings)
    definition = {"id": journey_id, **raw}
    for _ in range(EDIT_ATTEMPTS):
        was = journeys.lifecycle(workspace, journey_id)
        if was is not None and was.status == "stopped":
            raise RefusedError(409, "stopped", "A stopped journey accepts no new draft.")
        # The write below has the revision that was read here as its condition. So the draft is saved over the very state for which the
        # precondition was checked: if another editor saves in between, the write fails and the precondition is checked again.
        if not precondition.holds(etag(was) if was else None):
            if was is not None and _was_saved(journeys, workspace, was, definition, precondition):
                return was, definition
            raise _changed()
        saved = (was or Lifecycle(journey_id, "", now, now)).saved(definition.get("name") or "", now)
        try:
            journeys.save_draft(workspace, saved, definition)
        except StaleError:
            continue
        return saved.written, definition
    raise UnavailableError("a journey was changed too often")


def publish(
    journeys: ManagedJourneys,
    workspace: str,
    journey_id: str,
    checks: PublishChecks,
    clock: Callable[[], datetime],
    delay: timedelta = timedelta(0),
    precondition: Precondition = ANY_STATE,
) -> tuple[Lifecycle, Any]:
    """Makes the newest draft the version that customers enter after a delay. A paused journey stays paused.

    A repeated call changes nothing, so a client that lost the response can send it again. RefusedError 404, 409 if the journey is
    stopped, 412 if the precondition does not hold, or 422 with every finding that forbids publication.
    """
    for _ in range(EDIT_ATTEMPTS):
        was, definition = read(journeys, workspace, journey_id)
        if was.status == "stopped":
            raise wrong_action(was, "publish")
        is_published = was.published_version == was.version
        if not precondition.holds(etag(was)) and not (is_published and precondition.holds(_etag_before(was))):
            raise _changed()
        if is_published:
            return was, definition
        checked = publish_checks.publishable(definition, *checks.all)
        event_names = checked.event_names if isinstance(checked, Journey) else ()
        pointer = journeys.pointer(workspace)
        # The clock is read after the checks, right before the write: the delay is counted from here.
        now = clock()
        published = was.publishing(now, delay)
        pointer = pointed(pointer, journey_id, published.version, event_names, now, published.entries_from)
        findings = [*(checked if isinstance(checked, list) else ()), *_workspace_findings(pointer)]
        if findings:
            raise invalid("This journey cannot be published as it is.", findings)
        # Journey and pointer are one transaction. If another journey was published since the read, the pointer has a new revision: the
        # write fails and the loop reads again, so that neither publication overwrites the other.
        try:
            journeys.publish(workspace, published, pointer, now)
        except StaleError:
            continue
        return published.written, definition
    raise UnavailableError("the workspace's journeys were changed too often")


def delete(journeys: ManagedJourneys, workspace: str, journey_id: str, precondition: Precondition = ANY_STATE) -> None:
    """Deletes a journey that was never published.

    RefusedError 404, 409 for a journey that was published, because its runs need its versions, or 412 if the precondition does not hold.
    """
    for _ in range(EDIT_ATTEMPTS):
        draft, _definition = read(journeys, workspace, journey_id)
        if draft.published_version is not None:
            raise RefusedError(409, "wrong-move", "Only a journey that was never published can be deleted. Stop this one.")
        if not precondition.holds(etag(draft)):
            raise _changed()
        try:
            journeys.delete_draft(workspace, draft)
        except StaleError:
            continue
        return
    raise UnavailableError("a journey was changed too often")


def response(checks: PublishChecks, journey: Lifecycle, definition: Any, version: int | None = None, status: int = 200) -> Response:
    """A journey with the definition of a version (None: the newest), and with what publishing would refuse this definition for."""
    shown = version or journey.version
    # A version that is published is not checked again: a stricter release would show problems of what runs without any.
    is_draft = shown != journey.published_version and journey.status != "stopped"
    checked = publish_checks.publishable(definition, *checks.all) if is_draft else []
    problems, warnings = checked if isinstance(checked, list) else [], publish_checks.warnings(definition)
    body = JourneyResponse.with_definition(journey, shown, definition, problems, warnings)
    return Response(status, body, {"ETag": etag(journey)})


def diagram_of(
    journeys: ManagedJourneys, counts: Callable[[], tuple[Mapping[str, int], str | None]] | None, workspace: str, journey_id: str
) -> str:
    """The newest definition as Mermaid text. `counts` returns the number of customers in each step (None: the diagram shows none).

    It also returns a cursor if there are more.

    RefusedError 404, or 422 for a draft that cannot be drawn.
    """
    _, definition = read(journeys, workspace, journey_id)
    parsed = parse(definition)
    if not isinstance(parsed, Journey):
        raise invalid("This draft cannot be drawn yet.", parsed)
    unknown_steps = [each for each in graph.findings(definition["steps"]) if each.code == "unknown-step"]
    if unknown_steps:
        raise invalid("This draft cannot be drawn yet.", unknown_steps)
    return mermaid(parsed, *(counts() if counts else ()))


def count_runs(
    runs: RunHistory, workspace: str, journey_id: str, cursor: str | None, has_time: HasTime
) -> tuple[Mapping[str, int], str | None]:
    """How many active runs are in each step, and a cursor if the time did not suffice for all. RefusedError 400 for a wrong cursor."""
    filter_key = {"list": "DiagramQuery", "journey": journey_id}
    position = position_in(cursor, workspace, filter_key) if cursor is not None else None
    if position is not None and not _is_run_position(position):
        raise bad_cursor()
    found: Counter[str] = Counter()
    while True:
        counts, position = runs.counts(workspace, journey_id, position)
        found.update(counts)
        if position is None or not has_time():
            return found, position and cursor_of(position, workspace, filter_key)


def _is_run_position(position: str) -> bool:
    """Whether a text has the form of the positions in a count: three parts of a key, none of them empty."""
    parts = position.split("\n", 2)
    return len(parts) == 3 and all(parts)


def invalid(detail: str, findings: list[Finding]) -> RefusedError:
    """The 422 for a body that is JSON and wrong, with the code, sentence and pointer of every finding."""
    return RefusedError(422, "invalid", detail, errors=[asdict(each) for each in findings])


def wrong_action(journey: Lifecycle, action: str) -> RefusedError:
    """The 409 for an action that the journey's status does not allow."""
    return RefusedError(409, "wrong-move", f"This journey is {journey.status}: it cannot {action}.")


def checks_for(request: ApiRequest[Any, Any]) -> PublishChecks:
    """The checks of publishing, with the senders, topics and address attributes of the workspace of a request."""
    dependencies, workspace, now = request.dependencies, request.workspace, request.now

    def receivers_known(channel: str) -> str | None:
        named = dependencies.settings.read(workspace).settings.address_attributes
        return receivers.unknown_attribute(channel, named, dependencies.workspaces.schema(workspace)) if channel in named else None

    return replace(
        dependencies.checks,
        sender=lambda sender: dependencies.senders.error(workspace, sender, now),
        topic=cache(lambda topic: _topic_fault(topic, dependencies.settings.read(workspace).settings)),
        receivers=cache(receivers_known),
    )


def _topic_fault(topic: str, settings: WorkspaceSettings) -> str | None:
    known = [each.id for each in with_general(settings.topics)]
    return None if topic in known else f"the settings have no topic {topic!r}; they have {', '.join(known)}"


def list_journeys(request: ApiRequest[JourneyQuery, None]) -> ListResponse[JourneySummary]:
    """`GET /api/journeys`."""
    source = in_memory_source(request.dependencies.journeys.all(request.workspace), position)
    return ListResponse.of(read_page(source, position, request.workspace, request.query), JourneySummary.of)


def journey_schema(request: ApiRequest[NoQuery, None]) -> dict[str, Any]:  # noqa: ARG001 - the same for every request
    """`GET /api/journeys/schema`."""
    return json_schema()


def read_journey(request: ApiRequest[VersionQuery, None]) -> Response:
    """`GET /api/journeys/{id}`."""
    version = request.query.version
    journey, definition = read_version(request.dependencies.journeys, request.workspace, request.variables["id"], version)
    return response(checks_for(request), journey, definition, version)


def save_journey(request: ApiRequest[NoQuery, Any]) -> Response:
    """`PUT /api/journeys/{id}`, with a status of its own for a new journey."""
    journeys, journey_id, precondition = request.dependencies.journeys, request.variables["id"], Precondition.of(request.headers)
    saved, definition = save(journeys, request.workspace, journey_id, request.body, request.now, precondition)
    return response(checks_for(request), saved, definition, status=CREATED_STATUS if saved.is_new else 200)


def delete_journey(request: ApiRequest[NoQuery, None]) -> None:
    """`DELETE /api/journeys/{id}`."""
    delete(request.dependencies.journeys, request.workspace, request.variables["id"], Precondition.of(request.headers))


def publish_journey(request: ApiRequest[NoQuery, None]) -> Response:
    """`POST /api/journeys/{id}/publish`."""
    dependencies, checks, precondition = request.dependencies, checks_for(request), Precondition.of(request.headers)
    journey_id, delay = request.variables["id"], dependencies.entry_delay
    published = publish(dependencies.journeys, request.workspace, journey_id, checks, dependencies.clock, delay, precondition)
    return response(checks, *published)


def draw_journey(request: ApiRequest[DiagramQuery, None]) -> str:
    """`GET /api/journeys/{id}/diagram`."""
    dependencies, workspace, journey_id, query = request.dependencies, request.workspace, request.variables["id"], request.query
    has_time = time_limit(dependencies.monotonic)
    is_counted = query.counts or query.cursor is not None
    counts = partial(count_runs, dependencies.runs, workspace, journey_id, query.cursor, has_time) if is_counted else None
    return diagram_of(dependencies.journeys, counts, workspace, journey_id)


def _changed() -> RefusedError:
    return precondition_failed("The journey is no longer the one of this ETag; read it and try again.")


def _etag_before(journey: Lifecycle) -> str | None:
    """The `ETag` that a journey had before its last write; None if that write has created it."""
    return etag(replace(journey, revision=journey.revision - 1)) if journey.revision > 1 else None


def _was_saved(journeys: ManagedJourneys, workspace: str, was: Lifecycle, definition: Any, precondition: Precondition) -> bool:
    """Whether the last write of a journey has saved this very definition over the state that the precondition wants."""
    # A client whose answer was lost sends the same request again. RFC 9110 allows the answer of the first one, and the client could not
    # tell a refusal from another editor's change.
    if not precondition.holds(_etag_before(was)):
        return False
    return exact_json.dumps(journeys.definition(workspace, was.id, was.version)) == exact_json.dumps(definition)


def _workspace_findings(pointer: ActiveJourneys) -> Iterator[Finding]:
    """What one workspace cannot hold: the pointer is one row, which every warm matcher reads."""
    if len(pointer.active) > MOST_PUBLISHED:
        yield Finding("too-many-journeys", f"a workspace has at most {MOST_PUBLISHED} published journeys", "")
    if sum(len(name.encode()) for each in pointer.active for name in each.event_names) > MOST_LISTENED:
        yield Finding("too-many-events", f"the event names in all waits and exits have at most {MOST_LISTENED} bytes", "")


def draft_findings(journey_id: str, raw: Any) -> list[Finding]:
    """What forbids even a draft: no object, too large, an id that differs from the path, or a name that no list could show."""
    if not isinstance(raw, Mapping):
        return [Finding("wrong-type", "a journey is a JSON object", "")]
    return publish_checks.outsized(raw) or [*_id_findings(journey_id, raw), *_name_findings(raw)]


def _id_findings(journey_id: str, raw: Mapping[str, Any]) -> list[Finding]:
    if raw.get("id", journey_id) != journey_id:
        return [Finding("other-id", f"the id in the path is {journey_id!r}", "/id")]
    try:
        _NAMED.validate_python({"id": journey_id})
    except ValidationError as error:
        return from_errors(error)
    return []


def _name_findings(raw: Mapping[str, Any]) -> list[Finding]:
    name = raw.get("name")
    if name is None or (isinstance(name, str) and len(name) <= MAX_NAME_CHARACTERS):
        return []
    return [Finding("bad-name", f"a name is a text of at most {MAX_NAME_CHARACTERS} characters", "/name")]
