"""The filter `date` of templates: which times it reads, and the clock that it uses (`docs/journeys.md#templates`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from datetime import date as calendar_date
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any, Final

from dateutil import parser as date_parser  # type: ignore[import-untyped]
from liquid import Markup
from liquid.filter import with_context

from waypost.adapters.liquid_limits import LimitedContext
from waypost.adapters.liquid_values import to_text
from waypost.domain.values import client_timestamps

_MAX_DATE_TEXT: Final = 100
_MAX_DATE_FORMAT: Final = 500


@with_context
def date(value: Any, form: Any, *, context: LimitedContext) -> Any:
    """A time in a format; the value as it is where it is no time."""
    at, shape = _instant(value, context.limits.now), to_text(form)
    if at is None or not shape:
        return to_text(value)
    # strftime tries buffers of up to 256 times the length of the format.
    if len(shape) > _MAX_DATE_FORMAT:
        raise ValueError(f"a format of a date has at most {_MAX_DATE_FORMAT} characters")
    # The C library reads the fields of `%s` in the zone of the machine.
    seconds = str(int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()))
    shape = re.sub(r"(?<!%)((?:%%)*)%s", lambda match: match[1] + seconds, str(shape))
    formatted = at.strftime(shape)
    return Markup(formatted) if isinstance(form, Markup) else formatted


def _instant(value: Any, now: datetime) -> datetime | None:
    """The time that a value means: a text with a date, epoch seconds or milliseconds, `now` or `today`. None for anything else."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, calendar_date):
        return datetime.combine(value, time_of_day.min)
    if isinstance(value, str):
        return now if value in ("now", "today") else _written_date(value.strip(), now)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return client_timestamps.written_time(Decimal(str(value)))
    return None


def _written_date(text: str, now: datetime) -> datetime | None:
    if not text or len(text) > _MAX_DATE_TEXT:
        return None
    if text.isascii() and text.isdecimal():
        return client_timestamps.written_time(Decimal(text))
    # An attribute is the same time here as in conditions, and is shown with the offset that it is written with.
    written = client_timestamps.written_time(text)
    if written is not None:
        return written
    # What a text leaves out, such as the year, is that of the render, and not of the machine's clock.
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    try:
        parsed: datetime = date_parser.parse(text, default=midnight)
    except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
        return None
    return parsed
