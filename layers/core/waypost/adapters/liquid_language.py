"""Our dialect of Liquid: exact numbers, a `json` filter, a clock that is an argument, no includes, and limits on what a render may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, Final, Self

from liquid import BoundTemplate, Environment, StrictDefaultUndefined, Undefined
from liquid.context import RenderContext
from liquid.exceptions import LiquidError
from liquid.filter import with_context

from waypost.domain.messages.message import RENDERED_BYTES
from waypost.domain.values import exact_json

_CLOCK: Final = "the clock"  # no template can name a variable with a space
_PARTIALS: Final = ("include", "render")
_KEPT: Final = 512
# What python-liquid's filters raise when a value is not what they expect, beside its own errors.
_FAULTS: Final = (LiquidError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class RenderError(Exception):
    """A template that failed on these values; the text is for a person."""


class _Limited(Environment):
    output_stream_limit = RENDERED_BYTES
    loop_iteration_limit = 10_000
    local_namespace_limit = 4 * RENDERED_BYTES


class _Number(float):
    """A number that computes as Liquid expects and prints as it came, to the last digit."""

    exact: Decimal

    def __new__(cls, exact: Decimal) -> Self:
        made = super().__new__(cls, exact)
        made.exact = exact
        return made

    def __str__(self) -> str:
        return str(self.exact)


class _Object(dict[str, Any]):
    """A JSON object whose nulls are missing, and which prints as JSON."""

    __slots__ = ("original",)

    def __init__(self, original: Mapping[str, Any]) -> None:
        super().__init__({name: visible(value) for name, value in original.items() if value is not None})
        self.original = original

    def __str__(self) -> str:
        return exact_json.dumps(self.original, ascii_only=False)


def visible(value: Any) -> Any:
    """A JSON value as templates see it."""
    if isinstance(value, Decimal):
        return _Number(value)
    if isinstance(value, Mapping):
        return _Object(value)
    if isinstance(value, list | tuple):
        return [visible(each) for each in value]
    return value


@dataclass(frozen=True, slots=True)
class Rendering:
    """How to render one field: the values, the time that `now` is, whether a missing value is an error, whether values are escaped."""

    seen: Mapping[str, Any]
    now: datetime
    strict: bool
    escaped: bool

    def text(self, template: str) -> str:
        """A template's text with the values in it; RenderError if it cannot be made."""
        if "{{" not in template and "{%" not in template:
            return template
        try:
            return str(_parsed(template, self.strict, self.escaped).render(**self.seen, **{_CLOCK: self.now}))
        except _FAULTS as error:
            raise RenderError(_said(error)) from error


def error_in(template: str) -> str | None:
    """Why a text is not a template that could be rendered, or None."""
    try:
        used = _parsed(template, strict=False, escaped=False).analyze(include_partials=False).filters
    except _FAULTS as error:
        return _said(error)
    unknown = sorted(used.keys() - _environment(strict=False, escaped=False).filters.keys())
    return f"unknown filter: {', '.join(unknown)}" if unknown else None


def _said(error: Exception) -> str:
    return str(error.args[0] if error.args else type(error).__name__).splitlines()[0]


@lru_cache(maxsize=_KEPT)
def _parsed(template: str, strict: bool, escaped: bool) -> BoundTemplate:  # noqa: FBT001 - lru_cache wants plain arguments
    return _environment(strict, escaped).from_string(template)


@cache
def _environment(strict: bool, escaped: bool) -> Environment:  # noqa: FBT001 - see _parsed
    made = _Limited(undefined=StrictDefaultUndefined if strict else Undefined, autoescape=escaped)
    for partial in _PARTIALS:
        del made.tags[partial]
    _replace_date(made)
    _limit_growth(made)
    made.add_filter("json", _json)
    return made


def _json(value: Any) -> str:
    return exact_json.dumps(_original(value), ascii_only=False)


def _original(value: Any) -> Any:
    if isinstance(value, _Number):
        return value.exact
    if isinstance(value, _Object):
        return value.original
    if isinstance(value, list | tuple):
        return [_original(each) for each in value]
    return None if isinstance(value, Undefined) else value


def _replace_date(environment: Environment) -> None:
    plain = environment.filters["date"]

    @with_context
    def date(value: Any, form: Any, *, context: RenderContext) -> Any:
        if isinstance(value, str) and value in ("now", "today"):
            value = context.resolve(_CLOCK)
        return plain(value, form, environment=context.env)

    environment.add_filter("date", date)


def _limit_growth(environment: Environment) -> None:
    """Two filters can square the size of what they are given; the limits on output and variables come too late for them."""
    plain_replace, plain_join = environment.filters["replace"], environment.filters["join"]

    def replace(value: Any, sought: Any, put: Any = "") -> Any:
        _check(len(str(value)) + (str(value).count(str(sought)) + 1) * len(str(put)))
        return plain_replace(value, sought, put)

    @with_context
    def join(value: Any, separator: Any = " ", *, context: RenderContext) -> Any:
        _check(len(value) * len(str(separator)) if isinstance(value, list | tuple | str) else 0)
        return plain_join(value, separator, environment=context.env)

    environment.add_filter("replace", replace)
    environment.add_filter("join", join)


def _check(size: int) -> None:
    if size > 4 * RENDERED_BYTES:
        raise ValueError(f"a filter would make {size} characters")
