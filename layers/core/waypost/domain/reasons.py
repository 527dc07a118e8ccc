"""Why something did not happen: the closed list that receipts and runs show (docs/journeys.md#reasons)."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A stable word for each cause by which an event changes nothing, a run is not opened, or a run ends."""

    ALREADY_ACTIVE = "already-active"
    ALREADY_ENTERED = "already-entered"
    ATTRIBUTES_FULL = "attributes-full"
    CONDITIONS = "conditions"
    CONSENTS_FULL = "consents-full"
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
    TOO_MANY_MESSAGES = "too-many-messages"
    TOO_MANY_RUNS = "too-many-runs"
    UNREADABLE = "unreadable"
    WINDOW_OVER = "window-over"
