"""The steps in which time passes: delays, windows, and waits for events (docs/journeys.md#steps)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.definition import Definition, Edge, NamedStatuses, Step, StepId, member
from waypost.domain.journeys.known_statuses import UNSUBSCRIBE_EVENT, KnownStatus, shown_by
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.values.comparison import instant
from waypost.domain.values.durations import WaitDuration
from waypost.domain.values.windows import ClockTime, Hours, Weekday


class TimeDelay(Step):
    """Waits for a duration. A delay of zero, which can no longer be published, does not wait."""

    type: Literal["timeDelay"]
    delay: WaitDuration
    next: StepId

    @property
    def is_waiting_step(self) -> bool:
        """Whether the delay is above zero."""
        return not self.delay.is_zero

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step."""
        return (Edge(("next",), self.next, takes=self.delay.at_least),)


def _instant(text: str) -> str:
    if instant(text, "UTC") is None:
        raise PydanticCustomError("bad-time", "a date, a date and time, or a local time `HH:MM`")
    return text


# The pattern stands in the JSON Schema only. Without it `22:00` would be a valid `from` of a DateWindow as well as of a
# DayWindow, and a schema with `oneOf` refuses what matches twice. In parsing, `_instant` has the better message.
DateText = Annotated[
    str,
    AfterValidator(_instant),
    Field(description="ISO 8601; without a zone: the customer's.", json_schema_extra={"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"}),
]


class DateWindow(Step):
    """Lets runs pass only between two instants. A run that arrives earlier waits; one that arrives later exits."""

    type: Literal["timeWindow"]
    from_: DateText = Field(alias="from", examples=["2026-12-01"])
    to: DateText = Field(examples=["2026-12-24T18:00"])
    next: StepId

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self._at(self.from_, "UTC") >= self._at(self.to, "UTC"):
            raise PydanticCustomError("empty-window", "`to` lies after `from`")
        return self

    def opening(self, now: datetime, zone: str) -> datetime | None:
        """`now` while the window is open, its start (UTC) before, None after it. `zone` is the IANA zone of the customer."""
        return max(now, self._at(self.from_, zone)) if now < self._at(self.to, zone) else None

    @staticmethod
    def _at(text: str, zone: str) -> datetime:
        found = instant(text, zone)
        if found is None:
            raise ValueError(f"{text!r} is no time")
        return found

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step."""
        return (Edge(("next",), self.next),)


class DayWindow(Step):
    """Lets runs pass only between two local times of each day, which may span midnight. Other runs wait."""

    type: Literal["timeWindow"]
    from_: ClockTime = Field(alias="from")
    to: ClockTime
    next: StepId

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.from_ == self.to:
            raise PydanticCustomError("empty-window", "`from` and `to` are the same")
        return self

    def opening(self, now: datetime, zone: str) -> datetime | None:
        """`now` while the window is open, else the instant (UTC) at which it opens next. `zone` is the IANA zone of the customer."""
        return Hours(self.from_, self.to).opening(now, zone)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step."""
        return (Edge(("next",), self.next),)


class WeekWindow(Step):
    """Lets runs pass only on some days of the week, between two local times. The same time twice is a whole day."""

    type: Literal["timeWindow"]
    on_days: tuple[Weekday, ...] = Field(min_length=1)
    from_time: ClockTime
    to_time: ClockTime
    next: StepId

    def opening(self, now: datetime, zone: str) -> datetime | None:
        """`now` while the window is open, else the instant (UTC) at which it opens next. `zone` is the IANA zone of the customer."""
        return Hours(self.from_time, self.to_time, self.on_days).opening(now, zone)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """To the next step."""
        return (Edge(("next",), self.next),)


def _window(raw: Any) -> str:
    """The tag of the window that the fields of `raw` suggest, so that a mistake in one field gets an error for that kind of window."""
    if any(member(raw, name) is not None for name in ("onDays", "on_days", "fromTime", "from_time", "toTime", "to_time")):
        return "<onDays>"
    start = member(raw, "from") or member(raw, "from_")
    return "<hours>" if isinstance(start, str) and start[2:3] == ":" else "<dates>"


TimeWindow = Annotated[
    Annotated[DateWindow, Tag("<dates>")] | Annotated[DayWindow, Tag("<hours>")] | Annotated[WeekWindow, Tag("<onDays>")],
    Discriminator(_window),
]


def _event_of_name(raw: Any) -> Any:
    return {"event": raw} if isinstance(raw, str) else raw


ListedTrigger = Annotated[Trigger, BeforeValidator(_event_of_name, json_schema_input_type=str | Trigger)]


class EventBranch(Trigger):
    """Taken when this event comes."""

    id: StepId | None = None
    next: StepId

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """The events that the branch waits for."""
        return (self,)


class AnyBranch(Definition):
    """Taken when one of these events comes."""

    id: StepId | None = None
    any: tuple[ListedTrigger, ...] = Field(min_length=1, description="Events; a name alone is an event without conditions.")
    next: StepId

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """The events that the branch waits for."""
        return self.any

    @property
    def label(self) -> str:
        """The events in a few words, for the diagram."""
        return " or ".join(trigger.label for trigger in self.any)


class AllBranch(Definition):
    """Taken when all of these events have come, in any order. The run remembers those that came for as long as it waits."""

    id: StepId | None = None
    all: tuple[ListedTrigger, ...] = Field(min_length=1, description="Events; a name alone is an event without conditions.")
    next: StepId

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """The events that the branch waits for."""
        return self.all

    @property
    def label(self) -> str:
        """The events in a few words, for the diagram."""
        return " and ".join(trigger.label for trigger in self.all)


class MessageBranch(Definition):
    """Taken when this became of the message that the run has sent in the step `message`, at once if the run knows it already."""

    id: StepId | None = None
    message: StepId
    status: KnownStatus
    link: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        description="Only for `clicked`: the URL that was clicked, with its query and fragment or without.",
    )
    next: StepId

    @field_validator("link")
    @classmethod
    def _is_clicked(cls, link: str | None, info: ValidationInfo) -> str | None:
        if link is not None and info.data.get("status", "clicked") != "clicked":
            raise PydanticCustomError("link-without-click", "only the status `clicked` has a link")
        return link

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """None: a status comes from the sender and from reports, or is found in an unsubscription."""
        return ()

    @property
    def label(self) -> str:
        """The message and its status in a few words, for the diagram."""
        return f"{self.message} {self.status}" + (" a link" if self.link is not None else "")

    @property
    def named_statuses(self) -> NamedStatuses:
        """The statuses that take this branch."""
        return NamedStatuses(self.message, shown_by(self.status), self.link)


def _branch(raw: Any) -> str:
    kind = next((name for name in ("all", "any", "message") if member(raw, name) is not None), "event")
    return f"<{kind}>"


WaitBranch = Annotated[
    Annotated[EventBranch, Tag("<event>")]
    | Annotated[AnyBranch, Tag("<any>")]
    | Annotated[AllBranch, Tag("<all>")]
    | Annotated[MessageBranch, Tag("<message>")],
    Discriminator(_branch),
]


class Timeout(Definition):
    """Where a run goes that has waited for as long as `after`."""

    after: WaitDuration
    next: StepId

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.after.is_zero:
            raise PydanticCustomError("zero-timeout", "a timeout is longer than zero")
        return self


def _branch_edge(index: int, branch: WaitBranch) -> Edge:
    place = ("branches", index, "next")
    if isinstance(branch, MessageBranch):
        # A message may fail as soon as it is created, for instance in quiet hours.
        return Edge(place, branch.next, branch.label, by_event=branch.status != "failed", message=branch.message)
    return Edge(place, branch.next, branch.label, by_event=True)


class WaitUntil(Step):
    """Waits for events. An event takes the first branch, in the order written, that it matches."""

    type: Literal["waitUntil"]
    branches: tuple[WaitBranch, ...] = Field(min_length=1)
    timeout: Timeout | None = None

    @property
    def is_waiting_step(self) -> bool:
        """Always: a wait without a timeout lasts until an event comes."""
        return True

    @property
    def event_names(self) -> frozenset[str]:
        """The names of the events of all branches."""
        names = frozenset(trigger.event for branch in self.branches for trigger in branch.triggers)
        return names | {UNSUBSCRIBE_EVENT} if any("unsubscribed" in each.statuses for each in self.named_statuses) else names

    @property
    def named_statuses(self) -> tuple[NamedStatuses, ...]:
        """The statuses that take its branches."""
        return tuple(branch.named_statuses for branch in self.branches if isinstance(branch, MessageBranch))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """One for each branch, then the one of the timeout."""
        branches = tuple(_branch_edge(index, branch) for index, branch in enumerate(self.branches))
        if self.timeout is None:
            return branches
        after = self.timeout.after
        return (*branches, Edge(("timeout", "next"), self.timeout.next, f"after {after.text}", takes=after.at_least))
