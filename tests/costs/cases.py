"""The batches that are counted, and the two workspaces that they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from functions.local.seed import SCHEMA, WELCOME
from waypost import wiring
from waypost.adapters.dynamodb.journeys import DynamoJourneys
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion

Body = Mapping[str, Any]

QUIET: Final = "bench-key-of-a-workspace-where-little-matches"
GREETING: Final = "bench-key-of-a-workspace-that-welcomes-people"
GOLD: Final[Mapping[str, Any]] = {
    **WELCOME,
    "id": "gold",
    "entry": {"event": "viewed_offer", "conditions": {"property": "customer.plan", "operator": "is equal to", "value": "gold"}},
}
_DEVICES: Final = count(1)
_MOMENTS: Final = count(1)


@dataclass(frozen=True, slots=True)
class Case:
    """Batches to post, so many events in each.

    `apart`: Lambda finds one record at a time in the queue. `cold_ids`: the intake has forgotten whose the ids are. `enters`: customers
    enter a journey. `promised`: the calls that the intake may make for one batch.
    """

    title: str
    key: str
    devices: int
    bodies: Callable[[Sequence[str]], list[Body]]
    promised: int
    batches: int = 1
    events: int = 1
    apart: bool = False
    cold_ids: bool = False
    enters: bool = False


def found_workspaces() -> None:
    """Makes the two workspaces: in one an offer to gold customers runs, in the other the demo's welcome mail."""
    for key, journey in {QUIET: GOLD, GREETING: WELCOME}.items():
        workspace, _ = wiring.workspace_administration().create_workspace("bench", key, wiring.now())
        DynamoWorkspaces(wiring.table("WORKSPACES_TABLE")).save_schema(workspace, Schema.model_validate(SCHEMA))
        journeys, now = DynamoJourneys(wiring.table("JOURNEYS_TABLE")), datetime.now(UTC)
        saved = Lifecycle(journey["id"], "bench", now, now).saved("bench", now)
        journeys.save_draft(workspace, saved, journey)
        published = Lifecycle(
            journey["id"], "bench", now, now, revision=saved.revision + 1, version=1, published_version=1, status="published"
        )
        journeys.publish(workspace, published, ActiveJourneys(0, (ActiveVersion(journey["id"], 1, "published"),)))


def fresh_devices(number: int) -> list[str]:
    """Correlation ids that nobody had before."""
    return [f"5b9f0f6e-3c1a-4e57-9a53-{next(_DEVICES):012}" for _ in range(number)]


def identification(device: str) -> Body:
    """The documented `$identify`, of a device's own customer."""
    known = {"first_name": "Ada", "last_name": "Lovelace", "plan": "free", "locale": "en_GB"}
    return _event(device, "$identify", {"distinct_id": f"{device}@example.com", "email": f"{device}@example.com", **known})


def trigger(device: str, name: str = "trigger_some_message") -> Body:
    """The documented trigger."""
    return _event(device, name, {"some_value": "the_value", "page": "/pricing", "session": f"{device[-6:]}-1"})


def _event(device: str, name: str, payload: Body) -> Body:
    now = datetime.now(UTC) - timedelta(seconds=60) + timedelta(milliseconds=next(_MOMENTS) % 60_000)
    at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"correlationKey": "_id", "correlationValue": device, "event": name, "source": "mobile", "payload": payload, "timestamp": at}


def _documented(devices: Sequence[str]) -> list[Body]:
    return [{"batch": [identification(device), trigger(device)]} for device in devices]


def _alone(name: str) -> Callable[[Sequence[str]], list[Body]]:
    return lambda devices: [{"batch": [trigger(device, name)]} for device in devices]


def _triggers(number: int) -> Callable[[Sequence[str]], list[Body]]:
    return lambda devices: [{"batch": [trigger(devices[place % len(devices)]) for place in range(number)]}]


DOCUMENTED: Final = Case("documented batch, nothing listens", QUIET, 10, _documented, 2, batches=10, events=2)
WELCOMED: Final = replace(DOCUMENTED, title="documented batch that owes an e-mail", key=GREETING, enters=True)
ONE_CUSTOMER: Final = Case("100 triggers of 1 customer", QUIET, 1, _triggers(100), 1, events=100)
CASES: Final = (
    DOCUMENTED,
    replace(DOCUMENTED, title="the same, one record at a time", apart=True),
    WELCOMED,
    ONE_CUSTOMER,
    replace(ONE_CUSTOMER, title="the same, its id not in memory", promised=2, cold_ids=True),
    Case("100 triggers of 100 customers", QUIET, 100, _triggers(100), 10, events=100),
    Case("500 events of 50 customers", QUIET, 50, _triggers(500), 5, events=500),
    Case("1 event that matches nothing", QUIET, 10, _alone("trigger_some_message"), 1, batches=10),
    Case("1 event, a journey asks and declines", QUIET, 10, _alone("viewed_offer"), 1, batches=10),
)
