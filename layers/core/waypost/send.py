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
from waypost.domain.messages.message import Addressed, Answer, Fault, Message, Reason, Skip, Status
from waypost.domain.signals import MessageSettled, parcel
from waypost.domain.values import exact_json
from waypost.domain.values.windows import zone_for


@dataclass(frozen=True, slots=True)
class World:
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
class Outcome:
    """The message as it stands now (None: there is none any more), and whether this call changed it."""

    message: Message | None
    changed: bool = False


def send(workspace: str, message_id: str, now: datetime, token: str, world: World) -> Outcome:
    """Brings a message as far as it goes now; `token` is this call's own. UnavailableError: nothing is lost, call again.

    All that can be refused is refused before the claim, so between claim and record there is the provider's call alone.
    """
    read = world.messages.get(workspace, message_id)
    if read is None:
        return Outcome(None)
    message = delivery.recovered(read, now)
    if not delivery.claimable(message, now):
        return _record(message, read, now, world) if message is not read else _pay(message, now, world)
    ready = _ready(message, now, world)
    if isinstance(ready, Message):
        return _record(ready, read, now, world) if ready != read else Outcome(read)
    if isinstance(ready, Skip):
        return _record(delivery.skipped(message, ready, now), read, now, world)
    return _call(message, read, ready, now, token, world)


def _call(message: Message, read: Message, ready: Addressed, now: datetime, token: str, world: World) -> Outcome:
    claimed = delivery.claimed(message, now, token, ready.to)
    if not world.messages.save(claimed, read):
        return Outcome(message)
    return _record(delivery.settled(claimed, _answer(claimed, ready, now, world), now), claimed, now, world)


def _answer(claimed: Message, ready: Addressed, now: datetime, world: World) -> Answer:
    try:
        return world.channels[claimed.channel].deliver(claimed, ready, now)
    except UnavailableError as error:
        return Answer("refused", f"the provider was not called: {error}")


def _record(message: Message, was: Message, now: datetime, world: World) -> Outcome:
    if not world.messages.save(message, was):
        return Outcome(was)
    _pay(message, now, world)
    return Outcome(message, changed=True)


def _pay(message: Message, now: datetime, world: World) -> Outcome:
    """Does what the message's status asks for; doing it again after a crash or a redelivery is harmless."""
    if message.status in (Status.PENDING, Status.SENDING) and not message.held:
        world.queue.put(message.workspace, [(message.id, delivery.wait(message, now))])
    if message.reason is Reason.ENDPOINT_GONE and message.to:
        world.suppressions.add(message.workspace, message.channel, message.to)
    if message.status is Status.FAILED:
        world.dead.park(_parked(message))
    if message.awaited and message.status not in (Status.PENDING, Status.SENDING):
        _tell_run(message, world)
    return Outcome(message)


def _tell_run(message: Message, world: World) -> None:
    """The run stands on this message until its outcome is known; telling it twice is harmless."""
    place = (message.workspace, message.customer, message.known_as, message.run, message.step, message.visit)
    if world.signals.send([parcel(MessageSettled(*place, message.id, message.status))]):
        raise UnavailableError("the signals queue did not take the outcome of a message")


def _parked(message: Message) -> Parked:
    body = exact_json.dumps({"workspace": message.workspace, "message": message.id})
    reason = message.reason or Reason.REJECTED
    return Parked(message.workspace, "message", message.id, body, reason.value, message.attempts[-1].at)


def _ready(message: Message, now: datetime, world: World) -> Addressed | Skip | Message:
    """The message as its provider gets it, why it is not sent, or the message as it waits on."""
    status = world.statuses.of(message.workspace, message.journey, now)
    if status == "paused":
        return replace(message, held=True)
    if status == "stopped":
        return Skip(Reason.STOPPED)
    schema = world.schemas.of(message.workspace, now)
    customer = assemble(identify.find(world.customers, message.workspace, message.known_as), schema.primary_key)
    if customer is None:
        return Skip(Reason.ERASED)
    journey = world.journeys.version(message.workspace, message.journey, message.version)
    quiet = _in_quiet_hours(message, journey, zone_for(customer.attributes, schema.timezone), now)
    return quiet or _addressed(message, customer, journey, now, world)


def _in_quiet_hours(message: Message, journey: Journey, zone: str, now: datetime) -> Skip | Message | None:
    """A message that comes late, after retries or a pause, does not go out in quiet hours either."""
    quiet = journey.quiet_hours
    over = quiet.over(now, zone) if quiet else None
    if quiet is None or over is None:
        return None
    return replace(message, due=over, held=False) if quiet.otherwise == "wait" else Skip(Reason.QUIET_HOURS)


def _addressed(message: Message, customer: Customer, journey: Journey, now: datetime, world: World) -> Addressed | Skip:
    kept = world.messages.rendered(message.workspace, message.id) if message.attempts else None
    made = kept or _made(message, customer, journey, now, world)
    if isinstance(made, Skip):
        return made
    if world.suppressions.holds(message.workspace, message.channel, made.to):
        return Skip(Reason.SUPPRESSED)
    return kept or world.messages.keep_rendered(message, made, now)


def _made(message: Message, customer: Customer, journey: Journey, now: datetime, world: World) -> Addressed | Skip:
    step = template_scope.message_step(journey, message.step)
    scope = template_scope.scope(message, customer, journey)
    rendered = world.templates.render(template_scope.template_of(step), scope, now, strict=step.strict)
    if isinstance(rendered, Fault):
        return Skip(Reason.TEMPLATE, rendered.detail)
    return world.channels[message.channel].addressed(rendered, customer)
