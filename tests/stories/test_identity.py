"""What `$identify` does to customers, over HTTP (docs/customers.md#identify, docs/customers.md#merge)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stories.backends import both_backends
from tests.stories.workspace import Workspace, identify, mailing, trigger


def send_accepted(workspace: Workspace, *events: dict[str, Any]) -> None:
    """Sends events that are all accepted, and waits until everything that is due is done."""
    response = workspace.send(*events)
    assert response.status_code == 201, response.text
    assert workspace.stack.settle()


def set_of(correlation_id: str, **attributes: Any) -> dict[str, Any]:
    """A `$set` under a correlation id."""
    return trigger(correlation_id, "$set", **attributes)


def device(workspace: Workspace, correlation_id: str) -> Any:
    """The customer with a correlation id."""
    return workspace.get(f"/api/customers?correlationId={correlation_id}")


def test_an_identify_of_unknown_ids_creates_a_customer(workspace: Workspace) -> None:
    """An `$identify` with an unknown correlation id and an unknown primary key creates one customer that has both."""
    ada = workspace.email("ada")
    send_accepted(workspace, identify("phone", ada, plan="pro"))
    customer = workspace.customer(ada)
    assert (customer["primaryKey"], customer["anonymous"], customer["correlationIds"]) == (ada, False, ["phone"])
    assert customer["attributes"] == {"email": ada, "plan": "pro"}
    assert device(workspace, "phone") == customer


@both_backends
def test_an_identify_adds_a_new_id_to_a_known_customer(workspace: Workspace) -> None:
    """An `$identify` with a new correlation id and a known primary key adds the id and changes nothing else."""
    ada = workspace.email("ada")
    send_accepted(workspace, identify("phone", ada, plan="pro"))
    before = workspace.customer(ada)
    send_accepted(workspace, identify("laptop", ada))
    after = workspace.customer(ada)
    assert after | {"correlationIds": None} == before | {"correlationIds": None}
    assert sorted(after["correlationIds"]) == ["laptop", "phone"]


def test_an_identify_gives_an_anonymous_customer_a_primary_key(workspace: Workspace) -> None:
    """An anonymous customer that gets a primary key keeps its id, attributes, history and runs."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    send_accepted(workspace, set_of("phone", plan="free"), trigger("phone", "joined"))
    before = device(workspace, "phone")
    assert before["anonymous"]
    send_accepted(workspace, identify("phone", ada, age=31))
    after = workspace.customer(ada)
    assert (after["id"], after["runs"], after["anonymous"]) == (before["id"], before["runs"], False)
    assert after["attributes"] == {"email": ada, "plan": "free", "age": 31}
    history = workspace.get(f"/api/customers/{after['id']}/timeline")["items"]
    assert {"$set", "joined", "$identify"} <= {entry.get("event") for entry in history}


def test_an_anonymous_customer_is_merged_into_a_known_one(workspace: Workspace) -> None:
    """A merge keeps ids, history, runs and the latest attributes; the merged id still finds the customer, and `once` counts its runs."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    send_accepted(workspace, set_of("laptop", plan="free", theme="dark"), trigger("laptop", "joined"))
    anonymous = device(workspace, "laptop")
    send_accepted(workspace, identify("phone", ada, plan="pro"))
    known = workspace.customer(ada)
    send_accepted(workspace, identify("laptop", ada))
    after = workspace.customer(ada)
    assert after["id"] == known["id"] != anonymous["id"]
    assert sorted(after["correlationIds"]) == ["laptop", "phone"]
    assert after["attributes"] == {"email": ada, "plan": "pro", "theme": "dark"}
    assert [run["id"] for run in after["runs"]] == [run["id"] for run in anonymous["runs"]]
    assert workspace.get(f"/api/customers/{anonymous['id']}") == after
    send_accepted(workspace, trigger("laptop", "joined", redelivered=1), trigger("phone", "joined", redelivered=2))
    assert workspace.customer(ada)["runs"] == after["runs"]
    history = workspace.get(f"/api/customers/{after['id']}/timeline")["items"]
    assert [entry["event"] for entry in history if entry["kind"] == "event"].count("joined") == 3


def test_a_repeated_identify_changes_attributes_only(workspace: Workspace) -> None:
    """An `$identify` with a correlation id and a primary key that belong together already changes nothing but attributes."""
    ada = workspace.email("ada")
    send_accepted(workspace, identify("phone", ada, plan="pro"))
    before = workspace.customer(ada)
    send_accepted(workspace, identify("phone", ada, plan="free"))
    assert workspace.customer(ada) == before | {"attributes": {"email": ada, "plan": "free"}}


@pytest.mark.parametrize("known", [True, False], ids=["known primary key", "unknown primary key"])
@pytest.mark.parametrize("further", [True, False], ids=["as a further id", "as the correlation id"])
def test_an_identify_with_the_id_of_another_customer_is_a_conflict(workspace: Workspace, known: bool, further: bool) -> None:
    """An `$identify` of a correlation id that has another primary key is rejected; it changes no customer and creates none."""
    ada, eve = workspace.email("ada"), workspace.email("eve")
    send_accepted(workspace, identify("phone", ada), *([identify("laptop", eve)] if known else []))
    before = workspace.customer(ada), workspace.get(f"/api/customers?primaryKey={eve}") if known else None
    conflict = identify("tablet", eve, plan="changed") if further else identify("phone", eve, plan="changed")
    conflict["payload"] |= {"$anon_distinct_id": "phone"} if further else {}
    response = workspace.send(conflict)
    assert (response.status_code, response.json()["code"]) == (422, "nothing-accepted")
    [result] = response.json()["results"]
    assert (result["status"], result["error"]["code"], result["error"]["retryable"]) == ("rejected", "correlation-conflict", False)
    assert workspace.stack.settle()
    assert (workspace.customer(ada), workspace.get(f"/api/customers?primaryKey={eve}") if known else None) == before
    for absent in ("correlationId=tablet", *([] if known else [f"primaryKey={eve}"])):
        assert workspace.request("GET", f"/api/customers?{absent}").status_code == 404


def waiting(name: str) -> dict[str, Any]:
    """A journey that sends an e-mail to a customer who buys within three days."""
    wait = {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"id": "bought", "event": "bought", "next": "hello"}],
        "timeout": {"after": "P3D", "next": "end"},
    }
    journey = mailing(name, "opened_app")
    return journey | {"steps": [wait, *journey["steps"]]}


def test_a_merge_continues_the_run_of_the_anonymous_customer(workspace: Workspace) -> None:
    """Device B enters a journey anonymously, then identifies as the customer of device A.

    Both ids belong to one customer with the attribute of device A, and an event of device A advances the run that device B began.
    """
    ada = workspace.email("ada")
    workspace.publish(waiting("shopping"))
    send_accepted(workspace, identify("device-a", ada), set_of("device-a", plan="pro"))
    send_accepted(workspace, trigger("device-b", "opened_app"), trigger("device-b", "looked", at="shoes"))
    [run] = device(workspace, "device-b")["runs"]
    send_accepted(workspace, identify("device-b", ada))
    customer = workspace.customer(ada)
    assert device(workspace, "device-a") == device(workspace, "device-b") == customer
    assert sorted(customer["correlationIds"]) == ["device-a", "device-b"]
    assert customer["attributes"]["plan"] == "pro"
    assert customer["runs"] == [run]
    assert (run["status"], run["step"]) == ("active", "wait")
    send_accepted(workspace, trigger("device-a", "bought"))
    assert [each["status"] for each in workspace.customer(ada)["runs"]] == ["exited"]
    assert len(workspace.mails_to(ada)) == 1


def test_a_merge_of_two_runs_keeps_the_run_of_the_known_customer(workspace: Workspace) -> None:
    """When two customers that wait in one journey merge, the anonymous one's run exits with `merged`, and one purchase sends one e-mail."""
    ada = workspace.email("ada")
    workspace.publish(waiting("shopping"))
    send_accepted(workspace, identify("phone", ada), trigger("phone", "opened_app"))
    send_accepted(workspace, trigger("laptop", "opened_app"))
    [known], [anonymous] = workspace.customer(ada)["runs"], device(workspace, "laptop")["runs"]
    send_accepted(workspace, identify("laptop", ada))
    runs = {run["id"]: (run["status"], run["reason"]) for run in workspace.customer(ada)["runs"]}
    assert runs == {known["id"]: ("active", None), anonymous["id"]: ("exited", "merged")}
    send_accepted(workspace, trigger("laptop", "bought"))
    assert len(workspace.mails_to(ada)) == 1


def test_the_newest_device_token_of_each_kind_belongs_to_the_customer(workspace: Workspace) -> None:
    """A customer has the newest token of each kind of device, whichever of its ids it came with; an empty token changes nothing."""
    ada = workspace.email("ada")
    send_accepted(
        workspace, trigger("phone", "$fcm") | {"$fcm": {"iosDeviceToken": "t1", "androidDeviceToken": "t2"}}, identify("laptop", ada)
    )
    send_accepted(workspace, identify("phone", ada) | {"$fcm": {"iosDeviceToken": "t3", "androidDeviceToken": ""}})
    assert workspace.customer(ada)["deviceTokens"] == {"ios": "t3", "android": "t2"}


def test_workspaces_have_separate_customers(workspace: Workspace) -> None:
    """The same ids in two workspaces are two customers with separate attributes."""
    other = Workspace.create(workspace.stack)
    ada = workspace.email("ada")
    send_accepted(workspace, identify("phone", ada, plan="pro"))
    send_accepted(other, identify("phone", ada, theme="dark"))
    assert workspace.customer(ada)["attributes"] == {"email": ada, "plan": "pro"}
    assert other.customer(ada)["attributes"] == {"email": ada, "theme": "dark"}
    assert workspace.customer(ada)["id"] != other.customer(ada)["id"]
    assert other.send(identify("phone", other.email("eve"))).status_code == 422
