"""Suppressed addresses in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import permutations

import pytest

from tests.fakes.messages import GONE, NOW, FakeSuppressions
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.suppressions import DynamoSuppressions
from waypost.domain.messages.suppression import Suppression, SuppressionCause
from waypost.domain.values.generated_ids import digest

Suppressions = DynamoSuppressions | FakeSuppressions

HOOK = "https://example.com/hook"
LATER = NOW + timedelta(minutes=1)
BOUNCE = SuppressionCause("bounce", "provider", NOW, "msg_1")
COMPLAINT = SuppressionCause("complaint", "provider", LATER, "msg_2")


@pytest.fixture
def dynamo() -> Iterator[DynamoSuppressions]:
    """The empty table."""
    with aws():
        yield DynamoSuppressions(empty_table("WorkspacesTable"), lambda workspace: workspace.encode())


@pytest.fixture(params=["DynamoDB", "fake"])
def suppressions(request: pytest.FixtureRequest) -> Suppressions:
    """Both implementations."""
    found: Suppressions = request.getfixturevalue("dynamo") if request.param == "DynamoDB" else FakeSuppressions()
    return found


def rows(dynamo: DynamoSuppressions, workspace: str = "w1") -> list[dict[str, object]]:
    """All rows of a workspace."""
    return list(dynamo.table.query_all("workspace = :w", {":w": workspace}))


def test_an_address_is_suppressed_on_its_channel_in_its_workspace(suppressions: Suppressions) -> None:
    """Neither another address, nor another workspace, nor another channel is affected, and a second suppression changes nothing."""
    suppressions.add("w1", "webhook", HOOK, GONE)
    suppressions.add("w1", "webhook", HOOK, GONE)
    assert suppressions.holds("w1", "webhook", HOOK)
    assert not suppressions.holds("w1", "webhook", "https://example.com/Hook")
    assert not suppressions.holds("w2", "webhook", HOOK)
    assert not suppressions.holds("w1", "email", HOOK)


def test_email_addresses_compare_without_case_and_are_stored_as_hashes(dynamo: DynamoSuppressions) -> None:
    """Suppressing ` Ada@Example.com` suppresses `ada@example.com`, and no row holds a part of the address."""
    dynamo.add("w1", "email", " Ada@Example.com", BOUNCE)
    assert dynamo.holds("w1", "email", "ada@example.com")
    assert len(rows(dynamo)) == 1
    assert "example" not in str(rows(dynamo))


def test_a_domain_compares_in_punycode(dynamo: DynamoSuppressions) -> None:
    """A domain in another script is the same address as its punycode, which the sender has."""
    dynamo.add("w1", "email", "ann@münchen.example", BOUNCE)
    assert dynamo.holds("w1", "email", "ann@xn--mnchen-3ya.example")


def test_the_hash_of_a_personal_address_has_a_key_and_that_of_an_endpoint_has_none(dynamo: DynamoSuppressions) -> None:
    """Two workspaces store one e-mail address under two hashes; an endpoint has the unkeyed hash of earlier releases."""
    for workspace in ("w1", "w2"):
        dynamo.add(workspace, "email", "ada@example.com", BOUNCE)
        dynamo.add(workspace, "webhook", HOOK, GONE)
    of_email = {row["row"] for workspace in ("w1", "w2") for row in rows(dynamo, workspace) if "/email/" in str(row["row"])}
    of_webhook = {row["row"] for workspace in ("w1", "w2") for row in rows(dynamo, workspace) if "/webhook/" in str(row["row"])}
    assert len(of_email) == 2
    assert of_webhook == {f"suppressed/webhook/{digest('address', HOOK)}"}


def test_a_lifted_address_is_not_suppressed(suppressions: Suppressions) -> None:
    """An address can be lifted in any spelling of its channel; another address stays suppressed, and a second lift changes nothing."""
    suppressions.add("w1", "webhook", HOOK, GONE)
    suppressions.add("w1", "webhook", "https://example.com/other", GONE)
    for _ in range(2):
        suppressions.remove("w1", "webhook", f" {HOOK}", LATER)
    assert not suppressions.holds("w1", "webhook", HOOK)
    assert suppressions.holds("w1", "webhook", "https://example.com/other")


def test_a_report_of_a_time_before_the_lift_does_not_suppress_again(suppressions: Suppressions) -> None:
    """A report that comes a second time after the lift changes nothing; a later bounce, and an operator, suppress the address again."""
    suppressions.add("w1", "email", "ada@example.com", BOUNCE)
    suppressions.remove("w1", "email", "ada@example.com", LATER)
    suppressions.add("w1", "email", "ada@example.com", BOUNCE)
    suppressions.add("w1", "email", "ada@example.com", COMPLAINT)  # at the very time of the lift
    assert not suppressions.holds("w1", "email", "ada@example.com")
    suppressions.add("w1", "email", "ada@example.com", SuppressionCause("manual", "import", NOW))
    assert suppressions.holds("w1", "email", "ada@example.com")
    suppressions.add("w2", "email", "ada@example.com", BOUNCE)
    suppressions.remove("w2", "email", "ada@example.com", LATER)
    suppressions.add("w2", "email", "ada@example.com", SuppressionCause("bounce", "provider", LATER + timedelta(seconds=1)))
    assert suppressions.holds("w2", "email", "ada@example.com")


@pytest.mark.parametrize("order", tuple(permutations(range(3))), ids=str)
def test_the_latest_cause_is_kept_in_whatever_order_they_come(dynamo: DynamoSuppressions, order: tuple[int, ...]) -> None:
    """After a bounce, a complaint and a manual suppression without a message, the row has all attributes of the latest one."""
    causes = (BOUNCE, COMPLAINT, SuppressionCause("manual", "api", LATER + timedelta(seconds=1)))
    for number in order:
        dynamo.add("w1", "email", "ada@example.com", causes[number])
    found = dynamo.find("w1", "email", "ada@example.com")
    position = dynamo.position("w1", "email", "ada@example.com")
    assert found == Suppression("email", position, "manual", "api", None, LATER + timedelta(seconds=1))


def test_a_row_with_opt_outs_only_is_no_suppression(dynamo: DynamoSuppressions) -> None:
    """Opt-outs of an address suppress nothing and are not listed; they stay when a suppression comes and is lifted."""
    key = {"workspace": "w1", "row": dynamo.position("w1", "email", "ada@example.com")}
    dynamo.table.put({**key, "optOuts": {"news": "2026-11-23T05:17:13.000Z"}})
    assert not dynamo.holds("w1", "email", "ada@example.com")
    assert dynamo.page("w1", limit=10) == ([], None)
    dynamo.add("w1", "email", "ada@example.com", BOUNCE)
    assert dynamo.holds("w1", "email", "ada@example.com")
    dynamo.remove("w1", "email", "ada@example.com", LATER)
    assert not dynamo.holds("w1", "email", "ada@example.com")
    assert dynamo.table.get(key) == {**key, "optOuts": {"news": "2026-11-23T05:17:13.000Z"}, "lifted": "2026-11-23T05:18:13.000Z"}


def test_the_pages_of_a_workspace_hold_each_suppression_once(dynamo: DynamoSuppressions) -> None:
    """The pages list all suppressions of the workspace with message and time, also one of an earlier release, and no other rows."""
    for number in range(5):
        dynamo.add("w1", "webhook", f"https://example.com/{number}", SuppressionCause("gone", "provider", NOW, f"msg_{number}"))
    dynamo.table.put({"workspace": "w1", "row": "suppressed/webhook/0a1w1v3433jncgqx8b1fk37zg"})
    dynamo.add("w1", "email", "lifted@example.com", BOUNCE)
    dynamo.remove("w1", "email", "lifted@example.com", LATER)
    dynamo.add("w2", "webhook", "https://example.com/0", GONE)
    dynamo.table.put({"workspace": "w1", "row": "schema", "json": "{}"})
    dynamo.table.put({"workspace": "w1", "row": "webhook-secret"})
    found: list[Suppression] = []
    page, before = dynamo.page("w1", limit=2)
    found += page
    while before is not None:
        page, before = dynamo.page("w1", limit=2, before=before)
        found += page
    assert {(each.channel, each.reason, each.message, each.since) for each in found} == {
        ("webhook", "gone", None, None),
        *(("webhook", "gone", f"msg_{number}", NOW) for number in range(5)),
    }
    assert len(found) == 6


def test_a_position_that_is_none_of_an_address_is_refused(dynamo: DynamoSuppressions) -> None:
    """A position of another kind is a ValueError, because DynamoDB refuses to start outside of the range of a query."""
    for position in ("x", "", "suppressed", "webhook-secret", "~"):
        with pytest.raises(ValueError, match="position"):
            dynamo.page("w1", limit=2, before=position)
    assert dynamo.page("w1", limit=2, before="suppressed/") == ([], None)
