"""The golden files of this folder, and rows in the JSON of DynamoDB's API.

A golden file holds stored data or a message as an earlier version of the code wrote it. No program writes these files. If a test fails
against one of them, the change makes data unreadable that is stored or in flight; `pytest -vv tests/golden` shows the difference.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.fakes import tables
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.customer_data import DynamoCustomerData
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.adapters.dynamodb.erasures import DynamoErasures
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.journeys import DynamoJourneys
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.suppressions import DynamoSuppressions
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.webhook_secrets import DynamoWebhookSecrets
from waypost.adapters.dynamodb.workspace_settings import DynamoWorkspaceSettings
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces

FOLDER = Path(__file__).parent
TOMBSTONE_KEY = bytes(range(32))


def golden(name: str) -> Any:
    """The content of a golden file."""
    return json.loads(text_of(name))


def text_of(name: str) -> str:
    """The text of a golden file."""
    return (FOLDER / f"{name}.json").read_text(encoding="ascii")


@dataclass(frozen=True)
class Database:
    """All adapters of DynamoDB on empty tables."""

    customers: DynamoCustomers
    runs: DynamoRuns
    receipts: DynamoReceipts
    log: DynamoLog
    rejected: DynamoRejectedEvents
    messages: DynamoMessages
    journeys: DynamoJourneys
    keys: DynamoKeys
    workspaces: DynamoWorkspaces
    secrets: DynamoWebhookSecrets
    suppressions: DynamoSuppressions
    settings: DynamoWorkspaceSettings
    dead: DynamoDeadLetters
    customer_data: DynamoCustomerData
    erasures: DynamoErasures


def database() -> Database:
    """Adapters on empty tables, which have the keys and indexes of the template."""
    events, runs, messages, dead = (tables.empty_table(name) for name in ("EventsTable", "RunsTable", "MessagesTable", "DeadTable"))
    workspaces = tables.empty_table("WorkspacesTable")
    receipts = DynamoReceipts(events, timedelta(days=90))
    return Database(
        DynamoCustomers(tables.empty_table("CustomersTable"), lambda _: TOMBSTONE_KEY),
        DynamoRuns(runs, receipts, messages),
        receipts,
        DynamoLog(receipts),
        DynamoRejectedEvents(events),
        DynamoMessages(messages),
        DynamoJourneys(tables.empty_table("JourneysTable")),
        DynamoKeys(tables.empty_table("KeysTable")),
        DynamoWorkspaces(workspaces),
        DynamoWebhookSecrets(workspaces),
        DynamoSuppressions(workspaces, lambda _: TOMBSTONE_KEY),
        DynamoWorkspaceSettings(workspaces),
        DynamoDeadLetters(dead),
        DynamoCustomerData(runs, messages, events, dead),
        DynamoErasures(runs),
    )


def rows_of(table: Table) -> list[Any]:
    """All rows of a table as DynamoDB returns them, bytes as base64, in the order of their JSON text."""
    items = client("dynamodb").scan(TableName=table.name, ConsistentRead=True)["Items"]
    rows = [{name: _as_json(value) for name, value in item.items()} for item in items]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def load(table: Table, rows: Sequence[Any]) -> None:
    """Puts rows of a golden file into a table, without the adapters."""
    for row in rows:
        item = {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in row.items()}
        client("dynamodb").put_item(TableName=table.name, Item=item)


def comparable(rows: Sequence[Any]) -> list[Any]:
    """Rows with their compressed attributes decompressed: builds of zlib compress the same text to different bytes."""
    read = [{name: {"zlib": _text(value)} if _text(value) else value for name, value in row.items()} for row in rows]
    return sorted(read, key=lambda row: json.dumps(row, sort_keys=True))


def _as_json(value: Any) -> Any:
    return {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value


def _text(value: Any) -> str:
    if "B" not in value:
        return ""
    try:
        return zlib.decompress(base64.b64decode(value["B"])).decode("utf-8", "surrogatepass")
    except zlib.error:
        return ""
