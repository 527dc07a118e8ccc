"""A timer: a signal that a run, standing in a step, gets at an instant."""

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
    """One stay of a run in a step, and the instant at which it ends unless something else ends it first.

    `known_as` names the customer for a strong read. `arm` counts the times that the same stay was armed again because its timer came early.
    """

    workspace: str
    customer: str
    lookup_id: Identifier
    run: str
    step: str
    visit: int
    arm: int
    due: datetime

    @property
    def name(self) -> str:
        """The same for the same stay and arm, so that arming twice is arming once. No customer is in it: an absorb does not touch it."""
        return "t_" + digest("timer", self.workspace, self.run, self.step, str(self.visit), str(self.arm))


def to_wire(timer: Timer) -> dict[str, Any]:
    """A timer as JSON."""
    return {
        "workspace": timer.workspace,
        "customer": timer.customer,
        "knownAs": list(timer.lookup_id),
        "run": timer.run,
        "step": timer.step,
        "visit": timer.visit,
        "arm": timer.arm,
        "due": iso(timer.due),
    }


def from_wire(wire: Mapping[str, Any]) -> Timer:
    """The reverse of `to_wire`; KeyError or TypeError for any other object."""
    kind, value = wire["knownAs"]
    return Timer(
        workspace=wire["workspace"],
        customer=wire["customer"],
        lookup_id=Identifier(kind, value),
        run=wire["run"],
        step=wire["step"],
        visit=wire["visit"],
        arm=wire["arm"],
        due=instant(wire["due"]),
    )
