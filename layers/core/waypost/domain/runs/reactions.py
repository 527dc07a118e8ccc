"""What one signal does to all runs of a customer, in the order of contract 3.2: time first, then waits, exits and entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from waypost.domain.intake.events import Event
from waypost.domain.intake.receipts import Move
from waypost.domain.reasons import Reason
from waypost.domain.runs.context import Released, Scene
from waypost.domain.runs.entry_rules import enter
from waypost.domain.runs.run import Run
from waypost.domain.runs.transition import Transition, catch_up, hear, leave
from waypost.domain.values import generated_ids


@dataclass(frozen=True, slots=True)
class Rules:
    """The version that each active run follows, by the run's id (none: its journey is stopped), and the journeys that are paused."""

    released: Mapping[str, Released]
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


def passed(runs: Iterable[Run], rules: Rules, scene: Scene) -> Reaction:
    """What the time that has passed does: every stay that is over ends, and what was held comes to pass where it may."""
    reaction = Reaction({run.id: run for run in runs})
    for run in sorted((run for run in reaction.runs.values() if run.active), key=lambda run: _turn(run, scene)):
        done = catch_up(rules.released.get(run.id), run, scene, paused=run.journey in rules.paused)
        if done is not None:
            reaction.changed(done)
    return reaction


def happened(event: Event, runs: Sequence[Run], candidates: Sequence[Released], rules: Rules, scene: Scene) -> Reaction:
    """What an event does. `candidates` are the journeys whose entries it may fit, in the order of publishing."""
    mine = {run.id for run in runs if run.touched_by == event.uuid}
    reaction = passed([run for run in runs if run.id not in mine], rules, scene)
    for run in runs:
        if run.id in mine:
            _tell_again(event, run, reaction, scene)
    consumed = mine | _hear(event, reaction, rules, scene)
    left = _leave(event, reaction, rules, scene, consumed)
    left |= {run.journey for run in runs if run.id in mine and run.reason is Reason.EXIT_EVENT}
    _enter(event, reaction, [each for each in candidates if each.journey.id not in left], rules, scene)
    return reaction


def _turn(run: Run, scene: Scene) -> tuple[object, ...]:
    """Runs take turns in the order in which something came up for them."""
    return (run.held.at if run.held else run.due or scene.now, run.entered_at, run.id)


def _tell_again(event: Event, run: Run, reaction: Reaction, scene: Scene) -> None:
    """An earlier attempt has saved what this event did to a run, and not the receipt; what it opened is told with the entries."""
    reaction.runs[run.id] = run
    if run.id != generated_ids.run_id(scene.customer.workspace, run.journey, run.key, event.uuid):
        reason = None if run.reason is Reason.FINISHED else run.reason
        reaction.moves.append(Move(run.journey, "advanced" if run.on_its_way else "exited", reason, run.id))


def _hear(event: Event, reaction: Reaction, rules: Rules, scene: Scene) -> set[str]:
    """Takes the event to the runs that wait; the ones that it moved, or that remember it."""
    consumed = set()
    for run, released in _concerned(event, reaction, rules):
        done = hear(released, run, scene, paused=run.journey in rules.paused)
        if isinstance(done, Reason):
            reaction.moves.append(Move(run.journey, "ignored", done, run.id))
        elif done is not None:
            reaction.moved(done)
            consumed.add(run.id)
    return consumed


def _leave(event: Event, reaction: Reaction, rules: Rules, scene: Scene, consumed: set[str]) -> set[str]:
    """Ends the runs that exit on the event, unless a wait has consumed it; the journeys that were left."""
    left = set()
    for run, released in _concerned(event, reaction, rules):
        if run.id not in consumed and _exits(event, released, scene):
            reaction.moved(leave(run, Reason.EXIT_EVENT, scene))
            left.add(run.journey)
    return left


def _exits(event: Event, released: Released, scene: Scene) -> bool:
    return any(each.hears(event.name, event.source) and scene.holds(each.conditions) for each in released.journey.exit)


def _enter(event: Event, reaction: Reaction, candidates: Sequence[Released], rules: Rules, scene: Scene) -> None:
    for released in candidates:
        journey = released.journey.id
        if journey in rules.paused:
            reaction.moves.append(Move(journey, "ignored", Reason.PAUSED))
            continue
        done = enter(released, [run for run in reaction.runs.values() if run.journey == journey], event, scene)
        if isinstance(done, Reason):
            reaction.moves.append(Move(journey, "ignored", done))
        elif done.saved:
            reaction.told(done)
        else:
            reaction.moved(done)


def _concerned(event: Event, reaction: Reaction, rules: Rules) -> list[tuple[Run, Released]]:
    """The active runs, oldest first, that the event can be about: one that carries another key than a run's is about another run."""
    found = []
    for run in sorted(reaction.runs.values(), key=lambda run: (run.entered_at, run.id)):
        released = rules.released.get(run.id)
        if run.active and released is not None and _same_key(event, run, released):
            found.append((run, released))
    return found


def _same_key(event: Event, run: Run, released: Released) -> bool:
    key = released.journey.entry.reentry.key_of(event.payload)
    return key is None or key == run.key
