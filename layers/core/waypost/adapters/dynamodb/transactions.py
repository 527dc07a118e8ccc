"""Transactions of DynamoDB, which may span tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from botocore.exceptions import ClientError

from waypost.adapters import backoff
from waypost.adapters.aws import client, error_code, is_outage, translate_errors
from waypost.adapters.dynamodb.conditions import FailedCondition
from waypost.adapters.dynamodb.items import Item, deserialize
from waypost.domain.errors import TransactionRefusedError, UnavailableError

MAX_ACTIONS: Final = 100
"""The most actions of one transaction."""

TRANSACTION_ATTEMPTS: Final = 5
_CONDITION: Final = "ConditionalCheckFailed"


def transact(actions: Sequence[Item]) -> list[FailedCondition | None] | None:
    """Carries out all of these actions (at most 100, each of another row) or none of them.

    Returns None if they were carried out, else for each action its FailedCondition or None. UnavailableError if DynamoDB cancelled the
    transaction five times for conflicts or throttling; TransactionRefusedError if it can never succeed.
    """
    # A transaction is also cancelled when another request touches one of its rows at the same moment. botocore does not retry that: it
    # knows the code of the error, and the conflict is only in the reasons. The other request is done within milliseconds.
    # A repeat by botocore after a lost answer needs no care. Each call gets a ClientRequestToken from botocore, the same for its repeats,
    # and DynamoDB reports the success of the first one again.
    for _ in backoff.attempts(TRANSACTION_ATTEMPTS):
        reasons = _cancellation_reasons(actions)
        if reasons is None:
            return None
        codes = {str(reason.get("Code")) for reason in reasons}
        if _CONDITION in codes:
            return [_failed_condition(reason) for reason in reasons]
        if not any(map(is_outage, codes)):
            raise TransactionRefusedError(f"transaction refused: {sorted(codes)}")
    raise UnavailableError("TransactionConflict")


def _cancellation_reasons(actions: Sequence[Item]) -> list[Item] | None:
    """Calls DynamoDB once. None if the transaction was carried out, else the reasons of its cancellation in the order of the actions."""
    try:
        with translate_errors():
            client("dynamodb").transact_write_items(TransactItems=list(actions))
    except ClientError as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        return list(error.response.get("CancellationReasons", []))
    return None


def _failed_condition(reason: Item) -> FailedCondition | None:
    if reason.get("Code") != _CONDITION:
        return None
    return FailedCondition(deserialize(reason["Item"]) if reason.get("Item") else None)
