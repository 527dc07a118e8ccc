"""Lambda handler of the send queue: each SQS record names one message, which the use case `send` processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain.dead_letters import UNKNOWN_WORKSPACE, Parked
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.domain.messages import send_request
from waypost.redelivery import POISON_RECEIVES, pause_seconds
from waypost.send import SendResult, send
from waypost.telemetry import count_newer_format, logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Sends the messages of all records in parallel, because a webhook may take 15 seconds; returns the records to redeliver."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    records = [SQSRecord(record) for record in event["Records"]]
    with ThreadPoolExecutor(max_workers=max(len(records), 1)) as pool:
        results = {record.message_id: pool.submit(_send, record, context) for record in records}
        return process_partial_response(
            event=event, record_handler=lambda record: results[record.message_id].result(), processor=processor, context=context
        )


def _send(record: SQSRecord, context: LambdaContext) -> None:
    receives = int(record.attributes.approximate_receive_count)
    try:
        request = send_request.from_text(record.body)
        outcome = send(request.workspace, request.message, wiring.now(), uuid4().hex, wiring.sending())
    except NewerFormatError as error:  # parked, it would wait for a person, even after the newer version is deployed again
        logger.warning("newer format", record=record.message_id, receives=receives, reason=str(error))
        count_newer_format(context.function_name)
        wiring.send_queue().postpone(record.receipt_handle, pause_seconds(receives))
        raise
    except UnavailableError as error:
        logger.warning("not now", record=record.message_id, receives=receives, reason=str(error))
        wiring.send_queue().postpone(record.receipt_handle, pause_seconds(receives))
        raise
    except Exception:
        logger.exception("poison", record=record.message_id, receives=receives)
        if receives < POISON_RECEIVES:
            raise
        _park(record)
        return
    _log(outcome)


def _park(record: SQSRecord) -> None:
    workspace, message = _named(record.body)
    parked = Parked(workspace, "message", message or record.message_id, record.body, "poison", wiring.now())
    wiring.dead_letters().park(parked)


def _named(body: str) -> tuple[str, str]:
    """Workspace and message that a record names, as far as it can be read."""
    try:
        request = send_request.from_text(body)
    except (ValueError, TypeError, KeyError):
        return UNKNOWN_WORKSPACE, ""
    return str(request.workspace), str(request.message)


def _log(result: SendResult) -> None:
    # One line for each change, with ids and the reason but without address, content or the provider's text, which may hold personal data.
    message = result.message
    if message is None or not result.changed:
        return
    ids = {"workspace": message.workspace, "message_id": message.id, "journey": message.journey, "step": message.step}
    logger.info(message.status.value, extra={**ids, "channel": message.channel, "attempt": message.attempt_count, "reason": message.reason})
