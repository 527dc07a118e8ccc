"""Previews and tests of templates through the management function on the template's tables, with a fake of SES."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.api_client import call, new_workspace, send
from tests.fakes.messages import GONE
from waypost import wiring
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages import links

MAIL = {"subject": "Hi {{ customer.first_name }}", "text": "You paid {{ event.payload.total }}.", "headers": {"X-Order": "17"}}
BODY = {
    "channel": "email",
    "template": MAIL,
    "customer": {"attributes": {"first_name": "Ada", "email": "ada@example.com"}},
    "event": {"event": "paid", "payload": {"total": 12}},
}
TEST_ADDRESS = "QA@example.com"

pytestmark = pytest.mark.usefixtures("workspace")


class FakeSes:
    """SES, as far as a test needs it: it accepts each e-mail and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def send_email(self, **request: Any) -> dict[str, str]:
        self.requests.append(request)
        return {"MessageId": f"0100-{len(self.requests)}"}


@pytest.fixture(autouse=True)
def ses(monkeypatch: pytest.MonkeyPatch, workspace: str) -> Iterator[FakeSes]:
    """A fake of SES, in a workspace with one test address and the sender of the stack."""
    fake = FakeSes()
    monkeypatch.setenv("SENDER_ADDRESS", "waypost@example.com")
    for cached in (wiring.managing, wiring.channels):
        cached.cache_clear()
    monkeypatch.setattr("waypost.adapters.ses.client", lambda *_, **__: fake)
    assert call("PUT", "/api/settings", {"testAddresses": [TEST_ADDRESS]})[0] == 200
    yield fake
    for cached in (wiring.managing, wiring.channels):
        cached.cache_clear()


def send_test(to: str = TEST_ADDRESS, **changes: Any) -> tuple[int, Any]:
    """Status and JSON of the response to a test message."""
    return call("POST", "/api/messages/test", {**BODY, "to": to, **changes})


def test_a_preview_shows_the_email_and_writes_nothing(ses: FakeSes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The e-mail is shown as SES would get it; neither SES is called, nor is anything written to a table."""

    def written(*_: Any, **__: Any) -> None:
        raise AssertionError("a preview writes nothing")

    for name in ("put", "put_if", "put_many", "update", "update_if", "delete", "delete_many"):
        monkeypatch.setattr(Table, name, written)
    status, found = call("POST", "/api/templates/preview", BODY)
    rendered = {
        "subject": "Hi Ada",
        "text": "You paid 12.",
        "from": "waypost@example.com",
        "to": "ada@example.com",
        "headers": {"X-Order": "17"},
    }
    assert (status, found) == (200, {"rendered": rendered, "missing": [], "problems": []})
    assert not ses.requests


def test_a_test_goes_to_the_test_address_and_is_marked(ses: FakeSes) -> None:
    """It goes to the test address and to no other one, subject and tags say that it is a test, and the answer is that of SES."""
    template = {**MAIL, "to": "{{ customer.email }}", "cc": ["boss@example.com"], "bcc": ["log@example.com"]}
    status, answer = send_test("qa@Example.com", template=template, transactional=True)
    assert status == 200, answer
    assert (answer["outcome"], answer["detail"], answer["to"], answer["missing"]) == ("sent", "0100-1", "qa@Example.com", [])
    [request] = ses.requests
    assert request["Destination"] == {"ToAddresses": ["qa@Example.com"]}
    assert request["Content"]["Simple"]["Subject"]["Data"] == "[Test] Hi Ada"
    assert request["Content"]["Simple"]["Headers"] == [{"Name": "X-Order", "Value": "17"}]
    tags = {each["Name"]: each["Value"] for each in request["EmailTags"]}
    assert (tags["waypost-test"], tags["waypost-message"]) == ("true", "test")
    assert answer["rendered"]["subject"] == "[Test] Hi Ada"
    assert call("GET", "/api/messages")[1]["items"] == []


@pytest.mark.parametrize("transactional", [True, False])
def test_the_test_of_a_transactional_template_is_not_tracked(ses: FakeSes, transactional: bool) -> None:
    """A test has the tracking that the message would have."""
    assert send_test(transactional=transactional)[0] == 200
    assert ("ConfigurationOverrides" in ses.requests[0]) is transactional


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"to": "eve@example.com"}, "not-a-test-address", "/to"),
        ({"to": f"{TEST_ADDRESS}, eve@example.com"}, "not-a-test-address", "/to"),
        ({"to": "{{ customer.email }}"}, "not-a-test-address", "/to"),
        ({"channel": "webhook", "template": {"url": "https://example.com"}}, "no-test-messages", "/channel"),
        ({"channel": "pigeon"}, "no-test-messages", "/channel"),
        ({"template": {"subject": "Hi"}}, "empty-template", "/template"),
        ({"template": {**MAIL, "from": "ceo@bank.example"}}, "sender-not-allowed", "/template/from"),
        ({"template": {**MAIL, "from": "{{ 'ceo@bank.example' }}"}}, "sender-not-allowed", "/template/from"),
        ({"template": {**MAIL, "replyTo": "{{ customer.first_name }}"}}, "template", "/template"),
    ],
)
def test_a_test_that_may_not_be_sent_is_refused(ses: FakeSes, changes: dict[str, Any], code: str, pointer: str) -> None:
    """An address that is none of the workspace's, a channel without tests, and a template that would not be sent reach nobody."""
    status, problem = send_test(**changes)
    assert (status, [(each["code"], each["pointer"]) for each in problem["errors"]]) == (422, [(code, pointer)])
    assert not ses.requests


def test_a_workspace_without_test_addresses_sends_no_tests(ses: FakeSes) -> None:
    """The test addresses of another workspace do not count."""
    new_workspace()
    assert send_test()[1]["errors"][0]["code"] == "not-a-test-address"
    assert not ses.requests


def test_the_21st_test_of_an_hour_is_refused(ses: FakeSes) -> None:
    """After 20 tests the answer is 429 with `Retry-After`, and SES is not called; refused templates have not counted."""
    assert send_test(template={"subject": "Hi"})[0] == 422
    for _ in range(20):
        assert send_test()[0] == 200
    response = send("POST", "/api/messages/test", json.dumps({**BODY, "to": TEST_ADDRESS}))
    problem = json.loads(response["body"])
    assert (response["statusCode"], problem["code"]) == (429, "too-many-tests")
    assert 3000 < int(response["headers"]["Retry-After"]) <= 3600
    assert "retry_after" not in problem
    assert len(ses.requests) == 20


def test_a_suppressed_test_address_gets_no_test(ses: FakeSes, workspace: str) -> None:
    """A test does not go to an address whose e-mails have bounced: SES counts each further bounce against the account."""
    wiring.managing().suppressions.add(workspace, "email", TEST_ADDRESS, GONE)
    status, problem = send_test()
    assert (status, problem["code"]) == (409, "suppressed")
    assert not ses.requests


def test_a_workspace_that_sends_nothing_sends_no_tests(ses: FakeSes) -> None:
    """With `sending: false` a test is refused: the switch stops all sending."""
    assert call("PUT", "/api/settings", {"testAddresses": [TEST_ADDRESS], "sending": False})[0] == 200
    status, problem = send_test()
    assert (status, problem["code"]) == (409, "sending-off")
    assert not ses.requests


def test_links_of_previews_and_tests_are_inert(ses: FakeSes) -> None:
    """The links are shown with the inert token, a test has no header of unsubscription, and its links are inert in what SES gets."""
    template = {**MAIL, "text": "{{ unsubscribe_url }} {{ preferences_url }} {{ confirm_url }}"}
    shown = call("POST", "/api/templates/preview", {**BODY, "template": template})[1]["rendered"]["text"].split()
    assert len(shown) == 3
    assert all(links.is_inert(each.rpartition("/")[2]) for each in shown)
    assert send_test(template=template)[0] == 200
    [request] = ses.requests
    assert request["Content"]["Simple"]["Body"]["Text"]["Data"].split() == shown
    assert [each["Name"] for each in request["Content"]["Simple"]["Headers"]] == ["X-Order"]


@pytest.mark.parametrize("address", ["qa", "QA <qa@example.com>", "{{x}}@example.com", "a@example.com, b@example.com", "zoë@example.com"])
def test_a_test_address_is_one_fixed_address(address: str) -> None:
    """A setting that is no address, has a name, or would be rendered as a template is refused with its pointer."""
    status, problem = call("PUT", "/api/settings", {"testAddresses": [address]})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/testAddresses/0")


def test_there_are_at_most_20_test_addresses() -> None:
    """A list of 21 is refused."""
    assert call("PUT", "/api/settings", {"testAddresses": [f"a{each}@example.com" for each in range(20)]})[0] == 200
    assert call("PUT", "/api/settings", {"testAddresses": [f"a{each}@example.com" for each in range(21)]})[0] == 422
