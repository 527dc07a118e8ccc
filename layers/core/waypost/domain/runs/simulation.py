"""A dry run: the same transitions as the matcher's, on one customer in memory, with a clock that goes from due time to due time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.rows import Row
from waypost.domain.customers.schema import Schema
from waypost.domain.intake.events import Event, Kind
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import NO_EVENT, JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.reactions import Reaction, Rules, apply_event, apply_time
from waypost.domain.runs.run import Run, StepVisit
from waypost.domain.runs.transition import advance_on_message

MOST_STAYS: Final = 1_000
"""How many stays in steps end by time; a journey that goes round for ever ends here."""


class TimedEvent(NamedTuple):
    """An event, and when it is accepted."""

    at: datetime
    event: Event


class Refused(NamedTuple):
    """An event that moved no run, and why."""

    at: datetime
    event: str
    reason: Reason


class PlannedMessage(NamedTuple):
    """A message, and the customer as it was when the message was made."""

    message: Message
    customer: Customer


@dataclass(slots=True)
class Simulation:
    """One customer on one version of a journey. `person` is the customer's row, to which `$set` and `$identify` add; `moves` are by run."""

    journey_version: JourneyVersion
    schema: Schema
    person: Row
    runs: dict[str, Run] = field(default_factory=dict)
    messages: list[PlannedMessage] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    moves: list[tuple[str, StepVisit]] = field(default_factory=list)
    stays: int = 0

    def play(self, happenings: Iterable[TimedEvent]) -> None:
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

    def _happen(self, happening: TimedEvent) -> None:
        event = happening.event
        if event.kind is Kind.REPORT:
            return
        self.person = self.person.with_facts(event.facts)
        context = StepContext(self.customer, event_snapshot(event), happening.at, self.schema.timezone)
        entry = self.journey_version.journey.entry
        candidates = [self.journey_version] if entry.matches(event.name, event.source) else []
        reaction = apply_event(event, list(self.runs.values()), candidates, self._rules(), context)
        ignored = [move.reason for move in reaction.moves if move.outcome == "ignored" and move.reason]
        self.refused += [Refused(happening.at, event.name, reason) for reason in ignored]
        self._take(reaction, context)

    def _pass(self, until: datetime | None) -> None:
        """Ends every stay whose time is up before an event happens, each at its own instant."""
        while self.stays < MOST_STAYS:
            due = min((run.due for run in self.runs.values() if run.due is not None), default=None)
            if due is None or (until is not None and due > until):
                return
            self.stays += 1
            context = StepContext(self.customer, NO_EVENT, due, self.schema.timezone)
            self._take(apply_time(self.runs.values(), self._rules(), context), context)

    def _take(self, reaction: Reaction, context: StepContext) -> None:
        """Keeps what has changed; every message on which a run stands arrives at once."""
        for name in reaction.transitions:
            self.moves += [(name, each) for each in _fresh(self.runs.get(name), reaction.runs[name])]
        self.runs |= reaction.runs
        fresh = [message for each in reaction.transitions.values() for message in each.messages]
        self.messages += [PlannedMessage(message, context.customer) for message in fresh]
        for message in fresh:
            run = self.runs[message.run]
            if message.awaited and run.active:
                at = context.after(run.moved_by, message.created_at)
                done = advance_on_message(self.journey_version, run, message.step, message.visit, MessageStatus.SENT, at)
                if done is not None:
                    self._take(Reaction({run.id: done.run}, {run.id: done}), at)

    def _rules(self) -> Rules:
        return Rules(dict.fromkeys(self.runs, self.journey_version))


def _fresh(was: Run | None, run: Run) -> tuple[StepVisit, ...]:
    """The steps that a run has come to since; its trail forgets the oldest ones."""
    if was is None or not was.history:
        return run.history
    known = next((place for place, each in enumerate(run.history) if each is was.history[-1]), -1)
    return run.history[known + 1 :]
