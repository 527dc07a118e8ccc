"""The page behind links: its text, its safety against whatever it shows, and its look."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.journeys.message_steps import CHANNELS
from waypost.manage import link_page
from waypost.manage.link_page import PageStyle, TopicChoice, confirm_page, filled, message_page, preferences_page, unsubscribe_page
from waypost.manage.link_texts import LANGUAGES, Texts
from waypost.web.http import Response

HOSTILE = "\"'><script>alert(1)</script><form action=//evil.example><!-- {topic} {channel}"
CHOICES = [TopicChoice("news", "News", True), TopicChoice("offers", "Offers", False), TopicChoice("tips", "Tips", False, pending=True)]
STYLE = PageStyle()


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text, as a browser reads them."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(response.body))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all tags of this name."""
        return [attributes for name, attributes in self.tags if name == tag]


def pages(style: PageStyle, text: str) -> list[Response]:
    """One page of each kind, with this text wherever a workspace or a link can put one."""
    choices = [TopicChoice(text, text, True), TopicChoice(text, text, False, pending=True)]
    return [
        message_page(style, text, [text]),
        unsubscribe_page(style, text, text, choices),
        unsubscribe_page(style, text, None, ()),
        preferences_page(style, text, choices),
        preferences_page(style, text, ()),
        confirm_page(style, text, choices),
        confirm_page(style, text, choices[:1]),
    ]


def markup(response: Response) -> list[tuple[str, set[str]]]:
    """The HTML tags of a page in their order, each with the names of its attributes."""
    return [(tag, set(attributes)) for tag, attributes in Page(response).tags]


PLAIN_MARKUP = [markup(page) for page in pages(PageStyle(name="plain"), "plain")]


@given(st.one_of(st.just(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=80)))
def test_no_text_becomes_markup(text: str) -> None:
    """Whatever the name of a topic, of a sender or of a channel is, the tags of the page are those of the page with a plain text."""
    style = PageStyle(name=f"x{text}")
    assert [markup(page) for page in pages(style, f"x{text}")] == PLAIN_MARKUP


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_loads_and_runs_nothing(language: str) -> None:
    """A page has no script, no handler, no address of anything, and its forms go to its own address, which thus is not in it."""
    for response in pages(PageStyle(language=language, name="Shop"), "News"):
        page = Page(response)
        assert not {"script", "link", "img", "iframe", "a", "base", "object"} & {tag for tag, _ in page.tags}
        names = {name for _, attributes in page.tags for name in attributes}
        assert not {"src", "href", "action", "style", "formaction"} & names
        assert not [name for name in names if name.startswith("on")]
        assert page.named("html") == [{"lang": language}]
        assert "{" not in page.text.replace(link_page._css(link_page.DEFAULT_COLOR), "")


@given(st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True) | st.text(max_size=30))
def test_the_policy_admits_exactly_the_style_of_the_page(color: str) -> None:
    """The content security policy has the hash of the one style sheet, in which no text but a colour can stand."""
    response = message_page(PageStyle(color), "Title", [])
    [css] = re.findall(r"<style>(.*?)</style>", str(response.body), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert policy == f"default-src 'none'; form-action 'self'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    is_color = re.fullmatch(r"#[0-9a-fA-F]{6}", color) is not None
    assert (color in css) if is_color else (link_page.DEFAULT_COLOR in css)


def test_the_page_is_not_stored_and_not_found() -> None:
    """No cache, no search engine and no frame gets the page, and no other server its address."""
    headers = message_page(STYLE, "Title", []).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_list_of_topics_carries_what_it_shows() -> None:
    """A subscribed topic is checked and named as subscribed before; one that waits for a confirmation says so."""
    page = Page(preferences_page(STYLE, "email", CHOICES))
    checkboxes = [each for each in page.named("input") if each["type"] == "checkbox"]
    assert [(each["name"], each["value"], "checked" in each) for each in checkboxes] == [
        ("topic", "news", True),
        ("topic", "offers", False),
        ("topic", "tips", False),
    ]
    assert [each["value"] for each in page.named("input") if each["name"] == "was"] == ["news"]
    assert [each["value"] for each in page.named("button")] == ["save", "none"]
    assert page.text.count("not confirmed yet") == 1


@pytest.mark.parametrize(
    ("topic", "choices", "buttons"),
    [("News", CHOICES, ["unsubscribe", "save", "none"]), ("News", [], ["unsubscribe", "none"]), (None, [], ["none"])],
)
def test_an_unsubscription_is_asked_for_first(topic: str | None, choices: list[TopicChoice], buttons: list[str]) -> None:
    """The first button ends the topic of the message, or all topics; there is always one that ends all of them."""
    page = Page(unsubscribe_page(STYLE, "email", topic, choices))
    assert [each["value"] for each in page.named("button")] == buttons
    assert "e-mail" in page.text


def test_a_confirmation_names_what_it_confirms() -> None:
    """The form of a confirmation carries the topics that it shows, and without any there is no button."""
    page = Page(confirm_page(STYLE, "email", CHOICES[:2]))
    assert [each["value"] for each in page.named("input")] == ["news", "offers"]
    assert "Offers" in page.text
    assert not Page(confirm_page(STYLE, "email", ())).named("button")


def test_every_language_has_all_texts() -> None:
    """Each language has every text, with the same places for topic and channel, and no text of another language."""
    for field in (each.name for each in dataclasses.fields(Texts) if each.name != "channels"):
        found = {language: str(getattr(texts, field)) for language, texts in LANGUAGES.items()}
        assert all(found.values())
        assert len(set(found.values())) == len(found), field
        assert len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in found.values()}) == 1, field
    german = PageStyle(language="de")
    assert filled(german.texts.unsubscribed_all, german, "email") == "Sie sind von allen Nachrichten per E-Mail abgemeldet."


def test_every_channel_with_links_has_a_name_in_every_language() -> None:
    """The page names the channel of its link for a person, in each of its languages."""
    for name, step in CHANNELS.items():
        assert not step.has_links or all(name in texts.channels for texts in LANGUAGES.values())


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((link_page._luminance(one), link_page._luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_the_text_of_a_button_can_be_read_on_every_colour(color: str) -> None:
    """On whatever colour a workspace chooses, the text of the button has a contrast of at least 4.5 (WCAG 2.2)."""
    [on_accent] = re.findall(r"color:(#[0-9a-f]{6});background:#[0-9a-f]{6};cursor", link_page._css(color))
    assert _contrast(on_accent, color) >= 4.5
