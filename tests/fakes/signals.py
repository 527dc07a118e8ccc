"""The signals queue in memory: it can be down, or refuse some of what it gets for a while."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from waypost.domain.errors import UnavailableError
from waypost.domain.signals import EventsArrived, Parcel, from_wire
from waypost.domain.values import exact_json


@dataclass
class FakeSignals:
    """What was put on the queue; `refuses` says of a parcel in the n-th call (from 1) whether it is refused."""

    parcels: list[Parcel] = field(default_factory=list)
    calls: list[list[Parcel]] = field(default_factory=list)
    refuses: Callable[[Parcel, int], bool] = lambda _, __: False
    down: bool = False

    def send(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        self.calls.append(list(parcels))
        if self.down:
            raise UnavailableError("the queue is down")
        refused = [parcel for parcel in parcels if self.refuses(parcel, len(self.calls))]
        self.parcels += [parcel for parcel in parcels if parcel not in refused]
        return refused

    @property
    def arrived(self) -> list[EventsArrived]:
        """The arrived events, as the matcher reads them."""
        signals = [from_wire(exact_json.loads(parcel.body)) for parcel in self.parcels]
        return [signal for signal in signals if isinstance(signal, EventsArrived)]
