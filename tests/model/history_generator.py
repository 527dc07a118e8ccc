"""Random histories of few customers, few devices and few attributes, so that many events are about the same things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.model.reference_model import EventFacts
from waypost.domain.customers.identifiers import Identifier

PRIMARY_KEYS = tuple(Identifier("primary", f"{name}@example.com") for name in ("ada", "eve", "kim"))
DEVICES = tuple(Identifier("correlation", f"device-{number}") for number in range(5))
TIMES = range(6)
ATTRIBUTES = ("plan", "age", "tags")
VALUES = ("free", "pro", 1, 2.5, [1, {"a": None}], None, None)
ONCE_VALUES = ("first", "second", 3)
TRIGGERS = ("stands", "stands", "waits", "waits", "bought", "ends", "keyed", "nothing")
KINDS = ("identify", "identify", "identify", "set", "set", "trigger")
MOSTLY_TRIGGERS = ("identify", "trigger", "trigger", "trigger")


@dataclass(frozen=True)
class GeneratedEvent:
    """An event in two forms: the facts that the reference model uses, and the JSON that a caller sends."""

    facts: EventFacts
    wire: Mapping[str, Any]


@dataclass(frozen=True)
class HistoryGenerator:
    """Generates events. Unless `conflicting`, each device has at most one owner, and only that owner is identified on it."""

    random: Random
    conflicting: bool = False
    kinds: Sequence[str] = KINDS

    def history(self) -> list[GeneratedEvent]:
        """The events of one history, each with a uuid of its own, in no particular order."""
        devices = DEVICES[: self.random.choice((2, 2, 3, 5))]
        owners = {device: self.random.choice((PRIMARY_KEYS[0], PRIMARY_KEYS[0], PRIMARY_KEYS[1], None)) for device in devices}
        length = self.random.randint(2, 8)
        return [self.event(f"e{number}", owners) for number in range(length)]

    def event(self, uuid: str, owners: Mapping[Identifier, Identifier | None]) -> GeneratedEvent:
        """One event about one of the devices. The owners of the devices count only if the history is not `conflicting`."""
        device = self.random.choice(tuple(owners))
        owner = self.random.choice(PRIMARY_KEYS) if self.conflicting else owners[device]
        kind = self.random.choice(self.kinds)
        subject = owner if owner is not None and self.random.random() < 0.2 else device
        if kind == "identify" and owner is not None:
            return self._identify(uuid, subject, owner, owners)
        return self._set(uuid, subject) if kind == "set" else self._trigger(uuid, subject)

    def _identify(
        self, uuid: str, subject: Identifier, owner: Identifier, owners: Mapping[Identifier, Identifier | None]
    ) -> GeneratedEvent:
        further = [device for device in owners if self.conflicting or owners[device] == owner]
        anonymous = self.random.choice(further) if further and self.random.random() < 0.4 else None
        anonymous_id = {"$anon_distinct_id": anonymous.value} if anonymous else {}
        facts = self._facts(uuid, (subject, owner, *([anonymous] if anonymous else ())))
        facts = replace(facts, spelling={"email": self._spelled(owner)})
        return GeneratedEvent(
            facts, wire(facts, "$identify", anonymous_id | self._payload(facts) | {"distinct_id": facts.spelling["email"]})
        )

    def _set(self, uuid: str, subject: Identifier) -> GeneratedEvent:
        facts = self._with_spelling(self._facts(uuid, (subject,)))
        return GeneratedEvent(facts, wire(facts, "$set", self._payload(facts)))

    def _trigger(self, uuid: str, subject: Identifier) -> GeneratedEvent:
        facts = self._with_spelling(EventFacts(uuid, self.random.choice(TIMES), (subject,), tokens=self._tokens(uuid)))
        return GeneratedEvent(facts, wire(facts, self.random.choice(TRIGGERS), {"order": self.random.choice("ab")}))

    def _with_spelling(self, facts: EventFacts) -> EventFacts:
        spelled = self._spelled(facts.identifiers[0])
        return facts if spelled == facts.identifiers[0].value else replace(facts, spelling={"email": spelled})

    def _spelled(self, identifier: Identifier) -> str:
        return identifier.value.title() if identifier.kind == "primary" and self.random.random() < 0.3 else identifier.value

    def _facts(self, uuid: str, identifiers: tuple[Identifier, ...]) -> EventFacts:
        return EventFacts(
            uuid,
            self.random.choice(TIMES),
            identifiers,
            self._some((0, 1, 2), VALUES),
            self._some((0, 0, 1), ONCE_VALUES),
            self._tokens(uuid),
        )

    def _some(self, numbers: Sequence[int], values: Sequence[Any]) -> dict[str, Any]:
        return {name: self.random.choice(values) for name in self.random.sample(ATTRIBUTES, self.random.choice(numbers))}

    def _tokens(self, uuid: str) -> dict[str, str]:
        return {self.random.choice(("android", "ios")): f"token-{uuid}"} if self.random.random() < 0.2 else {}

    def _payload(self, facts: EventFacts) -> dict[str, Any]:
        """The payload that sets the attributes; some of them are in a nested `$set`, as the iOS SDK sends them."""
        nested = {name: value for name, value in facts.sets.items() if self.random.random() < 0.3}
        plain = {name: value for name, value in facts.sets.items() if name not in nested}
        return plain | ({"$set": nested} if nested else {}) | ({"$set_once": facts.sets_once} if facts.sets_once else {})


def wire(facts: EventFacts, event: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """An event as a caller sends it."""
    first = facts.identifiers[0]
    return {
        "uuid": facts.uuid,
        "event": event,
        "correlationKey": "_id" if first.kind == "correlation" else "email",
        "correlationValue": first.value if first.kind == "correlation" else facts.spelling.get("email", first.value),
        "timestamp": f"2026-11-23T05:00:0{facts.at}Z",
        "payload": payload,
        "$fcm": {f"{device}DeviceToken": token for device, token in facts.tokens.items()},
    }


def trigger(event: str, subject: Identifier, uuid: str) -> GeneratedEvent:
    """A trigger that states nothing about its customer."""
    facts = EventFacts(uuid, 0, (subject,))
    return GeneratedEvent(facts, wire(facts, event, {"order": "a"}))


def requests(random: Random, history: Sequence[GeneratedEvent]) -> list[list[GeneratedEvent]]:
    """The events in a random order, some of them twice, in batches of random sizes, some batches twice."""
    events = [*history, *random.sample(history, random.choice((0, 0, 1, 2)))]
    random.shuffle(events)
    batches: list[list[GeneratedEvent]] = []
    while events:
        size = random.choice((1, 1, 2, 3, 5))
        batches.append(events[:size])
        events = events[size:]
    batches += random.sample(batches, random.choice((0, 0, 1)))
    return batches
