"""Dead letters through the management function on the template's tables: filters, the count, and the deletion of one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.fakes.api_client import call, new_workspace
from tests.fakes.call_counter import count_table_calls
from waypost import wiring
from waypost.domain.dead_letters import Parked, ParkedKind
from waypost.manage.dead_letters import MAX_COUNTED

NOW = datetime.now(UTC).replace(microsecond=0)


def park(workspace: str, number: int, kind: ParkedKind = "message", reason: str = "rejected", body: str = "{}") -> Parked:
    """Parks a record, the one with the greatest number as the oldest."""
    parked = Parked(workspace, kind, f"s{number}", body, reason, NOW - timedelta(seconds=number))
    wiring.managing().dead_letters.park(parked)
    return parked


@pytest.fixture
def calls(workspace: str) -> Iterator[dict[str, int]]:
    """The calls of the table of dead letters, by the names of the actions."""
    with count_table_calls("DeadTable") as calls:
        yield calls


def test_dead_letters_are_selected_by_kind_and_reason(workspace: str) -> None:
    """Each filter selects alone and with the other; a reason is compared as a whole, and a kind that does not exist is 400."""
    kinds: tuple[tuple[ParkedKind, str], ...] = (
        ("message", "rejected"),
        ("message", "gave-up"),
        ("signal", "KeyError"),
        ("signal", "rejected"),
    )
    for number, (kind, reason) in enumerate(kinds):
        park(workspace, number, kind, reason)

    def subjects(**query: str) -> list[str]:
        status, found = call("GET", "/api/dead-letters", query=query)
        assert (status, found.get("next")) == (200, None), found
        return [each["subject"] for each in found["items"]]

    assert subjects() == ["s0", "s1", "s2", "s3"]
    assert subjects(kind="signal") == ["s2", "s3"]
    assert subjects(reason="rejected") == ["s0", "s3"]
    assert subjects(kind="message", reason="rejected") == ["s0"]
    assert subjects(reason="reject") == []
    assert call("GET", "/api/dead-letters", query={"kind": "mail"})[0] == 400


def test_a_filter_that_matches_rarely_reads_ten_pages_and_goes_on_at_its_cursor(workspace: str, calls: dict[str, int]) -> None:
    """The one record of a reason behind 30 others is found, with at most ten reads of each request, and its cursor keeps the filters."""
    for number in range(30):
        park(workspace, number)
    park(workspace, 30, reason="gave-up")
    found: list[Any] = []
    cursor, requests = None, 0
    while cursor is not None or not requests:
        calls.clear()
        status, part = call("GET", "/api/dead-letters", query={"reason": "gave-up", "limit": "1"} | ({"cursor": cursor} if cursor else {}))
        assert (status, list(calls), calls["query"] <= 10) == (200, ["query"], True), part
        found += part["items"]
        cursor, requests = part["next"], requests + 1
        if cursor is not None:
            assert call("GET", "/api/dead-letters", query={"reason": "rejected", "cursor": cursor})[1]["code"] == "bad-cursor"
    assert ([each["subject"] for each in found], requests) == (["s30"], 2)


@pytest.mark.parametrize(("number", "expected"), [(0, (0, False)), (3, (3, False)), (MAX_COUNTED, (MAX_COUNTED, False))])
def test_dead_letters_are_counted(workspace: str, calls: dict[str, int], number: int, expected: tuple[int, bool]) -> None:
    """Up to 100 dead letters of the workspace are counted exactly, in one call; those of another workspace are not."""
    for each in range(number):
        park(workspace, each)
    park("w_other", 1)
    calls.clear()
    assert call("GET", "/api/dead-letters/count") == (200, {"count": expected[0], "isLowerBound": expected[1]})
    assert calls == {"query": 1}


def test_a_count_of_very_many_dead_letters_is_one_read_of_101_rows(workspace: str) -> None:
    """Of 150 dead letters, the count is 100, a lower bound, and it is one call that reads no more rows than that."""
    for each in range(150):
        park(workspace, each)
    with count_table_calls("DeadTable", "Limit") as calls:
        assert call("GET", "/api/dead-letters/count") == (200, {"count": MAX_COUNTED, "isLowerBound": True})
    assert calls == {f"query {MAX_COUNTED + 1}": 1}


def test_the_count_of_large_dead_letters_is_a_lower_bound(workspace: str, calls: dict[str, int]) -> None:
    """DynamoDB ends a read at 1 MB: of 40 large records it counts some, and the answer says that there may be more."""
    letters = "".join(f"{number:x}" for number in range(1 << 16))  # compresses badly
    for each in range(40):
        park(workspace, each, body=f'"{each}{letters}"')
    calls.clear()
    status, counted = call("GET", "/api/dead-letters/count")
    assert (status, counted["isLowerBound"], 0 < counted["count"] < 40) == (200, True, True), counted
    assert calls == {"query": 1}


def test_dead_letters_are_grouped_by_kind_and_reason(workspace: str, calls: dict[str, int]) -> None:
    """Each kind and reason has its number and the time of its newest one, the largest group first, read by one call."""
    for number in range(5):
        park(workspace, number, "signal" if number == 4 else "message", "gave-up" if number == 0 else "rejected")
    calls.clear()
    status, found = call("GET", "/api/dead-letters/groups")
    assert (status, found["isLowerBound"], calls) == (200, False, {"query": 1})
    groups = [(each["kind"], each["reason"], each["count"], each["newest"]) for each in found["items"]]
    newest = [(NOW - timedelta(seconds=each)).strftime("%Y-%m-%dT%H:%M:%S.000Z") for each in (1, 0, 4)]
    assert groups == [("message", "rejected", 3, newest[0]), ("message", "gave-up", 1, newest[1]), ("signal", "rejected", 1, newest[2])]
    new_workspace()
    assert call("GET", "/api/dead-letters/groups")[1] == {"items": [], "isLowerBound": False}


def test_the_groups_of_large_dead_letters_are_lower_bounds(workspace: str, calls: dict[str, int]) -> None:
    """DynamoDB ends a read at 1 MB: the answer says that there are more dead letters than it counts."""
    letters = "".join(f"{number:x}" for number in range(1 << 16))  # compresses badly
    for each in range(40):
        park(workspace, each, body=f'"{each}{letters}"')
    calls.clear()
    status, found = call("GET", "/api/dead-letters/groups")
    assert (status, found["isLowerBound"], 0 < found["items"][0]["count"] < 40, calls) == (200, True, True, {"query": 1})


def test_a_redrive_of_a_group_leaves_the_others(workspace: str) -> None:
    """With a kind and a reason, only such records go back on their queues."""
    for number, (kind, reason) in enumerate(
        [("message", "rejected"), ("message", "gave-up"), ("signal", "rejected"), ("message", "rejected")]
    ):
        park(workspace, number, "signal" if kind == "signal" else "message", reason)
    assert call("POST", "/api/dead-letters/redrive", {"kind": "message", "reason": "rejected"}) == (200, {"redriven": 2, "next": None})
    assert [each["subject"] for each in call("GET", "/api/dead-letters")[1]["items"]] == ["s1", "s2"]
    assert call("POST", "/api/dead-letters/redrive", {"reason": "none"})[1]["redriven"] == 0


def test_a_deleted_dead_letter_is_gone(workspace: str, calls: dict[str, int]) -> None:
    """It is neither listed, counted nor redriven, and the deletion is one call; the others stay, and a repeat is 404 `not-found`."""
    first, second = park(workspace, 1), park(workspace, 2)
    path = f"/api/dead-letters/{quote(first.position, safe='')}"
    calls.clear()
    assert call("DELETE", path) == (204, None)
    assert calls == {"delete_item": 1}
    assert [each["id"] for each in call("GET", "/api/dead-letters")[1]["items"]] == [second.position]
    assert call("GET", "/api/dead-letters/count")[1]["count"] == 1
    for method, other, body in (("DELETE", path, None), ("POST", "/api/dead-letters/redrive", {"id": first.position})):
        status, problem = call(method, other, body)
        assert (status, problem["code"]) == (404, "not-found")


def test_nobody_deletes_or_counts_the_dead_letters_of_another_workspace(workspace: str) -> None:
    """With a key of another workspace the deletion is 404, the count is 0, and the record stays."""
    parked = park(workspace, 1)
    new_workspace()
    assert call("DELETE", f"/api/dead-letters/{quote(parked.position, safe='')}")[0] == 404
    assert call("GET", "/api/dead-letters/count")[1]["count"] == 0
    assert wiring.managing().dead_letters.get(workspace, parked.position) == parked


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_dead_letter_has_no_other_route(workspace: str, method: str) -> None:
    """Only DELETE is answered at a dead letter: any other method is 405."""
    assert call(method, "/api/dead-letters/some-id")[0] == 405
