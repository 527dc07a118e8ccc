"""Templates in Liquid (`docs/journeys.md#templates`). The language itself is in `liquid_language`, which is imported on first use.

The import takes about 150 ms and 33 MB. A function that never renders, or a cold start before the first template, does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from waypost.domain.messages.message import RenderedTemplate, RenderFailure

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

        A RenderFailure if a text fails, if a `strict` template misses a value, or if all texts together exceed a limit.
        """
        from waypost.adapters import liquid_language, liquid_limits  # noqa: PLC0415 - see the module's docstring

        try:
            return _rendered(template, scope, liquid_limits.RenderLimits(now), strict=strict)
        except liquid_language.TemplateError as error:
            return RenderFailure(str(error))

    def missing_variables(self, template: Mapping[str, Any], scope: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
        """The variables that have no value in `scope` and no default in the template, in the order in which it reads them."""
        from waypost.adapters import liquid_language, liquid_limits  # noqa: PLC0415 - see the module's docstring

        limits = liquid_limits.RenderLimits(now)
        with suppress(liquid_language.TemplateError):
            _rendered(template, scope, limits, strict=False)
        return tuple(dict.fromkeys(path for _, path in limits.missing.values()))


def _rendered(template: Mapping[str, Any], scope: Mapping[str, Any], limits: Any, *, strict: bool) -> RenderedTemplate:
    from waypost.adapters import liquid_language, liquid_values  # noqa: PLC0415 - see the module's docstring

    values = liquid_values.to_liquid(scope)
    # Values are escaped in `html` only: the name `<b>Ada</b>` of a customer must not become markup there, and must not become
    # `&lt;b&gt;Ada&lt;/b&gt;` in a subject or in the JSON of a webhook.
    return {
        name: _render_texts(value, liquid_language.TextRenderer(values, limits, strict, name in _ESCAPED_FIELDS))
        for name, value in template.items()
    }


def _render_texts(value: Any, renderer: Any) -> Any:
    if isinstance(value, str):
        return renderer.render(value)
    if isinstance(value, list | tuple):
        return [_render_texts(each, renderer) for each in value]
    if isinstance(value, Mapping):
        return {name: _render_texts(each, renderer) for name, each in value.items()}
    return value
