"""What the decision about a message needs to know is loaded: its customer, its content, its sender, and whether it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from waypost import identify, message_caps
from waypost.domain.customers.customer import assemble
from waypost.domain.messages import receivers, template_scope
from waypost.domain.messages.caps import CapReached, CountedMessage, covering
from waypost.domain.messages.message import (
    Message,
    MessageReason,
    PreparedMessage,
    RenderFailure,
    SkipReason,
)
from waypost.domain.messages.next_action import (
    Content,
    Counted,
    CountMessage,
    Load,
    LoadContent,
    LoadJourneyStatus,
    LoadRecipient,
    LoadSenderCheck,
    LoadSending,
    Recipient,
    SendContext,
    SenderCheck,
    StoreContent,
)
from waypost.domain.values.windows import zone_for
from waypost.sending_dependencies import SendDependencies


def load(  # noqa: PLR0911 - one for each kind of load
    action: Load, message: Message, context: SendContext, now: datetime, dependencies: SendDependencies
) -> SendContext:
    """The context with what the decision has requested. UnavailableError if a dependency fails."""
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
