"""What one signal does to all runs of a customer, in the order of `docs/journeys.md#order-of-processing`: time, waits, exits, entries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from itertools import pairwise

from waypost.domain.intake.events import Event
from waypost.domain.intake.receipts import MAX_BRANCHES, JourneyOutcome, Outcome, TakenBranch
from waypost.domain.journeys.waits import WaitUntil
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext, event_snapshot
from waypost.domain.runs.entry_rules import enter
from waypost.domain.runs.run import Run
from waypost.domain.runs.transition import Transition, advance_on_event, apply_elapsed, exit_run
from waypost.domain.values import generated_ids


@dataclass(frozen=True, slots=True)
class Rules:
    """The journey version of each active run by the run's id (none: its journey is stopped), and the ids of the paused journeys.

    `unreadable` are the ids of active runs whose version cannot be read. They stay as they are until it can: they were published, so the
    definition is damaged or this release has a fault, and an end of the runs could not be taken back.
    """

    versions: Mapping[str, JourneyVersion]
    paused: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()


@dataclass(slots=True)
class Reaction:
    """What a signal does to a customer's runs.

    To be saved: `runs`, all runs as they are afterwards, and `transitions`, their changes, both by run id. For the event's receipt:
    `journeys` and `messages` (ids), which are what the event itself did, without what time did.
    """

    runs: dict[str, Run]
    transitions: dict[str, Transition] = field(default_factory=dict)
    journeys: list[JourneyOutcome] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def add(self, transition: Transition) -> None:
        """Adds a transition; a second one of the same run is joined to the first."""
        earlier = self.transitions.get(transition.run.id)
        self.transitions[transition.run.id] = earlier.followed_by(transition) if earlier else transition
        self.runs[transition.run.id] = transition.run

    def add_caused_by_event(self, transition: Transition) -> None:
        """Adds a transition that the event itself caused, and shows it in the receipt."""
        self.add(transition)
        self.add_to_receipt(transition)

    def add_to_receipt(self, transition: Transition) -> None:
        """Shows a transition in the event's receipt."""
        outcome = transition.journey_outcome
        remaining = MAX_BRANCHES - sum(len(each.branches) for each in self.journeys)
        self.journeys.append(replace(outcome, branches=outcome.branches[: max(0, remaining)]))
        self.messages += [message.id for message in transition.messages]


def apply_time(runs: Iterable[Run], rules: Rules, context: StepContext) -> Reaction:
    """What the time until `context.now` does: every wait that is over ends, and held transitions of resumed journeys are applied."""
    reaction = Reaction({run.id: run for run in runs})
    active = [run for run in reaction.runs.values() if run.active and run.id not in rules.unreadable]
    for run in sorted(active, key=lambda run: _order(run, context)):
        transition = apply_elapsed(rules.versions.get(run.id), run, context, paused=run.journey in rules.paused)
        if transition is not None:
            reaction.add(transition)
    return reaction


def _order(run: Run, context: StepContext) -> tuple[object, ...]:
    """Sorts runs by the time at which they were held or due, so that messages are created in that order."""
    return (run.pending_transition.at if run.pending_transition else run.due or context.now, run.entered_at, run.id)


# The order matters. Time is first, because an event that was accepted at or after a due time must find the timeout taken, even if the timer
# itself is late: who wins would else depend on how fast a queue is. Waits come before exits, because an event that a run waits for is the
# success that the journey is about, not a reason to break off. Exits come before entries, and a journey that an event exits is not entered
# by it: "cancel and start again" with one event would give a customer a new run with each cancellation.
def apply_event(event: Event, runs: Sequence[Run], candidates: Sequence[JourneyVersion], rules: Rules, context: StepContext) -> Reaction:
    """What an event does, accepted at `context.now`. `candidates` are the journeys whose entry may match it, in the order of publishing."""
    # An event with many effects is saved in several transactions, the receipt in the last one. After a crash in between, the event comes
    # again and finds runs that it has changed. The receipt has to show what the earlier attempt did to them, their time passes with their
    # next signal, and the event must neither advance nor exit them: a run that it started, or moved to a wait for the same event, would
    # else take a branch that no second event has completed.
    already_changed = {run.id for run in runs if run.last_event_uuid == event.uuid}
    reaction = apply_time([run for run in runs if run.id not in already_changed], rules, context)
    for run in runs:
        if run.id in already_changed:
            _add_saved_run(event, run, reaction, context)
    unreadable = [run for run in runs if run.id in rules.unreadable - already_changed]
    reaction.journeys += [JourneyOutcome(run.journey, "ignored", Reason.UNREADABLE, run.id) for run in unreadable]
    consumed = already_changed | _advance_waiting_runs(event, reaction, rules, context, already_changed)
    exited = _exit_runs(event, reaction, rules, context, consumed)
    exited |= {run.journey for run in runs if run.id in already_changed and run.reason is Reason.EXIT_EVENT}
    _enter_journeys(event, reaction, [each for each in candidates if each.journey.id not in exited], rules, context)
    return reaction


def apply_missed_events(
    reaction: Reaction, missed: Sequence[tuple[Event, datetime]], candidates: Sequence[JourneyVersion], context: StepContext
) -> None:
    """Applies events that were accepted after the event of `context`, and matched before it, to the runs that this event started.

    `missed` are these events with the times at which they were accepted, in this order.
    """
    versions = {each.journey.id: each for each in candidates}
    for started in [each for each in reaction.transitions.values() if each.before is None]:
        transition = started
        for event, accepted_at in missed:
            rules = Rules({started.run.id: versions[started.run.journey]})
            later = apply_event(event, [transition.run], [], rules, context.with_event(event_snapshot(event), accepted_at))
            transition = reduce(Transition.followed_by, later.transitions.values(), transition)
        if transition is not started:
            # The uuid of the event that started the run stays: by it a second attempt at that event recognises the run as saved.
            transition = replace(transition, run=replace(transition.run, last_event_uuid=started.run.last_event_uuid))
            reaction.transitions[started.run.id], reaction.runs[started.run.id] = transition, transition.run
            reaction.journeys = [transition.journey_outcome if each == started.journey_outcome else each for each in reaction.journeys]
            reaction.messages += [message.id for message in transition.messages[len(started.messages) :]]


def _add_saved_run(event: Event, run: Run, reaction: Reaction, context: StepContext) -> None:
    """Adds a run that an earlier attempt has changed and saved. One that the event started is added to the receipt with the entries."""
    reaction.runs[run.id] = run
    if run.id != generated_ids.run_id(context.customer.workspace, run.journey, run.key, event.uuid):
        moves = [(before, after) for before, after in pairwise(run.history) if after.at == context.now]
        reason = None if run.reason is Reason.FINISHED else run.reason
        if run.active and not moves:
            reason = Reason.REMEMBERED if run.pending_transition is None else Reason.PAUSED
        branches = tuple(TakenBranch(before.step, after.branch) for before, after in moves if after.branch is not None)
        outcome: Outcome = "advanced" if run.active_or_finished else "exited"
        reaction.journeys.append(JourneyOutcome(run.journey, outcome, reason, run.id, branches))


def _advance_waiting_runs(event: Event, reaction: Reaction, rules: Rules, context: StepContext, already_changed: set[str]) -> set[str]:
    """Applies the event to all runs that wait for it. Returns the ids of the runs that it advanced or that remember it."""
    consumed = set()
    for run, journey_version in _active_runs_for(event, reaction, rules, without=already_changed):
        # An event that a wait takes does not exit its run. A run at a message step has not reached its wait yet: its exits come first.
        is_exit = _is_exit_event(journey_version, context)
        if is_exit and not isinstance(journey_version.journey.step(run.step), WaitUntil):
            continue
        result = advance_on_event(journey_version, run, context, paused=run.journey in rules.paused)
        if is_exit and isinstance(result, Transition) and result.only_informs:
            continue  # an unsubscription that takes no branch of the wait
        if isinstance(result, Reason):
            reaction.journeys.append(JourneyOutcome(run.journey, "ignored", result, run.id))
        elif result is not None:
            reaction.add_caused_by_event(result)
            consumed.add(run.id)
    return consumed


def _exit_runs(event: Event, reaction: Reaction, rules: Rules, context: StepContext, consumed: set[str]) -> set[str]:
    """Exits the runs that have the event among their exits, unless a wait has consumed it. Returns the ids of their journeys."""
    exited = set()
    for run, journey_version in _active_runs_for(event, reaction, rules, without=consumed):
        if _is_exit_event(journey_version, context):
            reaction.add_caused_by_event(exit_run(run, Reason.EXIT_EVENT, context))
            exited.add(run.journey)
    return exited


def _is_exit_event(journey_version: JourneyVersion, context: StepContext) -> bool:
    return any(context.satisfies(each) for each in journey_version.journey.exit)


def _enter_journeys(event: Event, reaction: Reaction, candidates: Sequence[JourneyVersion], rules: Rules, context: StepContext) -> None:
    """Starts the runs that the event starts, and shows in the receipt why it does not start the others."""
    for journey_version in candidates:
        journey = journey_version.journey.id
        if journey in rules.paused:
            reaction.journeys.append(JourneyOutcome(journey, "ignored", Reason.PAUSED))
            continue
        result = enter(journey_version, [run for run in reaction.runs.values() if run.journey == journey], event, context)
        if isinstance(result, Reason):
            reaction.journeys.append(JourneyOutcome(journey, "ignored", result))
        elif result.already_saved:
            reaction.add_to_receipt(result)
        else:
            reaction.add_caused_by_event(result)


def _active_runs_for(event: Event, reaction: Reaction, rules: Rules, without: Collection[str]) -> list[tuple[Run, JourneyVersion]]:
    """The active runs that the event may be about, `without` those with these ids, oldest first, with their journey versions."""
    runs = []
    for run in sorted(reaction.runs.values(), key=lambda run: (run.entered_at, run.id)):
        journey_version = rules.versions.get(run.id)
        if run.active and run.id not in without and journey_version is not None and _key_matches(event, run, journey_version):
            runs.append((run, journey_version))
    return runs


def _key_matches(event: Event, run: Run, journey_version: JourneyVersion) -> bool:
    """Whether an event has the run's re-entry key, or none: an event about order 2 must not end the wait of the run of order 1."""
    key = journey_version.journey.entry.reentry.key_of(event.payload)
    return key is None or key == run.key
