"""Random histories of few people, few devices and few attributes, so that everything collides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.model.reference_model import Said
from waypost.domain.customers.identifiers import Identifier

PRIMARIES = tuple(Identifier("primary", f"{who}@example.com") for who in ("ada", "eve", "kim"))
DEVICES = tuple(Identifier("correlation", f"device-{number}") for number in range(5))
TIMES = range(6)
ATTRIBUTES = ("plan", "age", "tags")
VALUES = ("free", "pro", 1, 2.5, [1, {"a": None}], None, None)
ONCE = ("first", "second", 3)
TRIGGERS = ("stands", "stands", "waits", "waits", "bought", "ends", "keyed", "nothing")
KINDS = ("identify", "identify", "identify", "set", "set", "trigger")
EAGER = ("identify", "trigger", "trigger", "trigger")


@dataclass(frozen=True)
class Told:
    """An event in both languages: what the model knows of it, and the JSON that a caller sends."""

    said: Said
    wire: Mapping[str, Any]


@dataclass(frozen=True)
class HistoryGenerator:
    """Makes up events. Where nobody quarrels, each device has one owner, whom alone it is identified as."""

    random: Random
    quarrels: bool = False
    kinds: Sequence[str] = KINDS

    def history(self) -> list[Told]:
        """The events of one history, each with a uuid of its own, in no order."""
        devices = DEVICES[: self.random.choice((2, 2, 3, 5))]
        owners = {device: self.random.choice((PRIMARIES[0], PRIMARIES[0], PRIMARIES[1], None)) for device in devices}
        length = self.random.randint(2, 8)
        return [self.event(f"e{number}", owners) for number in range(length)]

    def event(self, uuid: str, owners: Mapping[Identifier, Identifier | None]) -> Told:
        """One event about one of the devices; whose they are matters only where nobody quarrels."""
        device = self.random.choice(tuple(owners))
        owner = self.random.choice(PRIMARIES) if self.quarrels else owners[device]
        kind = self.random.choice(self.kinds)
        subject = owner if owner is not None and self.random.random() < 0.2 else device
        if kind == "identify" and owner is not None:
            return self._identify(uuid, subject, owner, owners)
        return self._set(uuid, subject) if kind == "set" else self._trigger(uuid, subject)

    def _identify(self, uuid: str, subject: Identifier, owner: Identifier, owners: Mapping[Identifier, Identifier | None]) -> Told:
        further = [device for device in owners if self.quarrels or owners[device] == owner]
        anonymous = self.random.choice(further) if further and self.random.random() < 0.4 else None
        more = {"$anon_distinct_id": anonymous.value} if anonymous else {}
        said = self._says(uuid, (subject, owner, *([anonymous] if anonymous else ())))
        said = replace(said, spelling={"email": self._spelt(owner)})
        return Told(said, wire(said, "$identify", more | self._payload(said) | {"distinct_id": said.spelling["email"]}))

    def _set(self, uuid: str, subject: Identifier) -> Told:
        said = self._mentions(self._says(uuid, (subject,)))
        return Told(said, wire(said, "$set", self._payload(said)))

    def _trigger(self, uuid: str, subject: Identifier) -> Told:
        said = self._mentions(Said(uuid, self.random.choice(TIMES), (subject,), tokens=self._tokens(uuid)))
        return Told(said, wire(said, self.random.choice(TRIGGERS), {"order": self.random.choice("ab")}))

    def _mentions(self, said: Said) -> Said:
        spelt = self._spelt(said.names[0])
        return said if spelt == said.names[0].value else replace(said, spelling={"email": spelt})

    def _spelt(self, name: Identifier) -> str:
        return name.value.title() if name.kind == "primary" and self.random.random() < 0.3 else name.value

    def _says(self, uuid: str, names: tuple[Identifier, ...]) -> Said:
        return Said(uuid, self.random.choice(TIMES), names, self._some((0, 1, 2), VALUES), self._some((0, 0, 1), ONCE), self._tokens(uuid))

    def _some(self, numbers: Sequence[int], values: Sequence[Any]) -> dict[str, Any]:
        return {name: self.random.choice(values) for name in self.random.sample(ATTRIBUTES, self.random.choice(numbers))}

    def _tokens(self, uuid: str) -> dict[str, str]:
        return {self.random.choice(("android", "ios")): f"token-{uuid}"} if self.random.random() < 0.2 else {}

    def _payload(self, said: Said) -> dict[str, Any]:
        """What is set; part of it may lie in a nested `$set`, as the iOS SDK has it."""
        nested = {name: value for name, value in said.sets.items() if self.random.random() < 0.3}
        plain = {name: value for name, value in said.sets.items() if name not in nested}
        return plain | ({"$set": nested} if nested else {}) | ({"$set_once": said.sets_once} if said.sets_once else {})


def wire(said: Said, event: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """An event as a caller sends it."""
    return {
        "uuid": said.uuid,
        "event": event,
        "correlationKey": "_id" if said.names[0].kind == "correlation" else "email",
        "correlationValue": said.names[0].value if said.names[0].kind == "correlation" else said.spelling.get("email", said.names[0].value),
        "timestamp": f"2026-11-23T05:00:0{said.at}Z",
        "payload": payload,
        "$fcm": {f"{device}DeviceToken": token for device, token in said.tokens.items()},
    }


def trigger(event: str, subject: Identifier, uuid: str) -> Told:
    """A trigger that says nothing else."""
    said = Said(uuid, 0, (subject,))
    return Told(said, wire(said, event, {"order": "a"}))


def requests(random: Random, history: Sequence[Told]) -> list[list[Told]]:
    """The events in any order, some of them twice, cut into batches in any way, some batches twice."""
    events = [*history, *random.sample(history, random.choice((0, 0, 1, 2)))]
    random.shuffle(events)
    batches: list[list[Told]] = []
    while events:
        size = random.choice((1, 1, 2, 3, 5))
        batches.append(events[:size])
        events = events[size:]
    batches += random.sample(batches, random.choice((0, 0, 1)))
    return batches
