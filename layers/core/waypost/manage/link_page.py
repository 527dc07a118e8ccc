"""The page behind the links in messages, as HTML without script (docs/messages.md#the-page).

The page is opened by anybody who has the link, and by programs that check links. It is on the same origin as the management API. So it
loads nothing and runs nothing, every text in it is escaped, and it names no customer. Its forms have no `action`: they are sent to the
address of the page itself, and thus the token is not in the page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from waypost.manage.link_texts import LANGUAGES, Texts
from waypost.web.http import Response

DEFAULT_COLOR: Final = "#1f5fa8"
DEFAULT_LANGUAGE: Final = "en"

Action = Literal["unsubscribe", "save", "none", "confirm"]
"""The value of the button that sends a form: end the topic of the link, save the list, end all topics, confirm."""

_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class PageStyle:
    """How a workspace wants the page: a colour `#rrggbb`, a language of `LANGUAGES`, and the name of the sender, which may be empty."""

    color: str = DEFAULT_COLOR
    language: str = DEFAULT_LANGUAGE
    name: str = ""

    @property
    def texts(self) -> Texts:
        """The texts in the language."""
        return LANGUAGES[self.shown_language]

    @property
    def shown_language(self) -> str:
        """The language that the page has; English for one that it does not have."""
        return self.language if self.language in LANGUAGES else DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """A topic in the list of the page, and whether it is subscribed, or waits for a confirmation."""

    id: str
    name: str
    subscribed: bool
    pending: bool = False


def message_page(style: PageStyle, title: str, paragraphs: Iterable[str], status: int = 200) -> Response:
    """A page without a form."""
    return _page(style, title, "".join(f"<p>{escape(each)}</p>" for each in paragraphs), status)


def unsubscribe_page(style: PageStyle, channel: str, topic: str | None, choices: Sequence[TopicChoice]) -> Response:
    """The question whether to end a topic (its name; None: all topics), and the list of all topics below it."""
    texts = style.texts
    question = texts.unsubscribe_question if topic is not None else texts.unsubscribe_all_question
    asked = f"<p>{_filled(question, topic, channel, texts)}</p>"
    # Without a list, a second button ends all topics: with one, it stands below the list.
    every = _button("none", texts.unsubscribe_all, plain=True) if topic is not None and not choices else ""
    first = _form(asked + _button("unsubscribe" if topic is not None else "none", texts.unsubscribe) + every)
    rest = f"<h2>{escape(texts.preferences_title)}</h2>{_preferences_form(style, channel, choices)}" if choices else ""
    return _page(style, texts.unsubscribe_title, first + rest)


def preferences_page(style: PageStyle, channel: str, choices: Sequence[TopicChoice]) -> Response:
    """The list of all topics."""
    texts = style.texts
    body = _preferences_form(style, channel, choices) if choices else f"<p>{escape(texts.no_topics)}</p>"
    return _page(style, texts.preferences_title, body)


def confirm_page(style: PageStyle, channel: str, topics: Sequence[TopicChoice]) -> Response:
    """The question whether to confirm the subscription of these topics."""
    texts = style.texts
    if not topics:
        return message_page(style, texts.confirm_title, [texts.nothing_to_confirm])
    if len(topics) == 1:
        asked = f"<p>{_filled(texts.confirm_question, topics[0].name, channel, texts)}</p>"
    else:
        names = "".join(f"<li>{escape(each.name)}</li>" for each in topics)
        asked = f"<p>{_filled(texts.confirm_many_question, None, channel, texts)}</p><ul>{names}</ul>"
    # The form names what it has shown: what has been subscribed to since is not confirmed by it.
    shown = "".join(f'<input type="hidden" name="topic" value="{escape(each.id)}">' for each in topics)
    return _page(style, texts.confirm_title, _form(asked + shown + _button("confirm", texts.confirm)))


def filled(text: str, style: PageStyle, channel: str, topic: str = "") -> str:
    """A text of the page with the names of a topic and of a channel in it; not escaped."""
    return text.replace("{channel}", style.texts.channel(channel)).replace("{topic}", topic)


def _filled(text: str, topic: str | None, channel: str, texts: Texts) -> str:
    # The name of the topic comes last: one that holds `{channel}` stays as it is.
    return escape(text).replace("{channel}", escape(texts.channel(channel))).replace("{topic}", escape(topic or ""))


def _preferences_form(style: PageStyle, channel: str, choices: Sequence[TopicChoice]) -> str:
    texts = style.texts
    rows = "".join(_choice(each, texts) for each in choices)
    lead = f"<p>{_filled(texts.preferences_lead, None, channel, texts)}</p>"
    return _form(f"{lead}<ul>{rows}</ul>{_button('save', texts.save)}{_button('none', texts.unsubscribe_all, plain=True)}")


def _choice(choice: TopicChoice, texts: Texts) -> str:
    # The form carries what it showed as subscribed. What was not touched is not changed, whatever has happened since the page was loaded.
    name = escape(choice.id)
    was = f'<input type="hidden" name="was" value="{name}">' if choice.subscribed else ""
    checked = " checked" if choice.subscribed else ""
    note = f" <small>({escape(texts.pending)})</small>" if choice.pending else ""
    return (
        f'<li><label><input type="checkbox" name="topic" value="{name}"{checked}><span>{escape(choice.name)}{note}</span></label>{was}</li>'
    )


def _form(content: str) -> str:
    return f'<form method="post">{content}</form>'


def _button(action: Action, text: str, *, plain: bool = False) -> str:
    return f'<button name="action" value="{action}"{" class=plain" if plain else ""}>{escape(text)}</button>'


def _page(style: PageStyle, title: str, body: str, status: int = 200) -> Response:
    css = _css(style.color)
    # The hash admits this one style sheet. Without it a colour would need 'unsafe-inline', which admits every style in the page.
    css_hash = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    name = f"<p class=name>{escape(style.name)}</p>" if style.name else ""
    html = (
        f'<!DOCTYPE html>\n<html lang="{style.shown_language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex, nofollow">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title><style>{css}</style></head>'
        f"<body><main>{name}<h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )
    policy = f"default-src 'none'; form-action 'self'; style-src 'sha256-{css_hash}'; base-uri 'none'; frame-ancestors 'none'"
    return Response(status, html, {**PAGE_HEADERS, "Content-Security-Policy": policy}, "text/html; charset=utf-8")


PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""The headers of the page beside its content security policy."""


def _css(color: str) -> str:
    accent = color if _COLOR.fullmatch(color) else DEFAULT_COLOR
    # A text on the accent is black or white, whichever contrasts more; on a dark ground a dark accent would be hard to see as a border.
    on_accent = "#000000" if _luminance(accent) > 0.179 else "#ffffff"
    return (
        "*{box-sizing:border-box}"
        "body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1b1b1b;background:#f3f4f6;overflow-wrap:anywhere}"
        "main{min-height:100vh;max-width:34rem;margin:0 auto;padding:2rem 1.25rem;background:#ffffff}"
        "h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.15rem;margin:2.5rem 0 .5rem}"
        "p{margin:0 0 1rem}.name{font-weight:600;margin-bottom:1.5rem}"
        "ul{list-style:none;margin:0 0 1rem;padding:0}li{border-top:1px solid #8a8f98;padding:.25rem 0}"
        "label{display:flex;gap:.75rem;padding:.6rem 0}input[type=checkbox]{flex:none;width:1.15rem;height:1.15rem;margin:.2rem 0 0}"
        f"input[type=checkbox]{{accent-color:{accent}}}"
        "button{font:inherit;font-weight:600;display:block;width:100%;min-height:2.75rem;padding:.6rem 1rem;margin:.75rem 0 0;"
        f"border:2px solid {accent};border-radius:.4rem;color:{on_accent};background:{accent};cursor:pointer}}"
        "button.plain{color:#1b1b1b;background:transparent;border-color:#8a8f98;font-weight:400}"
        "button:focus-visible,input:focus-visible{outline:3px solid currentColor;outline-offset:2px}"
        "@media (min-width:40rem){main{min-height:0;margin:3rem auto;border-radius:.75rem;padding:2.5rem}}"
        "@media (prefers-color-scheme:dark){body{color:#ececec;background:#121316}main{background:#1d1f24}button.plain{color:#ececec}}"
    )


def _luminance(color: str) -> float:
    """The relative luminance of a colour, from 0 for black to 1 for white (WCAG 2.2)."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
