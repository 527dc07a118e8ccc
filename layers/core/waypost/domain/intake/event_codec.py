"""An event as signals and the log carry it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.payloads import Identification
from waypost.domain.values.wire_time import instant, iso


def event_to_wire(event: Event) -> dict[str, Any]:
    """An event as JSON."""
    wire: dict[str, Any] = {
        "uuid": event.uuid,
        "event": event.name,
        "kind": event.kind.value,
        "id": list(event.identifier),
        "source": event.source,
        "payload": event.payload,
        "at": iso(event.at),
    }
    if event.facts:
        wire["facts"] = event.facts
    if event.identification is not None:
        wire["naming"] = [event.identification.primary.value, event.identification.anonymous_id and event.identification.anonymous_id.value]
    return wire


def event_from_wire(wire: Mapping[str, Any]) -> Event:
    """The event in what `event_to_wire` made."""
    kind, value = wire["id"]
    return Event(
        uuid=wire["uuid"],
        name=wire["event"],
        kind=Kind(wire["kind"]),
        identifier=Identifier(kind, value),
        source=wire["source"],
        payload=wire["payload"],
        at=instant(wire["at"]),
        facts=wire.get("facts", {}),
        identification=_identification(*wire["naming"]) if "naming" in wire else None,
    )


def _identification(primary: str, anonymous_id: str | None) -> Identification:
    return Identification(Identifier("primary", primary), Identifier("correlation", anonymous_id) if anonymous_id is not None else None)
