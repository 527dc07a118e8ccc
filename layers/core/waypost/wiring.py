"""The composition root: builds adapters from settings, and the dependencies of each use case from adapters.

Everything is built on first use and kept for the life of the instance. Each Lambda function calls only what it needs, so that its cold
start neither requires the settings of another function nor loads its modules.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING

from waypost import settings
from waypost.adapters import backoff, clock, stacks
from waypost.adapters.dynamodb.consent_history import DynamoConsentHistory
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.journey_counters import DynamoJourneyCounters
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.started_attempts import DynamoStartedAttempts
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.webhook_secrets import DynamoWebhookSecrets
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces
from waypost.adapters.scheduler import ScheduledTimers, Schedules, ScheduleTarget
from waypost.adapters.sqs import SqsDelays, SqsReports, SqsSendQueue, SqsSignals, SqsUndeliveredTimers
from waypost.cache.linked_ids import LinkedIdCache
from waypost.cache.provider_pauses import ProviderPauses
from waypost.cache.senders import Senders
from waypost.cache.sending_quotas import CachedQuota, Pace
from waypost.cache.signing_keys import SigningKeys
from waypost.cache.workspace_cache import SNAPSHOT_SECONDS, Schemas, Snapshots, Statuses
from waypost.cache.workspace_settings_cache import CachedSettings
from waypost.erasure import ErasureDependencies
from waypost.ingest.dependencies import IngestDependencies
from waypost.match import dependencies as engine
from waypost.match.journey_counting import CountBuffer
from waypost.message_links import MessageLinks
from waypost.sending_dependencies import SendDependencies
from waypost.web.authentication import Authenticator

# These are imported where they are used, so that only the functions that need them load pydantic's models of journeys and of the API.
if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost import ports
    from waypost.adapters.dynamodb.journeys import DynamoJourneys
    from waypost.adapters.dynamodb.last_messages import DynamoLastMessages
    from waypost.adapters.dynamodb.link_keys import DynamoLinkKeys
    from waypost.adapters.dynamodb.suppressions import DynamoSuppressions
    from waypost.adapters.dynamodb.workspace_settings import DynamoWorkspaceSettings
    from waypost.inbound_texts import InboundDependencies
    from waypost.manage.administration import WorkspaceAdministration
    from waypost.manage.dependencies import ManageDependencies
    from waypost.manage.stack_queues import StackQueues
    from waypost.provider_reports import ProviderReportDependencies

INTAKE_THREADS = 10
"""How many identifications, and how many calls to the signals queue, one request to the intake makes at the same time."""

LOOKUP_THREADS = 32
"""More than the calls that can hang at the same time: each ends after some seconds, and a request waits a second before it leaves one."""

MATCHER_THREADS = 2
"""Tombstones and receipts, or customer and runs, are read at the same time."""


def now() -> datetime:
    """The time (UTC, to the millisecond) that functions pass to their use cases. Only the local run can advance it."""
    return clock.now(settings.optional("WAYPOST_CLOCK_FILE"))


def on_this_clock(time_of_aws: datetime) -> datetime:
    """A time that a service of AWS has measured, on the clock of `now`, which the local run may have advanced."""
    return time_of_aws + clock.offset(settings.optional("WAYPOST_CLOCK_FILE"))


def table(name: str) -> Table:
    """The table whose name is in this environment variable."""
    return Table(settings.required(name))


@cache
def authenticator() -> Authenticator:
    """The authentication of requests by API key, with the keys in memory."""
    return Authenticator(api_keys())


@cache
def api_keys() -> DynamoKeys:
    """The API keys of all workspaces."""
    return DynamoKeys(table("KEYS_TABLE"))


@cache
def workspaces() -> DynamoWorkspaces:
    """All workspaces and their schemas."""
    return DynamoWorkspaces(table("WORKSPACES_TABLE"))


@cache
def workspace_settings() -> DynamoWorkspaceSettings:
    """The settings of all workspaces."""
    from waypost.adapters.dynamodb.workspace_settings import DynamoWorkspaceSettings  # noqa: PLC0415 - the sender and management only

    return DynamoWorkspaceSettings(table("WORKSPACES_TABLE"))


@cache
def cached_settings() -> CachedSettings:
    """The settings of workspaces, kept in memory."""
    return CachedSettings(workspace_settings(), max_age=snapshot_seconds())


@cache
def schemas() -> Schemas:
    """The schemas of workspaces, kept in memory."""
    return Schemas(workspaces())


@lru_cache(maxsize=10_000)
def tombstone_key(workspace: str) -> bytes:
    """The secret key of a workspace's tombstones. It never changes, so it is kept in memory without an age."""
    return workspaces().tombstone_key(workspace)


@cache
def customers() -> DynamoCustomers:
    """The rows of customers."""
    return DynamoCustomers(table("CUSTOMERS_TABLE"), tombstone_key)


@cache
def journeys() -> DynamoJourneys:
    """The journeys of all workspaces."""
    from waypost.adapters.dynamodb.journeys import DynamoJourneys  # noqa: PLC0415 - pydantic's models of journeys take long to build

    return DynamoJourneys(table("JOURNEYS_TABLE"))


@cache
def receipts() -> DynamoReceipts:
    """The receipts of events."""
    return DynamoReceipts(table("EVENTS_TABLE"), timedelta(days=settings.integer("RECEIPT_DAYS", 90)))


@cache
def consent_history() -> DynamoConsentHistory:
    """The changes of customers' consents."""
    return DynamoConsentHistory(table("EVENTS_TABLE"))


@cache
def rejected_events() -> DynamoRejectedEvents:
    """The rejected events of all workspaces."""
    return DynamoRejectedEvents(table("EVENTS_TABLE"))


@cache
def runs() -> DynamoRuns:
    """The runs of all customers."""
    return DynamoRuns(table("RUNS_TABLE"), receipts(), table("MESSAGES_TABLE"))


@cache
def journey_counters() -> DynamoJourneyCounters:
    """The numbers of all journeys."""
    return DynamoJourneyCounters(table("RUNS_TABLE"))


@cache
def messages() -> DynamoMessages:
    """The messages of all workspaces."""
    return DynamoMessages(table("MESSAGES_TABLE"))


@cache
def webhook_secrets() -> DynamoWebhookSecrets:
    """The signing secrets for webhooks."""
    return DynamoWebhookSecrets(table("WORKSPACES_TABLE"))


@cache
def link_keys() -> DynamoLinkKeys:
    """The signing keys of the links in messages."""
    from waypost.adapters.dynamodb.link_keys import DynamoLinkKeys  # noqa: PLC0415 - the sender and management only

    return DynamoLinkKeys(table("WORKSPACES_TABLE"))


def public_url() -> str:
    """The public URL of the API for the links in messages. The management API learns it from its requests where this is empty."""
    return settings.optional("PUBLIC_URL").rstrip("/")


@cache
def suppressions() -> DynamoSuppressions:
    """The suppressed addresses of all workspaces."""
    from waypost.adapters.dynamodb.suppressions import DynamoSuppressions  # noqa: PLC0415 - only the sender and management load it

    return DynamoSuppressions(table("WORKSPACES_TABLE"), tombstone_key)


@cache
def dead_letters() -> DynamoDeadLetters:
    """The dead letters: signals that could not be processed, and messages that failed."""
    return DynamoDeadLetters(table("DEAD_TABLE"))


@cache
def started_attempts() -> DynamoStartedAttempts:
    """The attempts at records that may end the process."""
    return DynamoStartedAttempts(table("DEAD_TABLE"), now)


@cache
def signals_queue() -> SqsSignals:
    """The FIFO queue of signals."""
    return SqsSignals(settings.required("SIGNALS_QUEUE_URL"))


@cache
def delays_queue() -> SqsDelays:
    """The queue of signals that are due within 15 minutes."""
    return SqsDelays(settings.required("DELAYS_QUEUE_URL"))


@cache
def send_queue() -> SqsSendQueue:
    """The queue of messages to send."""
    return SqsSendQueue(settings.required("SEND_QUEUE_URL"))


@cache
def reports_queue() -> SqsReports:
    """The queue of what providers report of messages."""
    return SqsReports(settings.required("REPORTS_QUEUE_URL"))


def is_reports_queue(arn: str) -> bool:
    """Whether this is the ARN of the queue of reports."""
    name = settings.optional("REPORTS_QUEUE_URL").rpartition("/")[2]
    return bool(name) and name == arn.rpartition(":")[2]


@cache
def schedules() -> Schedules:
    """The schedule group of timers."""
    return Schedules(settings.required("SCHEDULE_GROUP"))


@cache
def timers() -> ScheduledTimers:
    """Timers that come back as signals."""
    target = ScheduleTarget(
        queue=settings.required("SIGNALS_QUEUE_ARN"),
        role=settings.required("SCHEDULER_ROLE_ARN"),
        dead_letters=settings.required("SCHEDULER_DEAD_LETTERS_ARN"),
    )
    return ScheduledTimers(schedules(), target, delays_queue())


@cache
def intake() -> IngestDependencies:
    """The dependencies of the intake."""
    return IngestDependencies(
        customers=customers(),
        signals=signals_queue(),
        rejected=rejected_events(),
        linked=LinkedIdCache(),
        lookups=ThreadPoolExecutor(LOOKUP_THREADS),
        identifying=ThreadPoolExecutor(INTAKE_THREADS),
        sending=ThreadPoolExecutor(INTAKE_THREADS),
        pause=partial(backoff.random_pause, 0.05, 0.25),
    )


@cache
def matching() -> engine.MatchDependencies:
    """The dependencies of the matcher."""
    from waypost.adapters.dynamodb.permissions import DynamoOptOuts  # noqa: PLC0415 - few signals need it

    return engine.MatchDependencies(
        customers=customers(),
        runs=runs(),
        receipts=receipts(),
        log=DynamoLog(receipts()),
        consents=consent_history(),
        messages=messages(),
        journeys=journeys(),
        snapshots=Snapshots(journeys(), workspaces(), max_age=snapshot_seconds()),
        send_queue=send_queue(),
        signals=signals_queue(),
        timers=timers(),
        opt_outs=DynamoOptOuts(table("WORKSPACES_TABLE"), tombstone_key),
        executor=ThreadPoolExecutor(MATCHER_THREADS),
        erasing=erasing,
        counters=journey_counters(),
        counted=CountBuffer(),
        log_all=settings.optional("EVENT_LOG", "full") == "full",
    )


@cache
def erasing() -> ErasureDependencies:
    """The dependencies of an erasure."""
    from waypost.adapters.dynamodb.customer_data import DynamoCustomerData  # noqa: PLC0415 - only an erasure needs these
    from waypost.adapters.dynamodb.erasures import DynamoErasures  # noqa: PLC0415 - as above
    from waypost.adapters.dynamodb.permissions import DynamoOptOuts  # noqa: PLC0415 - as above

    return ErasureDependencies(
        customers=customers(),
        customer_data=DynamoCustomerData(table("RUNS_TABLE"), table("MESSAGES_TABLE"), table("EVENTS_TABLE"), table("DEAD_TABLE")),
        erasures=DynamoErasures(table("RUNS_TABLE")),
        runs=runs(),
        opt_outs=DynamoOptOuts(table("WORKSPACES_TABLE"), tombstone_key),
        settings=workspace_settings(),
        schedules=schedules(),
        delays=delays_queue(),
        monotonic=time.monotonic,
    )


@cache
def sending() -> SendDependencies:
    """The dependencies of the sender."""
    from waypost.adapters import liquid  # noqa: PLC0415 - the intake and the matcher do not load these
    from waypost.adapters.dynamodb.address_rows import address_hash  # noqa: PLC0415 - as above
    from waypost.adapters.dynamodb.cap_counts import DynamoCapCounts  # noqa: PLC0415 - as above
    from waypost.adapters.dynamodb.permissions import DynamoPermissions  # noqa: PLC0415 - as above

    return SendDependencies(
        messages=messages(),
        customers=customers(),
        schemas=schemas(),
        journeys=journeys(),
        templates=liquid.LiquidTemplates(),
        channels=channels(),
        suppressions=suppressions(),
        last_messages=last_messages(),
        permissions=DynamoPermissions(table("CUSTOMERS_TABLE"), table("WORKSPACES_TABLE"), tombstone_key),
        settings=cached_settings(),
        senders=Senders(cached_settings(), settings.optional("SENDER_ADDRESS")),
        cap_counts=DynamoCapCounts(table("MESSAGES_TABLE")),
        queue=send_queue(),
        signals=signals_queue(),
        dead=dead_letters(),
        statuses=Statuses(journeys(), max_age=snapshot_seconds()),
        pauses=ProviderPauses(),
        paces={"email": Pace(email_quota(), settings.integer("SEND_CONCURRENCY", 20))},
        links=MessageLinks(SigningKeys(link_keys()), public_url(), partial(address_hash, secret_of=tombstone_key)),
        clock=now,
        sleep=time.sleep,
    )


@cache
def last_messages() -> DynamoLastMessages:
    """The last messages to the addresses of channels on which receivers can answer."""
    from waypost.adapters.dynamodb.last_messages import DynamoLastMessages  # noqa: PLC0415 - only the sender loads it

    return DynamoLastMessages(table("WORKSPACES_TABLE"), tombstone_key)


@cache
def email_quota() -> CachedQuota:
    """What SES lets the account send, kept in memory."""
    from waypost.adapters.ses_account import SesAccount  # noqa: PLC0415 - only the sender and the settings need it

    return CachedQuota(SesAccount())


@cache
def reporting() -> ProviderReportDependencies:
    """The dependencies of what carries out the reports of providers."""
    from waypost.provider_reports import ProviderReportDependencies  # noqa: PLC0415 - only the sender loads it

    return ProviderReportDependencies(
        messages=messages(), journeys=journeys(), suppressions=suppressions(), signals=signals_queue(), dead=dead_letters()
    )


@cache
def inbound() -> InboundDependencies:
    """The dependencies of what carries out texts from customers."""
    from waypost.inbound_texts import InboundDependencies  # noqa: PLC0415 - only the sender loads it

    return InboundDependencies(
        messages=messages(), journeys=journeys(), suppressions=suppressions(), last_messages=last_messages(), signals=signals_queue()
    )


@cache
def channels() -> Mapping[str, ports.Channel]:
    """The channels by their names in message steps."""
    from waypost.adapters import ses, sms, webhook  # noqa: PLC0415 - the intake and the matcher do not load the channels
    from waypost.adapters.pinned_http import PinnedHttp  # noqa: PLC0415 - as above

    return {
        "email": ses.SesChannel(settings.optional("SENDER_ADDRESS"), settings.optional("CONFIGURATION_SET")),
        "sms": sms.SmsChannel(
            settings.optional("SMS_ORIGINATION"), settings.optional("SMS_TYPE"), settings.optional("SMS_CONFIGURATION_SET")
        ),
        "webhook": webhook.WebhookChannel(webhook_secrets(), PinnedHttp(), local=local_webhooks()),
    }


def local_webhooks() -> bool:
    """Whether webhooks may be sent to this machine. Only the local run sets the variable; no template does."""
    return settings.optional("WAYPOST_LOCAL_WEBHOOKS") == "1"


def snapshot_seconds() -> int:
    """The maximum age of what an instance knows of the active journeys.

    Only the local run sets the variable, to 0, so that a publication takes effect at once; no template does.
    """
    return settings.integer("WAYPOST_SNAPSHOT_SECONDS", SNAPSHOT_SECONDS)


@cache
def managing() -> ManageDependencies:
    """The dependencies of the management API."""
    from waypost.adapters import liquid, ses_account  # noqa: PLC0415 - only the management API loads these
    from waypost.adapters.dynamodb.sent_tests import DynamoSentTests  # noqa: PLC0415 - as above
    from waypost.adapters.random_keys import random_key  # noqa: PLC0415 - as above
    from waypost.domain.journeys.lifecycle import entry_delay  # noqa: PLC0415 - as above
    from waypost.domain.messages.webhook_addresses import address_error  # noqa: PLC0415 - as above
    from waypost.manage.dependencies import ManageDependencies, PublishChecks  # noqa: PLC0415 - as above

    return ManageDependencies(
        workspaces=workspaces(),
        keys=api_keys(),
        customers=customers(),
        journeys=journeys(),
        settings=workspace_settings(),
        senders=Senders(CachedSettings(workspace_settings(), max_age=0), settings.optional("SENDER_ADDRESS")),
        checks=PublishChecks(liquid.template_error, partial(address_error, local=local_webhooks())),
        runs=runs(),
        counters=journey_counters(),
        receipts=receipts(),
        log=DynamoLog(receipts()),
        consents=consent_history(),
        rejected=rejected_events(),
        messages=messages(),
        suppressions=suppressions(),
        provider_suppressions=ses_account.SesSuppressions(),
        email_quota=email_quota(),
        secrets=webhook_secrets(),
        link_keys=link_keys(),
        signing_keys=SigningKeys(link_keys()),
        dead_letters=dead_letters(),
        signals=signals_queue(),
        send_queue=send_queue(),
        delays=delays_queue(),
        templates=liquid.LiquidTemplates(),
        erasing=erasing,
        channels=channels,
        sent_tests=DynamoSentTests(table("WORKSPACES_TABLE")),
        random_key=random_key,
        clock=now,
        monotonic=time.monotonic,
        entry_delay=entry_delay(snapshot_seconds()),
    )


def stack_queues(stack: str) -> StackQueues:
    """The dead letters and queues of a deployed stack, for its operator."""
    from waypost.manage.stack_queues import StackQueues  # noqa: PLC0415 - only the command line needs them

    outputs = stacks.outputs(stack)
    return StackQueues(
        dead_letters=DynamoDeadLetters(Table(outputs["DeadTable"])),
        messages=DynamoMessages(Table(outputs["MessagesTable"])),
        signals=SqsSignals(outputs["SignalsQueueUrl"]),
        send_queue=SqsSendQueue(outputs["SendQueueUrl"]),
        undelivered=SqsUndeliveredTimers(outputs["SchedulerDeadLettersUrl"]),
    )


def workspace_administration(stack: str | None = None) -> WorkspaceAdministration:
    """What creates workspaces and keys: in the tables of this function's environment, or in those of a deployed stack."""
    from waypost.adapters.random_keys import random_key, random_workspace_id  # noqa: PLC0415 - only management needs them
    from waypost.manage.administration import WorkspaceAdministration  # noqa: PLC0415 - as above

    if stack is None:
        return WorkspaceAdministration(workspaces(), api_keys(), random_workspace_id, random_key)
    outputs = stacks.outputs(stack)
    tables = DynamoWorkspaces(Table(outputs["WorkspacesTable"])), DynamoKeys(Table(outputs["KeysTable"]))
    return WorkspaceAdministration(*tables, random_workspace_id, random_key)
