"""The dialect of Liquid that templates use: python-liquid with exact numbers, a `json` filter, and limits on what a render may cost.

A template is input of a user and runs in a function that renders for all workspaces. It has no access to files (`include` and `render` are
removed), and loops, output, variables and growing filters are limited, so that no template exhausts the time or memory of the function.
The clock is an argument: the same message renders the same, however late it is rendered again.
"""

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

from waypost.domain.messages.message import MAX_RENDERED_BYTES
from waypost.domain.values import client_timestamps, exact_json

_CLOCK: Final = "the clock"  # a variable that no template can name, because of the space
_TAGS_THAT_LOAD_FILES: Final = ("include", "render")
_MAX_PARSED_TEMPLATES: Final = 512
# Filters of python-liquid raise all of these, beside its own errors, when a value is not what they expect.
_RENDER_ERRORS: Final = (LiquidError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


class TemplateError(Exception):
    """A text cannot be rendered with these values. The message is one line for a person."""


class _LimitedEnvironment(Environment):
    """python-liquid with limits: bytes of output, iterations of all loops together, and bytes of all variables together."""

    output_stream_limit = MAX_RENDERED_BYTES
    loop_iteration_limit = 10_000
    local_namespace_limit = 4 * MAX_RENDERED_BYTES


class _ExactNumber(float):
    """A number that computes as a float, as the filters expect, and prints as it was received: `10.50` stays `10.50`."""

    exact: Decimal

    def __new__(cls, exact: Decimal) -> Self:
        number = super().__new__(cls, exact)
        number.exact = exact
        return number

    def __str__(self) -> str:
        return str(self.exact)


class _JsonObject(dict[str, Any]):
    """A JSON object in which members that are null are missing, so that `default` applies to them; it prints as JSON."""

    __slots__ = ("original",)

    def __init__(self, original: Mapping[str, Any]) -> None:
        super().__init__({name: to_liquid(value) for name, value in original.items() if value is not None})
        self.original = original

    def __str__(self) -> str:
        return exact_json.dumps(self.original, ascii_only=False)


def to_liquid(value: Any) -> Any:
    """A JSON value in the form that templates work with."""
    if isinstance(value, Decimal):
        return _ExactNumber(value)
    if isinstance(value, Mapping):
        return _JsonObject(value)
    if isinstance(value, list | tuple):
        return [to_liquid(each) for each in value]
    return value


@dataclass(frozen=True, slots=True)
class TextRenderer:
    """Renders texts with these values, and with `now` as the current time.

    `strict`: a missing value is an error. `escaped`: values are escaped for HTML.
    """

    values: Mapping[str, Any]
    now: datetime
    strict: bool
    escaped: bool

    def render(self, template: str) -> str:
        """The text that a template results in; TemplateError if it fails."""
        if "{{" not in template and "{%" not in template:
            return template
        try:
            return str(_parsed(template, self.strict, self.escaped).render(**self.values, **{_CLOCK: self.now}))
        except _RENDER_ERRORS as error:
            raise TemplateError(_first_line(error)) from error


def template_error(text: str) -> str | None:
    """Why a text is not a valid template, in one line for a person, or None."""
    try:
        used = _parsed(text, strict=False, escaped=False).analyze(include_partials=False).filters
    except _RENDER_ERRORS as error:
        return _first_line(error)
    unknown = sorted(used.keys() - _environment(strict=False, escaped=False).filters.keys())
    return f"unknown filter: {', '.join(unknown)}" if unknown else None


def _first_line(error: Exception) -> str:
    return str(error.args[0] if error.args else type(error).__name__).splitlines()[0]


@lru_cache(maxsize=_MAX_PARSED_TEMPLATES)
def _parsed(template: str, strict: bool, escaped: bool) -> BoundTemplate:  # noqa: FBT001 - lru_cache wants plain arguments
    return _environment(strict, escaped).from_string(template)


@cache
def _environment(strict: bool, escaped: bool) -> Environment:  # noqa: FBT001 - see _parsed
    environment = _LimitedEnvironment(undefined=StrictDefaultUndefined if strict else Undefined, autoescape=escaped)
    for tag in _TAGS_THAT_LOAD_FILES:
        del environment.tags[tag]
    _replace_date_filter(environment)
    _limit_growing_filters(environment)
    environment.add_filter("json", _json)
    return environment


def _json(value: Any) -> str:
    return exact_json.dumps(_original(value), ascii_only=False)


def _original(value: Any) -> Any:
    if isinstance(value, _ExactNumber):
        return value.exact
    if isinstance(value, _JsonObject):
        return value.original
    if isinstance(value, list | tuple):
        return [_original(each) for each in value]
    return None if isinstance(value, Undefined) else value


def _replace_date_filter(environment: Environment) -> None:
    """`date` of python-liquid reads the clock of the machine for `now` and `today`; this one takes the time of the render."""
    original_date = environment.filters["date"]

    @with_context
    def date(value: Any, form: Any, *, context: RenderContext) -> Any:
        if isinstance(value, str) and value in ("now", "today"):
            value = context.resolve(_CLOCK)
        # An attribute is the same time here as in conditions, epoch milliseconds and the format of the Android SDK included. It is printed
        # here and not by the original: that one caches times by their instant, and would print the offset of another customer's time.
        time = client_timestamps.written_time(_original(value))
        if time is not None and isinstance(form, str):
            return type(form)(time.strftime(form))
        return original_date(value, form, environment=context.env)

    environment.add_filter("date", date)


def _limit_growing_filters(environment: Environment) -> None:
    """Checks the size of a result before two filters build it.

    The result of `replace` or `join` can be as long as the product of its inputs, and the limits of the environment apply only once it
    exists in memory.
    """
    original_replace, original_join = environment.filters["replace"], environment.filters["join"]

    def replace(value: Any, old: Any, new: Any = "") -> Any:
        _check_size(len(str(value)) + (str(value).count(str(old)) + 1) * len(str(new)))
        return original_replace(value, old, new)

    @with_context
    def join(value: Any, separator: Any = " ", *, context: RenderContext) -> Any:
        _check_size(len(value) * len(str(separator)) if isinstance(value, list | tuple | str) else 0)
        return original_join(value, separator, environment=context.env)

    environment.add_filter("replace", replace)
    environment.add_filter("join", join)


def _check_size(size: int) -> None:
    if size > 4 * MAX_RENDERED_BYTES:
        raise ValueError(f"a filter would make {size} characters")
