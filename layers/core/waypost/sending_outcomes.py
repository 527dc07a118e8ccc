"""Saves what became of a message, and executes what its state requires."""

from __future__ import annotations

from datetime import datetime

from waypost import message_caps, ports
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages import delivery, send_request
from waypost.domain.messages.message import (
    Attempt,
    Message,
    MessageReason,
    MessageStatus,
)
from waypost.domain.messages.send_request import SendRequest
from waypost.domain.messages.suppression import SuppressionCause
from waypost.domain.runs.message_knowledge import known_status
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import MessageSettled
from waypost.message_reports import report_to_run
from waypost.redelivery import park
from waypost.sending_dependencies import SendDependencies, SendResult


def save_outcome(message: Message, previous: Message, now: datetime, dependencies: SendDependencies) -> SendResult | None:
    """Saves the message over the row that it was made from, unless nothing changed, and executes the effects of its state.

    None if the row has changed since it was read.
    """
    changed = message != previous
    if changed and not dependencies.messages.save(message, previous):
        return None
    _execute_effects(message, now, dependencies)
    return SendResult(message, changed=changed)


def _execute_effects(message: Message, now: datetime, dependencies: SendDependencies) -> None:
    """Executes what the state of a saved message requires.

    Everything is decided by the row alone, and executing it twice is the same as once: if a worker dies after it saved the row, the
    redelivered record finds the row in this state and executes what is missing.
    """
    if not message.is_settled:
        # A held message has no record on the queue. When its journey resumes, the matcher puts one there.
        if not message.held:
            dependencies.queue.put(message.workspace, [(message.id, delivery.claimable_in(message, now))])
        return
    # By the attempt and not by the reason: a delivery report may have replaced the status and the reason.
    last = message.attempts[-1] if message.attempts else None
    if last and message.to and (reason := delivery.suppression_reason(last)):
        cause = SuppressionCause(reason, "provider", last.at, message.id)
        dependencies.suppressions.add(message.workspace, message.channel, message.to, cause)
    if last and message.to and last.outcome in ("sent", "unknown") and step_class(message.channel).has_replies:
        dependencies.last_messages.remember(message.workspace, message.channel, message.to, message.id, last.at)
    if message.status is MessageStatus.FAILED and last and not _is_failed_by_report(message, last):
        _park(message, last, dependencies.dead)
    if message.counted and delivery.is_certainly_not_sent(message):
        message_caps.remove_from_count(message.workspace, message.counted, message.id, dependencies.cap_counts)
    if message.awaited:
        _notify_run(message, dependencies)
    elif known_status(message.status) == "failed":
        # A run that waits at the step gets this with the outcome. That of a message that was sent follows from reports.
        report_to_run(dependencies.signals, message, message.status, now)


def _is_failed_by_report(message: Message, last: Attempt) -> bool:
    """Whether a report has failed the message, which has parked it before the row was saved, and not the answer of the provider."""
    # A message that failed by its answer has that answer as its last attempt. Parked a second time, at the time of the call, it would be
    # redriven twice.
    return message.reason is MessageReason.REJECTED and last.outcome != "failed"


def _notify_run(message: Message, dependencies: SendDependencies) -> None:
    """Sends the outcome to the run that waits for it at its step; the run ignores a repeat."""
    step_visit = (message.workspace, message.customer, message.lookup_id, message.run, message.step, message.visit)
    if dependencies.signals.send([to_queue_message(MessageSettled(*step_visit, message.id, message.status))]):
        raise UnavailableError("the signals queue did not take the outcome of a message")


def _park(message: Message, last: Attempt, dead_letters: ports.DeadLetters) -> None:
    body = send_request.to_text(SendRequest(message.workspace, message.id))
    reason = "poison" if last.outcome == delivery.SENDER_ERROR else (message.reason or MessageReason.REJECTED).value
    park(dead_letters, "message", message.workspace, message.id, body, reason, last.at)
