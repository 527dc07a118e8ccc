"""The page behind the links in messages, and the key that signs them (docs/messages.md#links).

Nobody logs a token: it is all that is needed to change the preferences of a customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from waypost import identify
from waypost.domain.customers.consents import ALL, ConsentState, consent_state
from waypost.domain.customers.facts import Facts, merge
from waypost.domain.customers.topics import Topic, with_general
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.links import PATH, Link, LinkPurpose, is_inert, parse_token
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.signal_codec import to_queue_message
from waypost.domain.signals import LinkUsed
from waypost.manage import link_page
from waypost.manage.api import ApiRequest
from waypost.manage.dependencies import ManageDependencies
from waypost.manage.link_page import PageStyle, TopicChoice
from waypost.manage.link_texts import LANGUAGES
from waypost.manage.requests import IgnoredQuery, NoQuery
from waypost.manage.responses.workspaces import LinkKeyResponse
from waypost.web.forms import FormFields
from waypost.web.http import Response

_ONE_CLICK: Final = ("list-unsubscribe", "one-click")
"""Name and value of the only field of a one-click request, in lower case (RFC 8058)."""

_PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A valid link, with the settings of its workspace."""

    link: Link
    settings: WorkspaceSettings

    @property
    def style(self) -> PageStyle:
        """How the workspace wants the page."""
        return PageStyle(self.settings.color, self.settings.language, self.settings.page_name)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All topics of the workspace."""
        return with_general(self.settings.topics)

    def topic_name(self, topic_id: str) -> str | None:
        """The name of a topic for a person; None for all topics."""
        if topic_id == ALL:
            return None
        return next((_name(each) for each in self.topics if each.id == topic_id), topic_id)


def show_page(request: ApiRequest[IgnoredQuery, None]) -> Response:
    """`GET /u/{token}`. It changes nothing: programs that check the links of a mail open them too."""
    opened = _opened(request)
    if isinstance(opened, Response):
        return opened
    link, style, choices = opened.link, opened.style, _choices(opened, request.dependencies)
    match link.purpose:
        case LinkPurpose.CONFIRM:
            return link_page.confirm_page(style, link.channel, _to_confirm(opened, choices))
        case LinkPurpose.PREFERENCES if choices:
            return link_page.preferences_page(style, link.channel, choices)
        case LinkPurpose.PREFERENCES:
            # The customer is gone, or the message went to a foreign address: there are no preferences, but the address has a say.
            return link_page.unsubscribe_page(style, link.channel, None, ())
        case LinkPurpose.UNSUBSCRIBE:
            return link_page.unsubscribe_page(style, link.channel, opened.topic_name(link.topic), choices)


def use_link(request: ApiRequest[IgnoredQuery, FormFields]) -> Response:
    """`POST /u/{token}`: the one-click request of a mail program, or a form of the page. It is durable when it is answered."""
    opened = _opened(request)
    if isinstance(opened, Response):
        return opened
    texts = opened.style.texts
    match _action(opened.link, request.body):
        case "unsubscribe":
            _send(request, opened.link, unsubscribed=(opened.link.topic,))
            return _done(opened, texts.unsubscribed if opened.link.topic != ALL else texts.unsubscribed_all)
        case "none":
            _send(request, opened.link, unsubscribed=(ALL,))
            return _done(opened, texts.unsubscribed_all)
        case "save":
            return _save(request, opened)
        case "confirm":
            return _confirm(request, opened)
        case _:
            return link_page.message_page(opened.style, texts.unreadable_title, [texts.unreadable], 400)


def rotate_key(request: ApiRequest[NoQuery, None]) -> LinkKeyResponse:
    """`POST /api/links/key`."""
    key = request.dependencies.link_keys.rotate(request.workspace, request.now)
    return LinkKeyResponse(id=key.id, created_at=key.created_at)


def for_person(path: str, response: Response, headers: Mapping[str, str]) -> Response:
    """The response as a page, if it is an error under the path of the page: a person reads it."""
    if not path.startswith(PATH) or response.media != _PROBLEM:
        return response
    style = _unknown_style(headers)
    texts = style.texts
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        page = link_page.message_page(style, texts.failed_title, [texts.failed], response.status)
    elif response.status == HTTPStatus.NOT_FOUND:
        page = _forged(style)
    else:
        page = link_page.message_page(style, texts.unreadable_title, [texts.unreadable], response.status)
    return Response(page.status, page.body, {**response.headers, **page.headers}, page.media)


def _opened(request: ApiRequest[Any, Any]) -> OpenedLink | Response:
    """The link in the path, or the page for a link that does nothing."""
    token = request.variables["token"]
    unknown_style = _unknown_style(request.headers)
    if is_inert(token):
        return link_page.message_page(unknown_style, unknown_style.texts.preview_title, [unknown_style.texts.preview])
    unverified = parse_token(token)
    link = request.dependencies.signing_keys.verified(unverified, request.now) if unverified else None
    if link is None:
        return _forged(unknown_style)
    opened = OpenedLink(link, request.dependencies.settings.read(link.workspace).settings)
    if link.is_expired(request.now):
        texts = opened.style.texts
        return link_page.message_page(opened.style, texts.expired_title, [texts.expired], 410)
    return opened


def _unknown_style(headers: Mapping[str, str]) -> PageStyle:
    """The style where no workspace is known: in the first language of the browser that the page has."""
    preferred = [part.split(";")[0].strip()[:2].lower() for part in headers.get("accept-language", "").split(",")]
    return PageStyle(language=next((each for each in preferred if each in LANGUAGES), link_page.DEFAULT_LANGUAGE))


def _forged(style: PageStyle) -> Response:
    return link_page.message_page(style, style.texts.forged_title, [style.texts.forged], 404)


def _facts(link: Link, dependencies: ManageDependencies) -> Facts | None:
    """What is known of the customer of a link; None if it is gone, or if the link is about an address only."""
    key = dependencies.customers.find_by_id(link.workspace, link.customer) if link.customer else None
    rows = identify.find_rows(dependencies.customers, link.workspace, key.owner) if key else []
    return merge(*(row.facts for row in rows)) if rows and not any(row.erasing for row in rows) else None


def _choices(opened: OpenedLink, dependencies: ManageDependencies) -> Sequence[TopicChoice]:
    """All topics with the state of the customer; none if there is no customer."""
    facts = _facts(opened.link, dependencies)
    if facts is None:
        return ()
    states = {topic.id: consent_state(facts, topic, opened.link.channel) for topic in opened.topics}
    return [
        TopicChoice(topic.id, _name(topic), states[topic.id] is ConsentState.SUBSCRIBED, pending=states[topic.id] is ConsentState.PENDING)
        for topic in opened.topics
    ]


def _to_confirm(opened: OpenedLink, choices: Iterable[TopicChoice]) -> Sequence[TopicChoice]:
    """The topics that a link confirms: its own one, or all that wait for a confirmation."""
    if opened.link.purpose is not LinkPurpose.CONFIRM:
        return ()
    topic = opened.link.topic
    return [each for each in choices if (each.id == topic if topic != ALL else each.pending)]


def _name(topic: Topic) -> str:
    return topic.name or topic.id


def _action(link: Link, fields: FormFields) -> str | None:
    """What a form asks for; None if it is no form of the page."""
    if _is_one_click(fields):
        return "unsubscribe" if link.purpose is LinkPurpose.UNSUBSCRIBE else None
    given = fields.get("action", ("",))[0]
    return given if given != "unsubscribe" or link.purpose is LinkPurpose.UNSUBSCRIBE else None


def _is_one_click(fields: FormFields) -> bool:
    return any((name.strip().lower(), value.strip().lower()) == _ONE_CLICK for name, values in fields.items() for value in values)


def _save(request: ApiRequest[IgnoredQuery, FormFields], opened: OpenedLink) -> Response:
    """Saves the list of topics: only what differs from what the page has shown."""
    known = [each.id for each in _choices(opened, request.dependencies)]
    wanted, was = (set(request.body.get(name, ())) for name in ("topic", "was"))
    subscribed = tuple(each for each in known if each in wanted - was)
    unsubscribed = tuple(each for each in known if each in was - wanted)
    texts = opened.style.texts
    if not subscribed and not unsubscribed:
        return link_page.message_page(opened.style, texts.preferences_title, [texts.unchanged])
    _send(request, opened.link, subscribed=subscribed, unsubscribed=unsubscribed)
    return _done(opened, texts.saved)


def _confirm(request: ApiRequest[IgnoredQuery, FormFields], opened: OpenedLink) -> Response:
    """Confirms those of the link's topics that the page has shown."""
    wanted, texts = set(request.body.get("topic", ())), opened.style.texts
    confirmed = tuple(each.id for each in _to_confirm(opened, _choices(opened, request.dependencies)) if each.id in wanted)
    if not confirmed:
        return link_page.message_page(opened.style, texts.confirm_title, [texts.nothing_to_confirm])
    _send(request, opened.link, subscribed=confirmed)
    return _done(opened, texts.confirmed)


def _send(request: ApiRequest[Any, Any], link: Link, subscribed: tuple[str, ...] = (), unsubscribed: tuple[str, ...] = ()) -> None:
    # The person who uses the link got it at the address, which is what a double opt-in has to prove.
    used = LinkUsed(
        link.workspace, link.customer, link.channel, link.address_hash, subscribed, unsubscribed, confirmed=bool(subscribed), at=request.now
    )
    if request.dependencies.signals.send([to_queue_message(used)]):
        raise UnavailableError("the signals queue did not take the use of a link")


def _done(opened: OpenedLink, text: str) -> Response:
    """The page after a form was used."""
    style, texts = opened.style, opened.style.texts
    done = link_page.filled(text, style, opened.link.channel, opened.topic_name(opened.link.topic) or "")
    return link_page.message_page(style, texts.saved_title, [done, texts.soon, texts.change_again])
