"""Previews of templates: rendered and checked by the code of publishing and of the sender, without a call and without a write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.customers import FakeCustomers
from tests.fakes.manage import manage_dependencies
from tests.fakes.messages import NOW
from tests.fakes.send_harness import ADA, EmailWorkspaces, one_customer
from tests.fakes.workspaces import FakeWorkspaceSettings
from waypost.adapters.liquid import LiquidTemplates, template_error
from waypost.adapters.ses import SesChannel
from waypost.domain.customers.facts import fact, set_stamp
from waypost.domain.customers.rows import head_key
from waypost.domain.errors import RefusedError
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.manage.dependencies import PublishChecks
from waypost.manage.previews import Preview, preview
from waypost.manage.requests import PreviewBody

MAIL = {"subject": "Hi {{ customer.first_name }}", "text": "You paid {{ event.payload.total }} in {{ journey.name }}."}


class OneStoredJourney:
    """A workspace with the journey `paid`."""

    def lifecycle(self, workspace: str, journey: str) -> Lifecycle | None:
        return replace(Lifecycle(journey, "Order paid", NOW, NOW), version=4) if (workspace, journey) == ("w1", "paid") else None

    def definition(self, workspace: str, journey: str, version: int) -> object:
        return {}


def sender_fault(sender: str) -> str | None:
    """A stand-in for the senders of a workspace: one domain."""
    return None if sender.rstrip(">").endswith("@example.com") else "not a sender of this workspace"


def previewed(
    template: Any,
    customers: FakeCustomers | None = None,
    channel: str = "email",
    settings: FakeWorkspaceSettings | None = None,
    **body: Any,
) -> Preview:
    """A preview in a workspace with the customer Ada. Every dependency that a preview may not use is None, so that a use fails."""
    channels = {"email": SesChannel("waypost@example.com", "")}
    dependencies = manage_dependencies(
        templates=LiquidTemplates(),
        channels=lambda: channels,
        customers=customers or one_customer(),
        workspaces=EmailWorkspaces(),
        journeys=OneStoredJourney(),
        settings=settings or FakeWorkspaceSettings(),
    )
    checks = PublishChecks(template_error, lambda _: None, sender_fault)
    return preview(
        dependencies,
        "w1",
        PreviewBody.model_validate({"channel": channel, "template": template, **body}),
        checks,
        NOW,
        "https://example.com",
    )


def found_problems(template: Any, **body: Any) -> list[tuple[str, str]]:
    """The codes and pointers of the problems in a preview."""
    return [(each.code, each.pointer) for each in previewed(template, **body).problems]


def test_a_template_is_rendered_for_given_attributes_and_an_event() -> None:
    """The rendered e-mail is complete, as the provider would get it, and nothing is missing."""
    customer = {"attributes": {"first_name": "Zoë", "email": "zoe@example.com"}}
    found = previewed(
        {**MAIL, "replyTo": "Help <help@example.com>"}, customer=customer, event={"event": "paid", "payload": {"total": 12}}, journey="paid"
    )
    assert found.rendered == {
        "subject": "Hi Zoë",
        "text": "You paid 12 in Order paid.",
        "from": "waypost@example.com",
        "to": "zoe@example.com",
        "replyTo": "Help <help@example.com>",
    }
    assert (found.missing, found.problems) == ((), ())


def test_a_template_is_rendered_for_a_stored_customer() -> None:
    """A stored customer has its attributes, given ones replace them or, with null, take them away, and nothing is written."""
    customers = one_customer()
    key = head_key("w1", ADA)
    stamp = set_stamp(NOW, "")
    customers.rows[key] = replace(customers.rows[key], facts={"a:first_name": fact(stamp, "Ada"), "a:plan": fact(stamp, "gold")})
    mail = {"subject": "{{ customer.first_name }}, {{ customer.plan }}", "text": "{{ customer.email }}"}
    found = previewed(mail, customers, customer={"primaryKey": "ada@example.com", "attributes": {"first_name": "Countess", "plan": None}})
    assert (found.rendered["subject"], found.rendered["text"], found.rendered["to"]) == ("Countess,", "ada@example.com", "ada@example.com")
    assert found.missing == ("customer.plan",)
    assert {*customers.calls} <= {"get", "by_primary_key"}


def test_variables_without_a_value_are_listed() -> None:
    """What neither the customer nor the event has is listed once, and renders as nothing; without an event all of it is missing."""
    mail = {**MAIL, "html": "{{ event.payload.total }}{{ customer.city | default: 'Rome' }}"}
    found = previewed(mail, customer={"attributes": {"email": "zoe@example.com"}})
    assert found.missing == ("customer.first_name", "event.payload.total")
    assert found.rendered["subject"] == "Hi"
    assert found.problems == ()


@pytest.mark.parametrize(
    ("template", "code", "pointer"),
    [
        ({"subject": "Hi", "text": "{{ oops"}, "bad-template", "/template/text"),
        ({"subject": "Hi", "text": "{{ first_name }}"}, "bad-template", "/template/text"),
        ({"subject": "Hi"}, "empty-template", "/template"),
        ({"subject": "Hi", "text": "x", "colour": "red"}, "unknown-field", "/template/colour"),
        ({**MAIL, "headers": {"List-Id": "x"}}, "header-not-allowed", "/template/headers/List-Id"),
        ({**MAIL, "cc": ["ann@example.com"]}, "not-transactional", "/template/cc"),
        ({**MAIL, "from": "ceo@bank.example"}, "sender-not-allowed", "/template/from"),
        ({**MAIL, "from": "{{ 'ceo@bank.example' }}"}, "sender-not-allowed", "/template/from"),
        ({**MAIL, "headers": {"X-A": "{{ customer.email | append: 'é' }}"}}, "template", "/template"),
        ({**MAIL, "replyTo": "{{ customer.email }}, {{ customer.email }}"}, "template", "/template"),
        ({**MAIL, "text": "{% for each in (1..99999) %}{{ each | divided_by: 0 }}{% endfor %}"}, "template", "/template"),
    ],
)
def test_what_would_keep_a_template_from_being_sent_is_a_problem(template: Any, code: str, pointer: str) -> None:
    """The faults that publishing refuses, and those that the sender finds after rendering, are problems with a pointer into the body."""
    assert found_problems(template, customer={"attributes": {"email": "zoe@example.com"}}) == [(code, pointer)]


def test_a_customer_without_an_address_is_a_problem() -> None:
    """The rendered texts are shown, and the problem is the reason with which the sender would skip the message."""
    found = previewed(MAIL)
    assert [(each.code, each.pointer) for each in found.problems] == [("no-address", "/template")]
    assert (found.rendered["subject"], found.prepared) == ("Hi ", None)


def test_an_unknown_channel_is_a_problem() -> None:
    """A channel that does not exist is named at its place in the body."""
    assert found_problems(MAIL, channel="pigeon") == [("unknown-channel", "/channel")]


def test_copies_are_shown_for_a_transactional_step() -> None:
    """With `transactional` a template may have copies."""
    mail = {**MAIL, "bcc": ["Log <log@example.com>"]}
    found = previewed(mail, customer={"attributes": {"email": "zoe@example.com"}}, transactional=True)
    assert (found.rendered["bcc"], found.problems) == (["Log <log@example.com>"], ())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"customer": {"primaryKey": "nobody@example.com"}}, 422, "unknown-customer"),
        ({"customer": {"primaryKey": {"a": 1}}}, 422, "unknown-customer"),
        ({"journey": "other"}, 404, "not-found"),
    ],
)
def test_a_customer_or_a_journey_that_does_not_exist_is_refused(body: Any, status: int, code: str) -> None:
    """A preview for a customer or a journey that the workspace does not have would show something else than was asked for."""
    with pytest.raises(RefusedError) as refused:
        previewed(MAIL, **body)
    assert (refused.value.status, refused.value.code) == (status, code)


def test_a_customer_who_is_being_erased_is_unknown() -> None:
    """As soon as the rows of a customer are marked, no preview shows its values."""
    customers = one_customer()
    customers.rows = {key: replace(row, erasing=True) for key, row in customers.rows.items()}
    with pytest.raises(RefusedError) as refused:
        previewed(MAIL, customers, customer={"primaryKey": "ada@example.com"})
    assert refused.value.code == "unknown-customer"


def test_a_preview_goes_to_the_attribute_that_the_settings_name() -> None:
    """A preview has the receiver that the sender would take: the settings may name another attribute for the addresses of a channel."""
    settings = FakeWorkspaceSettings()
    settings.save("w1", WorkspaceSettings(address_attributes={"email": "mail"}), 0)
    found = previewed(MAIL, settings=settings, customer={"attributes": {"email": "old@example.com", "mail": "new@example.com"}})
    assert found.rendered["to"] == "new@example.com"
