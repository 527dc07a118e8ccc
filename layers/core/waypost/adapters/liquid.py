"""Templates in Liquid. The language itself is imported on first use: it takes longer to load than a message takes to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from waypost.domain.messages.message import RENDERED_BYTES, Rendered, RenderFailure

_ESCAPED: Final = frozenset({"html"})


def error_in(template: str) -> str | None:
    """Why a text is not a template that could be rendered, or None."""
    from waypost.adapters import liquid_language  # noqa: PLC0415 - 150 ms that most cold starts need not pay

    return liquid_language.error_in(template)


@dataclass(frozen=True, slots=True)
class LiquidTemplates:
    """Renders every text in a template's fields, lists and objects; the field `html` with its values escaped."""

    def render(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool) -> Rendered | RenderFailure:
        """The template with its texts rendered; a Fault if one fails, a strict one misses a value, or all are over 256 KiB."""
        from waypost.adapters import liquid_language  # noqa: PLC0415 - see error_in

        seen = liquid_language.visible(scope)
        try:
            made = {name: _tree(value, liquid_language.Rendering(seen, now, strict, name in _ESCAPED)) for name, value in template.items()}
        except liquid_language.RenderError as error:
            return RenderFailure(str(error))
        size = _size(made)
        return RenderFailure(f"{size} bytes rendered, at most {RENDERED_BYTES} are allowed") if size > RENDERED_BYTES else made


def _tree(value: Any, rendering: Any) -> Any:
    if isinstance(value, str):
        return rendering.text(value)
    if isinstance(value, list | tuple):
        return [_tree(each, rendering) for each in value]
    if isinstance(value, Mapping):
        return {name: _tree(each, rendering) for name, each in value.items()}
    return value


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    return 0
