"""The signals queue in memory, which can be unavailable or refuse messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from waypost.domain.errors import UnavailableError
from waypost.domain.signal_codec import from_wire
from waypost.domain.signals import EventsArrived, QueueMessage
from waypost.domain.values import exact_json


@dataclass
class FakeSignals:
    """The messages on the queue and those of each call. `refuses` returns whether a message is refused in the n-th call (from 1)."""

    queue_messages: list[QueueMessage] = field(default_factory=list)
    calls: list[list[QueueMessage]] = field(default_factory=list)
    refuses: Callable[[QueueMessage, int], bool] = lambda _, __: False
    down: bool = False

    def send(self, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        self.calls.append(list(queue_messages))
        if self.down:
            raise UnavailableError("the queue is down")
        refused = [queue_message for queue_message in queue_messages if self.refuses(queue_message, len(self.calls))]
        self.queue_messages += [queue_message for queue_message in queue_messages if queue_message not in refused]
        return refused

    @property
    def arrived(self) -> list[EventsArrived]:
        """The signals of arrived events on the queue, as the matcher reads them."""
        signals = [from_wire(exact_json.loads(queue_message.body)) for queue_message in self.queue_messages]
        return [signal for signal in signals if isinstance(signal, EventsArrived)]
