"""Hosts of webhooks that give no answer, as one instance of the send function remembers them (`docs/messages.md#silent-hosts`).

A batch of records ends when its slowest call ends. A host that takes connections and never answers would hold each batch that has one of
its messages for the whole time limit of a call, and so the messages to all other receivers behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

SLOW_SECONDS: Final = 5
"""A call that ends without an answer before this holds nothing up, and does not count."""

SILENT_CALLS: Final = 3
"""So many calls without an answer, one after the other, begin a pause."""

FIRST_HOST_PAUSE: Final = timedelta(minutes=1)
LONGEST_HOST_PAUSE: Final = timedelta(minutes=15)
MAX_HOSTS: Final = 1_000
"""How many silent hosts are remembered; of more, those whose silence began last."""


@dataclass(slots=True)
class _Silence:
    calls: int = 0
    until: datetime | None = None
    next_pause: timedelta = FIRST_HOST_PAUSE


@dataclass(slots=True)
class SilentHosts:
    """The hosts whose last calls took long and had no answer, by workspace: one workspace cannot stop the webhooks of another one.

    Three silent calls begin a pause of a minute, in which the host is not called. The calls after a pause decide: an answer ends the
    silence, and one more silent call begins a pause of twice the time, up to 15 minutes.
    """

    # In memory and not in a table, as the pauses of providers: each instance learns by calls of its own, which cost it three time limits at
    # the most, and ten calls at the same time cost one.
    slow_seconds: float = SLOW_SECONDS
    silences: dict[tuple[str, str], _Silence] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def pause(self, workspace: str, host: str, now: datetime) -> timedelta | None:
        """How long the host is not called yet; None if it may be called."""
        found = self.silences.get((workspace, host))
        return found.until - now if found is not None and found.until is not None and now < found.until else None

    def record(self, workspace: str, host: str, now: datetime, seconds: float, *, answered: bool) -> None:
        """Takes note of a call that took so many seconds, with or without an answer; `now` is its end."""
        with self.lock:
            if answered:
                self.silences.pop((workspace, host), None)
            elif seconds >= self.slow_seconds:
                self._record_silence(self.silences.setdefault((workspace, host), _Silence()), now)
                if len(self.silences) > MAX_HOSTS:
                    self.silences.pop(next(iter(self.silences)))

    @staticmethod
    def _record_silence(silence: _Silence, now: datetime) -> None:
        silence.calls += 1
        # The calls of a batch end together, in the pause that the first of them began: they count as one.
        if silence.calls >= SILENT_CALLS and (silence.until is None or now >= silence.until):
            silence.until = now + silence.next_pause
            silence.next_pause = min(2 * silence.next_pause, LONGEST_HOST_PAUSE)
