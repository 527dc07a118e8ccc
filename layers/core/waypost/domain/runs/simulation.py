"""A dry run: the same transitions as the matcher's, on one customer in memory, with a clock that goes from due time to due time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from waypost.domain.customers.customer import Customer, Row, assemble
from waypost.domain.customers.schema import Schema
from waypost.domain.intake.events import Event, Kind
from waypost.domain.messages.message import Message, Status
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import NOTHING, Released, Scene, moving
from waypost.domain.runs.reactions import Reaction, Rules, happened, passed
from waypost.domain.runs.run import Footprint, Run
from waypost.domain.runs.transition import settle

MOST_STAYS: Final = 1_000
"""How many stays in steps end by time; a journey that goes round for ever ends here."""


class Happening(NamedTuple):
    """An event, and when it is accepted."""

    at: datetime
    event: Event


class Refused(NamedTuple):
    """An event that moved no run, and why."""

    at: datetime
    event: str
    reason: Reason


class Made(NamedTuple):
    """A message, and the customer as it was when the message was made."""

    message: Message
    customer: Customer


@dataclass(slots=True)
class Simulation:
    """One customer on one version of a journey. `person` is the customer's row, to which `$set` and `$identify` add; `moves` are by run."""

    released: Released
    schema: Schema
    person: Row
    runs: dict[str, Run] = field(default_factory=dict)
    messages: list[Made] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    moves: list[tuple[str, Footprint]] = field(default_factory=list)
    stays: int = 0

    def play(self, happenings: Iterable[Happening]) -> None:
        """Lets events happen in the order of their times, then time pass until no run waits for it."""
        for happening in sorted(happenings, key=lambda each: each.at):
            self._pass(happening.at)
            self._happen(happening)
        self._pass(None)

    @property
    def customer(self) -> Customer:
        """The customer as it is now."""
        found = assemble([self.person], self.schema.primary_key)
        if found is None:
            raise ValueError("this row is no customer")
        return found

    def _happen(self, happening: Happening) -> None:
        event = happening.event
        if event.kind is Kind.REPORT:
            return
        self.person = self.person.with_facts(event.facts)
        scene = Scene(self.customer, moving(event), happening.at, self.schema.timezone)
        entry = self.released.journey.entry
        candidates = [self.released] if entry.hears(event.name, event.source) else []
        reaction = happened(event, list(self.runs.values()), candidates, self._rules(), scene)
        ignored = [move.reason for move in reaction.moves if move.outcome == "ignored" and move.reason]
        self.refused += [Refused(happening.at, event.name, reason) for reason in ignored]
        self._take(reaction, scene)

    def _pass(self, until: datetime | None) -> None:
        """Ends every stay whose time is up before an event happens, each at its own instant."""
        while self.stays < MOST_STAYS:
            due = min((run.due for run in self.runs.values() if run.due is not None), default=None)
            if due is None or (until is not None and due > until):
                return
            self.stays += 1
            scene = Scene(self.customer, NOTHING, due, self.schema.timezone)
            self._take(passed(self.runs.values(), self._rules(), scene), scene)

    def _take(self, reaction: Reaction, scene: Scene) -> None:
        """Keeps what has changed; every message on which a run stands arrives at once."""
        for name in reaction.transitions:
            self.moves += [(name, each) for each in _fresh(self.runs.get(name), reaction.runs[name])]
        self.runs |= reaction.runs
        fresh = [message for each in reaction.transitions.values() for message in each.messages]
        self.messages += [Made(message, scene.customer) for message in fresh]
        for message in fresh:
            run = self.runs[message.run]
            if message.awaited and run.active:
                at = scene.after(run.moved_by, message.created_at)
                done = settle(self.released, run, message.step, message.visit, Status.SENT, at)
                if done is not None:
                    self._take(Reaction({run.id: done.run}, {run.id: done}), at)

    def _rules(self) -> Rules:
        return Rules(dict.fromkeys(self.runs, self.released))


def _fresh(was: Run | None, run: Run) -> tuple[Footprint, ...]:
    """The steps that a run has come to since; its trail forgets the oldest ones."""
    if was is None or not was.trail:
        return run.trail
    known = next((place for place, each in enumerate(run.trail) if each is was.trail[-1]), -1)
    return run.trail[known + 1 :]
