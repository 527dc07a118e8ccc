"""The page behind links and the rotation of their key, through the handler of the management function."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.api_client import call, new_workspace, send
from waypost import wiring
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import head_key
from waypost.domain.messages.links import Link, LinkPurpose, token_of
from waypost.domain.signal_codec import from_body
from waypost.domain.signals import LinkUsed, QueueMessage
from waypost.identify import write_facts

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace that has the admin key of the local run."""
    return new_workspace()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[LinkUsed]:
    """The uses of links that the signals queue got."""
    signals: list[Any] = []

    def keep_signals(_: object, queue_messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        signals.extend(from_body(each.body) for each in queue_messages)
        return []

    monkeypatch.setattr(type(wiring.signals_queue()), "send", keep_signals)
    return signals


def token(
    workspace: str, purpose: LinkPurpose = LinkPurpose.UNSUBSCRIBE, topic: str = "general", customer: str = "", **changes: Any
) -> str:
    """A signed token for an e-mail to this customer, by default to an address without one."""
    now = wiring.now().replace(microsecond=0)
    link = Link(purpose, workspace, customer, "hash", "email", topic, now + changes.pop("valid_for", timedelta(days=1)))
    return token_of(link, wiring.link_keys().of(workspace, now)[0])


def customer_of(workspace: str) -> str:
    """The id of a customer with a primary key."""
    return str(write_facts(wiring.managing().customers, head_key(workspace, Identifier("primary", "ada@example.com")), {}))


def test_a_get_sends_no_signal(workspace: str, sent: list[LinkUsed]) -> None:
    """The page of each purpose is shown without a key, without its token, a permission for other origins, or a signal."""
    for purpose in LinkPurpose:
        opened = token(workspace, purpose, customer=customer_of(workspace))
        response = send("GET", f"/u/{opened}", key=None)
        assert (response["statusCode"], response["headers"]["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "Access-Control-Allow-Origin" not in response["headers"]
        assert opened not in response["body"]
    assert sent == []


def test_one_click_sends_one_signal(workspace: str, sent: list[LinkUsed]) -> None:
    """The request of RFC 8058 becomes one signal with the fields of the link, whatever the case of its field and whatever else it holds."""
    for body in ("List-Unsubscribe=One-Click", "x=y&list-unsubscribe=one-click"):
        assert send("POST", f"/u/{token(workspace)}", body, {"utm": "x"}, key=None, headers=FORM)["statusCode"] == 200
    first, second = sent
    assert (first.workspace, first.customer_in_link, first.channel, first.address_hash) == (workspace, "", "email", "hash")
    assert (first.unsubscribed, first.subscribed, first.confirmed) == (("general",), (), False)
    assert second.unsubscribed == first.unsubscribed


@pytest.mark.parametrize("purpose", [LinkPurpose.PREFERENCES, LinkPurpose.CONFIRM])
def test_only_a_link_to_unsubscribe_takes_one_click(workspace: str, sent: list[LinkUsed], purpose: LinkPurpose) -> None:
    """A one-click request to another link is refused: no header has such a link."""
    assert send("POST", f"/u/{token(workspace, purpose)}", "List-Unsubscribe=One-Click", key=None, headers=FORM)["statusCode"] == 400
    assert send("POST", f"/u/{token(workspace, purpose)}", "action=unsubscribe", key=None, headers=FORM)["statusCode"] == 400
    assert sent == []


def test_a_form_changes_only_topics_of_the_workspace(workspace: str, sent: list[LinkUsed]) -> None:
    """A form with topics that do not exist, or that the page has not shown as subscribed, changes only what it may."""
    opened = token(workspace, LinkPurpose.PREFERENCES, customer=customer_of(workspace))
    send("POST", f"/u/{opened}", "action=save&was=general&was=no-topic&topic=other&topic=*", key=None, headers=FORM)
    [used] = sent
    assert (used.subscribed, used.unsubscribed) == ((), ("general",))
    unchanged = send("POST", f"/u/{opened}", "action=save&was=general&topic=general", key=None, headers=FORM)
    assert (unchanged["statusCode"], len(sent)) == (200, 1)


def test_a_confirmation_confirms_the_topic_of_its_link_only(workspace: str, sent: list[LinkUsed]) -> None:
    """A form that names another topic than the link confirms nothing, and neither does a link to unsubscribe."""
    customer = customer_of(workspace)
    call("PUT", "/api/settings", {"topics": [{"id": "news", "doubleOptIn": True}, {"id": "offers", "doubleOptIn": True}]})
    confirm = token(workspace, LinkPurpose.CONFIRM, "news", customer)
    assert send("POST", f"/u/{confirm}", "action=confirm&topic=offers", key=None, headers=FORM)["statusCode"] == 200
    send("POST", f"/u/{token(workspace, topic='news', customer=customer)}", "action=confirm&topic=news", key=None, headers=FORM)
    assert sent == []
    send("POST", f"/u/{confirm}", "action=confirm&topic=news&topic=offers", key=None, headers=FORM)
    [used] = sent
    assert (used.subscribed, used.confirmed) == (("news",), True)


@pytest.mark.parametrize(("accept", "title"), [("de-DE,de;q=0.9,en;q=0.8", "nicht gültig"), ("fr, en", "not valid"), ("", "not valid")])
def test_a_page_of_no_workspace_is_in_the_language_of_the_browser(workspace: str, accept: str, title: str) -> None:
    """A forged link says so in the first language of the browser that the page has, else in English."""
    response = send("GET", "/u/forged", key=None, headers={"Accept-Language": accept})
    assert (response["statusCode"], title in response["body"]) == (404, True)


def test_an_expired_link_is_gone(workspace: str, sent: list[LinkUsed]) -> None:
    """From the second of its expiry on a link is a 410, for the page and for one click."""
    expired = token(workspace, valid_for=timedelta(0))
    assert send("GET", f"/u/{expired}", key=None)["statusCode"] == 410
    assert send("POST", f"/u/{expired}", "List-Unsubscribe=One-Click", key=None, headers=FORM)["statusCode"] == 410
    assert sent == []


def test_a_link_of_another_workspace_is_forged(workspace: str) -> None:
    """A token that says another workspace than the one whose key signed it is not valid."""
    other = new_workspace()
    raw = base64.urlsafe_b64decode(token(workspace) + "==").replace(workspace.encode(), other.encode())
    forged = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert send("GET", f"/u/{forged}", key=None)["statusCode"] == 404


def test_a_queue_that_is_down_is_a_page_with_503(workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the signals queue takes nothing, the answer is 503, so that a mail program tries again; a person reads a page."""
    monkeypatch.setattr(type(wiring.signals_queue()), "send", lambda _, messages: list(messages))
    response = send("POST", f"/u/{token(workspace)}", "List-Unsubscribe=One-Click", key=None, headers=FORM)
    assert (response["statusCode"], response["headers"]["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert response["headers"]["Retry-After"]


def test_no_token_is_logged(workspace: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a valid, a forged nor a failing request of the page leaves its token in the log of the function."""
    monkeypatch.setattr(type(wiring.signals_queue()), "send", lambda _, messages: list(messages))
    opened = token(workspace)
    for each in (opened, opened[:-2], "x" * 1100):
        for method, headers in (("GET", {}), ("POST", FORM), ("POST", {}), ("DELETE", {})):
            send(method, f"/u/{each}", "List-Unsubscribe=One-Click", key=None, headers=headers)
            output = capsys.readouterr()
            assert each[:-2] not in output.out + output.err


def test_the_key_is_rotated_and_never_shown(workspace: str) -> None:
    """A rotation answers with the id of the new key, a repeat with the same one, and links of the old key still work."""
    opened = token(workspace)
    status, key = call("POST", "/api/links/key")
    assert (status, set(key)) == (201, {"id", "createdAt"})
    assert call("POST", "/api/links/key") == (201, key)
    assert send("GET", f"/u/{opened}", key=None)["statusCode"] == 200
    assert send("POST", "/api/links/key", key=None)["statusCode"] == 401


def test_a_language_that_the_page_does_not_have_is_refused(workspace: str) -> None:
    """The settings take the languages of the page only, with a pointer to the fault."""
    status, refused = call("PUT", "/api/settings", {"language": "fr"})
    assert (status, refused["errors"][0]["code"], refused["errors"][0]["pointer"]) == (422, "unknown-language", "/language")
    assert call("PUT", "/api/settings", {"language": "de", "color": "#00AAff", "pageName": "Shop"})[0] == 200
    assert call("PUT", "/api/settings", {"color": "red"})[0] == 422


def test_publishing_warns_of_a_mail_without_a_link(workspace: str) -> None:
    """A mail without an unsubscribe link is published with a warning, a transactional one without; a webhook with a link is refused."""
    text = {"subject": "Hi", "text": "Hello"}
    steps = [
        {"id": "a", "type": "message", "channel": "email", "template": text, "next": "b"},
        {"id": "b", "type": "message", "channel": "email", "template": text, "transactional": True, "next": "c"},
        {
            "id": "c",
            "type": "message",
            "channel": "email",
            "template": {"subject": "x", "html": "{{ preferences_url }}{{ confirm_url }}"},
            "next": "d",
        },
        {"id": "d", "type": "message", "channel": "sms", "template": {"text": "Hi", "to": "+4915112345678"}, "next": "end"},
        {"id": "end", "type": "exit"},
    ]
    call("PUT", "/api/journeys/one", {"name": "One", "entry": {"event": "go"}, "steps": steps})
    status, journey = call("POST", "/api/journeys/one/publish")
    warned = [(each["code"], each["pointer"]) for each in journey["warnings"]]
    assert (status, journey["problems"]) == (200, [])
    assert warned == [("no-unsubscribe-link", "/steps/0/template"), ("confirm-not-transactional", "/steps/2/template/html")]
    hook = {
        "url": "https://example.com/",
        "json": {"unsubscribe_url": "{% assign confirm_url = 1 %}{{ confirm_url }}", "x": "{{ unsubscribe_url }}"},
    }
    steps[0] = {"id": "a", "type": "message", "channel": "webhook", "template": hook, "next": "b"}
    call("PUT", "/api/journeys/two", {"name": "Two", "entry": {"event": "go"}, "steps": steps})
    status, refused = call("POST", "/api/journeys/two/publish")
    assert (status, [(each["code"], each["pointer"]) for each in refused["errors"]]) == (
        422,
        [("bad-template", "/steps/0/template/json/x")],
    )
