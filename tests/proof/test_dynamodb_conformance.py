"""The simulated DynamoDB and the one of the emulator give the same answers to the same calls, of the adapters and of random ones.

Where the two differ, the simulation follows the documentation of DynamoDB. The random calls leave such cases out, and test_dynamodb.py
has them for the simulation alone:

- The emulator adds numbers with 28 digits, and DynamoDB with 38.
- The emulator accepts operands of types that their function does not take, such as a list of `<` or a boolean of `ADD`, takes texts for the
  number 0 in sums and for an empty list in `list_append`, and skips an update below an attribute that does not exist. DynamoDB refuses
  these requests, because of the type of the operand or because of the document path.
- For a changed element, `ReturnValues=UPDATED_NEW` returns the whole list from the emulator, and the element alone from DynamoDB.
- The emulator stores an item without its sort key if it is put in a transaction, which DynamoDB cancels.
- Only the emulator refuses reserved words in expressions. The tests of the whole stack run on it and would find one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from functions.local import template
from functions.local.cloud import Cloud
from functions.local.emulator import running_emulator
from tests.fakes.tables import TEMPLATE, shapes
from tests.proof.adapter_log import AdapterLog, logged_adapters
from tests.proof.adapter_scripts import SCRIPTS
from tests.proof.aws.dynamodb import DynamoDb
from tests.proof.aws.tables import TableShape, shape_of, tables_of
from tests.proof.dynamodb_calls import SHAPE, CallGenerator
from tests.proof.outcomes import outcome_of
from tests.proof.test_dynamodb import SetClock
from waypost.domain.intake.event_log import LoggedCounts

CALLS = 150
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Any]:
    """A client of DynamoDB in the emulator, without the stack."""
    with running_emulator() as running:
        yield Cloud(running.url).client("dynamodb")


@pytest.mark.parametrize("seed", SEEDS)
def test_random_calls_have_the_same_outcome(emulator: Any, seed: int) -> None:
    """Reads, writes, conditions, updates, queries, batches and transactions have the same results and the same errors on both."""
    table = f"Table{seed}"
    emulator.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **SHAPE)
    simulated = DynamoDb(SetClock(), Random(seed), {table: shape_of(SHAPE)}, index_lag=0, table_lag=0)
    seen: Counter[str] = Counter()
    for method, request in CallGenerator(Random(seed), table).calls(CALLS):
        expected = outcome_of(lambda method=method, request=request: getattr(emulator, method)(**request))  # type: ignore[misc]
        found = outcome_of(lambda method=method, request=request: getattr(simulated, method)(**request))  # type: ignore[misc]
        assert found == expected, f"{method} {request}"
        seen[found.get("error", "succeeded")] += 1
    # The comparison says little if nearly all calls fail for one reason.
    assert seen["succeeded"] > CALLS / 3
    assert seen["ConditionalCheckFailedException"] > CALLS / 30
    assert seen["ValidationException"] > CALLS / 30
    assert seen["TransactionCanceledException"]


IN_NO_ORDER = {"DynamoCustomers.get", "DynamoJourneys.all", "DynamoCustomerData.messages", "DynamoCapCounts.counted_of"}
"""Methods whose results are lists in no order."""


def results(log: AdapterLog) -> list[tuple[str, Any, tuple[str, ...]]]:
    """The invocations with their results, in a form that two runs can be compared by, and their calls."""
    found = []
    for each in log.invocations:
        name = f"{each.adapter}.{each.method}"
        outcome = sorted(each.outcome, key=repr) if name in IN_NO_ORDER else each.outcome
        if isinstance(outcome, LoggedCounts):
            outcome = replace(outcome, counts=tuple(sorted(outcome.counts)))
        found.append((str(each), outcome, each.calls))
    return found


def test_adapters_have_the_same_results(emulator: Any) -> None:
    """Every invocation of an adapter returns or raises the same on both, and makes the same calls."""
    for name, shape in shapes().items():
        emulator.create_table(TableName=f"Adapters{name}", BillingMode="PAY_PER_REQUEST", **shape)
    simulated = DynamoDb(SetClock(), Random(1), prefixed_tables("Adapters"), index_lag=0, table_lag=0, ordered=True)
    found = []
    for client in (emulator, simulated):
        with logged_adapters(client, "Adapters") as (adapters, log):
            for script in SCRIPTS:
                script(adapters)
        found.append(results(log))
    for expected, result in zip(*found, strict=True):
        assert result == expected


def prefixed_tables(prefix: str) -> dict[str, TableShape]:
    """The tables of the template with a prefix before their names."""
    return {f"{prefix}{name}": shape for name, shape in tables_of(template.load(TEMPLATE)).items()}
