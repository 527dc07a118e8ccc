"""The use of a link in a message: it becomes events of the customer, or an opt-out of the address if the customer is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from waypost import identify
from waypost.domain.customers.consents import ConsentChange
from waypost.domain.customers.customer import Customer, assemble
from waypost.domain.intake.consent_payloads import consent_event
from waypost.domain.intake.receipts import Receipt
from waypost.domain.reasons import Reason
from waypost.domain.signals import EventsArrived, LinkUsed
from waypost.domain.values.generated_ids import digest
from waypost.match.dependencies import MatchDependencies
from waypost.match.events import match_events


def use_link(
    signal: LinkUsed,
    now: datetime,
    dependencies: MatchDependencies,
    *,
    redelivered: bool,
    group: str | None = None,
    on_moved: Callable[[int], None] | None = None,
) -> list[Receipt]:
    """Matches the events that the use of a link is, and returns their receipts. A repeated signal changes nothing.

    An unsubscription of a customer who does not exist is kept with the address; a subscription of one is nothing. The arguments are those
    of `match_events`.
    """
    customer = _customer(signal, dependencies)
    if customer is None:
        _opt_out(signal, dependencies)
        return []
    changes = [*_changes(signal, "unsubscribed", signal.unsubscribed), *_changes(signal, "subscribed", signal.subscribed)]
    arrived = EventsArrived(
        workspace=signal.workspace,
        customer=customer.id,
        primary=customer.primary,
        known=True,
        received_at=signal.at,
        historical=False,
        events=tuple(consent_event(change, customer.lookup_id) for change in changes),
    )
    receipts = match_events(arrived, now, dependencies, redelivered=redelivered, group=group or signal.customer, on_moved=on_moved)
    if any(receipt.reason is Reason.ERASED for receipt in receipts):
        # Erased between the two reads, or in the seconds for which the index of ids lags.
        _opt_out(signal, dependencies)
    return receipts


def _customer(signal: LinkUsed, dependencies: MatchDependencies) -> Customer | None:
    """The customer of the link, or the one into which that was merged; None if there is none."""
    if not signal.customer_in_link:
        return None
    key = dependencies.customers.find_by_id(signal.workspace, signal.customer_in_link)
    schema = dependencies.snapshots.get(signal.workspace, signal.at).schema
    customer = assemble(identify.find_rows(dependencies.customers, signal.workspace, key.owner) if key else [], schema.primary_key)
    # After an erasure the identifier may belong to a new customer, while the index still has the old id.
    return customer if customer and signal.customer_in_link in (customer.id, *customer.merged_ids) else None


def _changes(signal: LinkUsed, state: Literal["subscribed", "unsubscribed"], topics: tuple[str, ...]) -> list[ConsentChange]:
    # A mail program sends its request again if the answer was lost; each has its own time, and thus its own events. A signal that is
    # delivered twice makes the same uuids.
    return [
        ConsentChange(
            state=state,
            topic=topic,
            channel=signal.channel,
            at=signal.at,
            uuid=digest("link", signal.name, state, topic),
            source="page",
            confirmed=state == "subscribed" and signal.confirmed,
        )
        for topic in topics
    ]


def _opt_out(signal: LinkUsed, dependencies: MatchDependencies) -> None:
    if signal.unsubscribed:
        topics = dict.fromkeys(signal.unsubscribed, signal.at)
        dependencies.opt_outs.add_by_hash(signal.workspace, signal.channel, signal.address_hash, topics)
