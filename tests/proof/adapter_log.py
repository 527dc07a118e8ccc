"""The adapters of DynamoDB with a log of their invocations: the result of each, and the calls of AWS that it made."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from random import Random
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import boto3

from tests.fakes.messages import NOW
from waypost.adapters import aws as aws_clients
from waypost.adapters import backoff
from waypost.adapters.dynamodb.cap_counts import DynamoCapCounts
from waypost.adapters.dynamodb.consent_history import DynamoConsentHistory
from waypost.adapters.dynamodb.customer_data import DynamoCustomerData
from waypost.adapters.dynamodb.customers import DynamoCustomers
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.adapters.dynamodb.erasures import DynamoErasures
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.journey_counters import DynamoJourneyCounters
from waypost.adapters.dynamodb.journeys import DynamoJourneys
from waypost.adapters.dynamodb.keys import DynamoKeys
from waypost.adapters.dynamodb.last_messages import DynamoLastMessages
from waypost.adapters.dynamodb.link_keys import DynamoLinkKeys
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.permissions import DynamoOptOuts, DynamoPermissions
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.sent_tests import DynamoSentTests
from waypost.adapters.dynamodb.started_attempts import DynamoStartedAttempts
from waypost.adapters.dynamodb.suppressions import DynamoSuppressions
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.webhook_secrets import DynamoWebhookSecrets
from waypost.adapters.dynamodb.workspace_settings import DynamoWorkspaceSettings
from waypost.adapters.dynamodb.workspaces import DynamoWorkspaces

KEPT: Final = timedelta(days=90)


@dataclass
class Invocation:
    """An invocation of a method of an adapter: what it returned or raised, and the calls of AWS that it made."""

    adapter: str
    method: str
    arguments: str
    calls: tuple[str, ...]
    outcome: Any = None

    def __str__(self) -> str:
        return f"{self.adapter}.{self.method}({self.arguments[:400]})"


@dataclass
class AdapterLog:
    """All invocations, in their order."""

    invocations: list[Invocation] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def wrapped(self, adapter: Any) -> Any:
        """An adapter whose invocations are logged."""
        return _Logged(adapter, self)


class _Logged:
    """An adapter of which each method call is logged."""

    def __init__(self, adapter: Any, log: AdapterLog) -> None:
        self._adapter, self._log = adapter, log

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._adapter, name)

        @wraps(method)
        def logged(*arguments: Any, **named: Any) -> Any:
            before = len(self._log.calls)
            invocation = Invocation(type(self._adapter).__name__, name, f"{arguments} {named}", ())
            self._log.invocations.append(invocation)
            try:
                result = method(*arguments, **named)
                result = list(result) if isinstance(result, Iterator) else result
                invocation.outcome = result
            except Exception as error:
                invocation.outcome = (type(error).__name__, str(error))
                raise
            finally:
                invocation.calls = tuple(self._log.calls[before:])
            return result

        return logged


class _CountedClient:
    """A client of boto3 whose calls are counted."""

    def __init__(self, client: Any, log: AdapterLog) -> None:
        self._client, self._log = client, log
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self._log.calls.append(operation)
            return getattr(self._client, operation)(**request)

        return call


def secret_of(workspace: str) -> bytes:
    """The secret key of a workspace."""
    return workspace.encode()


@contextmanager
def logged_adapters(client: Any, prefix: str = "") -> Iterator[tuple[SimpleNamespace, AdapterLog]]:
    """All adapters on a client of DynamoDB, with their log. The tables have the template's names behind the prefix.

    The random numbers that adapters draw are the same each time, and pauses between attempts take no time.
    """
    log, random = AdapterLog(), Random(7)
    counted = _CountedClient(client, log)
    aws_clients.client.cache_clear()
    with (
        patch.object(boto3, "client", lambda name, **_: counted),
        patch.object(secrets, "token_bytes", lambda number=32: random.randbytes(number)),
        patch.object(secrets, "token_hex", lambda number=32: random.randbytes(number).hex()),
        patch.object(backoff, "random_pause", lambda *_: None),
    ):
        yield SimpleNamespace(**{name: log.wrapped(each) for name, each in _adapters(prefix).items()}), log
    aws_clients.client.cache_clear()


def _adapters(prefix: str) -> dict[str, Any]:
    names = ("Customers", "Runs", "Events", "Messages", "Journeys", "Keys", "Workspaces", "Dead")
    customers, runs, events, messages, journeys, keys, workspaces, dead = (Table(f"{prefix}{name}Table") for name in names)
    receipts = DynamoReceipts(events, KEPT)
    return {
        "customers": DynamoCustomers(customers, secret_of),
        "customer_data": DynamoCustomerData(runs, messages, events, dead),
        "erasures": DynamoErasures(runs),
        "receipts": receipts,
        "log": DynamoLog(receipts),
        "consents": DynamoConsentHistory(events),
        "rejected": DynamoRejectedEvents(events),
        "runs": DynamoRuns(runs, receipts, messages),
        "counters": DynamoJourneyCounters(runs),
        "messages": DynamoMessages(messages),
        "cap_counts": DynamoCapCounts(messages),
        "permissions": DynamoPermissions(customers, workspaces, secret_of),
        "opt_outs": DynamoOptOuts(workspaces, secret_of),
        "suppressions": DynamoSuppressions(workspaces, secret_of),
        "last_messages": DynamoLastMessages(workspaces, secret_of),
        "journeys": DynamoJourneys(journeys),
        "keys": DynamoKeys(keys),
        "link_keys": DynamoLinkKeys(workspaces),
        "webhook_secrets": DynamoWebhookSecrets(workspaces),
        "workspace_settings": DynamoWorkspaceSettings(workspaces),
        "workspaces": DynamoWorkspaces(workspaces),
        "sent_tests": DynamoSentTests(workspaces),
        "dead_letters": DynamoDeadLetters(dead),
        "started_attempts": DynamoStartedAttempts(dead, lambda: NOW),
    }
