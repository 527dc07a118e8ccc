"""What a run knows of its messages: the statuses that waits and conditions name (`docs/journeys.md#what-became-of-a-message`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Literal, get_args

from waypost.domain.customers.consents import ALL, UNSUBSCRIBE

KnownStatus = Literal["failed", "delivered", "bounced", "opened", "clicked", "unsubscribed"]

KNOWN_STATUSES: Final[tuple[KnownStatus, ...]] = get_args(KnownStatus)
"""All statuses. Of several that are known of a message, the last one in this order is its status in conditions."""

REPORT_EVENTS: Final = frozenset({"$delivered", "$opened", "$clicked"})
"""The event names of delivery reports. A trigger of a journey never matches a report, so a definition that names one has a mistake."""

UNSUBSCRIBE_EVENT: Final = UNSUBSCRIBE

_SHOWN_BY: Final[Mapping[KnownStatus, frozenset[KnownStatus]]] = {
    "delivered": frozenset({"delivered", "opened", "clicked"}),
    "opened": frozenset({"opened", "clicked"}),
}


def shown_by(status: KnownStatus) -> frozenset[KnownStatus]:
    """The statuses that show that a message has reached `status`: an image that was not loaded hides an open, but not a click."""
    return _SHOWN_BY.get(status, frozenset({status}))


def is_reached(status: KnownStatus, known: Collection[KnownStatus]) -> bool:
    """Whether a message has reached `status`, of which these statuses are known."""
    return not shown_by(status).isdisjoint(known)


def latest(known: Iterable[KnownStatus]) -> KnownStatus | None:
    """The one of these statuses that conditions see; None if there is none."""
    return max(known, key=KNOWN_STATUSES.index, default=None)


def is_same_link(wanted: str, clicked: str) -> bool:
    """Whether a click on the URL `clicked` is one on the link `wanted`, which may leave out the query and the fragment."""
    return clicked == wanted or clicked.startswith((f"{wanted}?", f"{wanted}#"))


def ends_topic(payload: Mapping[str, Any], channel: str, topic: str) -> bool:
    """Whether the `$unsubscribe` with this payload is about the messages of a channel and topic; without either it is about all."""
    return payload.get("topic") in (None, ALL, topic) and payload.get("channel") in (None, ALL, channel)
