"""What one signal does to all runs of a customer, in the order of contract 3.2: time first, then waits, exits and entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from waypost.domain.intake.events import Event
from waypost.domain.intake.receipts import Move
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import JourneyVersion, StepContext
from waypost.domain.runs.entry_rules import enter
from waypost.domain.runs.run import Run
from waypost.domain.runs.transition import Transition, advance_on_event, apply_elapsed, exit_run
from waypost.domain.values import generated_ids


@dataclass(frozen=True, slots=True)
class Rules:
    """The version that each active run follows, by the run's id (none: its journey is stopped), and the journeys that are paused."""

    journey_version: Mapping[str, JourneyVersion]
    paused: frozenset[str] = frozenset()


@dataclass(slots=True)
class Reaction:
    """What a signal does: how runs change, and of that what the event itself did."""

    runs: dict[str, Run]
    transitions: dict[str, Transition] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def changed(self, transition: Transition) -> None:
        """Notes one more change of a run."""
        earlier = self.transitions.get(transition.run.id)
        self.transitions[transition.run.id] = earlier.then(transition) if earlier else transition
        self.runs[transition.run.id] = transition.run

    def moved(self, transition: Transition) -> None:
        """Notes one more change of a run that the event itself made."""
        self.changed(transition)
        self.told(transition)

    def told(self, transition: Transition) -> None:
        """Notes what the event did, for its receipt."""
        self.moves.append(transition.move)
        self.messages += [message.id for message in transition.messages]


def apply_time(runs: Iterable[Run], rules: Rules, context: StepContext) -> Reaction:
    """What the time that has passed does: every stay that is over ends, and what was held comes to pass where it may."""
    reaction = Reaction({run.id: run for run in runs})
    for run in sorted((run for run in reaction.runs.values() if run.active), key=lambda run: _turn(run, context)):
        done = apply_elapsed(rules.journey_version.get(run.id), run, context, paused=run.journey in rules.paused)
        if done is not None:
            reaction.changed(done)
    return reaction


def apply_event(event: Event, runs: Sequence[Run], candidates: Sequence[JourneyVersion], rules: Rules, context: StepContext) -> Reaction:
    """What an event does. `candidates` are the journeys whose entries it may fit, in the order of publishing."""
    mine = {run.id for run in runs if run.last_event_uuid == event.uuid}
    reaction = apply_time([run for run in runs if run.id not in mine], rules, context)
    for run in runs:
        if run.id in mine:
            _tell_again(event, run, reaction, context)
    consumed = mine | _hear(event, reaction, rules, context)
    left = _leave(event, reaction, rules, context, consumed)
    left |= {run.journey for run in runs if run.id in mine and run.reason is Reason.EXIT_EVENT}
    _enter(event, reaction, [each for each in candidates if each.journey.id not in left], rules, context)
    return reaction


def _turn(run: Run, context: StepContext) -> tuple[object, ...]:
    """Runs take turns in the order in which something came up for them."""
    return (run.pending_transition.at if run.pending_transition else run.due or context.now, run.entered_at, run.id)


def _tell_again(event: Event, run: Run, reaction: Reaction, context: StepContext) -> None:
    """An earlier attempt has saved what this event did to a run, and not the receipt; what it opened is told with the entries."""
    reaction.runs[run.id] = run
    if run.id != generated_ids.run_id(context.customer.workspace, run.journey, run.key, event.uuid):
        reason = None if run.reason is Reason.FINISHED else run.reason
        reaction.moves.append(Move(run.journey, "advanced" if run.active_or_finished else "exited", reason, run.id))


def _hear(event: Event, reaction: Reaction, rules: Rules, context: StepContext) -> set[str]:
    """Takes the event to the runs that wait; the ones that it moved, or that remember it."""
    consumed = set()
    for run, journey_version in _concerned(event, reaction, rules):
        done = advance_on_event(journey_version, run, context, paused=run.journey in rules.paused)
        if isinstance(done, Reason):
            reaction.moves.append(Move(run.journey, "ignored", done, run.id))
        elif done is not None:
            reaction.moved(done)
            consumed.add(run.id)
    return consumed


def _leave(event: Event, reaction: Reaction, rules: Rules, context: StepContext, consumed: set[str]) -> set[str]:
    """Ends the runs that exit on the event, unless a wait has consumed it; the journeys that were left."""
    left = set()
    for run, journey_version in _concerned(event, reaction, rules):
        if run.id not in consumed and _exits(event, journey_version, context):
            reaction.moved(exit_run(run, Reason.EXIT_EVENT, context))
            left.add(run.journey)
    return left


def _exits(event: Event, journey_version: JourneyVersion, context: StepContext) -> bool:
    return any(each.matches(event.name, event.source) and context.holds(each.conditions) for each in journey_version.journey.exit)


def _enter(event: Event, reaction: Reaction, candidates: Sequence[JourneyVersion], rules: Rules, context: StepContext) -> None:
    for journey_version in candidates:
        journey = journey_version.journey.id
        if journey in rules.paused:
            reaction.moves.append(Move(journey, "ignored", Reason.PAUSED))
            continue
        done = enter(journey_version, [run for run in reaction.runs.values() if run.journey == journey], event, context)
        if isinstance(done, Reason):
            reaction.moves.append(Move(journey, "ignored", done))
        elif done.saved:
            reaction.told(done)
        else:
            reaction.moved(done)


def _concerned(event: Event, reaction: Reaction, rules: Rules) -> list[tuple[Run, JourneyVersion]]:
    """The active runs, oldest first, that the event can be about: one that carries another key than a run's is about another run."""
    found = []
    for run in sorted(reaction.runs.values(), key=lambda run: (run.entered_at, run.id)):
        journey_version = rules.journey_version.get(run.id)
        if run.active and journey_version is not None and _same_key(event, run, journey_version):
            found.append((run, journey_version))
    return found


def _same_key(event: Event, run: Run, journey_version: JourneyVersion) -> bool:
    key = journey_version.journey.entry.reentry.key_of(event.payload)
    return key is None or key == run.key
