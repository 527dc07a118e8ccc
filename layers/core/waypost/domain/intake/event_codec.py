"""The JSON form of an event, in signals and in the event log. Its keys are stored and in flight, so they never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.payloads import Identification
from waypost.domain.values.wire_time import instant, iso


def event_to_wire(event: Event) -> dict[str, Any]:
    """The JSON form of an event. Facts and an identification are left out where there are none."""
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
        anonymous_id = event.identification.anonymous_id
        wire["naming"] = [event.identification.primary.value, anonymous_id and anonymous_id.value]
    return wire


def event_from_wire(wire: Mapping[str, Any]) -> Event:
    """The event in a JSON object that `event_to_wire` made. KeyError or ValueError for any other object."""
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
