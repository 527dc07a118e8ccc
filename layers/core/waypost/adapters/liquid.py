"""Templates in Liquid (`docs/journeys.md#templates`). The language itself is in `liquid_language`, which is imported on first use.

The import takes about 150 ms and 33 MB. A function that never renders, or a cold start before the first template, does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from waypost.domain.messages.message import MAX_RENDERED_BYTES, RenderedTemplate, RenderFailure

_ESCAPED_FIELDS: Final = frozenset({"html"})


def template_error(text: str) -> str | None:
    """Why a text is not a valid template, in one line for a person, or None."""
    from waypost.adapters import liquid_language  # noqa: PLC0415 - see the module's docstring

    return liquid_language.template_error(text)


@dataclass(frozen=True, slots=True)
class LiquidTemplates:
    """Renders all texts of a template, at any depth of its lists and objects. Names of fields are not rendered."""

    def render(
        self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime, *, strict: bool
    ) -> RenderedTemplate | RenderFailure:
        """The template with its texts rendered.

        A RenderFailure if a text fails, if a `strict` template misses a value, or if all texts together exceed `MAX_RENDERED_BYTES`.
        """
        from waypost.adapters import liquid_language  # noqa: PLC0415 - see the module's docstring

        values = liquid_language.to_liquid(scope)
        # Values are escaped in `html` only: the name `<b>Ada</b>` of a customer must not become markup there, and must not become
        # `&lt;b&gt;Ada&lt;/b&gt;` in a subject or in the JSON of a webhook.
        try:
            rendered = {
                name: _render_texts(value, liquid_language.TextRenderer(values, now, strict, name in _ESCAPED_FIELDS))
                for name, value in template.items()
            }
        except liquid_language.TemplateError as error:
            return RenderFailure(str(error))
        size = _size(rendered)
        if size > MAX_RENDERED_BYTES:
            return RenderFailure(f"{size} bytes rendered, at most {MAX_RENDERED_BYTES} are allowed")
        return rendered


def _render_texts(value: Any, renderer: Any) -> Any:
    if isinstance(value, str):
        return renderer.render(value)
    if isinstance(value, list | tuple):
        return [_render_texts(each, renderer) for each in value]
    if isinstance(value, Mapping):
        return {name: _render_texts(each, renderer) for name, each in value.items()}
    return value


def _size(value: Any) -> int:
    """The bytes of all texts in a JSON value, in UTF-8."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    return 0
