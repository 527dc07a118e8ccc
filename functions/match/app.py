"""The match function: each SQS record becomes a signal that is matched. No later record of its message group overtakes a failed one.

The function also consumes the delays queue. It only forwards those records to the signals queue, where each waits for its turn. The same
function does both, because it is then warm when the turn comes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain import signal_codec, signals
from waypost.domain.dead_letters import UNKNOWN_WORKSPACE, Parked
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.domain.intake.receipts import Receipt
from waypost.domain.reasons import Reason
from waypost.domain.signals import EventsArrived, Signal
from waypost.match.dispatch import match
from waypost.match.forward import forward
from waypost.redelivery import POISON_RECEIVES, pause_seconds
from waypost.telemetry import count_newer_format, count_unreadable_journey, logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Processes a batch of records, all of one queue, and reports the ones that have to be received again."""
    is_fifo = event["Records"][0]["eventSourceARN"].endswith(".fifo")  # SQS demands this ending of FIFO queues and forbids it to others
    return _match_batch(event, context) if is_fifo else _forward_batch(event, context)


def _forward_batch(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=event, record_handler=lambda record: _forward_record(record, context), processor=processor, context=context
    )


def _forward_record(record: SQSRecord, context: LambdaContext) -> None:
    receives = _receives(record)
    try:
        forward(record.body, wiring.signals_queue())
    except (UnavailableError, NewerFormatError) as error:
        if isinstance(error, NewerFormatError):
            _report_newer_format(record, error, context)
        wiring.delays_queue().postpone(record.receipt_handle, pause_seconds(receives))
        raise


def _match_batch(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Matches records in order. A failed record is reported with all later ones of its message group; other groups go on."""
    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    # Most batches hold one record. An exception for a batch that fails as a whole would skip the shorter visibility timeout below.
    processor.raise_on_entire_batch_failure = False
    response = process_partial_response(
        event=event, record_handler=lambda record: _match_record(record, context), processor=processor, context=context
    )
    _shorten_visibility(event, {str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]})
    return response


def _match_record(record: SQSRecord, context: LambdaContext) -> None:
    signal = _read(record, context)
    if signal is None:
        return
    receives = _receives(record)
    try:
        _match(signal, record, context, redelivered=receives > 1)
    except UnavailableError as error:
        logger.warning("not now", workspace=signal.workspace, receives=receives, reason=str(error))
        raise
    except Exception:  # any other failure must not block the records behind it for ever
        logger.exception("poison", workspace=signal.workspace, receives=receives)
        if receives < POISON_RECEIVES:
            raise
        _match_separately(signal, record, context)


def _read(record: SQSRecord, context: LambdaContext) -> Signal | None:
    """The signal in a record, or None for a record that is no signal at all: it is parked. NewerFormatError leaves it on the queue."""
    try:
        return signal_codec.from_body(record.body)
    except NewerFormatError as error:
        # A parked signal would wait for a person, even after the newer version is deployed again.
        _report_newer_format(record, error, context)
        raise
    except Exception:  # noqa: BLE001 - no version reads this record, so a retry would only block its message group
        logger.exception("unreadable", message_id=record.message_id)
        parked = Parked(UNKNOWN_WORKSPACE, "signal", record.message_id, record.body, "unreadable", wiring.now())
        wiring.dead_letters().park(parked)
        return None


def _match(signal: Signal, record: SQSRecord, context: LambdaContext, *, redelivered: bool) -> None:
    dependencies, group = wiring.matching(), record.attributes.message_group_id
    receipts = match(signal, wiring.now(), dependencies, redelivered=redelivered, group=group)
    _log(signal, receipts)
    _report_unreadable_journeys(signal, receipts, dependencies.snapshots.unreadable(signal.workspace), context)


def _match_separately(signal: Signal, record: SQSRecord, context: LambdaContext) -> None:
    """Matches the events of a poisoned signal one by one, and parks only those that fail by themselves."""
    for part in signals.split(signal):
        try:
            _match(part, record, context, redelivered=True)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails is parked, and the other events go on
            logger.exception("parked", workspace=part.workspace, signal=part.name)
            body = signal_codec.to_text(part)
            wiring.dead_letters().park(Parked(part.workspace, "signal", part.name, body, type(error).__name__, wiring.now()))


def _shorten_visibility(event: dict[str, Any], failed: set[str]) -> None:
    """Makes failed records visible again after a short pause instead of the queue's visibility timeout."""
    records = [SQSRecord(record) for record in event["Records"] if record["messageId"] in failed]
    if not records:
        return
    try:
        wiring.signals_queue().delay([(each.receipt_handle, pause_seconds(_receives(each))) for each in records])
    except UnavailableError as error:
        # Not raised: an error of the function would return all records to the queue, the finished ones too. The failed ones become
        # visible when their visibility timeout ends.
        logger.warning("not brought back soon", reason=str(error))


def _receives(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


def _report_newer_format(record: SQSRecord, error: NewerFormatError, context: LambdaContext) -> None:
    logger.warning("newer format", message_id=record.message_id, receives=_receives(record), reason=str(error))
    count_newer_format(context.function_name)


def _report_unreadable_journeys(
    signal: Signal, receipts: Sequence[Receipt], active: Collection[tuple[str, int]], context: LambdaContext
) -> None:
    """Logs and counts the journeys with a version that cannot be read, active or of a run, each time that a signal meets one."""
    of_runs = {outcome.journey for receipt in receipts for outcome in receipt.journeys if outcome.reason is Reason.UNREADABLE}
    journeys = sorted(of_runs | {journey for journey, _ in active})
    if journeys:
        logger.error("unreadable journey", workspace=signal.workspace, journeys=journeys)
        count_unreadable_journey(context.function_name)


def _log(signal: Signal, receipts: Sequence[Receipt]) -> None:
    """Logs a line for each run that moved, and one line for all events together.

    The receipts say what had no effect. A line for each event, or for each journey that an event did not move, would cost more than the
    event itself.
    """
    for receipt in receipts:
        for outcome in (each for each in receipt.journeys if each.outcome != "ignored"):
            event_fields = {"event": receipt.event, "uuid": receipt.uuid, "customer": receipt.customer}
            journey_fields = {"journey": outcome.journey, "reason": outcome.reason, "run": outcome.run}
            logger.info(outcome.outcome, extra={"workspace": signal.workspace, **event_fields, **journey_fields})
    if not isinstance(signal, EventsArrived):
        return
    names = [receipt.event for receipt in receipts]
    reasons = sorted({why for receipt in receipts for why in (receipt.reason, *(outcome.reason for outcome in receipt.journeys)) if why})
    duplicates = len(signal.events) - len(names)
    logger.info("matched", workspace=signal.workspace, events=names[:20], matched=len(names), duplicates=duplicates, reasons=reasons)
