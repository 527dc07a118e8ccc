"""The dry run (`docs/journeys.md#dry-run`): the matcher's transitions on one customer in memory; its clock jumps to each due time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.customers.rows import Row
from waypost.domain.customers.schema import Schema
from waypost.domain.intake.events import Event, Kind
from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import NO_EVENT, JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.message_knowledge import RunReport, known_status
from waypost.domain.runs.reactions import Reaction, Rules, apply_event, apply_time
from waypost.domain.runs.run import Run, StepVisit
from waypost.domain.runs.transition import Transition, advance_on_message, advance_on_report

MAX_CLOCK_STEPS: Final = 1_000
"""How many due times the clock jumps to. A loop of delays never ends by itself; the dry run of one ends here."""

MAX_VISITS: Final = 10_000
"""How many steps of all runs may be reached before no more time passes. Many runs in a loop would not fit into one response."""


class TimedEvent(NamedTuple):
    """An event, and when it is accepted."""

    at: datetime
    event: Event


class TimedReport(NamedTuple):
    """What becomes of the messages that the runs have sent last in a step, and when."""

    at: datetime
    message: str
    status: KnownStatus
    link: str | None = None


class IgnoredEvent(NamedTuple):
    """An event (its name) or a report (the step of its message) that could have started or advanced a run and did not, and why."""

    at: datetime
    event: str | None
    reason: Reason
    message: str | None = None


class PlannedMessage(NamedTuple):
    """A message, and the customer as it was when the message was created."""

    message: Message
    customer: Customer


def sent(planned: PlannedMessage) -> MessageStatus:  # noqa: ARG001 - whatever the message is
    """The outcome of a message that can be rendered and has an address: no provider refuses it in a dry run."""
    return MessageStatus.SENT


@dataclass(slots=True)
class Simulation:
    """A dry run of one journey version with one customer. The lists grow in the order of time.

    `outcome` decides whether a message that its run waits for (`onFailure`) counts as sent or as skipped.

    `row` is the customer's row, to which `$set` and `$identify` events add. `visits` are the steps that the runs reached, each with the
    run's id. They are read from the runs' histories: of a run that reaches more than `MAX_HISTORY` steps at one instant, only the last
    `MAX_HISTORY` of them are shown, though all of its messages are.
    """

    journey_version: JourneyVersion
    schema: Schema
    row: Row
    outcome: Callable[[PlannedMessage], MessageStatus] = sent
    runs: dict[str, Run] = field(default_factory=dict)
    messages: list[PlannedMessage] = field(default_factory=list)
    ignored: list[IgnoredEvent] = field(default_factory=list)
    visits: list[tuple[str, StepVisit]] = field(default_factory=list)
    clock_steps: int = 0

    def play(self, events: Iterable[TimedEvent | TimedReport]) -> None:
        """Applies events and reports in the order of their times, then lets time pass until no run has a due time."""
        for each in sorted(events, key=lambda each: each.at):
            self.pass_time(each.at)
            if isinstance(each, TimedReport):
                self.report(each)
            else:
                self.accept(each)
        self.pass_time(None)

    @property
    def customer(self) -> Customer:
        """The customer as it is now."""
        customer = assemble([self.row], self.schema.primary_key)
        if customer is None:
            raise ValueError("the row is not a customer's")
        return customer

    def accept(self, timed_event: TimedEvent) -> None:
        """Applies one event at its time: first its attributes, then its effect on runs. Delivery reports are given as `TimedReport`."""
        at, event = timed_event
        if event.kind is Kind.REPORT:
            return
        self.row = self.row.with_facts(event.facts)
        context = StepContext(self.customer, event_snapshot(event), at, self.schema.timezone)
        entry = self.journey_version.journey.entry
        candidates = [self.journey_version] if entry.matches(event.name, event.source) else []
        reaction = apply_event(event, list(self.runs.values()), candidates, self._rules(), context)
        reasons = [each.reason for each in reaction.journeys if each.outcome == "ignored" and each.reason]
        self.ignored += [IgnoredEvent(at, event.name, reason) for reason in reasons]
        self._record(reaction, context)

    def report(self, report: TimedReport) -> None:
        """Applies a report to each run that has sent a message in its latest visit of the step."""
        context = StepContext(self.customer, NO_EVENT, report.at, self.schema.timezone)
        sent_in = {(planned.message.run, planned.message.visit) for planned in self.messages if planned.message.step == report.message}
        reported = [run for run in self.runs.values() if (run.id, run.visits.get(report.message)) in sent_in]
        if not reported:
            self.ignored.append(IgnoredEvent(report.at, None, Reason.NO_MESSAGE, report.message))
        for run in reported:
            self._apply_report(run, RunReport(report.message, run.visits[report.message], report.status, report.link), context)

    def _apply_report(self, run: Run, report: RunReport, context: StepContext) -> None:
        transition = advance_on_report(self.journey_version, run, report, context, paused=False)
        if transition is not None:
            self._record(_reaction_of(transition), context)

    def pass_time(self, until: datetime | None) -> None:
        """Ends every wait that is due by `until` (None: every wait), each at its own due time."""
        while self.clock_steps < MAX_CLOCK_STEPS and len(self.visits) < MAX_VISITS:
            due = min((run.due for run in self.runs.values() if run.due is not None), default=None)
            if due is None or (until is not None and due > until):
                return
            self.clock_steps += 1
            self.wake(due)

    def wake(self, now: datetime) -> None:
        """Does what a timer's signal does at this time: ends every wait of all runs that is over."""
        context = StepContext(self.customer, NO_EVENT, now, self.schema.timezone)
        self._record(apply_time(self.runs.values(), self._rules(), context), context)

    def _record(self, reaction: Reaction, context: StepContext) -> None:
        """Keeps the runs, visits and messages of a reaction."""
        for run_id in reaction.transitions:
            self.visits += [(run_id, visit) for visit in _new_visits(self.runs.get(run_id), reaction.runs[run_id])]
        self.runs |= reaction.runs
        messages = [message for transition in reaction.transitions.values() for message in transition.messages]
        self.messages += [PlannedMessage(message, context.customer) for message in messages]
        for message in messages:
            if message.awaited or message.listened:
                self._report_outcome(message, context)

    def _report_outcome(self, message: Message, context: StepContext) -> None:
        """Applies the outcome of a message to its run: there is no provider in a dry run, so it has one at once."""
        run = self.runs[message.run]
        if not run.active:
            return
        status = self.outcome(PlannedMessage(message, context.customer))
        context = context.with_event(run.trigger_event, message.created_at)
        if not message.awaited:
            if known_status(status) == "failed":
                self._apply_report(run, RunReport(message.step, message.visit, "failed"), context)
            return
        transition = advance_on_message(self.journey_version, run, message.step, message.visit, status, context)
        if transition is not None:
            self._record(_reaction_of(transition), context)

    def _rules(self) -> Rules:
        return Rules(dict.fromkeys(self.runs, self.journey_version))


def _reaction_of(transition: Transition) -> Reaction:
    return Reaction({transition.run.id: transition.run}, {transition.run.id: transition})


def _new_visits(before: Run | None, run: Run) -> tuple[StepVisit, ...]:
    """The visits of a run since an earlier state of it.

    If its history has dropped the last visit of the earlier state, all visits that it still has are new.
    """
    if before is None or not before.history:
        return run.history
    last_known = next((place for place, visit in enumerate(run.history) if visit is before.history[-1]), -1)
    return run.history[last_known + 1 :]
