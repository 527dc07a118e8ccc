"""The definition of a journey: who enters, what ends a run, the steps (docs/journeys.md#definition)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.definition import NAME_PATTERN, Definition, Edge
from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.journeys.steps import AnyStep
from waypost.domain.journeys.triggers import Trigger
from waypost.domain.journeys.waits import WaitUntil
from waypost.domain.values.durations import WireDuration
from waypost.domain.values.exact_json import canonical
from waypost.domain.values.findings import Finding, from_errors
from waypost.domain.values.property_paths import find
from waypost.domain.values.windows import ClockTime, Hours

RESERVED_IDS: Final = frozenset({"batch", "schema"})
MOST_STEPS: Final = 200
_LONGEST_PLAIN: Final = 40


def _not_reserved(name: str) -> str:
    if name in RESERVED_IDS:
        raise PydanticCustomError("reserved-id", "`batch` and `schema` are reserved for routes")
    return name


def _on_payload(path: str) -> str:
    if path.startswith("customer."):
        raise PydanticCustomError("bad-property", "the key is a property of the payload")
    return path


JourneyId = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(_not_reserved)]


class Reentry(Definition):
    """How often one customer may enter."""

    mode: Literal["once", "afterExit", "always"] = "once"
    cooldown: WireDuration | None = Field(default=None, description="The least time between two entries.")
    key: Annotated[str, AfterValidator(_on_payload)] | None = Field(
        default=None,
        max_length=500,
        pattern=r"^[^.]+(\.[^.]+)*$",
        description="A payload path, with `payload.` in front or without: one run for each value, such as an order id.",
    )

    def key_of(self, payload: Mapping[str, Any]) -> str | None:
        """The text that distinguishes runs of one customer: empty for a journey without `key`, None where the payload lacks the value.

        `2` and `2.0` are one key, because they are equal in conditions.
        """
        return "" if self.key is None else _key_text(find(payload, self.key.removeprefix("payload.").split(".")))


class Entry(Trigger):
    """Which event starts a run, for whom, and how often."""

    reentry: Reentry = Reentry()


class QuietHours(Definition):
    """Local hours, which may span midnight, in which no message is sent."""

    from_: ClockTime = Field(alias="from")
    to: ClockTime
    otherwise: Literal["wait", "skip"] = Field(default="wait", description="What happens to a message that is due then.")

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.from_ == self.to:
            raise PydanticCustomError("empty-window", "`from` and `to` are the same")
        return self

    def over(self, now: datetime, zone: str) -> datetime | None:
        """The end (UTC) of the quiet hours that include `now`; None outside quiet hours. `zone` is the IANA zone of the customer."""
        return Hours(self.from_, self.to).closing(now, zone)


class Journey(Definition):
    """A journey of one workspace. The first step is where a run begins."""

    id: JourneyId
    name: str = Field(default="", max_length=200)
    entry: Entry
    exit: tuple[Trigger, ...] = Field(default=(), description="Events that end a run at once.")
    quiet_hours: QuietHours | None = None
    steps: tuple[AnyStep, ...] = Field(min_length=1, max_length=MOST_STEPS)

    @property
    def first(self) -> AnyStep:
        """The step where a run begins."""
        return self.steps[0]

    def step(self, step_id: str) -> AnyStep:
        """The step with this id. KeyError where there is none, which cannot happen in a journey that passed the publish checks."""
        return self._by_id[step_id]

    def edges_of(self, step_id: str) -> tuple[Edge, ...]:
        """The edges of the step with this id. KeyError as in `step`."""
        return self._edges_by_id[step_id]

    @cached_property
    def event_names(self) -> frozenset[str]:
        """The names of the events that its runs wait for or exit on."""
        return frozenset(trigger.event for trigger in self.exit).union(*(step.event_names for step in self.steps))

    @cached_property
    def named_statuses(self) -> Mapping[str, frozenset[KnownStatus]]:
        """The statuses of messages that its waits and conditions have to know, by the id of the message's step."""
        found: dict[str, frozenset[KnownStatus]] = {}
        for each in (named for step in self.steps for named in step.named_statuses):
            found[each.message] = found.get(each.message, frozenset()) | each.statuses
        return found

    @cached_property
    def named_links(self) -> frozenset[tuple[str, str]]:
        """The links in messages whose clicks its waits tell apart: the id of the message's step, and the link."""
        return frozenset((each.message, each.link) for step in self.steps for each in step.named_statuses if each.link is not None)

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The positions of the steps, counted from 0, by their ids. A version never changes, so a position names a step of it for ever."""
        return {step.id: position for position, step in enumerate(self.steps)}

    @cached_property
    def goals(self) -> Mapping[tuple[str, int | None], int]:
        """The numbers of the goals of experiments: first the steps, by (id, None), then the branches of waits, by (id, position)."""
        steps: list[tuple[str, int | None]] = [(step.id, None) for step in self.steps]
        branches = [(step.id, place) for step in self.steps if isinstance(step, WaitUntil) for place in range(len(step.branches))]
        return {goal: number for number, goal in enumerate([*steps, *branches])}

    @cached_property
    def _by_id(self) -> dict[str, AnyStep]:
        return {step.id: step for step in self.steps}

    @cached_property
    def _edges_by_id(self) -> dict[str, tuple[Edge, ...]]:
        return {step.id: step.edges for step in self.steps}


def parse(raw: Any) -> Journey | list[Finding]:
    """The journey that a JSON value describes, or its faults. The checks of the graph and of conditions are in `checks/`."""
    try:
        return Journey.model_validate(raw)
    except ValidationError as error:
        return from_errors(error)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a journey, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Journey.model_json_schema()}


def _key_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _number_text(Decimal(value))
    return value if isinstance(value, str) else canonical(value)


def _number_text(exact: Decimal) -> str:
    """All digits without trailing zeros. Numbers beyond 10^40 keep their exponent, or `1e999999` would be a key of a million characters."""
    shortest = exact.normalize(Context(prec=max(1, len(exact.as_tuple().digits))))
    return format(shortest, "f") if abs(shortest.adjusted()) <= _LONGEST_PLAIN else str(shortest)
