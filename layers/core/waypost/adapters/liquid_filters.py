"""The filters of templates: those of python-liquid, made to work as Liquid's documentation says and within limits.

python-liquid turns values into texts with `str`, so that nil, booleans and ranges come out as Python writes them. Here each filter gets its
values in the form that it works with: texts, numbers or arrays. Filters whose result can be much larger than their input compute its size
first, and those that take time proportional to the square of their input are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from liquid import Environment, Markup
from liquid.filter import with_context

from waypost.adapters import liquid_arrays
from waypost.adapters.liquid_arrays import WIDE, array, elements, to_number
from waypost.adapters.liquid_dates import date
from waypost.adapters.liquid_limits import LimitedContext
from waypost.adapters.liquid_values import is_missing, require_length, require_weight, to_json, to_text, weight
from waypost.domain.values import exact_json

_TEXT_FILTERS: Final = [
    "append",
    "base64_decode",
    "base64_encode",
    "base64_url_safe_decode",
    "base64_url_safe_encode",
    "capitalize",
    "downcase",
    "escape",
    "escape_once",
    "escapejs",
    "lstrip",
    "newline_to_br",
    "prepend",
    "remove",
    "remove_first",
    "replace",
    "replace_first",
    "rstrip",
    "safe",
    "split",
    "squish",
    "strip",
    "strip_newlines",
    "upcase",
    "url_decode",
    "url_encode",
]
_NUMBER_FILTERS: Final = ["abs", "at_least", "at_most", "ceil", "divided_by", "floor", "minus", "modulo", "plus", "times"]
_ARRAY_FILTERS: Final = ["concat", "find", "find_index", "has", "map", "reject", "reverse", "where"]
_HIDDEN_HTML: Final = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"))

Filter = Callable[..., Any]


def register(environment: Environment) -> None:
    """Replaces the filters of an environment."""
    original = dict(environment.filters)
    for name in _TEXT_FILTERS:
        environment.add_filter(name, _with_arguments(original[name], to_text, to_text))
    for name in ("truncate", "truncatewords"):
        environment.add_filter(name, _with_end(original[name]))
    for name in _NUMBER_FILTERS:
        environment.add_filter(name, _with_arguments(original[name], to_number, to_number))
    for name in _ARRAY_FILTERS:
        environment.add_filter(name, _with_arguments(original[name], array, _plain))
    environment.add_filter("map", _without_nulls(environment.filters["map"]))
    environment.add_filter("slice", _with_arguments(original["slice"], _text_or_list, _plain))
    environment.add_filter("join", _join(original["join"]))
    environment.add_filter("replace", _replace(environment.filters["replace"]))
    environment.add_filter("split", _split(environment.filters["split"]))
    environment.add_filter("default", _default(original["default"]))
    own: dict[str, Filter] = {
        "compact": liquid_arrays.compact,
        "date": date,
        "first": liquid_arrays.first,
        "json": _json,
        "last": liquid_arrays.last,
        "remove_last": _remove_last,
        "replace_last": _replace_last,
        "round": _round,
        "sort": liquid_arrays.sort,
        "sort_natural": liquid_arrays.sort_natural,
        "strip_html": _strip_html,
        "sum": liquid_arrays.total,
        "uniq": liquid_arrays.uniq,
    }
    for name, function in own.items():
        environment.add_filter(name, function)


def _with_arguments(original: Filter, convert_value: Filter, convert_argument: Filter) -> Filter:
    """A filter that gets its value and its arguments converted."""

    def converted(value: Any, *arguments: Any, **options: Any) -> Any:
        return original(convert_value(value), *map(convert_argument, arguments), **options)

    for mark in ("with_context", "with_environment"):
        if getattr(original, mark, False):
            setattr(converted, mark, True)
    return converted


def _with_end(original: Filter) -> Filter:
    """A filter that gets a text, a length, and the text that replaces the part that it removes."""

    def shortened(value: Any, *arguments: Any) -> Any:
        return original(to_text(value), *arguments[:1], *map(to_text, arguments[1:]))

    return shortened


def _plain(value: Any) -> Any:
    """The value as it is, with a range as an array."""
    return value if is_missing(value) else list(value) if isinstance(value, range) else value


def _text_or_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else list(value) if isinstance(value, range) else to_text(value)


def _default(original: Filter) -> Filter:
    @with_context
    def default(value: Any, *arguments: Any, context: LimitedContext, **options: Any) -> Any:
        context.limits.forgive_missing(value)
        return original(value, *arguments, **options)

    return default


def _join(original: Filter) -> Filter:
    @with_context
    def join(value: Any, separator: Any = " ", *, context: LimitedContext) -> Any:
        texts, between = [to_text(each) for each in elements(value)], to_text(separator)
        require_length(sum(map(len, texts)) + len(texts) * len(between))
        return original(texts, between, environment=context.env)

    return join


def _replace(original: Filter) -> Filter:
    def replace(value: Any, old: Any, new: Any = "") -> Any:
        text, before, after = to_text(value), to_text(old), to_text(new)
        require_length(len(text) + (text.count(before) + 1) * len(after))
        return original(text, before, after)

    return replace


def _split(original: Filter) -> Filter:
    def split(value: Any, separator: Any) -> Any:
        text, between = to_text(value), to_text(separator)
        parts = len(text.split()) if between == " " else text.count(between) if between else len(text)
        require_weight(weight(text) + (parts + 1) * weight(""))
        return original(text, between)

    return split


def _replace_last(value: Any, old: Any, new: Any) -> Any:
    text, before = to_text(value), to_text(old)
    # str.rfind takes time proportional to the product of both lengths in the worst case, and str.find does not.
    found = text[::-1].find(before[::-1])
    if found < 0:
        return text
    end = len(text) - found
    return text[: end - len(before)] + to_text(new) + text[end:]


def _remove_last(value: Any, old: Any) -> Any:
    return _replace_last(value, old, "")


def _round(value: Any, digits: Any = 0) -> Any:
    """The number rounded to this many decimal places; a half goes up, away from zero."""
    number, decimals = to_number(value), max(min(int(to_number(digits)), 400), -400)
    if isinstance(number, int) and decimals >= 0:
        return number
    rounded = Decimal(str(number)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, WIDE)
    return float(rounded) if decimals > 0 else int(rounded)


def _without_nulls(original: Filter) -> Filter:
    def map_(value: Any, key: Any) -> Any:
        # python-liquid marks a missing member with an object of its own, which `compact` and `json` do not know.
        found = original(value, to_text(key))
        return [None if type(each).__name__ == "_Null" else each for each in found] if isinstance(found, list) else found

    return map_


def _json(value: Any) -> str:
    return exact_json.dumps(to_json(value), ascii_only=False)


def _strip_html(value: Any) -> Any:
    """The text without tags, comments, scripts and styles; a `<` that no `>` follows stays.

    Python's HTML parser takes time proportional to the square of the length for tags that are never closed. Here the end of each kind of
    tag is searched for once more only while there is one.
    """
    text, kept, start, open_ended = to_text(value), list[str](), 0, set[str]()
    lowered = text.lower() if len(text.lower()) == len(text) else text
    while (begin := text.find("<", start)) >= 0:
        kept.append(text[start:begin])
        start = begin
        for opening, closing in (*_HIDDEN_HTML, ("<", ">")):
            if closing not in open_ended and lowered.startswith(opening, begin):
                end = lowered.find(closing, begin + len(opening))
                if end >= 0:
                    start = end + len(closing)
                    break
                open_ended.add(closing)
        if start == begin:
            break
    stripped = "".join([*kept, text[start:]])
    return Markup(stripped) if isinstance(text, Markup) else stripped
