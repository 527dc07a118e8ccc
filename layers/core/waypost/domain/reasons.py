"""Why something did not happen: the closed list that a person can read back (contract 3.2)."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A stable word for each way in which an event, a run or a journey does not go on."""

    ALREADY_ACTIVE = "already-active"
    ALREADY_ENTERED = "already-entered"
    ATTRIBUTES_FULL = "attributes-full"
    CONDITIONS = "conditions"
    COOLDOWN = "cooldown"
    CORRELATION_CONFLICT = "correlation-conflict"
    ERASED = "erased"
    EXIT_EVENT = "exit-event"
    FINISHED = "finished"
    HISTORICAL = "historical"
    LOOP = "loop"
    MERGED = "merged"
    NO_KEY = "no-key"
    NO_MESSAGE = "no-message"
    PAUSED = "paused"
    REMEMBERED = "remembered"
    STOPPED = "stopped"
    TOO_MANY_IDS = "too-many-ids"
    TOO_MANY_RUNS = "too-many-runs"
    WINDOW_OVER = "window-over"
