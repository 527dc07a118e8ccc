"""The results of a batch, one for each event in the order of the request, while the intake works on them."""

from __future__ import annotations

from collections.abc import Sequence

from waypost.domain.intake.batch_parser import RequestContext
from waypost.domain.intake.events import Accepted, IntakeResult
from waypost.domain.intake.grouping import BatchEvent


def accepted_events(results: Sequence[IntakeResult]) -> list[BatchEvent]:
    """The events that are still accepted, with their indexes."""
    return [BatchEvent(index, result.event) for index, result in enumerate(results) if isinstance(result, Accepted)]


def pointer_to(request_context: RequestContext, index: int) -> str:
    """The JSON pointer to an event in the body of the request; the empty pointer for a bare event."""
    return "" if request_context.bare else f"/batch/{index}"
