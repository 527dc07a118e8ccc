"""Links in e-mails over HTTP: one click, the page, scanners, double opt-in, forged and expired links, and erased customers."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from functions.local.stack import Stack
from tests.stories.backends import AnyStack, both_backends
from tests.stories.workspace import Workspace, identify, trigger

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BROWSER = {"Origin": "null", "Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}
"""What a browser sends with a form of a page that has no referrer."""

FORMS = [{"data": ONE_CLICK}, {"files": {"List-Unsubscribe": (None, "One-Click")}}]
"""The body of RFC 8058 in both media types."""


def newsletter(**step: Any) -> dict[str, Any]:
    """A journey that each event `issue` makes send an e-mail with links, about the topic `news` unless `step` says otherwise."""
    template = {
        "subject": "Issue {{ event.payload.number }}",
        "text": "Stop: {{ unsubscribe_url }}\nChoose: {{ preferences_url }}\nConfirm: {{ confirm_url }}",
    }
    message = {"id": "mail", "type": "message", "channel": "email", "template": template, "next": "end", "topic": "news", **step}
    steps = [{name: value for name, value in message.items() if value is not None}, {"id": "end", "type": "exit"}]
    return {"id": "newsletter", "name": "Newsletter", "entry": {"event": "issue", "reentry": {"mode": "always"}}, "steps": steps}


def subscribed(workspace: Workspace, **settings: Any) -> str:
    """The address of a customer of a workspace with the topics `news` and `offers`, who has got one issue."""
    topics = [{"id": "news", "name": "Our <news>"}, {"id": "offers", "name": "Offers"}]
    workspace.put("/api/settings", {"topics": topics, **settings})
    workspace.publish(newsletter())
    address = workspace.email("ada")
    workspace.send(identify("d1", address), trigger("d1", "issue", number=1))
    assert workspace.stack.settle()
    return address


def link(workspace: Workspace, address: str, name: str = "Stop") -> str:
    """The address of a link in the newest e-mail to an address."""
    found = re.search(rf"{name}: (\S+)", workspace.mails_to(address)[0]["text"])
    assert found
    return found[1]


def issue(workspace: Workspace, number: int) -> str:
    """The status and the reason of the message that another issue makes."""
    workspace.send(trigger("d1", "issue", number=number))
    assert workspace.stack.settle()
    newest = workspace.get("/api/messages?journey=newsletter&limit=1")["items"][0]
    return f"{newest['status']} {newest['reason']}"


@both_backends
@pytest.mark.parametrize("form", FORMS, ids=["form-encoded", "multipart"])
def test_one_click_ends_the_topic(stack: AnyStack, workspace: Workspace, form: dict[str, Any]) -> None:
    """The button of a mail program posts to the address in `List-Unsubscribe`: 200, no redirect, and no further message of the topic."""
    address = subscribed(workspace)
    headers = workspace.mails_to(address)[0]["headers"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = headers["List-Unsubscribe"].removeprefix("<").removesuffix(">")
    assert url.startswith(f"{stack.url}/u/")
    response = httpx.post(url, timeout=30, follow_redirects=False, **form)
    assert (response.status_code, response.history) == (200, [])
    assert workspace.stack.settle()
    assert issue(workspace, 2) == "skipped unsubscribed"
    timeline = workspace.get(f"/api/customers/{workspace.customer(address)['id']}/timeline")["items"]
    assert "$unsubscribe" in str(timeline)
    assert len(workspace.mails_to(address)) == 1


def test_a_scanner_changes_nothing(workspace: Workspace) -> None:
    """A program that opens every link of a mail, by GET and HEAD, with any parameters, ends no topic."""
    address = subscribed(workspace)
    for name in ("Stop", "Choose", "Confirm"):
        for method in ("GET", "HEAD"):
            assert httpx.request(method, link(workspace, address, name) + "?utm_source=x", timeout=30).status_code == 200
    assert workspace.stack.settle()
    assert issue(workspace, 2) == "sent None"


def test_the_page_shows_and_saves_the_topics(workspace: Workspace) -> None:
    """The page lists the topics with escaped names, in the language and colour of the workspace, and saves what is changed in it."""
    address = subscribed(workspace, language="de", color="#804000", pageName="Müller & Co.")
    url = link(workspace, address, "Choose")
    page = httpx.get(url, timeout=30)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; form-action 'self'; ")
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "access-control-allow-origin" not in page.headers
    for text in ('<html lang="de">', "Our &lt;news&gt;", "Müller &amp; Co.", "#804000", "Ihre Einstellungen"):
        assert text in page.text
    assert url.rpartition("/")[2] not in page.text
    form = {"action": "save", "was": ["news", "offers", "general"], "topic": ["offers", "general"]}
    saved = httpx.post(url, data=form, headers=BROWSER, timeout=30)
    assert (saved.status_code, "gespeichert" in saved.text) == (200, True)
    assert workspace.stack.settle()
    assert issue(workspace, 2) == "skipped unsubscribed"
    again = httpx.get(url, timeout=30).text
    assert 'value="news">' in again
    assert 'value="offers" checked>' in again
    httpx.post(url, data={"action": "save", "was": ["offers"], "topic": ["offers", "news"]}, headers=BROWSER, timeout=30)
    assert workspace.stack.settle()
    assert issue(workspace, 3) == "sent None"


def test_a_journey_ends_when_its_customer_unsubscribes(workspace: Workspace) -> None:
    """What the page does is an event of the customer: a journey can exit on it."""
    address = subscribed(workspace)
    waiting = newsletter(topic=None) | {"id": "course", "entry": {"event": "signed_up"}, "exit": [{"event": "$unsubscribe"}]}
    waiting["steps"].insert(0, {"id": "wait", "type": "timeDelay", "delay": "P1D", "next": "mail"})
    workspace.publish(waiting)
    workspace.send(trigger("d1", "signed_up"))
    assert workspace.stack.settle()
    httpx.post(link(workspace, address), data=ONE_CLICK, timeout=30).raise_for_status()
    assert workspace.stack.settle()
    [run] = [each for each in workspace.customer(address)["runs"] if each["journey"] == "course"]
    assert run["status"] == "exited"


def test_a_double_opt_in_needs_the_button_of_the_page(workspace: Workspace) -> None:
    """A subscription to a topic with double opt-in waits until the customer confirms it by POST; opening the link is not enough."""
    workspace.put("/api/settings", {"topics": [{"id": "news", "name": "News", "default": "unsubscribed", "doubleOptIn": True}]})
    workspace.publish(newsletter())
    asking = newsletter(transactional=True, topic=None) | {"id": "asking", "entry": {"event": "$subscribe", "reentry": {"mode": "always"}}}
    workspace.publish(asking)
    address = workspace.email("ada")
    workspace.send(identify("d1", address), trigger("d1", "$subscribe", topic="news"))
    assert workspace.stack.settle()
    assert issue(workspace, 1) == "skipped pending-consent"
    url = link(workspace, address, "Confirm")
    page = httpx.get(url, timeout=30).text
    assert 'value="confirm"' in page
    assert 'name="topic" value="news"' in page
    assert issue(workspace, 2) == "skipped pending-consent"
    confirmed = httpx.post(url, data={"action": "confirm", "topic": "news"}, headers=BROWSER, timeout=30)
    assert (confirmed.status_code, "confirmed" in confirmed.text) == (200, True)
    assert workspace.stack.settle()
    assert issue(workspace, 3) == "sent None"


def test_a_forged_link_changes_nothing(workspace: Workspace) -> None:
    """A link with one changed character, of another workspace's making, or of any text is a page with 404 for GET and POST."""
    address = subscribed(workspace)
    url = link(workspace, address)
    base, _, token = url.rpartition("/")
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for forged in (changed, token[:-1], token + "A", "x", "%00", "preview", "a" * 1025, "..%2F..%2Fapi%2Fhealth"):
        for response in (httpx.get(f"{base}/{forged}", timeout=30), httpx.post(f"{base}/{forged}", data=ONE_CLICK, timeout=30)):
            assert (response.status_code, response.headers["content-type"]) == (404, "text/html; charset=utf-8"), forged
            assert "not valid" in response.text
    assert workspace.stack.settle()
    assert issue(workspace, 2) == "sent None"


def test_hostile_forms_change_nothing(workspace: Workspace) -> None:
    """A form that is too large, of another media type, or without a known action is refused with a page, and ends no topic."""
    address = subscribed(workspace)
    url = link(workspace, address)
    for status, form in (
        (400, {"data": {"action": "delete"}}),
        (400, {"data": {"action": "confirm ", "topic": "news"}}),
        (400, {"content": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}),
        (413, {"data": {"x": "y" * 17_000}}),
        (415, {"json": ONE_CLICK}),
        (415, {"content": b""}),
    ):
        response = httpx.post(url, timeout=30, **form)
        assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8"), form
    assert httpx.delete(url, timeout=30).status_code == 405
    assert workspace.stack.settle()
    assert issue(workspace, 2) == "sent None"


def test_no_key_and_no_link_shows_a_token(workspace: Workspace) -> None:
    """The API, a dry run and the export show inert links, whose page says that they do nothing, also upon a click."""
    address = subscribed(workspace)
    token = link(workspace, address).rpartition("/")[2]
    customer = workspace.customer(address)["id"]
    shown = [
        str(workspace.get("/api/messages?journey=newsletter")),
        str(workspace.get(f"/api/customers/{customer}/export")),
        str(workspace.post("/api/journeys/newsletter/simulate", {"events": [{"event": "issue", "at": "2026-12-01T10:00:00Z"}]})),
    ]
    assert all(token not in text for text in shown)
    urls = [found[0] for text in shown if (found := re.search(r"http\S+?/u/preview-unsubscribe-link", text))]
    assert len(urls) == 3
    for url in urls:
        assert "preview" in httpx.get(url, timeout=30).text
        assert httpx.post(url, data=ONE_CLICK, timeout=30).status_code == 200
    assert workspace.stack.settle()
    assert issue(workspace, 2) == "sent None"


def test_a_link_of_an_erased_customer_ends_what_its_address_gets(workspace: Workspace) -> None:
    """After an erasure the link still works: a new customer with the address gets no message of the topic."""
    address = subscribed(workspace)
    url = link(workspace, address)
    customer = workspace.customer(address)["id"]
    for _ in range(20):
        workspace.request("DELETE", f"/api/customers/{customer}").raise_for_status()
        if workspace.request("GET", f"/api/customers?primaryKey={address}").status_code == 404:
            break
    page = httpx.get(url, timeout=30)
    assert page.status_code == 200
    assert 'type="checkbox"' not in page.text
    assert httpx.post(url, data=ONE_CLICK, timeout=30).status_code == 200
    assert workspace.stack.settle()
    workspace.send(identify("d2", address), {**trigger("d2", "issue", number=2)})
    assert workspace.stack.settle()
    newest = workspace.get("/api/messages?journey=newsletter&limit=1")["items"][0]
    assert (newest["status"], newest["reason"]) == ("skipped", "unsubscribed")


def test_links_work_after_a_rotation_of_the_key_and_end_after_a_year(advancing: Stack) -> None:
    """A rotated key verifies the links that it has signed; 365 days after the mail the page says that the link has expired."""
    workspace = Workspace.create(advancing)
    address = subscribed(workspace)
    url = link(workspace, address)
    first = workspace.post("/api/links/key")["id"]
    assert httpx.get(url, timeout=30).status_code == 200
    assert first
    httpx.post(f"{advancing.url}/_local/clock", json={"advance": "P364D"}, timeout=120).raise_for_status()
    assert httpx.get(url, timeout=30).status_code == 200
    httpx.post(f"{advancing.url}/_local/clock", json={"advance": "P1D"}, timeout=120).raise_for_status()
    for response in (httpx.get(url, timeout=30), httpx.post(url, data=ONE_CLICK, timeout=30)):
        assert (response.status_code, "expired" in response.text) == (410, True)
    assert advancing.settle()
    assert issue(workspace, 2) == "sent None"
