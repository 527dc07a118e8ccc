"""Records of the reports queue: in each one a provider reports what became of a message, or brings a text that a customer has sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from waypost.domain.errors import UnavailableError
from waypost.domain.messages.inbound_texts import inbound_text_in
from waypost.domain.messages.provider_reports import report_in
from waypost.inbound_texts import InboundDependencies, apply_inbound_text
from waypost.ports import ReceivedRecords, Telemetry
from waypost.provider_reports import ProviderReportDependencies, apply_provider_report
from waypost.redelivery import QueueRecord


@dataclass(frozen=True, slots=True)
class ReportRecords:
    """Carries out the reports of records of the reports queue in one invocation.

    `reporting`, `inbound` and `queue` build what they return, so an error of theirs is an error of the record.
    """

    reporting: Callable[[], ProviderReportDependencies]
    inbound: Callable[[], InboundDependencies]
    queue: Callable[[], ReceivedRecords]
    clock: Callable[[], datetime]
    telemetry: Telemetry

    def process(self, record: QueueRecord) -> None:
        """Carries out the report of a record. Raises if the queue has to deliver it again."""
        # A record that always fails is not parked as a dead letter: its body names receivers, and an erasure finds the dead letters of a
        # customer only by their ids. After 1,000 receives SQS moves it to the dead-letter queue, which keeps it for 14 days.
        try:
            self._apply(record)
        except UnavailableError as error:
            self.telemetry.log_warning("not now", record=record.id, receives=record.receives, reason=str(error))
            self.queue().postpone(record.receipt_handle, record.pause_after(error))
            raise
        except Exception as error:
            self.telemetry.log_exception("report failed", record=record.id, receives=record.receives)
            self.queue().postpone(record.receipt_handle, record.pause_after(error))
            raise

    def _apply(self, record: QueueRecord) -> None:
        text = inbound_text_in(record.body)
        if text is not None:
            customers = apply_inbound_text(text, self.clock(), self.inbound())
            # Neither the number nor the words. A text that is no keyword may be meant for a person, who does not read it here.
            self.telemetry.log_line("text received", record=record.id, wish=text.wish or "none", customers=customers)
            self.telemetry.count("TextsReceived", reason=text.wish or "none")
            return
        report = report_in(record.body)
        if report is None:
            return
        message = apply_provider_report(report, self.clock(), self.reporting())
        # Neither the receivers nor the text of the provider, which may hold personal data.
        ids = {"workspace": report.workspace, "message_id": report.message}
        if message is None:
            self.telemetry.log_line("report without message", **ids, report=report.kind.value)
            return
        self.telemetry.log_line("reported", **ids, report=report.kind.value, journey=message.journey, step=message.step)
        self.telemetry.count("MessagesReported", reason=report.kind.value)
