"""The scenarios that are measured: batches of events, and the two workspaces that they are posted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from functions.local.seed import SCHEMA
from waypost import wiring
from waypost.adapters.dynamodb.journeys import DynamoJourneys
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.domain.customers.schema import Schema
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.domain.messages.workspace_settings import WorkspaceSettings

Body = Mapping[str, Any]

FEW_MATCHES_KEY: Final = "bench-key-of-a-workspace-where-little-matches"
WELCOME_KEY: Final = "bench-key-of-a-workspace-that-welcomes-people"
CAPPED_KEY: Final = "bench-key-of-a-workspace-with-caps"
CAPS: Final = ({"messages": 3, "per": "P1D"}, {"messages": 1, "per": "PT1H", "topic": "general"})
WELCOME: Final[Mapping[str, Any]] = {
    "id": "welcome",
    "name": "Welcome",
    "entry": {"event": "trigger_some_message", "reentry": {"mode": "once"}},
    "steps": [
        {
            "id": "hello",
            "type": "message",
            "channel": "email",
            "template": {
                "subject": "Welcome, {{ customer.first_name | default: 'friend' }}",
                "text": "Hello {{ customer.first_name | default: 'there' }}, your event {{ event.name }} brought you here.",
            },
            "next": "end",
        },
        {"id": "end", "type": "exit"},
    ],
}
"""One e-mail and nothing else, so that its cost is the cost of an e-mail."""
GOLD: Final[Mapping[str, Any]] = {
    **WELCOME,
    "id": "gold",
    "entry": {"event": "viewed_offer", "conditions": {"property": "customer.plan", "operator": "is equal to", "value": "gold"}},
}
_DEVICE_NUMBERS: Final = count(1)
_EVENT_NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`batches` requests of `events` events each, about `devices` customers.

    `separate`: Lambda finds one record at a time in the queue. `cold_ids`: the intake does not have the ids in memory. `enters`: customers
    enter a journey. `promised`: the number of calls that the intake may make for one batch; `matcher`: that of the matcher.
    """

    title: str
    key: str
    devices: int
    bodies: Callable[[Sequence[str]], list[Body]]
    promised: int
    matcher: float
    batches: int = 1
    events: int = 1
    separate: bool = False
    cold_ids: bool = False
    enters: bool = False


def create_workspaces() -> None:
    """Creates the workspaces: in one of them an offer for gold customers is published, in the others a welcome e-mail.

    The last one has caps.
    """
    for key, journey in {FEW_MATCHES_KEY: GOLD, WELCOME_KEY: WELCOME, CAPPED_KEY: WELCOME}.items():
        workspace, _ = wiring.workspace_administration().create_workspace("bench", key, wiring.now())
        DynamoWorkspaces(wiring.table("WORKSPACES_TABLE")).save_schema(workspace, Schema.model_validate(SCHEMA))
        journeys, now = DynamoJourneys(wiring.table("JOURNEYS_TABLE")), datetime.now(UTC)
        saved = Lifecycle(journey["id"], "bench", now, now).saved("bench", now)
        journeys.save_draft(workspace, saved, journey)
        published = Lifecycle(
            journey["id"], "bench", now, now, revision=saved.revision + 1, version=1, published_version=1, status="published"
        )
        journeys.publish(workspace, published, ActiveJourneys(0, (ActiveVersion(journey["id"], 1, "published"),)))
        if key == CAPPED_KEY:
            wiring.workspace_settings().save(workspace, WorkspaceSettings.model_validate({"caps": CAPS}), 0)


def new_devices(number: int) -> list[str]:
    """Correlation ids that no customer has yet."""
    return [f"5b9f0f6e-3c1a-4e57-9a53-{next(_DEVICE_NUMBERS):012}" for _ in range(number)]


def identification(device: str) -> Body:
    """The documented `$identify`, with a primary key for this device only."""
    attributes = {"first_name": "Ada", "last_name": "Lovelace", "plan": "free", "locale": "en_GB"}
    return _event(device, "$identify", {"distinct_id": f"{device}@example.com", "email": f"{device}@example.com", **attributes})


def trigger(device: str, name: str = "trigger_some_message") -> Body:
    """The documented trigger."""
    return _event(device, name, {"some_value": "the_value", "page": "/pricing", "session": f"{device[-6:]}-1"})


def _event(device: str, name: str, payload: Body) -> Body:
    now = datetime.now(UTC) - timedelta(seconds=60) + timedelta(milliseconds=next(_EVENT_NUMBERS) % 60_000)
    at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"correlationKey": "_id", "correlationValue": device, "event": name, "source": "mobile", "payload": payload, "timestamp": at}


def _documented_batches(devices: Sequence[str]) -> list[Body]:
    return [{"batch": [identification(device), trigger(device)]} for device in devices]


def _single_events(name: str) -> Callable[[Sequence[str]], list[Body]]:
    return lambda devices: [{"batch": [trigger(device, name)]} for device in devices]


def _one_batch_of_triggers(number: int) -> Callable[[Sequence[str]], list[Body]]:
    return lambda devices: [{"batch": [trigger(devices[position % len(devices)]) for position in range(number)]}]


DOCUMENTED: Final = Scenario(
    "documented batch, no journey matches", FEW_MATCHES_KEY, 10, _documented_batches, promised=2, matcher=4, batches=10, events=2
)
# Ten records share an invocation of the matcher, and with it the one write of the numbers of their journey: a tenth of a call for each.
WELCOMED: Final = replace(DOCUMENTED, title="documented batch that sends an e-mail", key=WELCOME_KEY, matcher=9.1, enters=True)
CAPPED: Final = replace(WELCOMED, title="the same under two caps", key=CAPPED_KEY)
ONE_CUSTOMER: Final = Scenario(
    "100 triggers of 1 customer", FEW_MATCHES_KEY, 1, _one_batch_of_triggers(100), promised=1, matcher=7, events=100
)
SCENARIOS: Final = (
    DOCUMENTED,
    replace(DOCUMENTED, title="the same, one record at a time", separate=True),
    WELCOMED,
    CAPPED,
    ONE_CUSTOMER,
    replace(ONE_CUSTOMER, title="the same, its id not in memory", promised=2, cold_ids=True),
    Scenario("100 triggers of 100 customers", FEW_MATCHES_KEY, 100, _one_batch_of_triggers(100), promised=10, matcher=300, events=100),
    Scenario("500 events of 50 customers", FEW_MATCHES_KEY, 50, _one_batch_of_triggers(500), promised=5, matcher=150, events=500),
    Scenario(
        "1 event that matches nothing", FEW_MATCHES_KEY, 10, _single_events("trigger_some_message"), promised=1, matcher=3, batches=10
    ),
    Scenario(
        "1 event, conditions of a journey fail", FEW_MATCHES_KEY, 10, _single_events("viewed_offer"), promised=1, matcher=5, batches=10
    ),
)
