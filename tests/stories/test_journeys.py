"""Journeys over HTTP: entry, re-entry, branches, drafts and receipts."""

from __future__ import annotations

from typing import Any

from tests.stories.workspace import Workspace, identify, mailing, trigger


def outcomes(workspace: Workspace, response: Any) -> list[tuple[str, str | None]]:
    """The outcome and the reason of each journey in the receipt of a batch's last event."""
    assert workspace.stack.settle()
    receipt = workspace.get(f"/api/events/{response.json()['results'][-1]['uuid']}")
    return [(entry["outcome"], entry["reason"]) for entry in receipt["journeys"]]


def test_only_a_customer_that_meets_the_conditions_enters(workspace: Workspace) -> None:
    """Entry conditions see the payload and the customer with the attributes that an `$identify` of the same batch has set."""
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


def test_a_second_entry_is_ignored_with_a_reason(workspace: Workspace) -> None:
    """A journey with the re-entry mode `once` ignores the second event, and the receipt has a reason."""
    workspace.publish(mailing("welcome", "joined"))
    first = workspace.send(identify("a", workspace.email("a")), trigger("a", "joined", n=1))
    assert outcomes(workspace, first) == [("entered", None)]
    [(outcome, reason)] = outcomes(workspace, workspace.send(trigger("a", "joined", n=2)))
    assert outcome == "ignored"
    assert reason
    assert len(workspace.mails_to(workspace.email("a"))) == 1


def test_a_reentry_key_gives_each_value_a_run(workspace: Workspace) -> None:
    """A journey with a re-entry key has one run for each value of the key, and ignores an event without it."""
    workspace.publish(mailing("orders", "ordered", reentry={"mode": "once", "key": "payload.order"}))
    workspace.send(identify("a", workspace.email("a")), trigger("a", "ordered", order="o1"), trigger("a", "ordered", order="o2"))
    again = workspace.send(trigger("a", "ordered", order="o1", redelivered=True))
    assert [outcome for outcome, _ in outcomes(workspace, again)] == ["ignored"]
    assert outcomes(workspace, workspace.send(trigger("a", "ordered"))) == [("ignored", "no-key")]
    assert len(workspace.mails_to(workspace.email("a"))) == 2


def test_a_split_takes_the_first_branch_that_holds(workspace: Workspace) -> None:
    """A `multisplit` takes the first branch whose conditions hold, otherwise `otherwise`."""
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


def test_an_anonymous_customer_enters_and_its_email_is_skipped(workspace: Workspace) -> None:
    """An event of an unknown id enters an anonymous customer; its e-mail is skipped with the reason `no-address`."""
    workspace.publish(mailing("welcome", "joined"))
    assert outcomes(workspace, workspace.send(trigger("device-1", "joined"))) == [("entered", None)]
    customer = workspace.get("/api/customers?correlationId=device-1")
    assert (customer["anonymous"], customer["runs"][0]["journey"]) == (True, "welcome")
    [message] = workspace.get("/api/messages?journey=welcome")["items"]
    assert (message["status"], message["reason"]) == ("skipped", "no-address")


def test_a_draft_has_no_effect_until_it_is_published(workspace: Workspace) -> None:
    """No event enters a journey that is saved and not published."""
    workspace.put("/api/journeys/draft", mailing("draft", "joined"))
    workspace.send(identify("a", workspace.email("a")), trigger("a", "joined"))
    assert workspace.stack.settle()
    assert workspace.mails_to(workspace.email("a")) == []
    assert workspace.customer(workspace.email("a"))["runs"] == []


def test_a_rejected_event_does_not_affect_the_rest_of_its_batch(workspace: Workspace) -> None:
    """The valid events of a batch are accepted, and the invalid one is in the list of rejected events."""
    response = workspace.send(identify("a", workspace.email("a")), {"event": "invalid", "correlationKey": "_id"}, trigger("a", "seen"))
    assert response.status_code == 207
    assert [result["status"] for result in response.json()["results"]] == ["accepted", "rejected", "accepted"]
    assert workspace.stack.settle()
    assert [event["event"] for event in workspace.get("/api/events?event=seen")["items"]] == ["seen"]
    assert len(workspace.get("/api/events?status=rejected")["items"]) == 1


def test_workspaces_are_isolated(workspace: Workspace) -> None:
    """A key of another workspace reads none of a workspace's customers, events, journeys, messages and dead letters."""
    other = Workspace.create(workspace.stack)
    workspace.publish(mailing("welcome", "joined"))
    response = workspace.send(identify("a", workspace.email("a")), trigger("a", "joined"))
    assert workspace.stack.settle()
    uuid, customer = response.json()["results"][1]["uuid"], workspace.customer(workspace.email("a"))["id"]
    for path in (
        f"/api/events/{uuid}",
        f"/api/customers/{customer}",
        f"/api/customers?primaryKey={workspace.email('a')}",
        "/api/journeys/welcome",
    ):
        assert other.request("GET", path).status_code == 404, path
    for path in ("/api/events", "/api/messages", "/api/journeys", "/api/dead-letters"):
        assert other.get(path)["items"] == [], path
