"""Effects: what has to happen outside the database after a change of runs. They are saved with the change and executed after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from waypost.domain.runs import timers
from waypost.domain.runs.timers import Timer
from waypost.domain.values import exact_json

# Saving runs and putting messages on queues cannot be one transaction. If the effects were executed before the save, a lost write race
# would leave messages of a transition that never happened; executed after it but not saved, they would be lost in a crash in between. So
# they are stored in the same transaction, executed, and then cleared; a redelivery executes them again. That is harmless, because
# each names its message or timer: a message is claimed before it is sent, a timer of the same name exists once.


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Put the message with this id on the send queue."""

    message: str


@dataclass(frozen=True, slots=True)
class ArmTimer:
    """Let this timer's signal come at its due time."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class DisarmTimer:
    """Delete the schedule of the timer with this name, if it still exists."""

    timer: str


Effect = SendMessage | ArmTimer | DisarmTimer


def to_text(effect: Effect) -> str:
    """An effect as compact JSON, as it is stored."""
    match effect:
        case SendMessage():
            return exact_json.dumps(["send", effect.message])
        case ArmTimer():
            return exact_json.dumps(["arm", timers.to_wire(effect.timer)])
        case DisarmTimer():
            return exact_json.dumps(["disarm", effect.timer])
        case _:
            assert_never(effect)


def from_text(text: str) -> Effect:
    """The reverse of `to_text`. Raises ValueError for an unknown kind."""
    kind, value = exact_json.loads(text)
    match kind:
        case "send":
            return SendMessage(value)
        case "arm":
            return ArmTimer(timers.from_wire(value))
        case "disarm":
            return DisarmTimer(value)
    raise ValueError(f"unknown kind of effect: {kind!r}")
