"""The composition root: settings and adapters become what a door needs; made on first use and kept."""

from __future__ import annotations

import random
import secrets
import string
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from waypost import send, settings
from waypost.adapters import clock, stacks
from waypost.adapters.delays import SqsDelays
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.adapters.dynamodb.events import Log, Receipts
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.webhook_secrets import DynamoWebhookSecrets
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.adapters.scheduler import ScheduledTimers, Schedules, Target
from waypost.adapters.send_queue import SqsSendQueue
from waypost.adapters.sqs import SqsSignals
from waypost.cache.linked_ids import LinkedIdCache
from waypost.cache.workspace_cache import Schemas, Snapshots, Statuses
from waypost.domain.api_keys import Scope
from waypost.ingest.dependencies import IngestDependencies
from waypost.manage import keys as managed_keys
from waypost.match import dependencies as engine
from waypost.web.authentication import Access

if TYPE_CHECKING:  # the other functions need not load the models of the management API
    from waypost.manage.dependencies import ManageDependencies

THREADS = 10
KEY_CHARACTERS = string.ascii_letters + string.digits


def now() -> datetime:
    """The time (UTC, to the millisecond) that doors give to their use cases; the local run alone can push it."""
    return clock.now(settings.optional("WAYPOST_CLOCK_FILE"))


def table(name: str) -> Table:
    """The table that an environment variable names."""
    return Table(settings.required(name))


@cache
def access() -> Access:
    """Keys, remembered for as long as they may be."""
    return Access(DynamoKeys(table("KEYS_TABLE")))


@cache
def schemas() -> Schemas:
    """Schemas, remembered for as long as they may be."""
    return Schemas(DynamoWorkspaces(table("WORKSPACES_TABLE")))


@lru_cache(maxsize=10_000)
def tombstone_key(workspace: str) -> bytes:
    """The key under which a workspace's erased customers are known; it never changes."""
    return DynamoWorkspaces(table("WORKSPACES_TABLE")).tombstone_key(workspace)


@cache
def customers_rows() -> DynamoCustomers:
    """The rows that customers are merged from."""
    return DynamoCustomers(table("CUSTOMERS_TABLE"), tombstone_key)


@cache
def intake() -> IngestDependencies:
    """What the intake needs."""
    return IngestDependencies(
        customers=customers_rows(),
        signals=signals_queue(),
        rejected=DynamoRejectedEvents(table("EVENTS_TABLE")),
        linked=LinkedIdCache(),
        executor=ThreadPoolExecutor(THREADS),
        pause=lambda: time.sleep(random.uniform(0.05, 0.25)),  # noqa: S311 - jitter, not a secret
    )


@cache
def signals_queue() -> SqsSignals:
    """The queue of signals."""
    return SqsSignals(settings.required("SIGNALS_QUEUE_URL"))


@cache
def matching() -> engine.MatchDependencies:
    """What the matcher needs."""
    from waypost.adapters.dynamodb.journeys import DynamoJourneys  # noqa: PLC0415 - only readers of journeys pay for their models

    kept = timedelta(days=settings.whole("RECEIPT_DAYS", 90))
    receipts = Receipts(table("EVENTS_TABLE"), kept)
    journeys = DynamoJourneys(table("JOURNEYS_TABLE"))
    return engine.MatchDependencies(
        customers=customers_rows(),
        runs=DynamoRuns(table("RUNS_TABLE"), receipts, table("MESSAGES_TABLE")),
        receipts=receipts,
        log=Log(receipts),
        messages=DynamoMessages(table("MESSAGES_TABLE")),
        journeys=journeys,
        snapshots=Snapshots(journeys, DynamoWorkspaces(table("WORKSPACES_TABLE"))),
        send_queue=send_queue(),
        signals=signals_queue(),
        timers=timers(),
        executor=ThreadPoolExecutor(2),
        log_all=settings.optional("EVENT_LOG", "full") == "full",
    )


@cache
def timers() -> ScheduledTimers:
    """Timers, which come back as signals."""
    target = Target(
        queue=settings.required("SIGNALS_QUEUE_ARN"),
        role=settings.required("SCHEDULER_ROLE_ARN"),
        dead_letters=settings.required("SCHEDULER_DEAD_LETTERS_ARN"),
    )
    return ScheduledTimers(schedules(), target, delays_queue())


@cache
def schedules() -> Schedules:
    """The group of schedules that timers are."""
    return Schedules(settings.required("SCHEDULE_GROUP"))


@cache
def delays_queue() -> SqsDelays:
    """The queue of signals that come within 15 minutes."""
    return SqsDelays(settings.required("DELAYS_QUEUE_URL"))


@cache
def send_queue() -> SqsSendQueue:
    """The queue of messages to send."""
    return SqsSendQueue(settings.required("SEND_QUEUE_URL"))


@cache
def dead_letters() -> DynamoDeadLetters:
    """What was given up on."""
    return DynamoDeadLetters(table("DEAD_TABLE"))


@cache
def sending() -> send.SendDependencies:
    """What sending a message needs. The channels are imported here: only the sender pays for them."""
    from waypost.adapters import liquid, ses, webhook  # noqa: PLC0415
    from waypost.adapters.dynamodb.journeys import DynamoJourneys  # noqa: PLC0415
    from waypost.adapters.dynamodb.suppressions import DynamoSuppressions  # noqa: PLC0415
    from waypost.adapters.pinned_http import PinnedHttp  # noqa: PLC0415

    workspaces = table("WORKSPACES_TABLE")
    secrets = DynamoWebhookSecrets(workspaces)
    journeys = DynamoJourneys(table("JOURNEYS_TABLE"))
    return send.SendDependencies(
        messages=DynamoMessages(table("MESSAGES_TABLE")),
        customers=customers_rows(),
        schemas=schemas(),
        journeys=journeys,
        templates=liquid.LiquidTemplates(),
        channels={
            "email": ses.SesChannel(settings.optional("SENDER_ADDRESS"), settings.optional("CONFIGURATION_SET")),
            "webhook": webhook.WebhookChannel(secrets, PinnedHttp(), local=local_webhooks()),
        },
        suppressions=DynamoSuppressions(workspaces),
        queue=send_queue(),
        signals=signals_queue(),
        dead=dead_letters(),
        statuses=Statuses(journeys),
    )


def local_webhooks() -> bool:
    """Whether webhooks may go to this machine: a setting that the local run makes and no template."""
    return settings.optional("WAYPOST_LOCAL_WEBHOOKS") == "1"


@cache
def managing() -> ManageDependencies:
    """What the management API needs."""
    from waypost.adapters import liquid  # noqa: PLC0415 - only publishing pays for it
    from waypost.adapters.dynamodb.erasure import DynamoErasure  # noqa: PLC0415 - as above
    from waypost.adapters.dynamodb.journeys import DynamoJourneys  # noqa: PLC0415 - see matching
    from waypost.domain.messages.webhook_addresses import address_error  # noqa: PLC0415 - as above
    from waypost.manage.dead_letters import Queues  # noqa: PLC0415 - as above
    from waypost.manage.dependencies import ManageDependencies  # noqa: PLC0415 - as above
    from waypost.manage.journeys import Checks  # noqa: PLC0415 - as above

    receipts = Receipts(table("EVENTS_TABLE"), timedelta(days=settings.whole("RECEIPT_DAYS", 90)))
    messages = DynamoMessages(table("MESSAGES_TABLE"))
    return ManageDependencies(
        workspaces=DynamoWorkspaces(table("WORKSPACES_TABLE")),
        keys=DynamoKeys(table("KEYS_TABLE")),
        customers=customers_rows(),
        journeys=DynamoJourneys(table("JOURNEYS_TABLE")),
        checks=Checks(liquid.template_error, partial(address_error, local=local_webhooks())),
        runs=DynamoRuns(table("RUNS_TABLE"), receipts, table("MESSAGES_TABLE")),
        receipts=receipts,
        log=Log(receipts),
        rejected=DynamoRejectedEvents(table("EVENTS_TABLE")),
        messages=messages,
        secrets=DynamoWebhookSecrets(table("WORKSPACES_TABLE")),
        queues=Queues(dead_letters(), signals_queue(), messages, send_queue()),
        delays=delays_queue(),
        schedules=schedules(),
        templates=liquid.LiquidTemplates(),
        customer_data=DynamoErasure(table("RUNS_TABLE"), table("MESSAGES_TABLE"), table("EVENTS_TABLE"), table("DEAD_TABLE")),
    )


def fresh_key() -> str:
    """A key that nobody can guess: `wp_` and 40 letters and digits."""
    return "wp_" + "".join(secrets.choice(KEY_CHARACTERS) for _ in range(40))


def new_workspace(name: str, key: str | None = None, *, stack: str | None = None) -> tuple[str, str]:
    """Makes a workspace with an admin key (this one, or a fresh one): its id and the key. RefusedError where the key is taken or bad."""
    keys, workspaces = _keys_and_workspaces(stack)
    workspace, text = "w_" + secrets.token_hex(8), key or fresh_key()
    managed_keys.create_workspace(workspaces, keys, workspace, name, text, now())
    return workspace, text


def new_key(workspace: str, scopes: Collection[Scope], name: str, key: str | None, *, stack: str | None = None) -> str:
    """Makes one more key of a workspace. LookupError where there is no such workspace, RefusedError where the key is taken or bad."""
    keys, workspaces = _keys_and_workspaces(stack)
    workspaces.created_at(workspace)
    text = key or fresh_key()
    managed_keys.add(keys, workspace, managed_keys.NewKey(text, name, frozenset(scopes)), now())
    return text


def _keys_and_workspaces(stack: str | None) -> tuple[DynamoKeys, DynamoWorkspaces]:
    """Those of this function's environment, or of a stack that is deployed."""
    if stack is None:
        return DynamoKeys(table("KEYS_TABLE")), DynamoWorkspaces(table("WORKSPACES_TABLE"))
    outputs = stacks.outputs(stack)
    return DynamoKeys(Table(outputs["KeysTable"])), DynamoWorkspaces(Table(outputs["WorkspacesTable"]))
