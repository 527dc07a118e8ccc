"""Lambda handler of the send queue: each SQS record names one message, which the use case `send` processes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain.dead_letters import UNKNOWN_WORKSPACE
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.domain.messages import send_request
from waypost.domain.messages.message import MessageStatus
from waypost.redelivery import START_SECONDS, NotStartedError, QueueRecord, attempt, park, survive
from waypost.send import SendResult, give_up, send
from waypost.telemetry import FunctionTelemetry, logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Sends the messages of all records in parallel, because a webhook may take 15 seconds; returns the records to redeliver.

    Records that may end the process come after the others, one at a time.
    """
    started = time.monotonic()
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    records, telemetry = [_queue_record(SQSRecord(record)) for record in event["Records"]], FunctionTelemetry(context)
    with ThreadPoolExecutor(max_workers=max(len(records), 1)) as pool:
        results = {record.id: pool.submit(_send, record, telemetry) for record in records if not record.is_suspect}

    def send_record(record: SQSRecord) -> None:
        if record.message_id in results:
            results[record.message_id].result()
        else:
            _send_suspect(_queue_record(record), telemetry, time.monotonic() - started)

    response = process_partial_response(event=event, record_handler=send_record, processor=processor, context=context)
    telemetry.write_counts()
    return response


def _send_suspect(record: QueueRecord, telemetry: FunctionTelemetry, elapsed: float) -> None:
    if elapsed > START_SECONDS:
        wiring.send_queue().postpone(record.receipt_handle, record.pause_seconds)
        raise NotStartedError(record.id)
    _send(record, telemetry)


def _send(record: QueueRecord, telemetry: FunctionTelemetry) -> None:
    def give_up_record() -> None:
        _give_up(record, telemetry)

    try:
        survive(
            lambda: attempt(lambda: _send_message(record, telemetry), give_up_record, record, telemetry, record=record.id),
            give_up_record,
            record,
            wiring.started_attempts,
            telemetry,
        )
    except (NewerFormatError, UnavailableError) as error:
        wiring.send_queue().postpone(record.receipt_handle, record.pause_after(error))
        raise


def _send_message(record: QueueRecord, telemetry: FunctionTelemetry) -> None:
    request = send_request.from_text(record.body)
    _log(send(request.workspace, request.message, wiring.now(), uuid4().hex, wiring.sending()), telemetry)


def _give_up(record: QueueRecord, telemetry: FunctionTelemetry) -> None:
    """Settles the message of a record as failed. If there is none, or it cannot be settled either, parks the record as it is."""
    request = send_request.readable_part(record.body)
    if request is None:
        return _park(record, UNKNOWN_WORKSPACE, record.id, telemetry)
    try:
        _log(give_up(request.workspace, request.message, wiring.now(), wiring.sending()), telemetry)
    except UnavailableError:
        raise
    except Exception:  # noqa: BLE001 - a row that cannot be read or written; the record is the only trace that is left
        telemetry.log_exception("not settled", record=record.id)
        _park(record, request.workspace, request.message, telemetry)


def _park(record: QueueRecord, workspace: str, subject: str, telemetry: FunctionTelemetry) -> None:
    telemetry.count("Parked")
    park(wiring.dead_letters(), "message", workspace, subject, record.body, "poison", wiring.now())


def _log(result: SendResult, telemetry: FunctionTelemetry) -> None:
    # One line for each change, with ids and the reason but without address, content or the provider's text, which may hold personal data.
    message = result.message
    if message is None or not result.changed:
        return
    ids = {"workspace": message.workspace, "message_id": message.id, "journey": message.journey, "step": message.step}
    logger.info(message.status.value, extra={**ids, "channel": message.channel, "attempt": message.attempt_count, "reason": message.reason})
    match message.status:
        case MessageStatus.SENT:
            telemetry.count("MessagesSent")
        case MessageStatus.UNKNOWN:
            telemetry.count("MessagesUnknown")
        case MessageStatus.SKIPPED:
            telemetry.count("MessagesSkipped", reason=message.reason.value if message.reason else "")
        case MessageStatus.FAILED:
            telemetry.count("MessagesFailed")
            telemetry.count("Parked")


def _queue_record(record: SQSRecord) -> QueueRecord:
    return QueueRecord(record.message_id, record.body, int(record.attributes.approximate_receive_count), record.receipt_handle)
