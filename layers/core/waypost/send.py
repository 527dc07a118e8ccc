"""Sends one message: loads it, decides what to do next, does it, and saves the result (`docs/messages.md#delivery`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from waypost import identify, message_caps, ports
from waypost.cache.provider_pauses import ProviderPauses
from waypost.cache.senders import Senders
from waypost.cache.sending_quotas import Paces, SendLater
from waypost.cache.workspace_cache import Schemas, Statuses
from waypost.cache.workspace_settings_cache import CachedSettings
from waypost.domain.customers.customer import assemble
from waypost.domain.customers.rows import owner_key
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.message_steps import step_class
from waypost.domain.messages import delivery, receivers, send_request, template_scope
from waypost.domain.messages.caps import CapReached, CountedMessage, covering
from waypost.domain.messages.message import (
    Attempt,
    Message,
    MessageReason,
    MessageStatus,
    PreparedMessage,
    ProviderResponse,
    RenderFailure,
    SkipReason,
)
from waypost.domain.messages.next_action import (
    Claim,
    Content,
    Counted,
    CountMessage,
    Decision,
    Defer,
    Load,
    LoadContent,
    LoadJourneyStatus,
    LoadRecipient,
    LoadSenderCheck,
    LoadSending,
    Recipient,
    SendContext,
    SenderCheck,
    Settle,
    StoreContent,
    next_action,
)
from waypost.domain.messages.permission import Permission, refusal
from waypost.domain.messages.retry_schedule import turn_delay
from waypost.domain.messages.send_request import SendRequest
from waypost.domain.messages.suppression import SuppressionCause
from waypost.domain.runs.message_knowledge import known_status
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import MessageSettled
from waypost.domain.values.windows import zone_for
from waypost.message_links import MessageLinks
from waypost.message_reports import report_to_run
from waypost.redelivery import park
from waypost.sending_turns import Turn

SAVE_ATTEMPTS: Final = 8
"""How often a message that other workers change is read again before its record is left to a later delivery."""


@dataclass(frozen=True, slots=True)
class SendDependencies:
    """The ports and caches that sending uses; `channels` and `paces` by the names of channels in message steps.

    `clock` returns the time (UTC), and `sleep` waits for seconds.
    """

    messages: ports.Messages
    customers: ports.Customers
    schemas: Schemas
    journeys: ports.JourneyVersions
    templates: ports.Templates
    channels: Mapping[str, ports.Channel]
    suppressions: ports.Suppressions
    last_messages: ports.LastMessages
    permissions: ports.Permissions
    settings: CachedSettings
    senders: Senders
    cap_counts: ports.CapCounts
    queue: ports.SendQueue
    signals: ports.Signals
    dead: ports.DeadLetters
    statuses: Statuses
    pauses: ProviderPauses
    links: MessageLinks
    paces: Paces
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class SendResult:
    """The message after the call, or None if its row does not exist (its customer was erased); `changed`: this call has changed it."""

    message: Message | None
    changed: bool = False


def send(
    workspace: str, message_id: str, now: datetime, token: str, dependencies: SendDependencies, released: str | None = None
) -> SendResult:
    """Processes a message as far as is possible at this time, with at most one call of its provider. `token` is unique to this call.

    `released` is the token of a claim in which its worker certainly called no provider.

    Raises UnavailableError if a dependency fails, or if other workers change the message again and again. Calling again with the same
    message is always safe, after an error as well.
    """
    turn = Turn(dependencies.paces, dependencies.sleep)
    try:
        return _send(SendRequest(workspace, message_id, released), now, token, turn, dependencies)
    finally:
        turn.end()


def _send(request: SendRequest, now: datetime, token: str, turn: Turn, dependencies: SendDependencies) -> SendResult:
    workspace, message_id, released = request
    count: Counted | None = None
    for _ in range(SAVE_ATTEMPTS):
        row = dependencies.messages.get(workspace, message_id)
        if row is None:
            return SendResult(None)
        if released is not None and delivery.awaits_response(row, released):
            unclaimed = delivery.with_released_claim(row)
            if not dependencies.messages.save(unclaimed, row):
                continue
            row = unclaimed
        later: SendLater | None = None
        if delivery.is_claimable(row, now):
            throttled_for = dependencies.pauses.throttled_for(row.channel, now)
            if throttled_for is not None:
                # Before anything else is read: while a large backlog waits for a slow provider, most deliveries of records end here.
                dependencies.queue.put(workspace, [(message_id, turn_delay(message_id, now, throttled_for))])
                return SendResult(row)
            later = turn.begin(row, now)
        if later is not None and (not later.quota or _may_send(row, now, dependencies)):
            result = _postpone(row, later, dependencies)
        else:
            action, count = _decide(row, now, count, dependencies)
            if later is not None and isinstance(action, Claim):  # it sends again since a moment ago
                result = _postpone(row, later, dependencies)
            else:
                result = _act(action, row, now, token, turn, dependencies)
        if result is not None:
            return result
        # A delivery report or another worker changed the row between the read and the write. The record on the queue may be the only one
        # of this message: if it ended here, nothing would notify the run that waits, or retry when that worker dies.
    raise UnavailableError("a message changed too often")


def _may_send(row: Message, now: datetime, dependencies: SendDependencies) -> bool:
    """Whether the journey and the workspace of a message send at the moment. Both answers are in memory as a rule."""
    # What does not send must say so: a message that waits for the quota would return to the queue again and again, and one of a stopped
    # journey would be skipped a day late.
    status = dependencies.statuses.of(row.workspace, row.journey, now)
    return status == "published" and dependencies.settings.is_sending(row.workspace, now)


def _postpone(row: Message, later: SendLater, dependencies: SendDependencies) -> SendResult | None:
    """Puts a message back on the queue that may not be sent yet. None if its row has changed since it was read."""
    # The row shows that the message waits for the quota. It is written once for the whole wait: with another `due` for each look, a backlog
    # of a day would cost a write for each look of each message.
    postponed = replace(row, reason=MessageReason.QUOTA, held=False) if later.quota else row
    if postponed != row and not dependencies.messages.save(postponed, row):
        return None
    dependencies.queue.put(row.workspace, [(row.id, later.after)])
    return SendResult(postponed, changed=postponed != row)


def give_up(workspace: str, message_id: str, now: datetime, dependencies: SendDependencies) -> SendResult:
    """Settles a message whose record is given up, because `send` raised at each of its receives: it is failed and parked, its run notified.

    A message that another worker has claimed returns to the queue, for the end of the lease; one that is settled gets the effects of its
    state. Raises UnavailableError as `send` does.
    """
    # Without this the record would be gone and the message pending for ever: no redelivery, no outcome for the run that waits for it.
    for _ in range(SAVE_ATTEMPTS):
        row = dependencies.messages.get(workspace, message_id)
        if row is None:
            return SendResult(None)
        result = _save(delivery.given_up(delivery.after_expired_lease(row, now), now), row, now, dependencies)
        if result is not None:
            return result
    raise UnavailableError("a message changed too often")


def _act(action: Decision, row: Message, now: datetime, token: str, turn: Turn, dependencies: SendDependencies) -> SendResult | None:
    """Does what was decided for `row`. None if the row has changed since it was read; then nothing was sent."""
    match action:
        case Claim():
            return _claim_and_call(action, row, now, token, turn, dependencies)
        case Defer() | Settle():
            return _save(action.message, row, now, dependencies)
        case _ as never:
            assert_never(never)


def _decide(row: Message, now: datetime, count: Counted | None, dependencies: SendDependencies) -> tuple[Decision, Counted | None]:
    """What to do with a message, and whether it counts under the caps: `count` is what an earlier decision of this delivery has counted."""
    context = SendContext()
    while isinstance(action := next_action(row, now, context), Load):
        context = _load(action, row, context, now, dependencies)
    count = context.count if isinstance(context.count, Counted) else count
    # A message that was counted may still be refused or skipped: its claim was lost, or another worker has stored a content from another
    # sender. The row has to name whose count it is in, because what settles a message removes it from there.
    if isinstance(action, Settle | Defer) and row.status is MessageStatus.PENDING and count is not None and count.customer is not None:
        action = replace(action, message=replace(action.message, counted=action.message.counted or count.customer))
    return action, count


def _load(  # noqa: PLR0911 - one for each kind of load
    action: Load, message: Message, context: SendContext, now: datetime, dependencies: SendDependencies
) -> SendContext:
    match action:
        case LoadJourneyStatus():
            return replace(context, journey_status=dependencies.statuses.of(message.workspace, message.journey, now))
        case LoadSending():
            return replace(context, is_sending=dependencies.settings.is_sending(message.workspace, now))
        case LoadRecipient():
            return replace(context, recipient=_recipient(message, now, dependencies))
        case LoadContent(due_message, recipient):
            return replace(context, content=_content(due_message, recipient, now, dependencies))
        case LoadSenderCheck(sender):
            return replace(context, sender=SenderCheck(dependencies.senders.error(message.workspace, sender, now)))
        case CountMessage(due_message, recipient):
            return replace(context, count=_count(due_message, recipient, now, dependencies))
        case StoreContent(due_message, prepared):
            return _with_stored_content(context, due_message, prepared, now, dependencies)
        case _ as never:
            assert_never(never)


def _recipient(message: Message, now: datetime, dependencies: SendDependencies) -> Recipient | SkipReason:
    schema = dependencies.schemas.of(message.workspace, now)
    rows = identify.find_rows(dependencies.customers, message.workspace, message.lookup_id)
    customer = assemble(rows, schema.primary_key)
    # The rows are the last thing that an erasure removes. A large one takes minutes, in which no message may go out.
    if customer is None or any(row.erasing for row in rows):
        return SkipReason(MessageReason.ERASED)
    journey = dependencies.journeys.version(message.workspace, message.journey, message.version)
    step = template_scope.message_step(journey, message.step)
    topic = None if step.transactional else dependencies.settings.topic(message.workspace, step.topic, now)
    return Recipient(customer, journey, zone_for(customer.attributes, schema.timezone), topic)


def _count(message: Message, recipient: Recipient, now: datetime, dependencies: SendDependencies) -> Counted | CapReached:
    """Counts a message under the caps of its workspace."""
    # A receipt or the reset of a password must reach the customer, and must not keep another message back.
    if recipient.topic is None:
        return Counted(None)
    customer, caps = recipient.customer, dependencies.settings.of(message.workspace, now).caps
    counted = CountedMessage(message.id, now, recipient.topic.id, message.channel)
    if not covering(caps, counted.topic, counted.channel):
        return Counted(None)
    return message_caps.count(counted, customer, caps, recipient.zone, dependencies.cap_counts) or Counted(customer.id)


def _content(message: Message, recipient: Recipient, now: datetime, dependencies: SendDependencies) -> Content | SkipReason:
    # All attempts send the same bytes. A customer's attributes may change between two attempts; if the message were rendered again, a
    # receiver that drops the repeat by its id would keep a text that the message's row does not show.
    stored = dependencies.messages.rendered(message.workspace, message.id) if message.attempts else None
    if stored is not None:
        return Content(stored, is_stored=True)
    prepared = _prepare(message, recipient, now, dependencies)
    return prepared if isinstance(prepared, SkipReason) else Content(prepared, is_stored=False)


def _prepare(message: Message, recipient: Recipient, now: datetime, dependencies: SendDependencies) -> PreparedMessage | SkipReason:
    step = template_scope.message_step(recipient.journey, message.step)
    scope = template_scope.scope(message, recipient.customer, recipient.journey, dependencies.links.base_url)
    rendered = dependencies.templates.render(template_scope.template_of(step), scope, now, strict=step.strict)
    if isinstance(rendered, RenderFailure):
        return SkipReason(MessageReason.TEMPLATE, rendered.detail)
    customer = recipient.customer
    if receivers.has_default_receiver(message.channel, rendered):
        named = dependencies.settings.of(message.workspace, now).address_attributes
        customer = receivers.for_channel(customer, message.channel, named)
    return dependencies.channels[message.channel].prepare(rendered, customer)


def _with_stored_content(
    context: SendContext, message: Message, prepared: PreparedMessage, now: datetime, dependencies: SendDependencies
) -> SendContext:
    # The content is stored before the claim: a worker that dies during the call leaves what it sent, so the next attempt can repeat it.
    # If two workers rendered it at different moments, both get the content that was stored first. The sender in it may differ from that of
    # the content that was checked, if the customer has changed meanwhile; then the stored one has to be checked.
    stored = Content(dependencies.messages.keep_rendered(message, prepared, now), is_stored=True)
    if stored.prepared == prepared:
        return replace(context, content=stored)
    return replace(context, content=stored, sender=None)


def _claim_and_call(claim: Claim, row: Message, now: datetime, token: str, turn: Turn, dependencies: SendDependencies) -> SendResult | None:
    """Claims a message, calls its provider and records the response.

    None if the claim failed because the row has changed, or if the customer has changed so that the message has to be decided again.
    """
    # Before the claim: if the signing key cannot be read, the message has no attempt more than before.
    named = dependencies.settings.of(row.workspace, now).address_attributes.get(row.channel)
    outgoing = dependencies.links.put_into(claim.prepared, claim.message, claim.recipient, now, named)
    own = receivers.is_own_address(claim.prepared.to, row.channel, claim.recipient.customer, claim.recipient.journey, row.step, named)
    claimed = delivery.with_claim(claim.message, now, token, claim.prepared.to, is_own_address=own)
    try:
        if not dependencies.messages.save(claimed, row):
            return None
        permission = _permission(claim, claimed, dependencies)
        if permission.moved:
            dependencies.messages.save(delivery.without_call(claimed, claim.message), claimed)
            return None
        reason = refusal(permission, claim.recipient.topic, claimed.channel)
        if reason is not None:
            settled = delivery.skipped(claim.message, reason, dependencies.clock())
            return _record(lambda current: delivery.without_call(current, settled), claimed, dependencies.clock(), token, dependencies)
    except Exception:
        # Nothing was sent. If the claim stayed, its lease would end without a record, and an e-mail would be unknown because of an outage
        # or of a bug.
        if _give_back(claim, claimed, token, dependencies):
            return SendResult(claimed)
        raise
    # A receipt or a password reset is no advertising: nobody has agreed that it reports whether it was read.
    outgoing = replace(outgoing, is_tracked=claim.recipient.topic is not None)
    turn.use()
    response = _slowed_down(_call_provider(claimed, outgoing, now, dependencies), claimed, dependencies)
    if response.outcome in ("sent", "unknown") and claimed.channel in dependencies.paces:
        dependencies.paces[claimed.channel].sent(step_class(claimed.channel).recipients(claim.prepared.rendered))
    # A call may take 15 seconds, which is longer than the first pause of the retry schedule: a pause that counted from the claim would be
    # over before the answer, and the receiver that timed out would be called again at once.
    answered_at = dependencies.clock()
    return _record(lambda current: delivery.after_response(current, response, answered_at), claimed, answered_at, token, dependencies)


def _permission(claim: Claim, claimed: Message, dependencies: SendDependencies) -> Permission:
    """What decides whether a claimed message is sent."""
    # A person who has unsubscribed expects silence from this moment on, not from the next message on. The checks before the claim rest on
    # rows that are as old as the rendering took, and a message that waits for its retry was checked hours ago.
    main_row = owner_key(claimed.workspace, claim.recipient.customer.lookup_id)
    return dependencies.permissions.of(claimed.workspace, claimed.channel, claim.prepared.to, main_row)


def _give_back(claim: Claim, claimed: Message, token: str, dependencies: SendDependencies) -> bool:
    """Saves a claimed message as it was before the claim, or leaves that to the next delivery: then True, and its record has ended."""
    try:
        # If the claim was not written, or a refusal was, nothing is changed: the row is not the claimed one.
        dependencies.messages.save(delivery.without_call(claimed, claim.message), claimed)
    except UnavailableError:
        # The table cannot keep what this worker alone knows: that no provider was called. The queue can. The new record replaces the one
        # that is processed, which would find an expired lease if it came first.
        dependencies.queue.put_released(claimed.workspace, claimed.id, token)
        return True
    return False


def _record(
    change: Callable[[Message], Message], claimed: Message, now: datetime, token: str, dependencies: SendDependencies
) -> SendResult:
    """Records what became of a claim, in the row as it is now if delivery reports have changed it since the claim."""
    row: Message | None = claimed
    for _ in range(SAVE_ATTEMPTS):
        if row is None or not delivery.awaits_response(row, token):
            # Erased, or the lease has expired and another worker has recorded this call as unknown.
            return SendResult(row)
        result = _save(change(row), row, now, dependencies)
        if result is not None:
            return result
        row = dependencies.messages.get(claimed.workspace, claimed.id)
    raise UnavailableError("a message changed too often")


def _call_provider(claimed: Message, prepared: PreparedMessage, now: datetime, dependencies: SendDependencies) -> ProviderResponse:
    try:
        return dependencies.channels[claimed.channel].call_provider(claimed, prepared, now)
    except UnavailableError as error:
        # A channel raises this only before the call, for instance if it cannot read its secret: certainly nothing was sent.
        return ProviderResponse("refused", f"the provider was not called: {error}")
    except Exception as error:  # noqa: BLE001 - whatever a receiver makes a library raise; the attempt must be recorded
        # If this passed, the message would stay claimed until its lease ends, and a receiver whose answers always do this would hold it for
        # days, and so the run that waits for it. The call may have been made, so the outcome is unknown.
        return ProviderResponse("unknown", f"the call ended with an error: {type(error).__name__}")


def _slowed_down(response: ProviderResponse, claimed: Message, dependencies: SendDependencies) -> ProviderResponse:
    """The response, after the pauses of the provider are brought up to date with it; a throttled one gets the delay until its next turn."""
    match response.outcome:
        case "throttled":
            now = dependencies.clock()
            throttled_for = dependencies.pauses.refused(claimed.channel, now)
            return replace(response, retry_after=turn_delay(claimed.id, now, throttled_for).total_seconds())
        case "sent":
            dependencies.pauses.accepted(claimed.channel)
    return response


def _save(message: Message, previous: Message, now: datetime, dependencies: SendDependencies) -> SendResult | None:
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
