"""Reads of the adapters that may need several pages, each read to its end."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from tests.fakes.messages import NOW
from tests.proof.adapter_scripts import ADA, at, listed
from waypost.domain.messages.message import WHOLE_WORKSPACE
from waypost.domain.runs.journey_counts import CountedVersion

VERSION: Final = CountedVersion("w1", "welcome", 2)


def counted(adapters: SimpleNamespace) -> dict[str, int]:
    """The number of active runs at each step, of all pages."""
    found: dict[str, int] = {}
    position: str | None = None
    while True:
        part, position = adapters.runs.counts("w1", "welcome", position)
        for step, number in part.items():
            found[step] = found.get(step, 0) + number
        if position is None:
            return found


def active(adapters: SimpleNamespace, step: str | None) -> list[Any]:
    """The active runs of all pages, by customer and id."""
    entries = listed(lambda after: adapters.runs.active("w1", "welcome", step, limit=2, after=after))
    return sorted(adapters.runs.load("w1", entries), key=repr)


READS: Final[dict[str, Callable[[SimpleNamespace], Any]]] = {
    "DynamoConsentHistory.page": lambda a: listed(lambda before: a.consents.page("w1", "c_1", limit=2, before=before)),
    "DynamoCustomers.by_primary_key": lambda a: a.customers.by_primary_key("w1", ADA),
    "DynamoCustomers.find_by_id": lambda a: [a.customers.find_by_id("w1", each) for each in ("c_2", "c_3", "c_9")],
    "DynamoCustomers.primary_of": lambda a: [a.customers.primary_of("w1", each) for each in ("c_2", "c_3", "c_9")],
    "DynamoDeadLetters.oldest": lambda a: listed(lambda after: a.dead_letters.oldest("w1", limit=2, after=after)),
    "DynamoDeadLetters.page": lambda a: listed(lambda before: a.dead_letters.page("w1", limit=2, before=before)),
    "DynamoErasures.position": lambda a: a.erasures.position("w1", "c_r", "scan"),
    "DynamoErasures.scope": lambda a: a.erasures.scope("w1", "c_r"),
    "DynamoErasures.status": lambda a: a.erasures.status("w1", "c_s"),
    "DynamoJourneyCounters.conversions": lambda a: a.counters.conversions(VERSION, 1),
    "DynamoJourneyCounters.counted_from": lambda a: a.counters.counted_from(VERSION),
    "DynamoJourneyCounters.days": lambda a: a.counters.days(VERSION, None),
    "DynamoJourneys.all": lambda a: sorted(a.journeys.all("w1"), key=repr),
    "DynamoJourneys.version_times": lambda a: a.journeys.version_times("w1", "welcome", 1, 3),
    "DynamoKeys.all": lambda a: list(a.keys.all("w1")),
    "DynamoLastMessages.of": lambda a: a.last_messages.of("sms", "+12065550142"),
    "DynamoLog.between": lambda a: a.log.between("w1", "c_1", NOW, at(9)),
    "DynamoLog.of_customer": lambda a: listed(lambda before: a.log.of_customer("w1", "c_1", limit=2, before=before)),
    "DynamoLog.of_day": lambda a: listed(lambda before: a.log.of_day("w1", NOW.date(), limit=2, before=before)),
    "DynamoMessages.held": lambda a: [
        listed(lambda after, held_by=held_by: a.messages.held("w1", held_by, after))  # type: ignore[misc]
        for held_by in ("paused", WHOLE_WORKSPACE)
    ],
    "DynamoMessages.page": lambda a: [
        listed(lambda before, choice=choice: a.messages.page("w1", limit=2, before=before, **choice))  # type: ignore[misc]
        for choice in ({"customer": "c_m"}, {"journey": "paused"}, {"day": NOW.date()})
    ],
    "DynamoRejectedEvents.of_day": lambda a: listed(lambda before: a.rejected.of_day("w1", NOW.date(), limit=2, before=before)),
    "DynamoRuns.active": lambda a: [active(a, step) for step in (None, "wait", "hello")],
    "DynamoRuns.counts": counted,
    "DynamoRuns.get": lambda a: a.runs.get("w1", "c_r"),
    "DynamoRuns.held": lambda a: listed(lambda after: a.runs.held("w1", "welcome", after)),
    "DynamoRuns.history": lambda a: a.runs.history("w1", "c_r"),
    "DynamoRuns.last_ended": lambda a: a.runs.last_ended("w1", "c_r", "welcome", "k"),
    "DynamoSuppressions.page": lambda a: listed(lambda before: a.suppressions.page("w1", limit=2, before=before)),
}
"""What each method finds, by its adapter and name, where all of its pages are read."""
