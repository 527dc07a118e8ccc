"""A journey as a team writes it: who enters, what ends it, its steps (contract 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.definition import NAME_PATTERN, Definition
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


def _free_id(name: str) -> str:
    if name in RESERVED_IDS:
        raise PydanticCustomError("reserved-id", "`batch` and `schema` are part of routes")
    return name


def _on_payload(path: str) -> str:
    if path.startswith("customer."):
        raise PydanticCustomError("bad-property", "the key is a property of the payload")
    return path


JourneyId = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(_free_id)]


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
        """The value that keeps this customer's runs apart, as a text: empty without `key`, None where the payload lacks it.

        `2` and `2.0` are one key, as they are one number in conditions.
        """
        return "" if self.key is None else _key_text(find(payload, self.key.removeprefix("payload.").split(".")))


class Entry(Trigger):
    """Which event opens a run, for whom, and how often."""

    reentry: Reentry = Reentry()


class QuietHours(Definition):
    """Local hours, overnight as well, in which no message goes out."""

    from_: ClockTime = Field(alias="from")
    to: ClockTime
    otherwise: Literal["wait", "skip"] = Field(default="wait", description="What becomes of a message that is due then.")

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.from_ == self.to:
            raise PydanticCustomError("empty-window", "`from` and `to` are the same")
        return self

    def over(self, now: datetime, zone: str) -> datetime | None:
        """When they are over, while they last."""
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
        """The step of this id; KeyError where there is none, which publishing rules out."""
        return self._by_id[step_id]

    @cached_property
    def event_names(self) -> frozenset[str]:
        """The names of the events that its runs wait for or exit on."""
        waits = (branch for step in self.steps if isinstance(step, WaitUntil) for branch in step.branches)
        return frozenset(trigger.event for trigger in (*self.exit, *(each for branch in waits for each in branch.triggers)))

    @cached_property
    def _by_id(self) -> dict[str, AnyStep]:
        return {step.id: step for step in self.steps}


def parse(raw: Any) -> Journey | list[Finding]:
    """The journey of a JSON value, or everything that keeps it from being one; the graph is lint's."""
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
    """All digits and no more; numbers that are far too long to read keep their exponent."""
    least = exact.normalize(Context(prec=max(1, len(exact.as_tuple().digits))))
    return format(least, "f") if abs(least.adjusted()) <= _LONGEST_PLAIN else str(least)
