"""The dialect of Liquid that templates use: python-liquid with exact numbers, Liquid's own forms of values, and limits.

A template is input of a user and runs in a function that renders for all workspaces. It has no access to files (`include` and `render` are
removed), and `liquid_limits` bounds what it may cost. The clock is an argument: the same message renders the same, however late it is
rendered again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TextIO

from liquid import BoundTemplate, Environment, StrictDefaultUndefined, Undefined, escape
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.cycle_tag import CycleNode, CycleTag
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.context import RenderContext
from liquid.static_analysis import TemplateAnalysis

from waypost.adapters import liquid_filters
from waypost.adapters.liquid_limits import CLOCK_NAMES, LimitedContext, OutputBuffer, RenderLimits
from waypost.adapters.liquid_values import TooLargeError, to_text
from waypost.domain.messages.template_scope import variable_fault

_TAGS_THAT_LOAD_FILES: Final = ("include", "render")
_MAX_CACHED_CHARACTERS: Final = 512 * 1024
"""How much text of parsed templates is kept. A parsed template takes up to 200 times the memory of its text."""

_MAX_SCAN: Final = 1_000_000
_MAX_ERROR: Final = 200
_OPENINGS: Final = ((re.compile(r"\{\{-?\s*"), "}}"), (re.compile(r"\{%-?\s*\w*"), "%}"))
_VERBATIM_OPENINGS: Final = ((re.compile(r"\{%-?\s*raw\b"), "endraw"), (re.compile(r"\{%-?\s*doc\b"), "enddoc"))
_VERBATIM: Final = re.compile(r"\{%-?\s*(raw|doc)\s*-?%\}.*?\{%-?\s*end\1\s*-?%\}", re.DOTALL)


class TemplateError(Exception):
    """A text cannot be rendered with these values. The message is one line for a person."""


class _LimitedEnvironment(Environment):
    """python-liquid with a limit for the iterations of nested loops; `LimitedContext` has the other limits."""

    loop_iteration_limit = 10_000


class _OutputNode(OutputNode):
    """Prints the value of `{{ }}` as Liquid does."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(_printed(self.expression.evaluate(context), context))


class _Output(Output):
    node_class = _OutputNode


class _EchoNode(EchoNode):
    """Prints the value of `{% echo %}` as Liquid does."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(_printed(self.expression.evaluate(context), context))


class _EchoTag(EchoTag):
    node_class = _EchoNode


class _CycleNode(CycleNode):
    """`{% cycle %}` without a name is the one with the same source. python-liquid joins its values, which may be large, at each turn."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        name = to_text(self.group.evaluate(context)) if self.group else ""
        turn = context.cycle(name or ", ".join(map(str, self.args)), len(self.args))
        return buffer.write(_printed(self.args[turn].evaluate(context), context)) if turn < len(self.args) else 0


class _CycleTag(CycleTag):
    node_class = _CycleNode


def _printed(value: Any, context: RenderContext) -> str:
    return str(escape(to_text(value))) if context.autoescape else to_text(value)


@dataclass(frozen=True, slots=True)
class TextRenderer:
    """Renders texts with these values, within the limits of their message.

    `strict`: a missing value is an error. `escaped`: values are escaped for HTML.
    """

    values: Mapping[str, Any]
    limits: RenderLimits
    strict: bool
    escaped: bool

    def render(self, text: str) -> str:
        """The text that a template results in; TemplateError if it fails."""
        # Everything that the library raises is a fault of this one message. Its filters raise errors of any type for values that they do
        # not expect, and one that got through would take the other records of the batch with it.
        try:
            return self.limits.record_output(self._rendered(text))
        except Exception as error:
            raise TemplateError(_first_line(error)) from error

    def _rendered(self, text: str) -> str:
        if "{{" not in text and "{%" not in text:
            return text
        template = _parsed.template(text, self.strict, self.escaped)
        buffer = OutputBuffer(self.limits.output_bytes)
        template.render_with_context(LimitedContext(template, dict(self.values), self.limits), buffer)
        return buffer.getvalue()


def template_error(text: str) -> str | None:
    """Why a text is not a valid template, in one line for a person, or None."""
    try:
        used = _parsed.template(text, strict=False, escaped=False).analyze(include_partials=False)
    except Exception as error:  # noqa: BLE001 - see TextRenderer.render
        return _first_line(error)
    unknown = sorted(used.filters.keys() - _environment(strict=False, escaped=False).filters.keys())
    fault = f"unknown filter: {', '.join(unknown)}" if unknown else _variable_fault(used)
    return fault[:_MAX_ERROR] if fault else None


def _variable_fault(used: TemplateAnalysis) -> str | None:
    # A variable that a loop sets and reads before it, to compare with the turn before, counts as global at its first place.
    paths = (each.segments for root, found in used.globals.items() if root not in used.locals for each in found)
    faults = (variable_fault(path) for path in paths if isinstance(path[0], str) and path[0] not in CLOCK_NAMES)
    return next((fault for fault in faults if fault), None)


def _first_line(error: Exception) -> str:
    # The text goes into the row of the message. Some errors have none, and some repeat a value of any length.
    lines = str(error.args[0] if error.args else "").splitlines()
    return (lines[0] if lines else type(error).__name__)[:_MAX_ERROR]


class _ParsedTemplates:
    """The templates that were parsed last, up to a length of all texts together. The longest text alone may exceed it."""

    def __init__(self) -> None:
        self._templates: dict[tuple[str, bool, bool], BoundTemplate] = {}
        self._characters = 0

    def template(self, text: str, strict: bool, escaped: bool) -> BoundTemplate:  # noqa: FBT001 - parts of the key
        """The parsed text. Raises what the parser raises."""
        key = text, strict, escaped
        found = self._templates.pop(key, None)
        if found is None:
            _require_linear_scan(text)
            found = _environment(strict, escaped).from_string(text)
            self._characters += len(text)
        self._templates[key] = found
        while self._characters > _MAX_CACHED_CHARACTERS and len(self._templates) > 1:
            oldest = next(iter(self._templates))
            del self._templates[oldest]
            self._characters -= len(oldest[0])
        return found


_parsed: Final = _ParsedTemplates()


def _require_linear_scan(text: str) -> None:
    """TooLargeError for a text that python-liquid's scanner would read again and again.

    For each `{{`, `{%`, `raw` and `doc` the scanner looks for the end. Each that never ends, such as in a comment, costs a scan of the
    whole rest: 10 KB of them take half a minute.
    """
    if _scanned(text, _VERBATIM_OPENINGS) > _MAX_SCAN or _scanned(_VERBATIM.sub("", text), _OPENINGS) > _MAX_SCAN:
        raise TooLargeError("too many tags are not closed")


def _scanned(text: str, openings: Iterable[tuple[re.Pattern[str], str]]) -> int:
    """How many characters the scanner reads for openings that are not closed."""
    return sum(
        (len(text) - match.start()) * len(match[0])
        for opening, closing in openings
        for match in opening.finditer(text, max(text.rfind(closing), 0))
    )


@cache
def _environment(strict: bool, escaped: bool) -> Environment:  # noqa: FBT001 - cache wants plain arguments
    environment = _LimitedEnvironment(undefined=StrictDefaultUndefined if strict else Undefined, autoescape=escaped)
    for tag in _TAGS_THAT_LOAD_FILES:
        del environment.tags[tag]
    for own_tag in (_Output, _EchoTag, _CycleTag):
        environment.add_tag(own_tag)
    liquid_filters.register(environment)
    return environment
