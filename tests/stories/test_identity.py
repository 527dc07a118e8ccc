"""Who is who: every cell of the table of `$identify`, over HTTP (contract 2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stories.backends import both_backends
from tests.stories.workspace import Workspace, identify, mailing, trigger


def tell(workspace: Workspace, *events: dict[str, Any]) -> None:
    """Sends events that are all accepted, and waits for what comes of them."""
    answer = workspace.send(*events)
    assert answer.status_code == 201, answer.text
    assert workspace.stack.settle()


def set_of(correlation_id: str, **attributes: Any) -> dict[str, Any]:
    """A `$set` under a correlation id."""
    return trigger(correlation_id, "$set", **attributes)


def device(workspace: Workspace, correlation_id: str) -> Any:
    """The customer with a correlation id."""
    return workspace.get(f"/api/customers?correlationId={correlation_id}")


def test_neither_is_known(workspace: Workspace) -> None:
    """A new customer with both ids."""
    ada = workspace.email("ada")
    tell(workspace, identify("phone", ada, plan="pro"))
    customer = workspace.customer(ada)
    assert (customer["primaryKey"], customer["anonymous"], customer["correlationIds"]) == (ada, False, ["phone"])
    assert customer["attributes"] == {"email": ada, "plan": "pro"}
    assert device(workspace, "phone") == customer


@both_backends
def test_a_new_device_joins_a_known_person(workspace: Workspace) -> None:
    """The customer stays who it was, with one id more."""
    ada = workspace.email("ada")
    tell(workspace, identify("phone", ada, plan="pro"))
    before = workspace.customer(ada)
    tell(workspace, identify("laptop", ada))
    after = workspace.customer(ada)
    assert after | {"correlationIds": None} == before | {"correlationIds": None}
    assert sorted(after["correlationIds"]) == ["laptop", "phone"]


def test_an_anonymous_customer_gets_a_name(workspace: Workspace) -> None:
    """Its id, attributes, history and journeys stay."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    tell(workspace, set_of("phone", plan="free"), trigger("phone", "joined"))
    before = device(workspace, "phone")
    assert before["anonymous"]
    tell(workspace, identify("phone", ada, age=31))
    after = workspace.customer(ada)
    assert (after["id"], after["runs"], after["anonymous"]) == (before["id"], before["runs"], False)
    assert after["attributes"] == {"email": ada, "plan": "free", "age": 31}
    history = workspace.get(f"/api/customers/{after['id']}/timeline")["items"]
    assert {"$set", "joined", "$identify"} <= {entry.get("event") for entry in history}


def test_an_anonymous_customer_is_absorbed_into_a_known_one(workspace: Workspace) -> None:
    """Attributes by time, ids, history and runs come along; the absorbed id keeps answering, and `once` is spent."""
    ada = workspace.email("ada")
    workspace.publish(mailing("welcome", "joined"))
    tell(workspace, set_of("laptop", plan="free", theme="dark"), trigger("laptop", "joined"))
    anonymous = device(workspace, "laptop")
    tell(workspace, identify("phone", ada, plan="pro"))
    known = workspace.customer(ada)
    tell(workspace, identify("laptop", ada))
    after = workspace.customer(ada)
    assert after["id"] == known["id"] != anonymous["id"]
    assert sorted(after["correlationIds"]) == ["laptop", "phone"]
    assert after["attributes"] == {"email": ada, "plan": "pro", "theme": "dark"}
    assert [run["id"] for run in after["runs"]] == [run["id"] for run in anonymous["runs"]]
    assert workspace.get(f"/api/customers/{anonymous['id']}") == after
    tell(workspace, trigger("laptop", "joined", redelivered=1), trigger("phone", "joined", redelivered=2))
    assert workspace.customer(ada)["runs"] == after["runs"]
    history = workspace.get(f"/api/customers/{after['id']}/timeline")["items"]
    assert [entry["event"] for entry in history if entry["kind"] == "event"].count("joined") == 3


def test_naming_somebody_again_changes_attributes_only(workspace: Workspace) -> None:
    """The same person by the same id."""
    ada = workspace.email("ada")
    tell(workspace, identify("phone", ada, plan="pro"))
    before = workspace.customer(ada)
    tell(workspace, identify("phone", ada, plan="free"))
    assert workspace.customer(ada) == before | {"attributes": {"email": ada, "plan": "free"}}


@pytest.mark.parametrize("known", [True, False], ids=["who is known", "who is not known"])
@pytest.mark.parametrize("further", [True, False], ids=["by a further id", "by its id"])
def test_an_id_of_somebody_else_is_a_conflict(workspace: Workspace, known: bool, further: bool) -> None:
    """The event is refused and nothing changes, neither for the one nor for the other, nor for an id beside it."""
    ada, eve = workspace.email("ada"), workspace.email("eve")
    tell(workspace, identify("phone", ada), *([identify("laptop", eve)] if known else []))
    before = workspace.customer(ada), workspace.get(f"/api/customers?primaryKey={eve}") if known else None
    stolen = identify("tablet", eve, plan="stolen") if further else identify("phone", eve, plan="stolen")
    stolen["payload"] |= {"$anon_distinct_id": "phone"} if further else {}
    answer = workspace.send(stolen)
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing-accepted")
    [result] = answer.json()["results"]
    assert (result["status"], result["error"]["code"], result["error"]["retryable"]) == ("rejected", "correlation-conflict", False)
    assert workspace.stack.settle()
    assert (workspace.customer(ada), workspace.get(f"/api/customers?primaryKey={eve}") if known else None) == before
    for nobody in ("correlationId=tablet", *([] if known else [f"primaryKey={eve}"])):
        assert workspace.request("GET", f"/api/customers?{nobody}").status_code == 404


def waiting(name: str) -> dict[str, Any]:
    """A journey that thanks whoever buys within three days."""
    wait = {
        "id": "wait",
        "type": "waitUntil",
        "branches": [{"id": "bought", "event": "bought", "next": "hello"}],
        "timeout": {"after": "P3D", "next": "end"},
    }
    journey = mailing(name, "opened_app")
    return journey | {"steps": [wait, *journey["steps"]]}


def test_two_devices_of_one_person(workspace: Workspace) -> None:
    """Device A identifies and sets an attribute; device B acts anonymously, then identifies as the same.

    It is one person with both ids and the attribute, and device B's running journey goes on, whichever device goes on with it.
    """
    ada = workspace.email("ada")
    workspace.publish(waiting("shopping"))
    tell(workspace, identify("device-a", ada), set_of("device-a", plan="pro"))
    tell(workspace, trigger("device-b", "opened_app"), trigger("device-b", "looked", at="shoes"))
    [run] = device(workspace, "device-b")["runs"]
    tell(workspace, identify("device-b", ada))
    customer = workspace.customer(ada)
    assert device(workspace, "device-a") == device(workspace, "device-b") == customer
    assert sorted(customer["correlationIds"]) == ["device-a", "device-b"]
    assert customer["attributes"]["plan"] == "pro"
    assert customer["runs"] == [run]
    assert (run["status"], run["step"]) == ("active", "wait")
    tell(workspace, trigger("device-a", "bought"))
    assert [each["status"] for each in workspace.customer(ada)["runs"]] == ["exited"]
    assert len(workspace.mails_to(ada)) == 1


def test_of_two_runs_of_one_person_the_named_ones_goes_on(workspace: Workspace) -> None:
    """Both wait in one journey when they turn out to be one: one purchase, one mail; the other run says that it was merged."""
    ada = workspace.email("ada")
    workspace.publish(waiting("shopping"))
    tell(workspace, identify("phone", ada), trigger("phone", "opened_app"))
    tell(workspace, trigger("laptop", "opened_app"))
    [named], [anonymous] = workspace.customer(ada)["runs"], device(workspace, "laptop")["runs"]
    tell(workspace, identify("laptop", ada))
    runs = {run["id"]: (run["status"], run["reason"]) for run in workspace.customer(ada)["runs"]}
    assert runs == {named["id"]: ("active", None), anonymous["id"]: ("exited", "merged")}
    tell(workspace, trigger("laptop", "bought"))
    assert len(workspace.mails_to(ada)) == 1


def test_a_device_token_goes_with_its_person(workspace: Workspace) -> None:
    """The newest token of each kind of device wins, whichever id it came by."""
    ada = workspace.email("ada")
    tell(workspace, trigger("phone", "$fcm") | {"$fcm": {"iosDeviceToken": "t1", "androidDeviceToken": "t2"}}, identify("laptop", ada))
    tell(workspace, identify("phone", ada) | {"$fcm": {"iosDeviceToken": "t3", "androidDeviceToken": ""}})
    assert workspace.customer(ada)["deviceTokens"] == {"ios": "t3", "android": "t2"}


def test_workspaces_have_their_own_people(workspace: Workspace) -> None:
    """The same ids in two workspaces are two customers who know nothing of each other."""
    other = Workspace.made_on(workspace.stack)
    ada = workspace.email("ada")
    tell(workspace, identify("phone", ada, plan="pro"))
    tell(other, identify("phone", ada, theme="dark"))
    assert workspace.customer(ada)["attributes"] == {"email": ada, "plan": "pro"}
    assert other.customer(ada)["attributes"] == {"email": ada, "theme": "dark"}
    assert workspace.customer(ada)["id"] != other.customer(ada)["id"]
    assert other.send(identify("phone", other.email("eve"))).status_code == 422
