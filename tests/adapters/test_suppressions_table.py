"""Suppressed addresses in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.messages import NOW, FakeSuppressions
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.suppressions import DynamoSuppressions
from waypost.domain.messages.suppression import Suppression

Suppressions = DynamoSuppressions | FakeSuppressions


@pytest.fixture
def dynamo() -> Iterator[DynamoSuppressions]:
    """The empty table."""
    with aws():
        yield DynamoSuppressions(empty_table("WorkspacesTable"))


@pytest.fixture(params=["DynamoDB", "fake"])
def suppressions(request: pytest.FixtureRequest) -> Suppressions:
    """Both implementations."""
    found: Suppressions = request.getfixturevalue("dynamo") if request.param == "DynamoDB" else FakeSuppressions()
    return found


def test_an_address_is_suppressed_on_its_channel_in_its_workspace(suppressions: Suppressions) -> None:
    """Neither another address, nor another workspace, nor another channel is affected, and a second suppression changes nothing."""
    suppressions.add("w1", "webhook", "https://example.com/hook")
    suppressions.add("w1", "webhook", "https://example.com/hook")
    assert suppressions.holds("w1", "webhook", "https://example.com/hook")
    assert not suppressions.holds("w1", "webhook", "https://example.com/Hook")
    assert not suppressions.holds("w2", "webhook", "https://example.com/hook")
    assert not suppressions.holds("w1", "email", "https://example.com/hook")


def test_email_addresses_compare_without_case_and_are_stored_as_hashes(dynamo: DynamoSuppressions) -> None:
    """Suppressing ` Ada@Example.com` suppresses `ada@example.com`, and no row holds a part of the address."""
    dynamo.add("w1", "email", " Ada@Example.com")
    assert dynamo.holds("w1", "email", "ada@example.com")
    rows = list(dynamo.table.query_all("workspace = :w", {":w": "w1"}))
    assert len(rows) == 1
    assert "example" not in str(rows)


def test_a_lifted_address_is_not_suppressed(suppressions: Suppressions) -> None:
    """An address can be lifted in any spelling of its channel; another address stays suppressed, and a second lift changes nothing."""
    suppressions.add("w1", "webhook", "https://example.com/hook", "msg_1", NOW)
    suppressions.add("w1", "webhook", "https://example.com/other", "msg_2", NOW)
    for _ in range(2):
        suppressions.remove("w1", "webhook", " https://example.com/hook")
    assert not suppressions.holds("w1", "webhook", "https://example.com/hook")
    assert suppressions.holds("w1", "webhook", "https://example.com/other")


def test_the_pages_of_a_workspace_hold_each_suppression_once(dynamo: DynamoSuppressions) -> None:
    """The pages list all suppressions of the workspace with message and time, also one of an earlier release, and no other rows."""
    for number in range(5):
        dynamo.add("w1", "webhook", f"https://example.com/{number}", f"msg_{number}", NOW)
    dynamo.add("w1", "email", "ada@example.com")
    dynamo.add("w2", "webhook", "https://example.com/0")
    dynamo.table.put({"workspace": "w1", "row": "schema", "json": "{}"})
    dynamo.table.put({"workspace": "w1", "row": "webhook-secret"})
    found: list[Suppression] = []
    page, before = dynamo.page("w1", limit=2)
    found += page
    while before is not None:
        page, before = dynamo.page("w1", limit=2, before=before)
        found += page
    assert {(each.channel, each.message, each.since) for each in found} == {
        ("email", None, None),
        *(("webhook", f"msg_{number}", NOW) for number in range(5)),
    }
    assert len(found) == 6
