"""What rendering a message may cost: processor time, memory of values, output. Every limit ends in an error of that message alone.

python-liquid counts the iterations of nested loops and the bytes of each output. That bounds neither a thousand loops one after the other,
nor what a filter builds before it prints, nor a message of a thousand texts. So the context of a render checks the time at every variable,
filter and iteration, and weighs every value that a filter makes or that a variable keeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import Any, Final, TextIO, cast

from liquid import BoundTemplate, Token
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.tags.for_tag import ForLoop
from liquid.builtin.tags.tablerow_tag import TableRow
from liquid.context import RenderContext
from liquid.limits import to_int
from liquid.undefined import UNDEFINED
from liquid.utils import ReadOnlyChainMap

from waypost.adapters.liquid_values import TooLargeError, is_missing, require_weight, weight
from waypost.domain.messages.message import MAX_RENDERED_BYTES

MAX_RENDER_SECONDS: Final = 1.0
"""Processor time of this thread, so that a busy machine fails no template. Templates that people write take a few milliseconds."""

MAX_RANGE: Final = 100_000
CLOCK_NAMES: Final = ("now", "today")
"""Variables that python-liquid adds to those of a template."""

_MAX_NAME: Final = 200
_MAX_MISSING: Final = 100


class TooSlowError(ValueError):
    """The templates of a message take too much processor time."""


@dataclass(slots=True)
class RenderLimits:
    """What is left for one message, across all of its texts. `missing`: the paths of variables without a value, by the id of the value."""

    now: datetime
    output_bytes: int = MAX_RENDERED_BYTES
    missing: dict[int, tuple[Any, str]] = field(default_factory=dict)
    ends: float = field(default_factory=lambda: time.thread_time() + MAX_RENDER_SECONDS)

    def check_time(self) -> None:
        """TooSlowError if the time is used up."""
        if time.thread_time() > self.ends:
            raise TooSlowError(f"rendering takes more than {MAX_RENDER_SECONDS:.0f} second")

    def timed(self, items: Iterator[Any]) -> Iterator[Any]:
        """The same items, with a check of the time before each."""
        for item in items:
            self.check_time()
            yield item

    def record_output(self, text: str) -> str:
        """The text, which is taken from the bytes that all texts together may have."""
        self.output_bytes -= len(text.encode("utf-8", "surrogatepass"))
        if self.output_bytes < 0:
            raise TooLargeError(f"more than {MAX_RENDERED_BYTES} bytes are rendered")
        return text

    def record_missing(self, value: Any, path: list[Any]) -> None:
        """Remembers a variable that has no value."""
        if len(self.missing) < _MAX_MISSING:
            self.missing[id(value)] = (value, ".".join(str(each) for each in path)[:_MAX_NAME])

    def forgive_missing(self, value: Any) -> None:
        """No longer lists a variable without a value, because the template has a default for it."""
        self.missing.pop(id(value), None)


class OutputBuffer(StringIO):
    """Collects output up to a number of bytes, and keeps its line breaks: without `newline=""`, carriage returns would be lost."""

    def __init__(self, limit: int) -> None:
        super().__init__(newline="")
        self.left = limit

    def write(self, text: str) -> int:
        """Adds a text. TooLargeError if the limit is exceeded."""
        self.left -= len(text.encode("utf-8", "surrogatepass"))
        if self.left < 0:
            raise TooLargeError(f"more than {MAX_RENDERED_BYTES} bytes are rendered")
        return super().write(text)


class LimitedContext(RenderContext):
    """The variables and the limits of one render."""

    def __init__(self, template: BoundTemplate, values: dict[str, Any], limits: RenderLimits) -> None:
        super().__init__(template, globals=template.make_globals(values))
        self.limits = limits
        self.weights: dict[object, int] = {}
        self.kept = 0
        # python-liquid's own `now` and `today` read the clock of the machine, so that a message would render differently each time.
        naive = limits.now.replace(tzinfo=None)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, dict(zip(CLOCK_NAMES, (naive, naive.date()), strict=True)), self.counters)

    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        """The value of a variable."""
        self.limits.check_time()
        value = super().get(path, token=token, default=default)
        if is_missing(value):
            self.limits.record_missing(value, path)
        return value

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """The function of a filter, which checks the time before and the weight of its result afterwards."""
        function = super().filter(name, token)

        def limited(value: Any, *args: Any, **options: Any) -> object:
            self.limits.check_time()
            result = function(value, *args, **options)
            require_weight(weight(result))
            return result

        return limited

    def assign(self, key: str, val: Any) -> None:
        """Keeps a variable."""
        self.locals[key] = val
        self._keep(key, weight(val))

    def cycle(self, key: object, length: int) -> int:
        """The next position of a `cycle` tag. Its key may be a value, so it counts as a variable."""
        self._keep(("cycle", key), weight(key))
        return super().cycle(key, length)

    def _keep(self, name: object, bytes_taken: int) -> None:
        self.limits.check_time()
        self.kept += bytes_taken - self.weights.get(name, 0)
        self.weights[name] = bytes_taken
        require_weight(self.kept // 4)

    def loop(self, namespace: Any, forloop: ForLoop | TableRow) -> Any:
        """A loop, which checks the time before each iteration."""
        forloop.it = self.limits.timed(forloop.it)
        return super().loop(namespace, forloop)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """A buffer for a part of the template."""
        return OutputBuffer(buf.left if isinstance(buf, OutputBuffer) else MAX_RENDERED_BYTES)


def _bounded_range(literal: RangeLiteral, context: RenderContext) -> range:
    """The range that a template writes as `(first..last)`.

    python-liquid makes ranges of any length and bounds the iterations of a loop only. But `reverse` and `reversed` build the list, and
    `offset` and `contains` walk over it, which takes minutes for a number that a customer's event brings. So a range is bounded when it
    is made.
    """
    if isinstance(context, LimitedContext):
        context.limits.check_time()
    first, last = (_integer(each.evaluate(context)) for each in (literal.start, literal.stop))
    if last - first >= MAX_RANGE:
        raise TooLargeError(f"a range has more than {MAX_RANGE} numbers")
    return range(first, last + 1)


def _integer(value: Any) -> int:
    try:
        return to_int(value)
    except (ValueError, TypeError):
        return 0


# python-liquid has no setting for ranges and no way to replace their class: the parser makes them by name.
cast("Any", RangeLiteral).evaluate = _bounded_range
