"""Receipts of events in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from waypost.domain.intake.receipts import Receipt


@dataclass
class FakeReceipts:
    """Receipts by workspace and uuid. Each expires `kept` after its event was received."""

    kept: timedelta = timedelta(days=90)
    stored: dict[tuple[str, str], Receipt] = field(default_factory=dict)

    def read(self, workspace: str, uuids: Iterable[str], now: datetime) -> dict[str, Receipt]:
        found = {uuid: self.stored[workspace, uuid] for uuid in uuids if (workspace, uuid) in self.stored}
        return {uuid: receipt for uuid, receipt in found.items() if not self._expired(receipt, now)}

    def knows(self, workspace: str, receipt: Receipt) -> bool:
        """Whether the same event has a receipt that has not expired."""
        stored = self.stored.get((workspace, receipt.uuid))
        return stored is not None and not self._expired(stored, receipt.received_at)

    def put(self, workspace: str, receipts: Iterable[Receipt]) -> None:
        """Writes receipts, replacing those of the same events."""
        self.stored |= {(workspace, receipt.uuid): receipt for receipt in receipts}

    def _expired(self, receipt: Receipt, now: datetime) -> bool:
        return int((receipt.received_at + self.kept).timestamp()) <= now.timestamp()
