"""A timer: the future signal that ends a run's wait in a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from waypost.domain.customers.identifiers import Identifier
from waypost.domain.values.generated_ids import digest
from waypost.domain.values.wire_time import instant, iso


@dataclass(frozen=True, slots=True)
class Timer:
    """The timer of one visit of a run to a step, due at an instant (UTC).

    `lookup_id` is an identifier of the customer for a strongly consistent read. `rearm_count` counts how often this visit's timer was
    armed again because it came early.
    """

    workspace: str
    customer: str
    lookup_id: Identifier
    run: str
    step: str
    visit: int
    rearm_count: int
    due: datetime

    # The name is the schedule's name, the client token and the deduplication id. `visit` is in it because a loop brings a run back to the
    # same step, and the name of an earlier visit may still be taken or be deduplicated. `rearm_count` is in it because SQS would drop
    # a second signal of the same name for five minutes, and a timer that came early would then never come again. The customer is not in
    # it: a merge changes the run's customer, and the run must still find the timer to disarm.
    @property
    def name(self) -> str:
        """The same for the same visit and `rearm_count`, so that a timer that is armed twice exists once."""
        return "t_" + digest("timer", self.workspace, self.run, self.step, str(self.visit), str(self.rearm_count))


def to_wire(timer: Timer) -> dict[str, Any]:
    """A timer as JSON."""
    return {
        "workspace": timer.workspace,
        "customer": timer.customer,
        "knownAs": list(timer.lookup_id),
        "run": timer.run,
        "step": timer.step,
        "visit": timer.visit,
        "arm": timer.rearm_count,
        "due": iso(timer.due),
    }


def from_wire(wire: Mapping[str, Any]) -> Timer:
    """The reverse of `to_wire`. Raises KeyError, TypeError or ValueError for any other object."""
    kind, value = wire["knownAs"]
    return Timer(
        workspace=wire["workspace"],
        customer=wire["customer"],
        lookup_id=Identifier(kind, value),
        run=wire["run"],
        step=wire["step"],
        visit=wire["visit"],
        rearm_count=wire["arm"],
        due=instant(wire["due"]),
    )
