"""Parallel requests about the same customers: the result is the same in every order (docs/customers.md#merge)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.stories.workspace import Workspace, identify, mailing, trigger

THREADS = 8


def in_parallel(work: Callable[[int], httpx.Response], number: int = THREADS) -> list[httpx.Response]:
    """The responses to `work`, called with 0, 1, 2... by eight threads."""
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(work, range(number)))


def timed(event: dict[str, Any], second: int) -> dict[str, Any]:
    """The event with a timestamp in this second of an hour in the past."""
    return event | {"timestamp": f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"}


def entered(workspace: Workspace, responses: Sequence[httpx.Response]) -> list[str]:
    """The ids of the runs that the events of these batches entered, from their receipts."""
    uuids = [result["uuid"] for response in responses for result in response.json()["results"]]
    moves = [move for uuid in uuids for move in workspace.get(f"/api/events/{uuid}")["journeys"]]
    return sorted(move["run"] for move in moves if move["outcome"] == "entered")


def test_eight_anonymous_customers_merge_into_one_in_parallel(workspace: Workspace) -> None:
    """Eight parallel merges leave one customer with all ids, attributes and runs, which does not enter the journey again."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    joined = in_parallel(lambda n: workspace.send(trigger(f"d{n}", "$set", **{f"a{n}": n}), trigger(f"d{n}", "joined")))
    assert workspace.stack.settle()
    responses = in_parallel(lambda n: workspace.send(identify(f"d{n}", ada)))
    assert {response.status_code for response in responses} == {201}
    again = in_parallel(lambda n: workspace.send(trigger(f"d{n}", "joined", redelivered=n)))
    assert workspace.stack.settle()
    customer = workspace.customer(ada)
    assert sorted(customer["correlationIds"]) == [f"d{n}" for n in range(THREADS)]
    assert customer["attributes"] == {"email": ada} | {f"a{n}": n for n in range(THREADS)}
    assert sorted(run["id"] for run in customer["runs"]) == entered(workspace, joined)
    assert entered(workspace, again) == []
    assert all(workspace.get(f"/api/customers?correlationId=d{n}") == customer for n in range(THREADS))


def test_one_of_eight_parallel_identifies_of_an_id_wins(workspace: Workspace) -> None:
    """Of eight parallel `$identify` events of one correlation id one is accepted; the others are conflicts and create no customer."""
    responses = in_parallel(lambda n: workspace.send(identify("kiosk", workspace.email(f"p{n}"), n=n)))
    assert sorted(response.status_code for response in responses) == [201] + [422] * 7
    assert workspace.stack.settle()
    found = [workspace.request("GET", f"/api/customers?primaryKey={workspace.email(f'p{n}')}").status_code for n in range(THREADS)]
    assert found == [{201: 200, 422: 404}[response.status_code] for response in responses]
    winner = workspace.get("/api/customers?correlationId=kiosk")
    assert winner["primaryKey"] == workspace.email(f"p{winner['attributes']['n']}")


def test_the_latest_event_time_wins_in_every_order_of_writes(workspace: Workspace) -> None:
    """After parallel `$identify` and `$set` events each attribute has the value with the latest event time."""
    ada = workspace.email("ada")

    def write(n: int) -> httpx.Response:
        by_device = identify(f"d{n % 3}", ada, plan=n, **{f"p{n % 4}": n})
        by_key = trigger(ada, "$set", plan=n, **{f"p{n % 4}": n}) | {"correlationKey": "email"}
        return workspace.send(timed(by_key if n % 2 else by_device, n * 7 % 24))

    assert {response.status_code for response in in_parallel(write, 24)} == {201}
    assert workspace.stack.settle()
    latest = {place: max(range(place, 24, 4), key=lambda n: n * 7 % 24) for place in range(4)}
    plan = max(range(24), key=lambda n: n * 7 % 24)
    assert workspace.customer(ada)["attributes"] == {"email": ada, "plan": plan} | {f"p{place}": n for place, n in latest.items()}


def test_a_merge_during_triggers_loses_no_run(workspace: Workspace) -> None:
    """Each of two customers may enter before they merge and neither does so afterwards; each run stays and sends one e-mail."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(identify("phone", ada), trigger("laptop", "seen"))
    assert workspace.stack.settle()

    def act(n: int) -> httpx.Response:
        return workspace.send(identify("laptop", ada) if n == 3 else trigger(("phone", "laptop")[n % 2], "joined", n=n))

    responses = in_parallel(act, 16)
    assert {response.status_code for response in responses} == {201}
    assert workspace.stack.settle()
    runs = [run["id"] for run in workspace.customer(ada)["runs"]]
    assert sorted(runs) == entered(workspace, responses)
    assert len(runs) in (1, 2)
    messages = workspace.get("/api/messages?journey=welcome")["items"]
    assert sorted(message["run"] for message in messages) == sorted(runs)
    late = workspace.send(trigger("laptop", "joined", late=True))
    assert workspace.stack.settle()
    assert entered(workspace, [late]) == []


@pytest.mark.parametrize("place", [3, 9])
def test_events_from_before_an_erasure_do_not_restore_a_customer(workspace: Workspace, place: int) -> None:
    """Old events that arrive during and after an erasure restore nothing, and a later `$identify` creates a new customer."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(timed(identify("d0", ada, plan="pro"), 0))
    assert workspace.stack.settle()
    customer = workspace.customer(ada)["id"]

    def act(n: int) -> httpx.Response:
        if n == place:
            return workspace.request("DELETE", f"/api/customers/{customer}")
        device = f"d{n % THREADS}"
        old = identify(device, ada, plan=n), trigger(device, "joined", n=n), trigger(device, "$set", size=n)
        return workspace.send(*(timed(event, n) for event in old))

    responses = in_parallel(act, 32)
    assert responses[place].status_code == 202
    assert workspace.stack.settle()
    for gone in (f"?primaryKey={ada}", f"/{customer}", "?correlationId=d0"):
        assert workspace.request("GET", f"/api/customers{gone}").status_code == 404, gone
    assert {workspace.send(identify(f"d{n}", ada, fresh=n)).status_code for n in range(THREADS)} == {201}
    assert workspace.stack.settle()
    created = workspace.customer(ada)
    assert created["id"] != customer
    assert len(created["correlationIds"]) == THREADS
    assert "plan" not in created["attributes"]
