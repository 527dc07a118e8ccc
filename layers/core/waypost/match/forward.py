"""Moves a signal from the delays queue to the signals queue, where it waits for its turn in its customer's message group."""

from __future__ import annotations

from waypost.domain import signal_codec
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.ports import ReceivedRecords, Signals, Telemetry
from waypost.redelivery import QueueRecord, report_newer_format


def forward(record: QueueRecord, signals: Signals, delays: ReceivedRecords, telemetry: Telemetry) -> None:
    """Puts the message in a record of the delays queue on the signals queue, under the deduplication id that it was given when it was made.

    Raises UnavailableError if the signals queue refuses the message, and NewerFormatError, ValueError or TypeError if the record cannot be
    read: see `signal_codec.from_delays_record`. After the first two the record is soon visible again in `delays`, the queue that it is in.
    """
    try:
        _send(record, signals)
    except (UnavailableError, NewerFormatError) as error:
        if isinstance(error, NewerFormatError):
            report_newer_format(error, record, telemetry, message_id=record.id)
        delays.postpone(record.receipt_handle, record.pause_after(error))
        raise


def _send(record: QueueRecord, signals: Signals) -> None:
    if signals.send([signal_codec.from_delays_record(record.body)]):
        raise UnavailableError("the signals queue did not take a delayed signal")
