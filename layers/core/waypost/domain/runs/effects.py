"""What the world owes after a change of a customer's runs: saved with it, done after it, and harmless to do twice."""

from __future__ import annotations

from dataclasses import dataclass

from waypost.domain.runs import timers
from waypost.domain.runs.timers import Timer
from waypost.domain.values import exact_json


@dataclass(frozen=True, slots=True)
class Send:
    """A message is to be sent."""

    message: str


@dataclass(frozen=True, slots=True)
class Arm:
    """A timer is to come."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Disarm:
    """A timer need not come any more: its name."""

    timer: str


Effect = Send | Arm | Disarm


def to_text(effect: Effect) -> str:
    """An effect as compact JSON."""
    match effect:
        case Send():
            return exact_json.dumps(["send", effect.message])
        case Arm():
            return exact_json.dumps(["arm", timers.to_wire(effect.timer)])
        case Disarm():
            return exact_json.dumps(["disarm", effect.timer])


def from_text(text: str) -> Effect:
    """The reverse of `to_text`; ValueError for any other text."""
    kind, what = exact_json.loads(text)
    if kind == "arm":
        return Arm(timers.from_wire(what))
    if kind not in ("send", "disarm"):
        raise ValueError(f"no effect of kind {kind!r}")
    return Send(what) if kind == "send" else Disarm(what)
