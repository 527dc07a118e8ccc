"""Records of the send queue: each names a message, which is sent, or settled as failed when no attempt can send it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from waypost.domain.dead_letters import UNKNOWN_WORKSPACE
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.domain.messages import send_request
from waypost.domain.messages.message import MessageStatus
from waypost.ports import DeadLetters, ReceivedRecords, StartedAttempts, Telemetry
from waypost.redelivery import START_SECONDS, NotStartedError, QueueRecord, attempt, park, survive
from waypost.send import give_up, send
from waypost.sending_dependencies import SendDependencies, SendResult


@dataclass(frozen=True, slots=True)
class RecordSender:
    """Sends the messages of records of the send queue in one invocation.

    `sending`, `dead_letters`, `started` and `send_queue` build what they return, so an error of theirs is an error of the record.
    `elapsed` returns the seconds since the invocation started, and `new_token` the token of a claim.
    """

    sending: Callable[[], SendDependencies]
    dead_letters: Callable[[], DeadLetters]
    started: Callable[[], StartedAttempts]
    send_queue: Callable[[], ReceivedRecords]
    elapsed: Callable[[], float]
    clock: Callable[[], datetime]
    new_token: Callable[[], str]
    telemetry: Telemetry

    def process(self, record: QueueRecord) -> None:
        """Sends the message of a record. Raises if the queue has to deliver the record again."""
        if record.is_suspect and self.elapsed() > START_SECONDS:
            self.send_queue().postpone(record.receipt_handle, record.pause_seconds)
            raise NotStartedError(record.id)
        try:
            survive(
                lambda: attempt(lambda: self._send(record), lambda: self._give_up(record), record, self.telemetry, record=record.id),
                lambda: self._give_up(record),
                record,
                self.started,
                self.telemetry,
            )
        except (NewerFormatError, UnavailableError) as error:
            self.send_queue().postpone(record.receipt_handle, record.pause_after(error))
            raise

    def _send(self, record: QueueRecord) -> None:
        request = send_request.from_text(record.body)
        dependencies = self.sending()
        self._log(send(request.workspace, request.message, self.clock(), self.new_token(), dependencies, request.released))
        # Counted before the quota is used up, so that an operator can ask for a larger one.
        self.telemetry.count("EmailQuotaLow", sum(pace.take_warning() for pace in dependencies.paces.values()))

    def _give_up(self, record: QueueRecord) -> None:
        """Settles the message of a record as failed. If there is none, or it cannot be settled either, parks the record as it is."""
        request = send_request.readable_part(record.body)
        if request is None:
            return self._park(record, UNKNOWN_WORKSPACE, record.id)
        try:
            self._log(give_up(request.workspace, request.message, self.clock(), self.sending()))
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 - a row that cannot be read or written; the record is the only trace that is left
            self.telemetry.log_exception("not settled", record=record.id)
            self._park(record, request.workspace, request.message)

    def _park(self, record: QueueRecord, workspace: str, subject: str) -> None:
        self.telemetry.count("Parked")
        park(self.dead_letters(), "message", workspace, subject, record.body, "poison", self.clock())

    def _log(self, result: SendResult) -> None:
        """Logs and counts a change of a message."""
        # Ids and the reason, but no address, content or text of the provider, which may hold personal data.
        message = result.message
        if message is None or not result.changed:
            return
        ids = {"workspace": message.workspace, "message_id": message.id, "journey": message.journey, "step": message.step}
        outcome = {"channel": message.channel, "attempt": message.attempt_count, "reason": message.reason}
        self.telemetry.log_line(message.status.value, **ids, **outcome)
        match message.status:
            case MessageStatus.SENT | MessageStatus.DELIVERED | MessageStatus.BOUNCED | MessageStatus.OPENED | MessageStatus.CLICKED:
                # A report may come before the answer of the provider. The row then has a later status than `sent`.
                self.telemetry.count("MessagesSent")
            case MessageStatus.UNKNOWN:
                self.telemetry.count("MessagesUnknown")
            case MessageStatus.SKIPPED:
                self.telemetry.count("MessagesSkipped", reason=message.reason.value if message.reason else "")
            case MessageStatus.FAILED:
                self.telemetry.count("MessagesFailed")
                self.telemetry.count("Parked")
