"""Lambda handler of the send queue: each SQS record names one message, and `send` brings it as far as possible."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import uuid4

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import UnavailableError
from waypost.domain.values import exact_json
from waypost.send import SendResult, send
from waypost.telemetry import logger

POISON_RECEIVES: Final = 5
LONGEST_PAUSE: Final = 60


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Sends the messages of all records in parallel, because a webhook may take 15 seconds; returns the records to redeliver."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    records = [SQSRecord(record) for record in event["Records"]]
    with ThreadPoolExecutor(max_workers=max(len(records), 1)) as pool:
        results = {record.message_id: pool.submit(_send, record) for record in records}
        return process_partial_response(
            event=event, record_handler=lambda record: results[record.message_id].result(), processor=processor, context=context
        )


def _send(record: SQSRecord) -> None:
    receives = int(record.attributes.approximate_receive_count)
    try:
        body = exact_json.loads(record.body)
        outcome = send(body["workspace"], body["message"], wiring.now(), uuid4().hex, wiring.sending())
    except UnavailableError as error:
        logger.warning("not now", record=record.message_id, receives=receives, reason=str(error))
        wiring.send_queue().postpone(record.receipt_handle, min(2**receives, LONGEST_PAUSE))
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
        read = exact_json.loads(body)
        return str(read["workspace"]), str(read["message"])
    except (ValueError, TypeError, KeyError):
        return "unknown", ""


def _log(result: SendResult) -> None:
    # One line for each change, with ids and the reason but without address, content or the provider's text, which may hold personal data.
    message = result.message
    if message is None or not result.changed:
        return
    ids = {"workspace": message.workspace, "message_id": message.id, "journey": message.journey, "step": message.step}
    logger.info(message.status.value, extra={**ids, "channel": message.channel, "attempt": message.attempt_count, "reason": message.reason})
