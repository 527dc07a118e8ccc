"""A journey of a page that cannot be published or entered is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.local.stack import Stack
from tests.docs.journeys import failures, simulation
from tests.docs.markdown import Document
from tests.stories.workspace import Workspace, mailing


def test_a_journey_that_cannot_be_published_or_entered(ministack: Stack) -> None:
    """The good one passes; a missing step, an entry that nobody passes and broken JSON are reported with their lines."""
    good = mailing("good", "signup")
    incomplete = mailing("lost", "signup") | {"steps": [{"id": "wait", "type": "timeDelay", "delay": "PT1H", "next": "nowhere"}]}
    closed = mailing("closed", "signup", conditions={"not": {"property": "customer.plan", "operator": "not exist"}})
    text = "".join(f"```json journey\n{json.dumps(each)}\n```\n" for each in (good, incomplete, closed)) + "```json journey\n{\n```\n"
    found = list(failures(Document("page.md", text), Workspace.create(ministack)))
    assert [each.partition(": ")[0] for each in found] == ["page.md:4", "page.md:7", "page.md:10"]
    assert "unknown-step" in found[0]
    assert "conditions" in found[1]


@pytest.mark.parametrize(
    ("conditions", "payload", "attributes"),
    [
        ({"property": "payload.a.b", "operator": "is equal to", "value": 1}, {"a": {"b": 1}}, {}),
        ({"all": [{"property": "payload.a", "operator": "is greater than", "value": 1}]}, {"a": 2.0}, {}),
        (
            {"any": [{"property": "customer.a", "operator": "exists"}, {"property": "payload.b", "operator": "exists"}]},
            {},
            {"a": "example"},
        ),
        ({"not": {"property": "payload.a", "operator": "exists"}}, {}, {}),
    ],
)
def test_the_event_of_a_simulation_fulfils_the_entry(conditions: Any, payload: Any, attributes: Any) -> None:
    """Properties that the conditions name are filled in."""
    asked = simulation({"entry": {"event": "a", "conditions": conditions}})
    assert (asked["events"][0]["payload"], asked["customer"]["attributes"]) == (payload, attributes)
