"""Instants in our own JSON and rows: ISO 8601 in UTC with milliseconds and `Z`; and the types of times in requests."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

from waypost.domain.values import client_timestamps
from waypost.domain.values.calendar_edges import in_utc, nearest_in_utc


def iso(instant: datetime) -> str:
    """An instant, which has a zone of any kind, as a text such as `2026-11-23T05:17:13.001Z`."""
    return nearest_in_utc(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The instant of a text that `iso` wrote, or of another ISO 8601 text with a zone. ValueError for any other text."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"no zone in {text!r}")
    at = in_utc(parsed)
    if at is None:
        raise ValueError(f"{text!r} is outside the calendar")
    return at


def _in_utc(time: datetime) -> datetime:
    at = in_utc(time)
    if at is None:
        raise PydanticCustomError("bad-time", "in UTC, this time is outside the years 1 to 9999")
    return at


def _as_clients_write_it(raw: Any) -> datetime:
    read = client_timestamps.parse(raw)
    if read is None:
        raise PydanticCustomError("bad-time", "needs a time such as `2026-11-23T05:17:13Z`")
    return read.at


def _day(raw: Any) -> date:
    # date.fromisoformat alone would take `20261123` and `2026-W48-1` as well, and pydantic the seconds since 1970.
    if not isinstance(raw, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
        raise PydanticCustomError("bad-time", "needs a day such as `2026-11-23`")
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise PydanticCustomError("bad-time", "there is no such day") from None


CalendarDay = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
"""The type of a day in a request: an ISO 8601 text such as `2026-11-23`."""

ZonedTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""The type of an instant in a request: an ISO 8601 text with a zone."""

ClientTime = Annotated[datetime, BeforeValidator(_as_clients_write_it, json_schema_input_type=AwareDatetime)]
"""The type of an instant in a request, in any form that the intake reads in events (`docs/events.md#time`)."""
