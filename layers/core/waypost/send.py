"""Sends one message: reads it, makes it ready, claims it, calls its provider once, records what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from waypost import identify, ports
from waypost.cache.workspace_cache import Schemas, Statuses
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import UnavailableError
from waypost.domain.journeys.journey import Journey
from waypost.domain.messages import delivery, template_scope
from waypost.domain.messages.message import Message, MessageReason, MessageStatus, PreparedMessage, ProviderResponse, RenderFailure, Skip
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import MessageSettled
from waypost.domain.values import exact_json
from waypost.domain.values.windows import zone_for


@dataclass(frozen=True, slots=True)
class SendDependencies:
    """What sending needs of the world; `channels` by their names."""

    messages: ports.Messages
    customers: ports.Customers
    schemas: Schemas
    journeys: ports.JourneyVersions
    templates: ports.Templates
    channels: Mapping[str, ports.Channel]
    suppressions: ports.Suppressions
    queue: ports.SendQueue
    signals: ports.Signals
    dead: ports.DeadLetters
    statuses: Statuses


@dataclass(frozen=True, slots=True)
class SendResult:
    """The message as it stands now (None: there is none any more), and whether this call changed it."""

    message: Message | None
    changed: bool = False


def send(workspace: str, message_id: str, now: datetime, token: str, dependencies: SendDependencies) -> SendResult:
    """Brings a message as far as it goes now; `token` is this call's own. UnavailableError: nothing is lost, call again.

    All that can be refused is refused before the claim, so between claim and record there is the provider's call alone.
    """
    read = dependencies.messages.get(workspace, message_id)
    if read is None:
        return SendResult(None)
    message = delivery.after_expired_lease(read, now)
    if not delivery.claimable(message, now):
        return _record(message, read, now, dependencies) if message is not read else _pay(message, now, dependencies)
    ready = _ready(message, now, dependencies)
    if isinstance(ready, Message):
        return _record(ready, read, now, dependencies) if ready != read else SendResult(read)
    if isinstance(ready, Skip):
        return _record(delivery.skipped(message, ready, now), read, now, dependencies)
    return _call(message, read, ready, now, token, dependencies)


def _call(message: Message, read: Message, ready: PreparedMessage, now: datetime, token: str, dependencies: SendDependencies) -> SendResult:
    with_claim = delivery.with_claim(message, now, token, ready.to)
    if not dependencies.messages.save(with_claim, read):
        return SendResult(message)
    return _record(delivery.settled(with_claim, _answer(with_claim, ready, now, dependencies), now), with_claim, now, dependencies)


def _answer(with_claim: Message, ready: PreparedMessage, now: datetime, dependencies: SendDependencies) -> ProviderResponse:
    try:
        return dependencies.channels[with_claim.channel].deliver(with_claim, ready, now)
    except UnavailableError as error:
        return ProviderResponse("refused", f"the provider was not called: {error}")


def _record(message: Message, was: Message, now: datetime, dependencies: SendDependencies) -> SendResult:
    if not dependencies.messages.save(message, was):
        return SendResult(was)
    _pay(message, now, dependencies)
    return SendResult(message, changed=True)


def _pay(message: Message, now: datetime, dependencies: SendDependencies) -> SendResult:
    """Does what the message's status asks for; doing it again after a crash or a redelivery is harmless."""
    if message.status in (MessageStatus.PENDING, MessageStatus.SENDING) and not message.held:
        dependencies.queue.put(message.workspace, [(message.id, delivery.wait(message, now))])
    if message.reason is MessageReason.ENDPOINT_GONE and message.to:
        dependencies.suppressions.add(message.workspace, message.channel, message.to)
    if message.status is MessageStatus.FAILED:
        dependencies.dead.park(_parked(message))
    if message.awaited and message.status not in (MessageStatus.PENDING, MessageStatus.SENDING):
        _tell_run(message, dependencies)
    return SendResult(message)


def _tell_run(message: Message, dependencies: SendDependencies) -> None:
    """The run stands on this message until its outcome is known; telling it twice is harmless."""
    place = (message.workspace, message.customer, message.lookup_id, message.run, message.step, message.visit)
    if dependencies.signals.send([to_queue_message(MessageSettled(*place, message.id, message.status))]):
        raise UnavailableError("the signals queue did not take the outcome of a message")


def _parked(message: Message) -> Parked:
    body = exact_json.dumps({"workspace": message.workspace, "message": message.id})
    reason = message.reason or MessageReason.REJECTED
    return Parked(message.workspace, "message", message.id, body, reason.value, message.attempts[-1].at)


def _ready(message: Message, now: datetime, dependencies: SendDependencies) -> PreparedMessage | Skip | Message:
    """The message as its provider gets it, why it is not sent, or the message as it waits on."""
    status = dependencies.statuses.of(message.workspace, message.journey, now)
    if status == "paused":
        return replace(message, held=True)
    if status == "stopped":
        return Skip(MessageReason.STOPPED)
    schema = dependencies.schemas.of(message.workspace, now)
    customer = assemble(identify.find(dependencies.customers, message.workspace, message.lookup_id), schema.primary_key)
    if customer is None:
        return Skip(MessageReason.ERASED)
    journey = dependencies.journeys.version(message.workspace, message.journey, message.version)
    quiet = _in_quiet_hours(message, journey, zone_for(customer.attributes, schema.timezone), now)
    return quiet or _addressed(message, customer, journey, now, dependencies)


def _in_quiet_hours(message: Message, journey: Journey, zone: str, now: datetime) -> Skip | Message | None:
    """A message that comes late, after retries or a pause, does not go out in quiet hours either."""
    quiet = journey.quiet_hours
    over = quiet.over(now, zone) if quiet else None
    if quiet is None or over is None:
        return None
    return replace(message, due=over, held=False) if quiet.otherwise == "wait" else Skip(MessageReason.QUIET_HOURS)


def _addressed(
    message: Message, customer: Customer, journey: Journey, now: datetime, dependencies: SendDependencies
) -> PreparedMessage | Skip:
    kept = dependencies.messages.rendered(message.workspace, message.id) if message.attempts else None
    made = kept or _made(message, customer, journey, now, dependencies)
    if isinstance(made, Skip):
        return made
    if dependencies.suppressions.holds(message.workspace, message.channel, made.to):
        return Skip(MessageReason.SUPPRESSED)
    return kept or dependencies.messages.keep_rendered(message, made, now)


def _made(message: Message, customer: Customer, journey: Journey, now: datetime, dependencies: SendDependencies) -> PreparedMessage | Skip:
    step = template_scope.message_step(journey, message.step)
    scope = template_scope.scope(message, customer, journey)
    rendered = dependencies.templates.render(template_scope.template_of(step), scope, now, strict=step.strict)
    if isinstance(rendered, RenderFailure):
        return Skip(MessageReason.TEMPLATE, rendered.detail)
    return dependencies.channels[message.channel].prepare(rendered, customer)
