"""The match function: each SQS record becomes a signal that is matched. No later record of its message group overtakes a failed one.

The function also consumes the delays queue. It only forwards those records to the signals queue, where each waits for its turn. The same
function does both, because it is then warm when the turn comes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from waypost import wiring
from waypost.match.forward import forward
from waypost.match.records import RecordMatcher
from waypost.redelivery import QueueRecord, retry_soon
from waypost.telemetry import FunctionTelemetry


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Processes a batch of records, all of one queue, and reports the ones that have to be received again."""
    telemetry = FunctionTelemetry(context)
    is_fifo = event["Records"][0]["eventSourceARN"].endswith(".fifo")  # SQS demands this ending of FIFO queues and forbids it to others
    response = _match_batch(event, context, telemetry) if is_fifo else _forward_batch(event, context, telemetry)
    telemetry.write_counts()
    return response


def _forward_batch(event: dict[str, Any], context: LambdaContext, telemetry: FunctionTelemetry) -> PartialItemFailureResponse:
    def forward_record(record: SQSRecord) -> None:
        forward(_queue_record(record), wiring.signals_queue(), wiring.delays_queue(), telemetry)

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=forward_record, processor=processor, context=context)


def _match_batch(event: dict[str, Any], context: LambdaContext, telemetry: FunctionTelemetry) -> PartialItemFailureResponse:
    """Matches records in order. A failed record is reported with all later ones of its message group; other groups go on."""
    started = time.monotonic()
    matcher = RecordMatcher(
        wiring.matching, wiring.dead_letters, wiring.started_attempts, lambda: time.monotonic() - started, wiring.now, telemetry
    )
    errors: dict[str, Exception] = {}

    def match_record(record: SQSRecord) -> None:
        try:
            matcher.process(_queue_record(record))
        except Exception as error:
            errors[record.message_id] = error
            raise

    processor = SqsFifoPartialProcessor(skip_group_on_error=True)
    # Most batches hold one record. An exception for a batch that fails as a whole would skip the shorter visibility timeout below.
    processor.raise_on_entire_batch_failure = False
    response = process_partial_response(event=event, record_handler=match_record, processor=processor, context=context)
    matcher.write_counts()
    failed_ids = {str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]}
    failed = [_queue_record(SQSRecord(record)) for record in event["Records"] if record["messageId"] in failed_ids]
    if failed:
        retry_soon([(each.receipt_handle, each.pause_after(errors.get(each.id))) for each in failed], wiring.signals_queue(), telemetry)
    return response


def _queue_record(record: SQSRecord) -> QueueRecord:
    attributes = record.attributes
    receives = int(attributes.approximate_receive_count)
    # SQS always sends it; an event that is written by hand for a test may lack it.
    milliseconds = attributes.get("SentTimestamp")
    sent_at = wiring.on_this_clock(datetime.fromtimestamp(int(milliseconds) / 1000, UTC)) if milliseconds else None
    return QueueRecord(record.message_id, record.body, receives, record.receipt_handle, attributes.message_group_id, sent_at)
