"""The steps in which time passes: delays, windows, and waits for events (contract 3.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.definition import Definition, Step, StepId, member
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.values.comparison import instant
from waypost.domain.values.durations import WireDuration
from waypost.domain.values.windows import ClockTime, Hours, Weekday


class TimeDelay(Step):
    """Lets time pass. A delay of zero is none."""

    type: Literal["timeDelay"]
    delay: WireDuration
    next: StepId

    @property
    def is_waiting_step(self) -> bool:
        """Whether any time passes."""
        return not self.delay.is_zero


def _instant(text: str) -> str:
    if instant(text, "UTC") is None:
        raise PydanticCustomError("bad-time", "a date, a date and time, or a local time `HH:MM`")
    return text


Instant = Annotated[str, AfterValidator(_instant), Field(description="ISO 8601; without a zone: the customer's.")]


class DateWindow(Step):
    """Lets runs pass between two instants only."""

    type: Literal["timeWindow"]
    from_: Instant = Field(alias="from", examples=["2026-12-01"])
    to: Instant = Field(examples=["2026-12-24T18:00"])
    next: StepId

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self._at(self.from_, "UTC") >= self._at(self.to, "UTC"):
            raise PydanticCustomError("empty-window", "`to` lies after `from`")
        return self

    def opening(self, now: datetime, zone: str) -> datetime | None:
        """`now` while it is open, when it opens, or None once it is over."""
        return max(now, self._at(self.from_, zone)) if now < self._at(self.to, zone) else None

    @staticmethod
    def _at(text: str, zone: str) -> datetime:
        found = instant(text, zone)
        if found is None:
            raise ValueError(f"{text!r} is no time")
        return found


class DayWindow(Step):
    """Lets runs pass between two local times of each day only, overnight as well."""

    type: Literal["timeWindow"]
    from_: ClockTime = Field(alias="from")
    to: ClockTime
    next: StepId

    @model_validator(mode="after")
    def _closes(self) -> Self:
        if self.from_ == self.to:
            raise PydanticCustomError("empty-window", "`from` and `to` are the same")
        return self

    def opening(self, now: datetime, zone: str) -> datetime | None:
        """`now` while it is open, else when it opens next."""
        return Hours(self.from_, self.to).opening(now, zone)


class WeekWindow(Step):
    """Lets runs pass on some days of the week only, between two local times; the same time twice is a whole day."""

    type: Literal["timeWindow"]
    on_days: tuple[Weekday, ...] = Field(min_length=1)
    from_time: ClockTime
    to_time: ClockTime
    next: StepId

    def opening(self, now: datetime, zone: str) -> datetime | None:
        """`now` while it is open, else when it opens next."""
        return Hours(self.from_time, self.to_time, self.on_days).opening(now, zone)


def _window(raw: Any) -> str:
    if any(member(raw, name) is not None for name in ("onDays", "on_days", "fromTime", "from_time", "toTime", "to_time")):
        return "<onDays>"
    start = member(raw, "from") or member(raw, "from_")
    return "<hours>" if isinstance(start, str) and start[2:3] == ":" else "<dates>"


TimeWindow = Annotated[
    Annotated[DateWindow, Tag("<dates>")] | Annotated[DayWindow, Tag("<hours>")] | Annotated[WeekWindow, Tag("<onDays>")],
    Discriminator(_window),
]


def _named(raw: Any) -> Any:
    return {"event": raw} if isinstance(raw, str) else raw


Listed = Annotated[Trigger, BeforeValidator(_named, json_schema_input_type=str | Trigger)]


class EventBranch(Trigger):
    """Taken when this event comes."""

    id: StepId | None = None
    next: StepId

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """What it listens for."""
        return (self,)


class AnyBranch(Definition):
    """Taken when one of these events comes."""

    id: StepId | None = None
    any: tuple[Listed, ...] = Field(min_length=1, description="Events; a name alone is an event without conditions.")
    next: StepId

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """What it listens for."""
        return self.any


class AllBranch(Definition):
    """Taken when all of these events have come, in whatever order; those that came are remembered for as long as the run waits."""

    id: StepId | None = None
    all: tuple[Listed, ...] = Field(min_length=1, description="Events; a name alone is an event without conditions.")
    next: StepId

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """What it listens for."""
        return self.all


def _branch(raw: Any) -> str:
    kind = next((name for name in ("all", "any") if member(raw, name) is not None), "event")
    return f"<{kind}>"


WaitBranch = Annotated[
    Annotated[EventBranch, Tag("<event>")] | Annotated[AnyBranch, Tag("<any>")] | Annotated[AllBranch, Tag("<all>")],
    Discriminator(_branch),
]


class Timeout(Definition):
    """Where a run goes that has waited long enough."""

    after: WireDuration
    next: StepId

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.after.is_zero:
            raise PydanticCustomError("zero-timeout", "a wait that ends at once waits for nothing")
        return self


class WaitUntil(Step):
    """Waits for events; the first branch, in the order written, that an event fits is taken."""

    type: Literal["waitUntil"]
    branches: tuple[WaitBranch, ...] = Field(min_length=1)
    timeout: Timeout | None = None

    @property
    def is_waiting_step(self) -> bool:
        """Whether a run stands still in this step until something happens or time passes."""
        return True
