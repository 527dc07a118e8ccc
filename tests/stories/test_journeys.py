"""What journeys do with events, as their owner sees it."""

from __future__ import annotations

from typing import Any

from tests.stories.workspace import Workspace, identify, mailing, trigger


def outcomes(workspace: Workspace, answer: Any) -> list[tuple[str, str | None]]:
    """Outcome and reason of each journey, from the receipt of the last event of a batch."""
    assert workspace.stack.settle()
    receipt = workspace.get(f"/api/events/{answer.json()['results'][-1]['uuid']}")
    return [(entry["outcome"], entry["reason"]) for entry in receipt["journeys"]]


def test_only_who_meets_the_conditions_enters(workspace: Workspace) -> None:
    """Payload and customer both count, and what the same batch's $identify said already does."""
    conditions = {
        "all": [
            {"property": "payload.total", "operator": "is greater than", "value": 10},
            {"property": "customer.plan", "operator": "is equal to", "value": "pro"},
        ]
    }
    workspace.publish(mailing("big", "bought", conditions=conditions))
    workspace.send(identify("a", workspace.email("a"), plan="pro"), trigger("a", "bought", total=11))
    workspace.send(identify("b", workspace.email("b"), plan="pro"), trigger("b", "bought", total=9))
    workspace.send(identify("c", workspace.email("c"), plan="free"), trigger("c", "bought", total=11))
    assert workspace.stack.settle()
    assert [len(workspace.mails_to(workspace.email(who))) for who in "abc"] == [1, 0, 0]


def test_once_is_once_and_the_second_time_has_a_reason(workspace: Workspace) -> None:
    """A journey with reentry once ignores the second event, and the receipt says why."""
    workspace.publish(mailing("welcome", "joined"))
    first = workspace.send(identify("a", workspace.email("a")), trigger("a", "joined", n=1))
    assert outcomes(workspace, first) == [("entered", None)]
    [(outcome, reason)] = outcomes(workspace, workspace.send(trigger("a", "joined", n=2)))
    assert outcome == "ignored"
    assert reason
    assert len(workspace.mails_to(workspace.email("a"))) == 1


def test_always_with_a_key_is_one_run_for_each_value(workspace: Workspace) -> None:
    """An order's journey runs once for each order, and an event without the order is ignored."""
    workspace.publish(mailing("orders", "ordered", reentry={"mode": "once", "key": "payload.order"}))
    workspace.send(identify("a", workspace.email("a")), trigger("a", "ordered", order="o1"), trigger("a", "ordered", order="o2"))
    again = workspace.send(trigger("a", "ordered", order="o1", redelivered=True))
    assert [outcome for outcome, _ in outcomes(workspace, again)] == ["ignored"]
    assert outcomes(workspace, workspace.send(trigger("a", "ordered"))) == [("ignored", "no-key")]
    assert len(workspace.mails_to(workspace.email("a"))) == 2


def test_a_split_sends_each_customer_its_own_way(workspace: Workspace) -> None:
    """The first branch that holds wins; who fits none takes the rest."""
    journey = mailing("split", "joined")
    gold, rest = (
        {"id": name, "type": "message", "channel": "email", "template": {"subject": name, "text": name}, "next": "end"}
        for name in ("gold", "rest")
    )
    branch = {"conditions": {"property": "customer.tier", "operator": "is equal to", "value": "gold"}, "next": "gold"}
    split = {"id": "tier", "type": "multisplit", "branches": [branch], "otherwise": "hop"}
    journey["steps"] = [split, gold, {"id": "hop", "type": "jumpTo", "next": "rest"}, rest, {"id": "end", "type": "exit"}]
    workspace.publish(journey)
    workspace.send(identify("a", workspace.email("a"), tier="gold"), trigger("a", "joined"))
    workspace.send(identify("b", workspace.email("b")), trigger("b", "joined"))
    assert workspace.stack.settle()
    assert [workspace.mails_to(workspace.email(who))[0]["subject"] for who in "ab"] == ["gold", "rest"]


def test_journeys_work_for_people_without_a_name(workspace: Workspace) -> None:
    """An unknown id is an anonymous customer who can enter; its mail has no address and says so."""
    workspace.publish(mailing("welcome", "joined"))
    assert outcomes(workspace, workspace.send(trigger("nobody", "joined"))) == [("entered", None)]
    customer = workspace.get("/api/customers?correlationId=nobody")
    assert (customer["anonymous"], customer["runs"][0]["journey"]) == (True, "welcome")
    [message] = workspace.get("/api/messages?journey=welcome")["items"]
    assert (message["status"], message["reason"]) == ("skipped", "no-address")


def test_a_draft_moves_nobody_until_it_is_published(workspace: Workspace) -> None:
    """Saving is not publishing: the published version runs on, and an unpublished journey takes nobody."""
    workspace.put("/api/journeys/draft", mailing("draft", "joined"))
    workspace.send(identify("a", workspace.email("a")), trigger("a", "joined"))
    assert workspace.stack.settle()
    assert workspace.mails_to(workspace.email("a")) == []
    assert workspace.customer(workspace.email("a"))["runs"] == []


def test_one_bad_event_does_not_touch_its_neighbours(workspace: Workspace) -> None:
    """The good ones of a batch are taken and the bad one can be found with its reason."""
    answer = workspace.send(identify("a", workspace.email("a")), {"event": "lost", "correlationKey": "_id"}, trigger("a", "seen"))
    assert answer.status_code == 207
    assert [result["status"] for result in answer.json()["results"]] == ["accepted", "rejected", "accepted"]
    assert workspace.stack.settle()
    assert [event["event"] for event in workspace.get("/api/events?event=seen")["items"]] == ["seen"]
    assert len(workspace.get("/api/events?status=rejected")["items"]) == 1


def test_workspaces_do_not_see_each_other(workspace: Workspace) -> None:
    """Another tenant with the same ids and names sees neither customers nor events nor journeys nor messages."""
    other = Workspace.made_on(workspace.stack)
    workspace.publish(mailing("welcome", "joined"))
    answer = workspace.send(identify("a", workspace.email("a")), trigger("a", "joined"))
    assert workspace.stack.settle()
    uuid, customer = answer.json()["results"][1]["uuid"], workspace.customer(workspace.email("a"))["id"]
    for path in (
        f"/api/events/{uuid}",
        f"/api/customers/{customer}",
        f"/api/customers?primaryKey={workspace.email('a')}",
        "/api/journeys/welcome",
    ):
        assert other.request("GET", path).status_code == 404, path
    for path in ("/api/events", "/api/messages", "/api/journeys", "/api/dead-letters"):
        assert other.get(path)["items"] == [], path
