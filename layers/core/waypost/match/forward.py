"""Moves a signal from the delays queue to the signals queue, where it waits for its turn in its customer's message group."""

from __future__ import annotations

from waypost.domain import signal_codec
from waypost.domain.errors import UnavailableError
from waypost.ports import Signals


def forward(record: str, signals: Signals) -> None:
    """Puts the message in a record of the delays queue on the signals queue, under the deduplication id that it was given when it was made.

    Raises UnavailableError if the signals queue refuses the message, and NewerFormatError, ValueError or TypeError if the record cannot be
    read: see `signal_codec.from_delays_record`.
    """
    if signals.send([signal_codec.from_delays_record(record)]):
        raise UnavailableError("the signals queue did not take a delayed signal")
