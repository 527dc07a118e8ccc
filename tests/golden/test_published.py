"""Definitions that earlier releases published and that publishing refuses today, or that failed at run time: they run on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.fakes.journey_harness import event, only_run, play
from tests.fakes.manage import manage_dependencies
from tests.fakes.workspaces import FakeWorkspaceSettings
from tests.golden.files import text_of
from waypost.adapters.liquid import LiquidTemplates, template_error
from waypost.adapters.ses import SesChannel
from waypost.adapters.webhook import WebhookChannel
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.checks import publish_checks
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.messages.webhook_addresses import address_error
from waypost.domain.runs.simulation import Simulation
from waypost.domain.values import exact_json
from waypost.manage.simulation import rendered

NOW = datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC)


DEFINITIONS = {each["id"]: each for each in exact_json.loads(text_of("published-before-checks"))}


def simulated(definition: dict[str, Any], zone: str, **attributes: Any) -> Simulation:
    """The dry run of a stored definition with its entry event and the event that ends it, in a workspace that has stored this zone."""
    rest = {name: value for name, value in definition.items() if name not in ("id", "steps", "entry")}
    events = [event("go", NOW, n=1), event("two", NOW + timedelta(minutes=1))]
    zone = Schema.stored({"timezone": zone}).timezone
    return play(definition["steps"], *events, zone=zone, entry=definition["entry"], attributes=attributes, **rest)


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "right/Asia/Tokyo", "localtime", "posixrules"])
def test_a_version_that_can_no_longer_be_published_still_runs(definition: dict[str, Any], zone: str) -> None:
    """It parses as it is stored, customers enter it, and a run reaches its end in any zone that was ever accepted."""
    stored = exact_json.loads(exact_json.dumps(definition))
    assert isinstance(parse(stored), Journey)
    run = only_run(simulated(stored, zone, timezone=zone))
    assert run.active is False
    assert run.history[-1].step == "end"


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("bad-address", "bad-address", "no-address"),
        ("header-with-a-line-break", "bad-format", "template"),
        ("unknown-variable", "bad-template", None),
    ],
)
def test_a_message_that_can_no_longer_be_published_is_sent_or_skipped(name: str, code: str, reason: str | None) -> None:
    """Publishing refuses the definition today, and the sender sends its message as before or skips it with a reason."""
    journey = Journey.model_validate(DEFINITIONS[name])
    refused = publish_checks.publishable(DEFINITIONS[name], template_error, address_error)
    assert not isinstance(refused, Journey)
    assert {finding.code for finding in refused} == {code}
    webhook = WebhookChannel(cast(Any, None), cast(Any, None))
    channels = {"email": SesChannel("waypost@example.com", ""), "webhook": webhook}
    ports = manage_dependencies(templates=LiquidTemplates(), channels=lambda: channels, settings=FakeWorkspaceSettings())
    [planned] = simulated(DEFINITIONS[name], "UTC").messages
    assert rendered(planned, journey, {}, ports, "https://example.com").reason == reason
