"""Counts a message under the caps of its workspace, once for all of its attempts (`docs/messages.md#caps`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from waypost import ports
from waypost.domain.customers.customer import Customer
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.caps import (
    Cap,
    CapReached,
    CountedMessage,
    CountedMessages,
    StoredCount,
    count_message,
    last_end,
    merged_counts,
    without,
)

COUNT_ATTEMPTS: Final = 8
"""How often a row that other workers change is decided again before the message is left to a later delivery of its record."""

KEPT_LONGER: Final = timedelta(days=1)
"""How long a row is kept after its last message ceased to count: the clocks of the functions and of DynamoDB differ."""


def count(message: CountedMessage, customer: Customer, caps: Sequence[Cap], zone: str, counts: ports.CapCounts) -> CapReached | None:
    """Counts a message under all `caps` of its workspace, in one conditional write. Returns what it would exceed, or None.

    A message that counts already, after a crash or for a retry, counts once. `zone` is the IANA zone of the customer. UnavailableError if
    other workers change the row again and again.
    """
    stored = counts.read(customer.workspace, customer.id)
    inherited = _inherited(stored, customer, counts)
    for _ in range(COUNT_ATTEMPTS):
        result = count_message(message, merged_counts(stored.counted, inherited) if inherited else stored.counted, caps, zone)
        if isinstance(result, CapReached):
            return result
        end = last_end(result.counted, caps, zone) or message.at
        changed = replace(stored, counted=result.counted, merged=len(customer.merged_ids), kept_until=end + KEPT_LONGER)
        # It counts at this time already: this worker has found that its claim had failed, and decides again.
        if changed.counted == stored.counted and changed.merged <= stored.merged:
            return None
        # The read may be old. The condition on the revision turns that into another decision, by the row that the failed write returns.
        found = counts.save(customer.workspace, customer.id, changed)
        if found is None:
            return None
        stored = found
    raise UnavailableError("the counted messages of a customer changed too often")


def remove_from_count(workspace: str, customer: str, message: str, counts: ports.CapCounts) -> None:
    """Makes a message count no more that is not sent in the end; nothing happens if it does not count."""
    stored = counts.read(workspace, customer, latest=True)
    for _ in range(COUNT_ATTEMPTS):
        changed = replace(stored, counted=without(message, stored.counted))
        if changed == stored:
            return
        found = counts.save(workspace, customer, changed)
        if found is None:
            return
        stored = found
    raise UnavailableError("the counted messages of a customer changed too often")


def _inherited(stored: StoredCount, customer: Customer, counts: ports.CapCounts) -> CountedMessages:
    """What counts for the ids that were merged into a customer, unless it is among the stored messages already."""
    # Messages to a merged id go to this customer from the merge on, so the rows of merged ids change no more. They are read once.
    return counts.counted_of(customer.workspace, customer.merged_ids) if stored.merged < len(customer.merged_ids) else ()
