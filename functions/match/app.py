"""The matcher's door: an SQS record becomes a signal; what fails comes back without its group's later records overtaking it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain import json, signals
from waypost.domain.errors import UnavailableError
from waypost.domain.parked import Parked
from waypost.domain.receipts import Receipt
from waypost.domain.signals import EventsArrived
from waypost.match import match
from waypost.telemetry import logger

POISON_RECEIVES: Final = 5
LONGEST_PAUSE: Final = 60


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Takes records in order; a failed one and the later ones of its group are reported, other groups go on."""
    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    answer = process_partial_response(event=event, record_handler=_take, processor=processor, context=context)
    _bring_back_soon(event, {failure["itemIdentifier"] for failure in answer["batchItemFailures"]})
    return answer


def _take(record: SQSRecord) -> None:
    receives = int(record.attributes.approximate_receive_count)
    try:
        signal = signals.from_wire(json.loads(wiring.unpack(record.body)))
    except Exception:
        logger.exception("unreadable", message_id=record.message_id)
        wiring.dead_letters().park(Parked("unknown", "signal", record.message_id, record.body, "unreadable", datetime.now(UTC)))
        return
    try:
        _match(signal, again=receives > 1)
    except UnavailableError:
        raise
    except Exception:
        logger.exception("poison", workspace=signal.workspace, receives=receives)
        if receives < POISON_RECEIVES:
            raise
        _match_apart(signal)


def _match(signal: EventsArrived, *, again: bool) -> None:
    for receipt in match(signal, datetime.now(UTC), wiring.matching(), again=again):
        _tell(signal, receipt)


def _match_apart(signal: EventsArrived) -> None:
    """Takes the events of a poisoned signal one by one, so that only those that fail by themselves are parked."""
    for part in signals.apart(signal):
        try:
            _match(part, again=True)
        except UnavailableError:
            raise
        except Exception as error:
            logger.exception("parked", workspace=part.workspace, signal=part.name)
            body = json.dumps(signals.to_wire(part))
            wiring.dead_letters().park(Parked(part.workspace, "signal", part.name, body, type(error).__name__, part.received_at))


def _bring_back_soon(event: dict[str, Any], failed: set[str]) -> None:
    """Shortens the wait for failed records: one throttle must not stall a customer for the queue's whole visibility timeout."""
    records = [SQSRecord(record) for record in event["Records"] if record["messageId"] in failed]
    if records:
        wiring.signals_queue().delay(
            [(each.receipt_handle, min(2 ** int(each.attributes.approximate_receive_count), LONGEST_PAUSE)) for each in records]
        )


def _tell(signal: EventsArrived, receipt: Receipt) -> None:
    logger.info(
        "matched",
        workspace=signal.workspace,
        uuid=receipt.uuid,
        event=receipt.event,
        customer=receipt.customer,
        reason=receipt.reason,
        moves=[{"journey": move.journey, "outcome": move.outcome, "reason": move.reason, "run": move.run} for move in receipt.moves],
        messages=receipt.messages,
    )
