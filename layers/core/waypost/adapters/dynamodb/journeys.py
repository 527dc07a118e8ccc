"""The journeys table: HASH workspace, RANGE `@` for what runs, `journey#<id>`, and `version#<id>#<number>` for definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from waypost.adapters.dynamodb.packing import packed, unpacked
from waypost.adapters.dynamodb.table import Item, Table, transact
from waypost.domain.errors import StaleError
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.domain.values.wire_time import instant, iso

POINTER: Final = "@"
_REMEMBERED: Final = 2_000


@dataclass(frozen=True, slots=True)
class DynamoJourneys:
    """The journeys of all workspaces. Versions never change, so a warm function reads each of them once."""

    table: Table
    parsed: dict[tuple[str, str, int], Journey] = field(default_factory=dict, compare=False)

    def pointer(self, workspace: str) -> ActiveJourneys:
        """All that runs in the workspace."""
        row = self.table.get({"workspace": workspace, "row": POINTER})
        return ActiveJourneys(row["rev"], tuple(_active(*each) for each in unpacked(row["inForce"]))) if row else ActiveJourneys(0, ())

    def versions(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Journey]:
        """These versions; LookupError names one that there is not."""
        self._read(workspace, [each for each in dict.fromkeys(wanted) if (workspace, *each) not in self.parsed])
        try:
            return {(name, number): self.parsed[workspace, name, number] for name, number in wanted}
        finally:
            while len(self.parsed) > _REMEMBERED:
                del self.parsed[next(iter(self.parsed))]

    def version(self, workspace: str, journey: str, version: int) -> Journey:
        """This version, which never changes; LookupError where there is none."""
        return self.versions(workspace, [(journey, version)])[journey, version]

    def _read(self, workspace: str, wanted: Sequence[tuple[str, int]]) -> None:
        keys = [_version_key(workspace, name, number) for name, number in wanted]
        for row in self.table.get_many(keys):
            _, name, number = row["row"].split("#")
            journey = parse(unpacked(row["definition"]))
            if isinstance(journey, Journey):
                self.parsed[workspace, name, int(number)] = journey

    def definition(self, workspace: str, journey: str, version: int) -> Any:
        """This version as it was saved, which may be no journey yet; LookupError where there is none."""
        row = self.table.get(_version_key(workspace, journey, version))
        if row is None:
            raise LookupError(f"version {version} of {journey}")
        return unpacked(row["definition"])

    def lifecycle(self, workspace: str, journey: str) -> Lifecycle | None:
        """Where this journey stands, or None."""
        row = self.table.get(_journey_key(workspace, journey))
        return _lifecycle(row) if row else None

    def all(self, workspace: str) -> list[Lifecycle]:
        """Where each journey of the workspace stands, in no order that means something."""
        rows = self.table.query_all(
            "workspace = :workspace AND begins_with(#row, :journeys)",
            {":workspace": workspace, ":journeys": "journey#"},
            ExpressionAttributeNames={"#row": "row"},
            ConsistentRead=True,
        )
        return [_lifecycle(row) for row in rows]

    def save_draft(self, workspace: str, saved: Lifecycle, definition: Any) -> None:
        """Writes a draft and its definition together; StaleError if the journey is not as it was read."""
        version = {**_version_key(workspace, saved.id, saved.version), "definition": packed(definition)}
        _together(
            _saving(self.table, workspace, saved), self.table.put_action(version, ConditionExpression="attribute_not_exists(workspace)")
        )

    def publish(self, workspace: str, published: Lifecycle, pointer: ActiveJourneys) -> None:
        """Writes a journey and the pointer together; StaleError if either is not as it was read."""
        active = packed([list(each) for each in pointer.active])
        row = {"workspace": workspace, "row": POINTER, "rev": pointer.revision + 1, "inForce": active}
        _together(_saving(self.table, workspace, published), self.table.put_action(row, **_as_read(pointer.revision)))


def _together(*actions: Item) -> None:
    if transact(actions) is not None:
        raise StaleError("the journey was changed at the same time")


def _saving(table: Table, workspace: str, journey: Lifecycle) -> Item:
    row = {
        **_journey_key(workspace, journey.id),
        "rev": journey.revision + 1,
        "name": journey.name,
        "status": journey.status,
        "version": journey.version,
        "publishedVersion": journey.published_version,
        "createdAt": iso(journey.created_at),
        "updatedAt": iso(journey.updated_at),
    }
    return table.put_action(row, **_as_read(journey.revision))


def _as_read(revision: int) -> Item:
    if revision == 0:
        return {"ConditionExpression": "attribute_not_exists(rev)"}
    return {"ConditionExpression": "rev = :rev", "ExpressionAttributeValues": {":rev": revision}}


def _active(journey: str, version: int, status: Literal["published", "paused"], event_names: Sequence[str] = ()) -> ActiveVersion:
    return ActiveVersion(journey, version, status, tuple(event_names))


def _journey_key(workspace: str, journey: str) -> Item:
    return {"workspace": workspace, "row": f"journey#{journey}"}


def _version_key(workspace: str, journey: str, version: int) -> Item:
    return {"workspace": workspace, "row": f"version#{journey}#{version:06}"}


def _lifecycle(row: Item) -> Lifecycle:
    return Lifecycle(
        id=row["row"].removeprefix("journey#"),
        name=row["name"],
        created_at=instant(row["createdAt"]),
        updated_at=instant(row["updatedAt"]),
        version=row["version"],
        published_version=row.get("publishedVersion"),
        status=row["status"],
        revision=row["rev"],
    )
