"""Topics: what the messages of a workspace are about, and to which its customers subscribe (`docs/customers.md#consent`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool

from waypost.domain.values.wire_model import WireModel

TOPIC_PATTERN: Final = "^[A-Za-z0-9_-]{1,64}$"
GENERAL: Final = "general"
"""The topic of every message step that names none and is not transactional."""

TopicId = Annotated[str, Field(pattern=TOPIC_PATTERN, description="The id of a topic in the settings of the workspace.")]


class Topic(WireModel):
    """A topic. `default` is the state of a customer of whom no consent is known.

    With `doubleOptIn` a customer who has subscribed gets messages only after it has confirmed that.
    """

    id: TopicId
    name: str = Field(default="", max_length=200)
    default: Literal["subscribed", "unsubscribed"] = "subscribed"
    double_opt_in: StrictBool = False


def find_topic(topics: Iterable[Topic], topic_id: str | None) -> Topic | None:
    """The topic with this id; of None the topic `general`, which exists in every workspace. None for an unknown id."""
    wanted = topic_id or GENERAL
    found = next((topic for topic in topics if topic.id == wanted), None)
    return Topic(id=GENERAL) if found is None and wanted == GENERAL else found


def with_general(topics: Iterable[Topic]) -> tuple[Topic, ...]:
    """All topics of a workspace whose settings have these: the topic `general` is the first one unless the settings redefine it."""
    given = tuple(topics)
    return given if any(topic.id == GENERAL for topic in given) else (Topic(id=GENERAL), *given)


def removed_topic(topic_id: str) -> Topic:
    """The stand-in for a topic that a published journey names and the settings do not have any more."""
    # Nothing says what its default was. Without a message a customer misses something; with one that nobody agreed to, the sender breaks
    # the law.
    return Topic(id=topic_id, default="unsubscribed")
