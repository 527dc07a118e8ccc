"""Eight at once on the emulator's real conditions and transactions: whoever is quicker, it comes to the same (contract 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.stories.workspace import Workspace, identify, mailing, trigger

AT_ONCE = 8


def at_once(work: Callable[[int], httpx.Response], number: int = AT_ONCE) -> list[httpx.Response]:
    """The answers to the same work done by eight threads."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(work, range(number)))


def timed(event: dict[str, Any], second: int) -> dict[str, Any]:
    """An event that happened in this second of an hour of the past."""
    return event | {"timestamp": f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"}


def entered(workspace: Workspace, answers: Sequence[httpx.Response]) -> list[str]:
    """The runs that these batches' events have opened, by their receipts."""
    uuids = [result["uuid"] for answer in answers for result in answer.json()["results"]]
    moves = [move for uuid in uuids for move in workspace.get(f"/api/events/{uuid}")["journeys"]]
    return sorted(move["run"] for move in moves if move["outcome"] == "entered")


def test_eight_anonymous_devices_become_one_person_in_one_moment(workspace: Workspace) -> None:
    """One customer with all ids, attributes and runs; and whoever had entered, enters no more."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    joined = at_once(lambda n: workspace.send(trigger(f"d{n}", "$set", **{f"a{n}": n}), trigger(f"d{n}", "joined")))
    assert workspace.stack.settle()
    answers = at_once(lambda n: workspace.send(identify(f"d{n}", ada)))
    assert {answer.status_code for answer in answers} == {201}
    again = at_once(lambda n: workspace.send(trigger(f"d{n}", "joined", redelivered=n)))
    assert workspace.stack.settle()
    customer = workspace.customer(ada)
    assert sorted(customer["correlationIds"]) == [f"d{n}" for n in range(AT_ONCE)]
    assert customer["attributes"] == {"email": ada} | {f"a{n}": n for n in range(AT_ONCE)}
    assert sorted(run["id"] for run in customer["runs"]) == entered(workspace, joined)
    assert entered(workspace, again) == []
    assert all(workspace.get(f"/api/customers?correlationId=d{n}") == customer for n in range(AT_ONCE))


def test_one_device_becomes_one_of_eight_people(workspace: Workspace) -> None:
    """One naming wins; the others are conflicts and leave nobody behind."""
    answers = at_once(lambda n: workspace.send(identify("kiosk", workspace.email(f"p{n}"), n=n)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7
    assert workspace.stack.settle()
    found = [workspace.request("GET", f"/api/customers?primaryKey={workspace.email(f'p{n}')}").status_code for n in range(AT_ONCE)]
    assert found == [{201: 200, 422: 404}[answer.status_code] for answer in answers]
    winner = workspace.get("/api/customers?correlationId=kiosk")
    assert winner["primaryKey"] == workspace.email(f"p{winner['attributes']['n']}")


def test_the_latest_word_counts_whoever_writes_last(workspace: Workspace) -> None:
    """Identifies and sets of one person in all orders at once: for each attribute the latest event time is what stays."""
    ada = workspace.email("ada")

    def say(n: int) -> httpx.Response:
        by_device = identify(f"d{n % 3}", ada, plan=n, **{f"p{n % 4}": n})
        by_key = trigger(ada, "$set", plan=n, **{f"p{n % 4}": n}) | {"correlationKey": "email"}
        return workspace.send(timed(by_key if n % 2 else by_device, n * 7 % 24))

    assert {answer.status_code for answer in at_once(say, 24)} == {201}
    assert workspace.stack.settle()
    latest = {place: max(range(place, 24, 4), key=lambda n: n * 7 % 24) for place in range(4)}
    plan = max(range(24), key=lambda n: n * 7 % 24)
    assert workspace.customer(ada)["attributes"] == {"email": ada, "plan": plan} | {f"p{place}": n for place, n in latest.items()}


def test_an_absorb_in_the_middle_of_triggers_loses_no_run(workspace: Workspace) -> None:
    """Each of the two customers may have entered before they were one; then no more, and every run has its mail."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(identify("phone", ada), trigger("laptop", "seen"))
    assert workspace.stack.settle()

    def act(n: int) -> httpx.Response:
        return workspace.send(identify("laptop", ada) if n == 3 else trigger(("phone", "laptop")[n % 2], "joined", n=n))

    answers = at_once(act, 16)
    assert {answer.status_code for answer in answers} == {201}
    assert workspace.stack.settle()
    runs = [run["id"] for run in workspace.customer(ada)["runs"]]
    assert sorted(runs) == entered(workspace, answers)
    assert len(runs) in (1, 2)
    messages = workspace.get("/api/messages?journey=welcome")["items"]
    assert sorted(message["run"] for message in messages) == sorted(runs)
    late = workspace.send(trigger("laptop", "joined", late=True))
    assert workspace.stack.settle()
    assert entered(workspace, [late]) == []


@pytest.mark.parametrize("place", [3, 9])
def test_what_happened_before_an_erasure_never_comes_back(workspace: Workspace, place: int) -> None:
    """Eight devices go on sending what happened long ago while their customer is erased: nothing is left, and nothing stands in the way."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    workspace.send(timed(identify("d0", ada, plan="pro"), 0))
    assert workspace.stack.settle()
    customer = workspace.customer(ada)["id"]

    def act(n: int) -> httpx.Response:
        if n == place:
            return workspace.request("DELETE", f"/api/customers/{customer}")
        device = f"d{n % AT_ONCE}"
        old = identify(device, ada, plan=n), trigger(device, "joined", n=n), trigger(device, "$set", size=n)
        return workspace.send(*(timed(event, n) for event in old))

    answers = at_once(act, 32)
    assert answers[place].status_code == 200
    assert workspace.stack.settle()
    for gone in (f"?primaryKey={ada}", f"/{customer}", "?correlationId=d0"):
        assert workspace.request("GET", f"/api/customers{gone}").status_code == 404, gone
    assert {workspace.send(identify(f"d{n}", ada, fresh=n)).status_code for n in range(AT_ONCE)} == {201}
    assert workspace.stack.settle()
    anew = workspace.customer(ada)
    assert anew["id"] != customer
    assert len(anew["correlationIds"]) == AT_ONCE
    assert "plan" not in anew["attributes"]
