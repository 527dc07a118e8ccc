"""Consents: to which topics a customer subscribes, by channel (`docs/customers.md#consent`).

A consent is a fact in the main row of the customer, as attributes are: its name says what it is about, its stamp when it happened, and its
value where it came from. The state of a topic follows from the facts by a pure function. Repeated events and events in another order give
the same state, and the sender can compute it from the one row that it reads between the claim and the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from waypost.domain.customers.facts import (
    CONSENT_PREFIX,
    Facts,
    below_all_sets,
    fact,
    not_before,
    rank_and_time,
    set_stamp,
    time_of,
    value_of,
)
from waypost.domain.customers.topics import TOPIC_PATTERN, Topic

ALL: Final = "*"
"""Stands for all channels or all topics in the name of a consent."""

SUBSCRIBE: Final = "$subscribe"
UNSUBSCRIBE: Final = "$unsubscribe"
CONSENT_EVENTS: Final = frozenset({SUBSCRIBE, UNSUBSCRIBE})

MAX_CONSENTS: Final = 200
"""The most pairs of channel and topic of which consents of one customer are stored (`docs/customers.md#limits`)."""

ConsentKind = Literal["s", "u", "k"]
"""The last subscription, the last unsubscription, the last confirmation of a subscription. Rows of customers store these letters."""

_SUBSCRIBED: Final = f"{CONSENT_PREFIX}s/"
_UNSUBSCRIBED: Final = f"{CONSENT_PREFIX}u/"
_CONFIRMED: Final = f"{CONSENT_PREFIX}k/"
_TOPIC: Final = re.compile(TOPIC_PATTERN)


class ConsentState(StrEnum):
    """Whether a customer gets messages of a topic on a channel. `pending`: it has subscribed and has to confirm that."""

    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """One change of consent. `topic` and `channel` are an id and a name, or `*` for all of them.

    `at` is the time of the consent, which is never after its receipt. `source` says where it came from, `text_version` which text the
    customer has seen. `confirmed`: the customer has proved that the address is its own.
    """

    state: Literal["subscribed", "unsubscribed"]
    topic: str
    channel: str
    at: datetime
    uuid: str
    source: str
    text_version: str | None = None
    confirmed: bool = False

    @property
    def facts(self) -> dict[str, str]:
        """The facts that the change brings: a subscription, with a confirmation if it is confirmed; or an unsubscription."""
        kinds: Iterable[ConsentKind] = ("s", "k") if self.confirmed else ("s",)
        text = fact(set_stamp(self.at, self.uuid), [self.source, self.text_version])
        return {consent_name(kind, self.channel, self.topic): text for kind in (("u",) if self.state == "unsubscribed" else kinds)}


@dataclass(frozen=True, slots=True)
class RecordedConsent:
    """A change of consent in the history of its customer. `position` orders the history: it begins with the time of the consent."""

    change: ConsentChange
    received_at: datetime
    position: str


def is_topic_id(text: str) -> bool:
    """Whether a text has the form of a topic id."""
    return _TOPIC.fullmatch(text) is not None


def consent_name(kind: ConsentKind, channel: str, topic: str) -> str:
    """The name of the fact of a consent."""
    return f"{CONSENT_PREFIX}{kind}/{channel}/{topic}"


def consents_in(facts: Facts) -> dict[str, str]:
    """The consents among facts."""
    return {name: text for name, text in facts.items() if name.startswith(CONSENT_PREFIX)}


def without_consents(facts: Facts) -> dict[str, str]:
    """The facts that are no consents."""
    return {name: text for name, text in facts.items() if not name.startswith(CONSENT_PREFIX)}


def consent_state(facts: Facts, topic: Topic, channel: str) -> ConsentState:
    """The state of a topic on a channel by these facts, which may hold other facts too: the latest consent wins.

    A consent for all topics or all channels counts for each of them. Of a subscription and an unsubscription with the same time, the
    unsubscription wins.
    """
    subscribed, unsubscribed, confirmed = (_latest(facts, kind, channel, topic.id) for kind in ("s", "u", "k"))
    if subscribed and subscribed > unsubscribed:
        return ConsentState.PENDING if topic.double_opt_in and confirmed <= unsubscribed else ConsentState.SUBSCRIBED
    return ConsentState.UNSUBSCRIBED if unsubscribed else ConsentState(topic.default)


def _latest(facts: Facts, kind: ConsentKind, channel: str, topic: str) -> str:
    """Rank and time of the latest consent of a kind that concerns a topic on a channel; an empty text, which is below all, if none does."""
    names = (consent_name(kind, each, about) for each in (channel, ALL) for about in (topic, ALL))
    return max(rank_and_time(facts.get(name, "")) for name in names)


def opt_out_facts(channel: str, opt_outs: Mapping[str, datetime]) -> dict[str, str]:
    """The facts of unsubscriptions that are stored with an address: for each topic (`*`: all) its time."""
    return {consent_name("u", channel, topic): fact(set_stamp(at, ""), ["erased", None]) for topic, at in opt_outs.items()}


def opt_outs_of(facts: Facts, channel: str) -> dict[str, datetime]:
    """From which topics (`*`: all) a customer with these facts has unsubscribed on a channel, and when."""
    prefixes = tuple(f"{_UNSUBSCRIBED}{each}/" for each in (channel, ALL))
    topics = {name.split("/", 2)[2] for name in facts if name.startswith(prefixes)}
    latest = {topic: tuple(_latest(facts, kind, channel, topic) for kind in ("u", "s")) for topic in topics}
    return {topic: time_of(unsubscribed) for topic, (unsubscribed, subscribed) in latest.items() if unsubscribed >= subscribed}


def merged_consents(own: Facts, other: Facts, at: datetime) -> dict[str, str]:
    """What the consents of an anonymous customer, `own`, become when the customer is merged at `at` into one with the facts `other`.

    An unsubscription wins a merge: it counts from the merge on, and a subscription loses against every unsubscription of the other one.
    """
    # The person has unsubscribed on one of two devices. Which of the two changes came later means nothing, because neither device knew of
    # the other's: a subscription on one must not undo what the person has stopped on the other, so the unsubscription gets the later time.
    latest = max(rank_and_time(text) for text in [set_stamp(at, ""), *consents_in(other).values()])
    return {
        name: not_before(text, latest) if name.startswith(_UNSUBSCRIBED) else below_all_sets(text)
        for name, text in _current_consents(own).items()
    }


def _current_consents(facts: Facts) -> dict[str, str]:
    """The consents without unsubscriptions that a later subscription to the same has taken back, and without confirmations before those."""
    current = consents_in(facts)
    for name, unsubscribed in list(current.items()):
        about = name.removeprefix(_UNSUBSCRIBED)
        subscribed = current.get(_SUBSCRIBED + about, "")
        if about != name and rank_and_time(subscribed) > rank_and_time(unsubscribed):
            del current[name]
            if rank_and_time(current.get(_CONFIRMED + about, "")) <= rank_and_time(unsubscribed):
                current.pop(_CONFIRMED + about, None)
    return current


def change_in(facts: Facts, uuid: str) -> ConsentChange | None:
    """The change of consent in the facts of one event, or None."""
    consents = consents_in(facts)
    name = next((name for name in consents if not name.startswith(_CONFIRMED)), None)
    if name is None:
        return None
    _, channel, topic = name.split("/", 2)
    source, text_version = value_of(consents[name])
    return ConsentChange(
        state="unsubscribed" if name.startswith(_UNSUBSCRIBED) else "subscribed",
        topic=topic,
        channel=channel,
        at=time_of(consents[name]),
        uuid=uuid,
        source=source,
        text_version=text_version,
        confirmed=len(consents) > 1,
    )


def has_too_many(facts: Facts) -> bool:
    """Whether the facts of one row have consents about more pairs of channel and topic than a customer may have."""
    # A stop of all topics is always stored: channels are few.
    abouts = {name.split("/", 1)[1] for name in consents_in(facts)}
    return sum(not about.endswith(f"/{ALL}") for about in abouts) > MAX_CONSENTS
