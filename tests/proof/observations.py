"""What a user can see at the end of a script: customers, timelines, receipts, messages and dead letters, read through the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.proof.scripts import INTAKE_PATH, Request, State
from tests.proof.system import System, on


@dataclass(frozen=True)
class Observation:
    """Customers by their ids, with `timeline` and `messages`; receipts by uuid, None for a uuid without one; and who has an identifier."""

    customers: Mapping[str, Any]
    owners: Mapping[tuple[str, str], str | None]
    receipts: Mapping[str, Any]
    dead_letters: tuple[Any, ...]
    resolving: frozenset[str]
    """The customer ids of receipts that lead to a customer."""


def identifiers_in(requests: Iterable[Any]) -> set[tuple[str, str]]:
    """The identifiers that the events of requests name, as key and value."""
    found: set[tuple[str, str]] = set()
    for each in requests:
        if isinstance(each, Request) and each.path == INTAKE_PATH:
            for event in each.body["batch"]:
                found.add((event["correlationKey"], event["correlationValue"]))
                if "distinct_id" in event["payload"]:
                    found.add(("email", event["payload"]["distinct_id"]))
    return found


def observe(state: State, identifiers: Iterable[tuple[str, str]]) -> Observation:
    """Reads everything through the management API, after the lag of the indexes."""
    system = state.system
    system.aws.intervene = lambda call, perform: perform()
    system.clock.advance(10.0)
    with on(system):
        owners = {each: _owner(system, *each) for each in sorted(identifiers)}
        receipts = {uuid: _get(system, f"/api/events/{uuid}") for uuid in sorted(state.accepted)}
        ids = {owner for owner in owners.values() if owner}
        named = {receipt["customer"] for receipt in receipts.values() if receipt and receipt["customer"]}
        resolving = {each: _get(system, f"/api/customers/{each}") for each in named}
        customers = {each: _customer(system, each) for each in sorted(ids | {found["id"] for found in resolving.values() if found})}
        dead_letters = _all(system, "/api/dead-letters")
    return Observation(customers, owners, receipts, tuple(dead_letters), frozenset(each for each, found in resolving.items() if found))


def _owner(system: System, key: str, value: str) -> str | None:
    found = _get(system, "/api/customers", **({"correlationId": value} if key == "_id" else {"primaryKey": value}))
    return found["id"] if found else None


def _customer(system: System, customer: str) -> dict[str, Any]:
    found = _get(system, f"/api/customers/{customer}")
    timeline, messages = _all(system, f"/api/customers/{customer}/timeline"), _all(system, "/api/messages", customer=customer)
    return {**(found or {}), "timeline": timeline, "messages": messages}


def _get(system: System, path: str, **query: str) -> Any:
    status, answer = system.request("GET", path, **query)
    assert status in (200, 404), (path, query, status, answer)
    return answer if status == 200 else None


def _all(system: System, path: str, **query: str) -> list[Any]:
    """All items of a list, page after page."""
    items: list[Any] = []
    position: dict[str, str] = {}
    while True:
        page = _get(system, path, **query, **position)
        items += page["items"]
        if page["next"] is None:
            return items
        position = {"cursor": page["next"]}


def outcome(observation: Observation) -> Any:
    """What came of a script, without ids and times that differ from one execution to the next.

    For each customer its identifiers and attributes, the events, the runs, and the messages. `uncertain`: a provider did not answer a call.
    """
    seen = [
        {
            "primaryKey": customer.get("primaryKey"),
            "ids": sorted(customer.get("correlationIds", ())),
            "attributes": customer.get("attributes"),
            "events": sorted(entry["uuid"] for entry in customer["timeline"] if entry["kind"] == "event"),
            "runs": sorted((each["journey"], each["step"], each["status"], each["reason"] or "") for each in customer.get("runs", ())),
            "messages": sorted((each["journey"], each["step"], each["status"], each["reason"] or "") for each in customer["messages"]),
        }
        for customer in observation.customers.values()
    ]
    receipts = {
        uuid: receipt
        and (receipt["reason"], sorted((each["journey"], each["outcome"], each["reason"] or "") for each in receipt["journeys"]))
        for uuid, receipt in observation.receipts.items()
    }
    uncertain = any(
        attempt["outcome"] == "unknown"
        for found in observation.customers.values()
        for each in found["messages"]
        for attempt in each["attempts"]
    )
    letters = sorted((each["kind"], each["reason"]) for each in observation.dead_letters)
    return {"customers": sorted(seen, key=repr), "receipts": receipts, "deadLetters": letters, "uncertain": uncertain}
