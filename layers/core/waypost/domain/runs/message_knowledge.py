"""What a run learns of its messages, for the waits and conditions of its journey (`docs/journeys.md#what-became-of-a-message`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.known_statuses import UNSUBSCRIBE_EVENT, KnownStatus, ends_topic, is_reached, is_same_link, latest
from waypost.domain.journeys.message_steps import MessageStep
from waypost.domain.journeys.waits import MessageBranch, WaitUntil
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs.run import Cause, Run

# A message that is unknown may have been sent. It counts as failed, as for `onFailure`: a report that comes later says better.
_KNOWN_STATUSES: Final[Mapping[MessageStatus, KnownStatus]] = {
    MessageStatus.FAILED: "failed",
    MessageStatus.UNKNOWN: "failed",
    MessageStatus.SKIPPED: "failed",
    MessageStatus.DELIVERED: "delivered",
    MessageStatus.BOUNCED: "bounced",
    MessageStatus.OPENED: "opened",
    MessageStatus.CLICKED: "clicked",
}


class RunReport(NamedTuple):
    """What became of the message that visit number `visit` of a run to the step `step` has created."""

    step: str
    visit: int
    status: KnownStatus
    link: str | None = None


def known_status(status: MessageStatus) -> KnownStatus | None:
    """What a run knows of a message with this status; None for a status that no wait and no condition can name."""
    return _KNOWN_STATUSES.get(status)


def learn(journey: Journey, run: Run, report: RunReport) -> Run:
    """The run with what a report says about its message; the same object where the report is about an earlier visit or says nothing new.

    A run keeps only what a wait or a condition of its journey asks for.
    """
    if not run.active or run.visits.get(report.step) != report.visit:
        return run
    known = run.known_message(report.step)
    statuses, links = known.statuses, known.links
    if report.status in journey.named_statuses.get(report.step, ()) and report.status not in statuses:
        statuses = (*statuses, report.status)
    if report.link is not None:
        clicked = sorted(link for step, link in journey.named_links if step == report.step and is_same_link(link, report.link))
        links = (*links, *(link for link in clicked if link not in links))
    learned = replace(known, statuses=statuses, links=links)
    return run if learned == known else run.knowing(learned)


def unsubscribed_messages(journey: Journey, run: Run, event: Mapping[str, Any]) -> list[RunReport]:
    """The messages of a run whose topic this event ends, of those that a wait or a condition of the journey names for this."""
    if event["name"] != UNSUBSCRIBE_EVENT:
        return []
    asked = [step for step, statuses in journey.named_statuses.items() if "unsubscribed" in statuses]
    return [
        RunReport(step_id, run.visits[step_id], "unsubscribed")
        for step_id in asked
        if _has_message(run, step_id) and _is_about(event, journey, step_id) and "unsubscribed" not in run.known_message(step_id).statuses
    ]


def _has_message(run: Run, step_id: str) -> bool:
    """Whether the latest visit of the step has created its message. In quiet hours it is created at their end."""
    return step_id in run.visits and not (run.step == step_id and run.hold is Cause.QUIET_HOURS)


def _is_about(event: Mapping[str, Any], journey: Journey, step_id: str) -> bool:
    step = journey.step(step_id)
    return isinstance(step, MessageStep) and step.topic_id is not None and ends_topic(event["payload"], step.channel, step.topic_id)


def known_branch(wait: WaitUntil, run: Run) -> int | None:
    """The position of the first branch of a wait that is taken by what the run knows of its messages."""
    return next((place for place, branch in enumerate(wait.branches) if isinstance(branch, MessageBranch) and _is_taken(branch, run)), None)


def _is_taken(branch: MessageBranch, run: Run) -> bool:
    known = run.known_message(branch.message)
    return is_reached(branch.status, known.statuses) and (branch.link is None or branch.link in known.links)


def statuses_for_conditions(run: Run) -> dict[str, Any]:
    """The part `messages` of what conditions see."""
    return {each.step: {"status": latest(each.statuses)} for each in run.known_messages if each.statuses}
