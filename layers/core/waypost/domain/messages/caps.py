"""Caps: how many messages one customer gets in a duration (`docs/messages.md#caps`). Pure: the time and what was counted are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from waypost.domain.customers.topics import TopicId
from waypost.domain.values import durations
from waypost.domain.values.calendar_edges import EPOCH
from waypost.domain.values.channel_names import CHANNEL_NAMES
from waypost.domain.values.durations import Duration
from waypost.domain.values.wire_model import WireModel

MAX_CAPS: Final = 10
MAX_MESSAGES: Final = 100
"""The most messages of one cap. What counts for a customer is one row, and each started kilobyte of it, 14 messages, costs a write unit."""

_duration: Final = lru_cache(maxsize=1_000)(durations.parse)


def _is_period(text: str) -> str:
    try:
        period = _duration(text)
    except ValueError as error:
        raise PydanticCustomError("bad-duration", "{reason}", {"reason": str(error)}) from error
    if period.at_least.total_seconds() < 1:
        raise PydanticCustomError("too-short", "a cap counts in at least one second")
    return text


def _is_channel(text: str) -> str:
    if text not in CHANNEL_NAMES:
        raise PydanticCustomError("unknown-channel", "there is no channel of this name")
    return text


class Cap(WireModel):
    """At most `messages` messages to one customer within `per`, counted over all of them, or over those of a topic or a channel.

    `per` is kept as the text that was given. `otherwise` is what happens to a message that would be one too many: it waits, or is
    skipped.
    """

    id: str | None = Field(default=None, min_length=1, max_length=100)
    topic: TopicId | None = None
    channel: Annotated[str, AfterValidator(_is_channel)] | None = None
    messages: int = Field(ge=1, le=MAX_MESSAGES, strict=True)
    per: Annotated[
        str,
        AfterValidator(_is_period),
        WithJsonSchema(
            {"type": "string", "pattern": durations.PATTERN, "description": "ISO 8601, `PT1S` to `P1Y`.", "examples": ["PT1H", "P1D"]}
        ),
    ]
    otherwise: Literal["wait", "skip"] = "wait"

    @property
    def period(self) -> Duration:
        """The duration `per`."""
        return _duration(self.per)

    def covers(self, topic: str, channel: str) -> bool:
        """Whether messages of this topic on this channel count."""
        return self.topic in (None, topic) and self.channel in (None, channel)

    @property
    def text(self) -> str:
        """The cap in words, for the person who looks why a message was not sent."""
        scope = [f"of the topic {self.topic}"] * bool(self.topic) + [f"on the channel {self.channel}"] * bool(self.channel)
        return " ".join([f"{self.messages} in {self.per}", *scope]) + f" ({self.id})" * bool(self.id)


class CountedMessage(NamedTuple):
    """A message that counts for its customer: its id, the time of its latest attempt, its topic and its channel."""

    message: str
    at: datetime
    topic: str
    channel: str


CountedMessages = tuple[CountedMessage, ...]
"""What counts for one customer: each message once, in no order."""


@dataclass(frozen=True, slots=True)
class StoredCount:
    """What is stored about the messages that count for a customer. `revision` counts the writes (0: nothing is stored).

    `merged` is how many of the ids that were merged into the customer have their messages among these. DynamoDB may delete the row after
    `kept_until`, when none of them counts any more.
    """

    counted: CountedMessages = ()
    merged: int = 0
    revision: int = 0
    kept_until: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class WithinCaps:
    """The message exceeds no cap. `counted` is what counts for the customer with it, without what no longer counts under any cap."""

    counted: CountedMessages


@dataclass(frozen=True, slots=True)
class CapReached:
    """The message would exceed `cap`, and perhaps others. `until`: when it exceeds none any more, if no other message counts before."""

    cap: Cap
    until: datetime


def covering(caps: Iterable[Cap], topic: str, channel: str) -> tuple[Cap, ...]:
    """The caps under which a message of this topic on this channel counts."""
    return tuple(cap for cap in caps if cap.covers(topic, channel))


def count_message(message: CountedMessage, counted: CountedMessages, caps: Sequence[Cap], zone: str) -> WithinCaps | CapReached:
    """Counts a message at `message.at` for a customer in the IANA `zone`, or says which of the workspace's `caps` it would exceed.

    A message that counts already counts once, at the later of both times.
    """
    # A retry delivers the message at the time of the retry. If it counted at the time of the first attempt, it might cease to count minutes
    # after the customer got it, and the next message would follow at once.
    now = message.at
    others = without(message.message, counted)
    candidates = ((cap, _reached_until(cap, others, now, zone)) for cap in covering(caps, message.topic, message.channel))
    reached = [(cap, until) for cap, until in candidates if until is not None]
    if reached:
        # A message that one of its caps skips does not wait for the other.
        skips = [(cap, until) for cap, until in reached if cap.otherwise == "skip"]
        cap, _ = max(skips or reached, key=lambda each: each[1])
        return CapReached(cap, max(until for _, until in reached))
    own = max((each.at for each in counted if each.message == message.message), default=now)
    kept = (each for each in others if any(end > now for end in _ends(each, caps, zone)))
    return WithinCaps((*kept, message._replace(at=max(own, now))))


def without(message: str, counted: CountedMessages) -> CountedMessages:
    """What counts for a customer if this message does not."""
    return tuple(each for each in counted if each.message != message)


def merged_counts(*several: CountedMessages) -> CountedMessages:
    """What counts for several customers who are one by now: each message once, at its latest time."""
    by_message: dict[str, CountedMessage] = {}
    for each in (each for counted in several for each in counted):
        known = by_message.get(each.message)
        by_message[each.message] = each if known is None or known.at < each.at else known
    return tuple(by_message.values())


def last_end(counted: CountedMessages, caps: Sequence[Cap], zone: str) -> datetime | None:
    """When the last of the messages ceases to count under every cap; None if none of them counts under any."""
    return max((end for each in counted for end in _ends(each, caps, zone)), default=None)


def _reached_until(cap: Cap, others: CountedMessages, now: datetime, zone: str) -> datetime | None:
    """When one more message does not exceed a cap any more; None if it does not now."""
    # Each message counts for a duration of the customer's calendar: a day after 09:00 is the next 09:00, also on the day on which clocks
    # change. Nothing happens at midnight, so that a customer cannot get the messages of two days within an hour.
    ends = sorted(end for each in others if cap.covers(each.topic, each.channel) and (end := cap.period.after(each.at, zone)) > now)
    return None if len(ends) < cap.messages else ends[len(ends) - cap.messages]


def _ends(counted: CountedMessage, caps: Sequence[Cap], zone: str) -> list[datetime]:
    """When a message ceases to count under each cap that covers it."""
    return [cap.period.after(counted.at, zone) for cap in covering(caps, counted.topic, counted.channel)]
