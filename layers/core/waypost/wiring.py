"""The composition root: settings and adapters become what a door needs; made on first use and kept."""

from __future__ import annotations

import random
import time
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
from waypost.ingest.dependencies import IngestDependencies
from waypost.match import dependencies as engine
from waypost.web.authentication import Authenticator

if TYPE_CHECKING:  # the other functions need not load the models of the management API
    from waypost.manage.dependencies import ManageDependencies
    from waypost.manage.keys import WorkspaceAdministration

PARALLEL_THREADS = 10
"""How many identifications, and how many calls to the signals queue, one request to the intake makes at the same time."""
LOOKUP_THREADS = 32
"""More than the calls that can hang at the same time: each ends after some seconds, and a request waits a second before it leaves one."""


def now() -> datetime:
    """The time (UTC, to the millisecond) that doors give to their use cases; the local run alone can push it."""
    return clock.now(settings.optional("WAYPOST_CLOCK_FILE"))


def table(name: str) -> Table:
    """The table that an environment variable names."""
    return Table(settings.required(name))


@cache
def authenticator() -> Authenticator:
    """The authentication by API key, with its cache."""
    return Authenticator(DynamoKeys(table("KEYS_TABLE")))


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
        lookups=ThreadPoolExecutor(LOOKUP_THREADS),
        identifying=ThreadPoolExecutor(PARALLEL_THREADS),
        sending=ThreadPoolExecutor(PARALLEL_THREADS),
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
    from waypost.adapters.random_keys import random_key  # noqa: PLC0415 - as above
    from waypost.domain.messages.webhook_addresses import address_error  # noqa: PLC0415 - as above
    from waypost.manage.dependencies import ManageDependencies, PublishChecks  # noqa: PLC0415 - as above

    receipts = Receipts(table("EVENTS_TABLE"), timedelta(days=settings.whole("RECEIPT_DAYS", 90)))
    return ManageDependencies(
        workspaces=DynamoWorkspaces(table("WORKSPACES_TABLE")),
        keys=DynamoKeys(table("KEYS_TABLE")),
        customers=customers_rows(),
        journeys=DynamoJourneys(table("JOURNEYS_TABLE")),
        checks=PublishChecks(liquid.template_error, partial(address_error, local=local_webhooks())),
        runs=DynamoRuns(table("RUNS_TABLE"), receipts, table("MESSAGES_TABLE")),
        receipts=receipts,
        log=Log(receipts),
        rejected=DynamoRejectedEvents(table("EVENTS_TABLE")),
        messages=DynamoMessages(table("MESSAGES_TABLE")),
        secrets=DynamoWebhookSecrets(table("WORKSPACES_TABLE")),
        dead_letters=dead_letters(),
        signals=signals_queue(),
        send_queue=send_queue(),
        delays=delays_queue(),
        schedules=schedules(),
        templates=liquid.LiquidTemplates(),
        customer_data=DynamoErasure(table("RUNS_TABLE"), table("MESSAGES_TABLE"), table("EVENTS_TABLE"), table("DEAD_TABLE")),
        random_key=random_key,
        monotonic=time.monotonic,
    )


def workspace_administration(stack: str | None = None) -> WorkspaceAdministration:
    """What creates workspaces and keys: in the tables of this function's environment, or in those of a deployed stack."""
    from waypost.adapters.random_keys import random_key, random_workspace_id  # noqa: PLC0415 - only management needs them
    from waypost.manage.keys import WorkspaceAdministration  # noqa: PLC0415 - as above

    if stack is None:
        keys, workspaces = table("KEYS_TABLE"), table("WORKSPACES_TABLE")
    else:
        outputs = stacks.outputs(stack)
        keys, workspaces = Table(outputs["KeysTable"]), Table(outputs["WorkspacesTable"])
    return WorkspaceAdministration(DynamoWorkspaces(workspaces), DynamoKeys(keys), random_workspace_id, random_key)
