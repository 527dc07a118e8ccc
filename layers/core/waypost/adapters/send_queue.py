"""The queue of messages to send: standard, fair between workspaces, with the retry schedule as delays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from waypost.adapters.aws import client, translate_errors
from waypost.domain.errors import UnavailableError
from waypost.domain.messages import send_request
from waypost.domain.messages.send_request import SendRequest

LONGEST_DELAY: Final = 900
"""Seconds. SQS delays no record longer; a later message comes early and is put back."""

_AT_ONCE: Final = 10
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class SqsSendQueue:
    """The send queue at this address."""

    url: str

    def put(self, workspace: str, messages: Sequence[tuple[str, timedelta]]) -> None:
        """Asks for messages to be sent after a delay each, as far as SQS can delay; UnavailableError if any is not taken."""
        for start in range(0, len(messages), _AT_ONCE):
            self._put([_entry(workspace, name, delay) for name, delay in messages[start : start + _AT_ONCE]])

    def _put(self, entries: Sequence[dict[str, Any]]) -> None:
        left = [{"Id": str(index), **entry} for index, entry in enumerate(entries)]
        for _ in range(_ATTEMPTS):
            with translate_errors():
                answer = client("sqs").send_message_batch(QueueUrl=self.url, Entries=left)
            refused = {failure["Id"] for failure in answer.get("Failed", [])}
            left = [entry for entry in left if entry["Id"] in refused]
            if not left:
                return
        raise UnavailableError("the send queue did not take every record")

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Shows a received record again after so many seconds, in place of the queue's long visibility timeout."""
        with translate_errors():
            client("sqs").change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds)


def _entry(workspace: str, message: str, delay: timedelta) -> dict[str, Any]:
    seconds = min(math.ceil(delay.total_seconds()), LONGEST_DELAY)
    body = send_request.to_text(SendRequest(workspace, message))
    return {"MessageBody": body, "DelaySeconds": max(seconds, 0), "MessageGroupId": workspace}
