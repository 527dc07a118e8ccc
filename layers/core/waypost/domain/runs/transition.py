"""The journey engine: a run and what happens to it give the new run and the effects that have to be executed.

Everything here is a pure function: it reads no clock, draws no random numbers, calls no port and logs nothing.
"""

# Why nothing acts here: the matcher saves a transition with its effects in one conditional transaction and executes the effects after it.
# If a step sent its message itself, a lost write race or a crash before the save would leave a message of a transition that never happened,
# and the redelivered signal would decide it again. As time and event are arguments, a redelivery with the same arguments gives the same run
# and the same message ids. The dry run uses the same functions, so it shows what the matcher does.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Final, assert_never

from waypost.domain.customers.customer import Customer
from waypost.domain.intake.receipts import JourneyOutcome, Outcome, TakenBranch
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.journeys.waits import WaitUntil
from waypost.domain.messages.message import Message, MessageStatus
from waypost.domain.reasons import Reason
from waypost.domain.runs import early_events, step_rules
from waypost.domain.runs.context import JourneyVersion, StepContext
from waypost.domain.runs.edges import EdgePlace, edge_taken
from waypost.domain.runs.effects import ArmTimer, DisarmTimer, Effect, SendMessage
from waypost.domain.runs.experiments import remember
from waypost.domain.runs.message_knowledge import RunReport, known_status, learn, unsubscribed_messages
from waypost.domain.runs.run import Cause, PendingTransition, Run
from waypost.domain.runs.step_rules import ExitRun, GoTo, Wait
from waypost.domain.runs.timers import Timer

MAX_STEPS_WITHOUT_WAIT: Final = 100
"""How many steps a run may enter without a wait in between (`docs/journeys.md#limits`).

Publishing refuses loops without a wait, but a definition of 200 steps may chain more than 100, and a cycle of windows that were closed
when it was published may be open. Without a limit one run could hold up its customer until the function times out, again at every
redelivery.
"""

MAX_WAITS_PER_SIGNAL: Final = 20
"""How many waits one signal ends in one run.

After an outage, or with a delay of a minute in a loop, thousands of waits can be over at once. The timer of the wait that is left has a due
time in the past, so it comes back at once and the next signal goes on: nothing is lost, and no signal takes longer than its function may.
"""


@dataclass(frozen=True, slots=True)
class Transition:
    """A run before and after something happened to it, and the messages that were created.

    `before` is None for a new run. `outcome` is what the event's receipt shows. `already_saved` is True where an earlier attempt at the
    same signal has saved the run. `branches` are those that the run took, and `edges` all edges.
    """

    before: Run | None
    run: Run
    customer: Customer
    now: datetime
    messages: tuple[Message, ...] = ()
    outcome: Outcome = "advanced"
    already_saved: bool = False
    branches: tuple[TakenBranch, ...] = ()
    edges: tuple[EdgePlace, ...] = ()

    @property
    def journey_outcome(self) -> JourneyOutcome:
        """The entry in the event's receipt. That a run finished is no reason there: reasons say why something did not happen."""
        reason = None if self.run.reason is Reason.FINISHED else self.run.reason
        if self.outcome == "advanced" and self.before is not None and self.run.visits == self.before.visits:
            reason = Reason.REMEMBERED if self.run.pending_transition == self.before.pending_transition else Reason.PAUSED
        return JourneyOutcome(self.run.journey, self.outcome, reason, self.run.id, self.branches)

    @property
    def only_informs(self) -> bool:
        """Whether the run has learned something of a message, and nothing else has become of it."""
        if self.before is None or self.run.known_messages == self.before.known_messages:
            return False
        before = self.before
        return replace(self.run, known_messages=before.known_messages, last_event_uuid=before.last_event_uuid) == before

    # Timers are compared by name, and the name is that of the visit. So a transition that does not leave the step has no timer effect: an
    # event that is only remembered can neither postpone a timeout nor make it come twice. A timer whose time has passed is not disarmed:
    # its schedule has fired, and the signal finds that the step was left.
    @property
    def effects(self) -> tuple[Effect, ...]:
        """What to execute: pending messages are sent, the timer of the new wait is armed, the timer of the wait that was left disarmed."""
        sends = [SendMessage(message.id) for message in self.messages if message.status is MessageStatus.PENDING]
        old, new = timer_of(self.before, self.customer) if self.before else None, timer_of(self.run, self.customer)
        if (old and old.name) == (new and new.name):
            return tuple(sends)
        armed = [ArmTimer(new)] if new else []
        return (*sends, *armed, *([DisarmTimer(old.name)] if old and old.due > self.now else []))

    def followed_by(self, later: Transition) -> Transition:
        """This transition and a later one of the same run as one, so that only the timer of the last wait is armed."""
        outcome = later.outcome if self.before is not None else self.outcome
        messages, branches, edges = self.messages + later.messages, self.branches + later.branches, self.edges + later.edges
        return replace(later, before=self.before, messages=messages, outcome=outcome, branches=branches, edges=edges)


def timer_of(run: Run, customer: Customer) -> Timer | None:
    """The timer of the wait in which a run is, or None if the wait has no end."""
    if run.due is None:
        return None
    return Timer(customer.workspace, customer.id, customer.lookup_id, run.id, run.step, run.visits.get(run.step, 0), 0, run.due)


def start_run(journey_version: JourneyVersion, run: Run, context: StepContext) -> Transition:
    """A new run, from its first step to its first wait or its end."""
    return _follow_steps(journey_version, None, run, GoTo(run.step, Cause.ENTERED), context)


def advance_on_event(journey_version: JourneyVersion, run: Run, context: StepContext, *, paused: bool) -> Transition | Reason | None:
    """What an event does to an active run; None if the run does not wait for it.

    In a paused journey the transition is held. Reason PAUSED: the event would advance the run, but another transition is held already.
    Reason REMEMBERED: it comes too late for a run that stays in a message step and has kept an earlier event.
    """
    journey = journey_version.journey
    step, ended = journey.step(run.step), unsubscribed_messages(journey, run, context.event)
    unsubscribed = [each.step for each in ended]
    informed = reduce(lambda learning, report: learn(journey, learning, report), ended, run)
    if isinstance(step, MessageStep):
        kept = early_events.keep(journey, run, context, unsubscribed)
        if isinstance(kept, Run) or informed is not run:
            early_matches = kept.early_matches if isinstance(kept, Run) else run.early_matches
            return _transition(run, replace(informed, early_matches=early_matches), (), context)
        return kept
    result = step_rules.on_event(step, informed, context, unsubscribed) if isinstance(step, WaitUntil) else informed
    if isinstance(result, Run):
        remembered = informed if run.pending_transition is not None else result
        return None if remembered == run else _transition(run, remembered, (), context)
    if run.pending_transition is not None:
        return Reason.PAUSED if informed is run else _transition(run, informed, (), context)
    return _advance(journey_version, run, informed, result, context, paused=paused)


def advance_on_message(
    journey_version: JourneyVersion,
    run: Run,
    step_id: str,
    visit: int,
    status: MessageStatus,
    context: StepContext,
    *,
    paused: bool = False,
) -> Transition | None:
    """The run after the outcome of the message that this visit to a message step created; None if the run does not wait for it any more."""
    step = journey_version.journey.step(run.step)
    if (
        not run.active
        or run.pending_transition
        or run.step != step_id
        or run.visits.get(step_id) != visit
        or not isinstance(step, MessageStep)
    ):
        return None
    context = context.with_event(run.trigger_event, context.now)
    informed = learn(journey_version.journey, run, RunReport(step_id, visit, "failed")) if known_status(status) == "failed" else run
    return _advance(journey_version, run, informed, step_rules.on_message_outcome(step, status), context, paused=paused)


def advance_on_report(
    journey_version: JourneyVersion, run: Run, report: RunReport, context: StepContext, *, paused: bool
) -> Transition | None:
    """The run after a report about one of its messages; None if the report is about an earlier visit of its step or says nothing new.

    A run at a wait for this takes the branch. Any other run keeps the status for the waits and conditions that it comes to.
    """
    step, informed = journey_version.journey.step(run.step), learn(journey_version.journey, run, report)
    if informed is run:
        return None
    # A report is no event of the customer: templates and conditions go on to see the one that advanced the run last.
    context = context.with_event(run.trigger_event, context.now)
    taken = step_rules.take_known_branch(step, informed) if isinstance(step, WaitUntil) and run.pending_transition is None else None
    if taken is None:
        return _transition(run, informed, (), context)
    return _advance(journey_version, run, informed, taken, context, paused=paused)


def exit_run(run: Run, reason: Reason, context: StepContext) -> Transition:
    """The run, exited in the step where it is."""
    return _transition(run, run.exited(reason, context.now), (), context)


def apply_elapsed(journey_version: JourneyVersion | None, run: Run, context: StepContext, *, paused: bool) -> Transition | None:
    """Applies to an active run what is due: a held transition is applied if its journey is not paused, and every wait that is over ends.

    None if nothing changes. `journey_version` None means that the journey is stopped; then the run exits.
    """
    if journey_version is None:
        return exit_run(run, Reason.STOPPED, context.with_event(run.trigger_event, context.now))
    transition: Transition | None = None
    for _ in range(MAX_WAITS_PER_SIGNAL):
        latest = _apply_next_elapsed(journey_version, run, context, paused=paused)
        if latest is None:
            break
        transition, run = transition.followed_by(latest) if transition else latest, latest.run
    return transition


def _apply_next_elapsed(journey_version: JourneyVersion, run: Run, context: StepContext, *, paused: bool) -> Transition | None:
    if not run.active:
        return None
    if run.pending_transition is not None:
        if paused:
            return None
        # What was held happens at the time of the resume: a delay that follows is counted from now. Counted from the time when it was held,
        # a pause of a week would send a week's messages in one second.
        held = run.pending_transition
        context = context.with_event(held.event or run.trigger_event, context.now)
        return _follow_steps(journey_version, run, run, GoTo(held.step, held.cause, held.branch), context)
    # A timer may be early (clocks differ between services): the due time decides, not the arrival of the timer. A signal
    # that is early changes nothing, and the matcher arms the timer again.
    if run.due is None or run.due > context.now:
        return None
    # Each wait ends at its own due time, however late the signal is. If it ended at the time of processing, a backlog of an hour would move
    # each later delay, window and quiet-hours check of the run by an hour.
    context = context.with_event(run.trigger_event, run.due)
    return _advance(journey_version, run, run, step_rules.on_timeout(journey_version, run), context, paused=paused)


# In a paused journey the run keeps its step and due time and only notes where it would go. One transition is enough: the first one decides
# which branch the run takes, as it would have without the pause, and later events and timeouts of that wait come too late. A queue of all
# that happened during the pause could grow without a limit.
def _advance(journey_version: JourneyVersion, before: Run, run: Run, go_to: GoTo, context: StepContext, *, paused: bool) -> Transition:
    """The run after it has gone to a step and on to its next wait; in a paused journey, the run with this transition held.

    `before` is the run as it is stored, `run` the same with what the signal has added to its knowledge of messages.
    """
    if not paused:
        return _follow_steps(journey_version, before, run, go_to, context)
    held = PendingTransition(context.now, context.customer.lookup_id, go_to.step, go_to.cause, context.event, go_to.branch)
    return _transition(before, replace(run, pending_transition=held), (), context)


def _follow_steps(journey_version: JourneyVersion, before: Run | None, run: Run, go_to: GoTo, context: StepContext) -> Transition:
    """Takes a run from step to step, all at the same instant, until it waits or exits."""
    messages: list[Message] = []
    branches: list[TakenBranch] = []
    edges: list[EdgePlace] = []
    for _ in range(MAX_STEPS_WITHOUT_WAIT):
        if go_to.branch is not None:
            branches.append(TakenBranch(run.step, go_to.branch))
        taken = edge_taken(journey_version.journey, run.step, go_to)
        edges += [taken] if taken is not None else []
        run = remember(journey_version.journey, run, taken)
        run = run.moved_to(go_to.step, context.now, go_to.cause, go_to.branch)
        decision, message = step_rules.on_enter(journey_version, run, context)
        if message is not None:
            # Counted by the run itself, not from the table of messages: the count is then part of the same transaction, costs no read, and
            # is the same when the signal is delivered again.
            sending = run.with_message(context.now) if message.status is MessageStatus.PENDING else run
            if sending is None:
                return _transition(before, run.exited(Reason.TOO_MANY_MESSAGES, context.now), messages, context, branches, edges)
            run = sending
            messages.append(message)
            if message.status is MessageStatus.SKIPPED:
                run = learn(journey_version.journey, run, RunReport(message.step, message.visit, "failed"))
        match decision:
            case GoTo():
                go_to = decision
            case Wait():
                run, early = early_events.use(journey_version.journey, run)
                if early is None:
                    run = replace(run, trigger_event=context.event, due=decision.due, hold=decision.hold)
                    return _transition(before, run, messages, context, branches, edges)
                # What a report has completed has no event, and the one that advanced the run last stays.
                event = context.event if early.event is None else early.event
                go_to, context = early.go_to, context.with_event(event, context.now)
            case ExitRun():
                return _transition(before, run.exited(decision.reason, context.now), messages, context, branches, edges)
            case _:
                assert_never(decision)
    return _transition(before, run.exited(Reason.LOOP, context.now), messages, context, branches, edges)


def _transition(
    before: Run | None,
    run: Run,
    messages: Sequence[Message],
    context: StepContext,
    branches: Sequence[TakenBranch] = (),
    edges: Sequence[EdgePlace] = (),
) -> Transition:
    outcome: Outcome = "entered" if before is None else "advanced" if run.active_or_finished else "exited"
    last_event_uuid = context.event["uuid"] or run.last_event_uuid
    updated = run if last_event_uuid == run.last_event_uuid else replace(run, last_event_uuid=last_event_uuid)
    return Transition(
        before, updated, context.customer, context.now, tuple(messages), outcome, branches=tuple(branches), edges=tuple(edges)
    )
