"""The matcher's door: an SQS record becomes a signal; what fails comes back without its group's later records overtaking it.

What the delays queue brings only moves to the signals queue, where it waits for its turn: by the same function, which is warm when its
turn comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain import signals
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import UnavailableError
from waypost.domain.intake.receipts import Receipt
from waypost.domain.signals import EventsArrived, Signal
from waypost.domain.values import exact_json
from waypost.match.dispatch import match
from waypost.telemetry import logger

POISON_RECEIVES: Final = 5
LONGEST_PAUSE: Final = 60


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Takes a batch of records, which is of one queue; the ones that failed are reported."""
    in_order = event["Records"][0]["eventSourceARN"].endswith(".fifo")  # the name of a FIFO queue ends so, and no other's
    return _take_in_order(event, context) if in_order else _forward_all(event, context)


def _forward_all(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=_forward, processor=processor, context=context)


def _forward(record: SQSRecord) -> None:
    try:
        wiring.forward(record.body)
    except UnavailableError:
        receives = int(record.attributes.approximate_receive_count)
        wiring.delays_queue().postpone(record.receipt_handle, min(2**receives, LONGEST_PAUSE))
        raise


def _take_in_order(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Takes records in order; a failed one and the later ones of its group are reported, other groups go on."""
    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    processor.raise_on_entire_batch_failure = False  # it would raise past the shortened wait, and most batches hold one record
    answer = process_partial_response(event=event, record_handler=_take, processor=processor, context=context)
    _bring_back_soon(event, {str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]})
    return answer


def _take(record: SQSRecord) -> None:
    receives = int(record.attributes.approximate_receive_count)
    try:
        signal = wiring.signal_in(record.body)
    except Exception:  # noqa: BLE001 - whatever cannot be read is parked
        logger.exception("unreadable", message_id=record.message_id)
        wiring.dead_letters().park(Parked("unknown", "signal", record.message_id, record.body, "unreadable", wiring.now()))
        return
    try:
        _match(signal, redelivered=receives > 1)
    except UnavailableError:
        raise
    except Exception:  # whatever it is, it must not block its neighbours
        logger.exception("poison", workspace=signal.workspace, receives=receives)
        if receives < POISON_RECEIVES:
            raise
        _match_apart(signal)


def _match(signal: Signal, *, redelivered: bool) -> None:
    _tell(signal, match(signal, wiring.now(), wiring.matching(), redelivered=redelivered))


def _match_apart(signal: Signal) -> None:
    """Takes the events of a poisoned signal one by one, so that only those that fail by themselves are parked."""
    for part in signals.apart(signal):
        try:
            _match(part, redelivered=True)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is parked and its neighbours go on
            logger.exception("parked", workspace=part.workspace, signal=part.name)
            body = exact_json.dumps(signals.to_wire(part))
            wiring.dead_letters().park(Parked(part.workspace, "signal", part.name, body, type(error).__name__, wiring.now()))


def _bring_back_soon(event: dict[str, Any], failed: set[str]) -> None:
    """Shortens the wait for failed records: one throttle must not stall a customer for the queue's whole visibility timeout."""
    records = [SQSRecord(record) for record in event["Records"] if record["messageId"] in failed]
    if not records:
        return
    try:
        wiring.signals_queue().delay(
            [(each.receipt_handle, min(2 ** int(each.attributes.approximate_receive_count), LONGEST_PAUSE)) for each in records]
        )
    except UnavailableError as error:  # they come when their visibility ends; a raise would bring back the ones that are done as well
        logger.warning("not brought back soon", reason=str(error))


def _tell(signal: Signal, receipts: Sequence[Receipt]) -> None:
    """A line for each move of a run, and one for all events together; what nothing came of is told by the receipts.

    A line for each event, or for each journey that an event left alone, would cost more than the event.
    """
    for receipt in receipts:
        for move in (each for each in receipt.journeys if each.outcome != "ignored"):
            about = {"event": receipt.event, "uuid": receipt.uuid, "customer": receipt.customer}
            told = {"journey": move.journey, "reason": move.reason, "run": move.run}
            logger.info(move.outcome, extra={"workspace": signal.workspace, **about, **told})
    if not isinstance(signal, EventsArrived):
        return
    names = [receipt.event for receipt in receipts]
    reasons = sorted({why for receipt in receipts for why in (receipt.reason, *(move.reason for move in receipt.journeys)) if why})
    duplicates = len(signal.events) - len(names)
    logger.info("matched", workspace=signal.workspace, events=names[:20], matched=len(names), duplicates=duplicates, reasons=reasons)
