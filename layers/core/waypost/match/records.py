"""Records of the signals queue: each is read and matched, and what no attempt can match is parked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from waypost.domain import signal_codec, signals
from waypost.domain.dead_letters import UNKNOWN_WORKSPACE
from waypost.domain.errors import NewerFormatError, UnavailableError
from waypost.domain.intake.receipts import Receipt
from waypost.domain.reasons import Reason
from waypost.domain.signals import EventsArrived, Signal
from waypost.match.dependencies import MatchDependencies
from waypost.match.dispatch import match
from waypost.match.journey_counting import write_counts
from waypost.ports import DeadLetters, StartedAttempts, Telemetry
from waypost.redelivery import PROCESS_ENDED, START_SECONDS, NotStartedError, QueueRecord, attempt, park, report_newer_format, survive


@dataclass(frozen=True, slots=True)
class RecordMatcher:
    """Matches records of the signals queue in one invocation.

    `matching`, `dead_letters` and `started` build what they return, so an error of theirs is an error of the record. `elapsed` returns the
    seconds since the invocation started.
    """

    matching: Callable[[], MatchDependencies]
    dead_letters: Callable[[], DeadLetters]
    started: Callable[[], StartedAttempts]
    elapsed: Callable[[], float]
    clock: Callable[[], datetime]
    telemetry: Telemetry

    def process(self, record: QueueRecord) -> None:
        """Matches a record. Raises if the queue has to deliver it again."""
        if record.is_suspect and self.elapsed() > START_SECONDS:
            raise NotStartedError(record.id)
        survive(lambda: self._process(record), lambda: self._park_unfinished(record), record, self.started, self.telemetry)

    def write_counts(self) -> None:
        """Writes the numbers of journeys that the records have changed. A failure is logged, and no record fails for it."""
        try:
            dependencies = self.matching()
            write_counts(dependencies.counted, dependencies.counters, self.clock(), self.elapsed, self.telemetry)
        except Exception:  # noqa: BLE001 - the records are processed, and an error would return all of them to the queue
            self.telemetry.log_exception("not counted")

    def _process(self, record: QueueRecord) -> None:
        signal = self._read(record)
        if signal is not None:
            attempt(
                lambda: self._match(signal, record, redelivered=record.receives > 1),
                lambda: self._match_separately(signal, record),
                record,
                self.telemetry,
                workspace=signal.workspace,
            )

    def _read(self, record: QueueRecord) -> Signal | None:
        """The signal in a record, or None for a record that is no signal at all: it is parked. NewerFormatError leaves it on the queue."""
        try:
            return signal_codec.from_body(record.body)
        except NewerFormatError as error:
            report_newer_format(error, record, self.telemetry, message_id=record.id)
            raise
        except Exception:  # noqa: BLE001 - no version reads this record, so a retry would only block its message group
            self.telemetry.log_exception("unreadable", message_id=record.id)
            workspace = signal_codec.workspace_in(record.body) or UNKNOWN_WORKSPACE
            self._park(workspace, record.id, record.body, "unreadable", signal_codec.number_of_events(record.body))
            return None

    def _park_unfinished(self, record: QueueRecord) -> None:
        """Parks a record at which the process has ended three times."""
        # As a whole: splitting it into its events would need more attempts that end the process.
        signal = self._read(record)
        if signal is not None:
            self.telemetry.log_error("parked", workspace=signal.workspace, signal=signal.name)
            self._park(signal.workspace, signal.name, signal_codec.to_text(signal), PROCESS_ENDED, _number_of_events(signal))

    def _park(self, workspace: str, subject: str, body: str, reason: str, events: int) -> None:
        park(self.dead_letters(), "signal", workspace, subject, body, reason, self.clock())
        self.telemetry.count("Parked")
        self.telemetry.count("EventsParked", events)

    def _match(self, signal: Signal, record: QueueRecord, *, redelivered: bool) -> None:
        dependencies = self.matching()
        moved: list[int] = []
        receipts = match(
            signal,
            self.clock(),
            dependencies,
            redelivered=redelivered,
            group=record.group,
            accepted_at=record.sent_at,
            on_moved=moved.append,
        )
        _log(signal, receipts, sum(moved), self.telemetry)
        _report_unreadable_journeys(signal, receipts, dependencies.snapshots.unreadable(signal.workspace), self.telemetry)

    def _match_separately(self, signal: Signal, record: QueueRecord) -> None:
        """Matches the events of a poisoned signal one by one, and parks only those that fail by themselves."""
        for part in signals.split(signal):
            try:
                self._match(part, record, redelivered=True)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever fails is parked, and the other events go on
                self.telemetry.log_exception("parked", workspace=part.workspace, signal=part.name)
                body, reason = signal_codec.to_text(part), type(error).__name__
                self._park(part.workspace, part.name, body, reason, _number_of_events(part))


def _number_of_events(signal: Signal) -> int:
    return len(signal.events) if isinstance(signal, EventsArrived) else 0


def _log(signal: Signal, receipts: Sequence[Receipt], moved: int, telemetry: Telemetry) -> None:
    """Logs a line for each run that moved, and one line for all events together; counts what became of each event.

    The delivery to which `moved` events went counts those.

    The receipts say what had no effect. A line for each event, or for each journey that an event did not move, would cost more than the
    event itself.
    """
    for receipt in receipts:
        for outcome in (each for each in receipt.journeys if each.outcome != "ignored"):
            event_fields = {"event": receipt.event, "uuid": receipt.uuid, "customer": receipt.customer}
            journey_fields = {"journey": outcome.journey, "reason": outcome.reason, "run": outcome.run}
            telemetry.log_line(outcome.outcome, workspace=signal.workspace, **event_fields, **journey_fields)
    if not isinstance(signal, EventsArrived):
        return
    names = [receipt.event for receipt in receipts]
    reasons = sorted({why for receipt in receipts for why in (receipt.reason, *(outcome.reason for outcome in receipt.journeys)) if why})
    duplicates = len(signal.events) - len(names) - moved
    dropped = sum(receipt.reason is Reason.ERASED for receipt in receipts)
    telemetry.count("EventsRecorded", len(names) - dropped)
    telemetry.count("EventsDuplicate", duplicates)
    telemetry.count("EventsDropped", dropped)
    telemetry.log_line("matched", workspace=signal.workspace, events=names[:20], matched=len(names), duplicates=duplicates, reasons=reasons)


def _report_unreadable_journeys(
    signal: Signal, receipts: Sequence[Receipt], active: Collection[tuple[str, int]], telemetry: Telemetry
) -> None:
    """Logs and counts the journeys with a version that cannot be read, active or of a run, each time that a signal meets one."""
    of_runs = {outcome.journey for receipt in receipts for outcome in receipt.journeys if outcome.reason is Reason.UNREADABLE}
    journeys = sorted(of_runs | {journey for journey, _ in active})
    if journeys:
        telemetry.log_error("unreadable journey", workspace=signal.workspace, journeys=journeys)
        telemetry.count_unreadable_journey()
