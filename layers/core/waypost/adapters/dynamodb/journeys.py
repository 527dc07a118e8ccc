"""The journeys table: partition key `workspace`, sort key `row` (docs/architecture.md#journeys).

The rows of a workspace are `@` (the list of active journeys), `journey#<id>`, `version#<id>#<number>`, and `times#<id>#<number>` (when a
version was saved and published).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Final, Literal

from waypost.adapters.dynamodb.conditions import if_revision, if_revision_with
from waypost.adapters.dynamodb.items import Item
from waypost.adapters.dynamodb.json_attributes import json_from_attribute, json_to_attribute
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.transactions import transact
from waypost.domain.errors import StaleError
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.lifecycle import Lifecycle, VersionTimes
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.domain.values.wire_time import instant, iso

MAX_PARSED_VERSIONS: Final = 2_000
"""How many parsed versions an instance keeps in memory, the latest ones."""

_ACTIVE_JOURNEYS: Final = "@"


@dataclass(frozen=True, slots=True)
class DynamoJourneys:
    """The journeys of all workspaces. Versions never change, so that an instance reads and parses each of them once."""

    table: Table
    parsed: dict[tuple[str, str, int], Journey] = field(default_factory=dict, compare=False)
    lock: Lock = field(default_factory=Lock, compare=False)

    def pointer(self, workspace: str) -> ActiveJourneys:
        """The active versions of the workspace: of all journeys that are published or paused."""
        item = self.table.get(_key(workspace, _ACTIVE_JOURNEYS))
        if item is None:
            return ActiveJourneys(0, ())
        return _pointer_from_item(item)

    def versions(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Journey]:
        """Those of these versions, given as journey id and number, that exist and parse."""
        # The threads of a function share the memory. What is taken out of it, or was just read, is kept in a dictionary of this call: with
        # one lookup for the check and a second one for the result, another thread could evict a version in between.
        with self.lock:
            found = {each: self.parsed[workspace, *each] for each in wanted if (workspace, *each) in self.parsed}
        read = self._read(workspace, [each for each in dict.fromkeys(wanted) if each not in found])
        with self.lock:
            self.parsed.update({(workspace, *each): journey for each, journey in read.items()})
            while len(self.parsed) > MAX_PARSED_VERSIONS:
                del self.parsed[next(iter(self.parsed))]
        versions = {**found, **read}
        return {each: versions[each] for each in wanted if each in versions}

    def version(self, workspace: str, journey: str, version: int) -> Journey:
        """This version. LookupError if it does not exist or does not parse."""
        return self.versions(workspace, [(journey, version)])[journey, version]

    def _read(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Journey]:
        """Reads and parses versions. One that does not parse is left out."""
        read = {}
        for item in self.table.get_many([_version_key(workspace, name, number) for name, number in wanted]):
            _, name, number = item["row"].split("#")
            journey = _parsed(item)
            if journey is not None:
                read[name, int(number)] = journey
        return read

    def definition(self, workspace: str, journey: str, version: int) -> Any:
        """The definition of this version as it was saved, which may not be a valid journey. LookupError if it does not exist."""
        item = self.table.get(_version_key(workspace, journey, version))
        if item is None:
            raise LookupError(f"version {version} of {journey}")
        return json_from_attribute(item["definition"])

    # The times have small rows of their own. A list of versions that reads the definitions would read megabytes for fifty short lines.
    def version_times(self, workspace: str, journey: str, oldest: int, newest: int) -> dict[int, VersionTimes]:
        """When these versions were saved and published. A version that an older release has saved is missing, or has one of both times."""
        items = self.table.query_all(
            "workspace = :workspace AND #row BETWEEN :oldest AND :newest",
            {
                ":workspace": workspace,
                ":oldest": _times_key(workspace, journey, oldest)["row"],
                ":newest": _times_key(workspace, journey, newest)["row"],
            },
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )
        return {int(item["row"].rpartition("#")[2]): _times_from_item(item) for item in items}

    def lifecycle(self, workspace: str, journey: str) -> Lifecycle | None:
        """The lifecycle of this journey, or None if there is no such journey."""
        item = self.table.get(_journey_key(workspace, journey))
        return _from_item(item) if item else None

    def all(self, workspace: str) -> list[Lifecycle]:
        """The lifecycles of all journeys of the workspace, in no order."""
        items = self.table.query_all(
            "workspace = :workspace AND begins_with(#row, :journeys)",
            {":workspace": workspace, ":journeys": "journey#"},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )
        return [_from_item(item) for item in items]

    def save_draft(self, workspace: str, saved: Lifecycle, definition: Any) -> None:
        """Writes the lifecycle of a journey and the definition of its new version. StaleError if the journey was changed meanwhile."""
        version = {**_version_key(workspace, saved.id, saved.version), "definition": json_to_attribute(definition)}
        times = {**_times_key(workspace, saved.id, saved.version), "savedAt": iso(saved.updated_at)}
        # The condition of the lifecycle is enough for all three: a version of a deleted journey with this id may still be there.
        _save([self._lifecycle_action(workspace, saved), self.table.put_action(version), self.table.put_action(times)])

    def delete_draft(self, workspace: str, draft: Lifecycle) -> None:
        """Deletes a journey that was never published, with all of its versions. StaleError if it was changed meanwhile."""
        # The older versions go last: a save or a publication in between would otherwise keep a journey that has lost them. What a failure
        # leaves of them is read by nobody, and a new journey with this id overwrites it.
        keys = (_version_key, _times_key)
        newest = [self.table.delete_action(key(workspace, draft.id, draft.version)) for key in keys]
        _save([self.table.delete_action(_journey_key(workspace, draft.id), **_if_unchanged(draft)), *newest])
        self.table.delete_many([key(workspace, draft.id, version) for version in range(1, draft.version) for key in keys])

    def publish(self, workspace: str, published: Lifecycle, pointer: ActiveJourneys, published_at: datetime | None = None) -> None:
        """Writes the lifecycle of a journey and the active versions of its workspace. StaleError if either was changed meanwhile.

        `published_at` is recorded as the time of this publication.
        """
        active = {
            **_key(workspace, _ACTIVE_JOURNEYS),
            "rev": pointer.revision + 1,
            "inForce": json_to_attribute([[each.journey, each.version, each.status, each.event_names] for each in pointer.active]),
            "entriesFrom": _entries_to_attribute(pointer),
        }
        actions = [self._lifecycle_action(workspace, published), self.table.put_action(active, **if_revision(pointer.revision))]
        if published_at is not None and published.published_version is not None:
            # An update, because the row also has the time of saving, and does not exist for a version that an older release has saved.
            times = _times_key(workspace, published.id, published.published_version)
            publication = {"UpdateExpression": "SET publishedAt = :at", "ExpressionAttributeValues": {":at": iso(published_at)}}
            actions.append(self.table.update_action(times, **publication))
        _save(actions)

    def _lifecycle_action(self, workspace: str, lifecycle: Lifecycle) -> Item:
        item = {
            **_journey_key(workspace, lifecycle.id),
            "rev": lifecycle.revision + 1,
            "name": lifecycle.name,
            "status": lifecycle.status,
            "version": lifecycle.version,
            "publishedVersion": lifecycle.published_version,
            "entriesFrom": lifecycle.entries_from and iso(lifecycle.entries_from),
            "createdAt": iso(lifecycle.created_at),
            "updatedAt": iso(lifecycle.updated_at),
        }
        return self.table.put_action(item, **_if_unchanged(lifecycle))


# The revision alone is not enough. A deleted journey that is made again under its id counts from 1 again, so that an editor of the deleted
# one could overwrite a journey that it has never seen.
def _if_unchanged(lifecycle: Lifecycle) -> Item:
    return if_revision_with(lifecycle.revision, "createdAt", iso(lifecycle.created_at))


def _save(actions: Sequence[Item]) -> None:
    # One transaction, because nothing would repair a half: a journey that reads as published and that no matcher finds, or the reverse.
    if transact(actions) is not None:
        raise StaleError("the journey was changed at the same time")


# When entries begin has an attribute of its own. As more elements of the lists in `inForce` it would stop the workers of an older release,
# which read this row after a rollback.
def _entries_to_attribute(pointer: ActiveJourneys) -> str | bytes | None:
    wire = {each.journey: [iso(each.entries_from), each.previous_version] for each in pointer.active if each.entries_from is not None}
    return json_to_attribute(wire) if wire else None


def _pointer_from_item(item: Item) -> ActiveJourneys:
    entries = json_from_attribute(item["entriesFrom"]) if "entriesFrom" in item else {}
    return ActiveJourneys(item["rev"], tuple(_active_version(entries, *each) for each in json_from_attribute(item["inForce"])))


def _active_version(
    entries: Mapping[str, Sequence[Any]],
    journey: str,
    version: int,
    status: Literal["published", "paused"],
    event_names: Sequence[str] = (),
) -> ActiveVersion:
    entries_from, previous_version = entries.get(journey, (None, None))
    return ActiveVersion(journey, version, status, tuple(event_names), entries_from and instant(entries_from), previous_version)


def _key(workspace: str, row: str) -> Item:
    return {"workspace": workspace, "row": row}


def _journey_key(workspace: str, journey: str) -> Item:
    return _key(workspace, f"journey#{journey}")


def _version_key(workspace: str, journey: str, version: int) -> Item:
    return _key(workspace, f"version#{journey}#{version:06}")


def _times_key(workspace: str, journey: str, version: int) -> Item:
    return _key(workspace, f"times#{journey}#{version:06}")


def _times_from_item(item: Item) -> VersionTimes:
    return VersionTimes(*(instant(item[name]) if name in item else None for name in ("savedAt", "publishedAt")))


def _from_item(item: Item) -> Lifecycle:
    return Lifecycle(
        id=item["row"].removeprefix("journey#"),
        name=item["name"],
        created_at=instant(item["createdAt"]),
        updated_at=instant(item["updatedAt"]),
        version=item["version"],
        published_version=item.get("publishedVersion"),
        status=item["status"],
        revision=item["rev"],
        entries_from=instant(item["entriesFrom"]) if "entriesFrom" in item else None,
    )


def _parsed(item: Item) -> Journey | None:
    """The journey in the row of a version, or None if it is none."""
    try:
        journey = parse(json_from_attribute(item["definition"]))
    except Exception:  # noqa: BLE001 - whatever is wrong with one row, the other journeys of the workspace go on
        return None
    return journey if isinstance(journey, Journey) else None
