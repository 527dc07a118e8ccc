"""Every list of the API on the simulated services: complete where pages of DynamoDB end after one row, and never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

import pytest

from tests.proof.aws.dynamodb import PAGE_BYTES
from tests.proof.scenarios import DAY, NUDGE, event, identify
from tests.proof.scripts import WORKSPACE, Settle, post, prepared
from tests.proof.system import System, on, simulated
from waypost import wiring
from waypost.domain.customers.consents import ALL, ConsentChange
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.manage import journey_versions, journeys, message_counts, pagination
from waypost.manage.operations import document

ITEMS: Final = 3
"""How many items each list has at least, and one more than its pages are requested to have."""

LISTS: Final = MappingProxyType(
    {
        "/api/events": ({}, {"customer": "{customer}"}, {"status": "rejected"}, {"event": "signed_up"}),
        "/api/keys": ({},),
        "/api/journeys": ({},),
        "/api/journeys/{id}/versions": ({},),
        "/api/journeys/{id}/runs": ({}, {"step": "paid"}),
        "/api/customers/{id}/timeline": ({},),
        "/api/customers/{id}/export": ({},),
        "/api/customers/{id}/consents": ({},),
        "/api/messages": ({}, {"customer": "{customer}"}, {"journey": "done"}, {"content": "false"}),
        "/api/suppressions": ({},),
        "/api/dead-letters": ({}, {"kind": "signal"}),
    }
)
"""The lists of the API with the filters that choose how they are read."""

OTHERS: Final = MappingProxyType(
    {
        "/api/journeys/{id}/diagram": "a text with counts; test_pages.py has the counts of its steps",
        "/api/journeys/{id}/counts": "numbers in parts, which add up: a test of its own",
    }
)
"""What has a cursor and is no list of items."""

CASES: Final = [(path, filters) for path, choices in LISTS.items() for filters in choices]
POSITIONS: Final = (
    "x",
    "zzzz",
    "~",
    "#",
    "\x00",
    "2026-11-23",
    "2026-11-23T09:00:00.000Z#x",
    "9999-12-31~",
    "suppressed/",
    "suppressed0",
    "live#paid\nc\nrun/x",
    "held#\nc\nr",
    "a\n\nb",
    "7",
    "x" * 1_000,
)
"""Positions of forged cursors: the digest in a cursor has no secret, so any position may come."""


class Filled:
    """A system with at least three items in each list. `journeys` are those that have runs, and messages."""

    def __init__(self) -> None:
        done = NUDGE | {"id": "done"}
        script = [identify("i1"), *(event(f"s{place}", "seen") for place in range(ITEMS))]
        script += [event(f"e{place}", "signed_up", f"device-{place}") for place in range(1, ITEMS + 1)]
        state = prepared((post(*script), Settle()), (NUDGE, done, NUDGE | {"id": "other"}), (), lambda system: None)
        state.finish()
        self.system: System = state.system
        self.system.dynamodb.index_lag = self.system.dynamodb.table_lag = 0.0
        with on(self.system):
            self._fill(done)
        self.system.dynamodb.settle()

    def _fill(self, done: dict[str, Any]) -> None:
        for place in range(ITEMS):
            self.accepted("POST", "/api/keys", {"scopes": ["events"]})
            self.accepted("PUT", "/api/journeys/done", done | {"name": f"Version {place}"})
            self.accepted("POST", "/api/journeys/done/publish")
        self.accepted("PUT", "/api/journeys/third", done | {"id": "third"})
        addresses = [{"channel": "email", "address": f"a{place}@example.com", "reason": "manual"} for place in range(ITEMS)]
        self.accepted("POST", "/api/suppressions", {"items": addresses})
        self.accepted("POST", "/api/events/batch/", {"batch": [event(f"p{place}", "purchase", f"device-{place}") for place in range(1, 4)]})
        self.system.settle()
        self.system.advance(2 * DAY)
        self.system.settle()
        self.accepted(
            "POST",
            "/api/events/batch/",
            {"batch": [event(f"f{place}", "signed_up", f"new-{place}") for place in range(ITEMS)]},
        )
        self.system.settle()
        self.customer = self.accepted("GET", "/api/customers", correlationId="device-1")["id"]
        self._store(self.customer)

    def _store(self, customer: str) -> None:
        """Stores what no request stores at once: consents, dead letters and rejected events."""
        dependencies, now = wiring.managing(), self.system.clock.now
        changes = [ConsentChange("unsubscribed", f"t{place}", ALL, now, f"u{place}", "page") for place in range(ITEMS)]
        wiring.consent_history().add(WORKSPACE, customer, changes, now)
        for place in range(ITEMS):
            dependencies.dead_letters.park(Parked(WORKSPACE, "signal", f"s{place}", "{}", "gave-up", now))
        error = Rejected("bad-event", "no", "/batch/0")
        wiring.rejected_events().keep(WORKSPACE, now, "r", [RejectedEvent(place, {"event": "x"}, error) for place in range(ITEMS)])

    def accepted(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The body of a response that must be a success."""
        status, answer = self.system.request(method, path, body, **query)
        assert status < 300, (method, path, answer)
        return answer

    def get(self, path: str, filters: dict[str, str], **query: str) -> tuple[int, Any]:
        """The response of a list."""
        found = path.replace("{id}", self.customer if "customers" in path else "nudge" if path.endswith("runs") else "done")
        parameters = {name: value.replace("{customer}", self.customer) for name, value in filters.items()}
        with on(self.system):
            return self.system.request("GET", found, **parameters, **query)

    def items(self, path: str, filters: dict[str, str]) -> list[Any]:
        """The items of all pages of a list."""
        found: list[Any] = []
        query: dict[str, str] = {"limit": str(ITEMS - 1)}
        for _ in range(200):
            status, answer = self.get(path, filters, **query)
            assert status == 200, answer
            found += answer["history" if path.endswith("export") else "items"]
            if answer["next"] is None:
                return found
            query["cursor"] = answer["next"]
        raise AssertionError(f"{path} does not end")


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    """A system with items in each list."""
    with simulated():
        yield Filled()


def test_every_list_is_here() -> None:
    """No operation of the API that takes a cursor is left out."""
    paths = document()["paths"]
    with_cursor = {
        path
        for path, operations in paths.items()
        if any(parameter.get("name") == "cursor" for parameter in operations.get("get", {}).get("parameters", ()))
    }
    assert with_cursor == {*LISTS, *OTHERS}


@pytest.mark.parametrize(("path", "filters"), CASES)
def test_a_list_is_complete_in_short_pages(filled: Filled, path: str, filters: dict[str, str]) -> None:
    """The pages of a list hold the same items, in the same order, where DynamoDB ends each page after one row."""
    filled.system.dynamodb.page_bytes = PAGE_BYTES
    whole = filled.items(path, filters)
    assert len(whole) >= ITEMS
    filled.system.dynamodb.page_bytes = 1
    assert filled.items(path, filters) == whole


def test_the_parts_of_a_count_add_up(filled: Filled) -> None:
    """The numbers of messages in all parts together are the same where DynamoDB ends each page after one row."""
    totals = []
    for page_bytes in (PAGE_BYTES, 1):
        filled.system.dynamodb.page_bytes = page_bytes
        total = 0
        query: dict[str, str] = {}
        while True:
            status, answer = filled.get("/api/journeys/{id}/counts", {}, **query)
            assert status == 200
            total += sum(step["total"] for step in answer["steps"])
            if answer["next"] is None:
                break
            query = {"cursor": answer["next"]}
        totals.append(total)
    assert totals[0] == totals[1] >= ITEMS


@pytest.mark.parametrize(("path", "filters"), [*CASES, *((path, {"counts": "true"} if "diagram" in path else {}) for path in OTHERS)])
def test_a_forged_position_is_no_error_of_the_server(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, path: str, filters: dict[str, str]
) -> None:
    """Whatever position a cursor holds, the answer is a page or 400: DynamoDB refuses a position outside of the range of a query."""
    for module in (pagination, journeys, journey_versions, message_counts):
        monkeypatch.setattr(module, "position_in", lambda cursor, *_: cursor)
    filled.system.dynamodb.page_bytes = PAGE_BYTES
    for position in POSITIONS:
        try:
            status, answer = filled.get(path, filters, cursor=position)
        except ValueError:  # a diagram is text, and no JSON
            continue
        assert status in {200, 400}, (position, answer, filled.system.errors[-1:])
