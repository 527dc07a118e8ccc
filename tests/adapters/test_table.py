"""Tables with rows as plain dictionaries, transactions, and the repeats that botocore does not make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb import table as table_module
from waypost.adapters.dynamodb import transactions
from waypost.adapters.dynamodb.conditions import FailedCondition, if_absent, if_revision
from waypost.adapters.dynamodb.table import Table
from waypost.adapters.dynamodb.transactions import transact
from waypost.domain.errors import UnavailableError

Requests = list[dict[str, Any]]
StubDynamo = Callable[..., Requests]


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    """AWS in this process."""
    with aws():
        yield


@pytest.fixture
def table(moto: None) -> Table:
    """An empty table with a two-part key."""
    return empty_table("JourneysTable")


@pytest.fixture
def stub_dynamo(monkeypatch: pytest.MonkeyPatch) -> StubDynamo:
    """Replaces DynamoDB by given responses, of which the last repeats, and returns the list of requests. Pauses take no time."""
    monkeypatch.setattr("waypost.adapters.backoff.time", SimpleNamespace(sleep=lambda _: None))

    def stub(*responses: Any) -> Requests:
        requests: Requests = []
        left = list(responses)

        class Dynamo:
            def __getattr__(self, name: str) -> Callable[..., Any]:
                def call(**request: Any) -> Any:
                    requests.append(request)
                    response = left.pop(0) if len(left) > 1 else left[0]
                    if isinstance(response, Exception):
                        raise response
                    return response

                return call

        for module in ("table", "transactions"):
            monkeypatch.setattr(f"waypost.adapters.dynamodb.{module}.client", lambda _: Dynamo())
        return requests

    return stub


def key(row: str) -> dict[str, Any]:
    """The key of a row."""
    return {"workspace": "w1", "row": row}


def cancelled(*codes: str) -> ClientError:
    """The error of a transaction that was cancelled for these reasons."""
    reasons = [{"Code": code} for code in codes]
    return ClientError({"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}, "TransactWriteItems")


ITEM = key("1") | {
    "text": "é🎉",
    "number": 10**20,
    "flag": True,
    "bytes": b"\x00",
    "list": [1, {"a": "b"}],
    "map": {"a": [b"x"]},
    "empty": "",
}


def test_a_row_is_read_as_it_was_written(table: Table) -> None:
    """Every type of value is read back equal, an attribute that was None is absent, and a row that was never written is None."""
    table.put(ITEM | {"none": None})
    assert table.get(key("1")) == ITEM
    assert table.get(key("2")) is None


def test_a_failed_condition_holds_the_stored_row(table: Table) -> None:
    """The loser of a race gets the row of the winner without another read, or None if there is no row."""
    table.put(ITEM)
    assert table.put_if(key("1"), **if_absent("workspace")) == FailedCondition(ITEM)
    change = {"UpdateExpression": "SET a = :a", "ConditionExpression": "attribute_exists(a)", "ExpressionAttributeValues": {":a": 1}}
    assert table.update_if(key("2"), **change) == FailedCondition(None)


def test_of_two_writes_over_one_revision_the_second_fails(table: Table) -> None:
    """A row is written over the revision that was read and over no other one; revision 0 creates a row and never replaces one."""
    assert table.put_if(key("1") | {"rev": 1}, **if_revision(0)) is None
    assert table.put_if(key("1") | {"rev": 2, "by": "a"}, **if_revision(1)) is None
    winner = key("1") | {"rev": 2, "by": "a"}
    assert table.put_if(key("1") | {"rev": 2, "by": "b"}, **if_revision(1)) == FailedCondition(winner)
    assert table.put_if(key("1") | {"rev": 1, "by": "b"}, **if_revision(0)) == FailedCondition(winner)
    assert table.get(key("1")) == winner


def test_an_unconditional_update_creates_the_row(table: Table) -> None:
    """An update of a row that does not exist creates it, and returns it as it is then."""
    change = {"UpdateExpression": "ADD n :n", "ExpressionAttributeValues": {":n": 2}}
    assert table.update(key("1"), **change) == key("1") | {"n": 2}
    assert table.update(key("1"), **change) == key("1") | {"n": 4}


def test_a_transaction_writes_all_or_nothing(table: Table) -> None:
    """If one condition fails, no row is written and its failure is at the index of its action; if all hold, all actions happen."""
    table.put(ITEM)
    absent = if_absent("workspace")
    assert transact([table.put_action(key("2"), **absent), table.put_action(key("1"), **absent)]) == [None, FailedCondition(ITEM)]
    assert table.get(key("2")) is None
    assert transact([table.put_action(key("2"), **absent), table.delete_action(key("1"))]) is None
    assert (table.get(key("1")), table.get(key("2"))) == (None, key("2"))


def test_more_rows_than_one_call_takes_are_written_and_read(table: Table) -> None:
    """60 rows are written although a call writes 25, and a query returns all of them although a page holds 7."""
    table.put_many([key(f"{number:03}") for number in range(60)])
    assert [row["row"] for row in table.query_all("workspace = :w", {":w": "w1"}, Limit=7)] == [f"{number:03}" for number in range(60)]


def test_an_index_is_read_until_the_limit_or_its_end(stub_dynamo: StubDynamo) -> None:
    """A page of an index that ends early is no end: the next one is requested, until there are as many rows as the limit says."""
    rows = [{"at": {"S": each}} for each in "dcba"]
    requests = stub_dynamo({"Items": rows[:1], "LastEvaluatedKey": rows[0]}, {"Items": rows[1:3], "LastEvaluatedKey": rows[2]})
    assert Table("T").query_newest_keys(("day", "1"), index="byDay", limit=3, before=None) == [{"at": "d"}, {"at": "c"}, {"at": "b"}]
    assert [(each["Limit"], each["ExpressionAttributeValues"].get(":before")) for each in requests] == [(3, None), (2, {"S": "d"})]
    stub_dynamo({"Items": rows[:1], "LastEvaluatedKey": rows[0]}, {"Items": []})
    assert Table("T").query_newest_keys(("day", "1"), index="byDay", limit=3, before=None) == [{"at": "d"}]


@pytest.mark.parametrize("limit", [1, 2, 9])
@pytest.mark.parametrize("before", [None, "0", "b", "bb", "c\0", "c\ue000", "e", "z"])
@pytest.mark.parametrize("since", [None, "0", "b", "bb", "e", "z"])
def test_the_newest_rows_lie_between_two_bounds(table: Table, limit: int, before: str | None, since: str | None) -> None:
    """The pages together hold each row from `since` on and below `before` once, newest first, whichever of both are given."""
    dead = empty_table("DeadTable")
    dead.put_many([{"workspace": workspace, "at": at} for workspace in ("w1", "w2") for at in "abcde"])
    expected = [at for at in "edcba" if (before is None or at < before) and (since is None or at >= since)]
    found: list[str] = []
    position = before
    for _ in range(7):
        rows, last = dead.query_newest(("workspace", "w1"), limit=limit, before=position, since=since)
        found += [row["at"] for row in rows]
        if last is None:
            break
        position = last["at"]
    assert found == expected


def test_a_deletion_says_whether_there_was_a_row(table: Table) -> None:
    """Of two deletions of one row, the first one finds it, and the row is gone."""
    table.put(ITEM)
    assert (table.delete_existing(key("1")), table.delete_existing(key("1")), table.get(key("1"))) == (True, False, None)


def test_unprocessed_keys_are_requested_again(stub_dynamo: StubDynamo) -> None:
    """If DynamoDB reads a part of a batch only, the second request holds the rest alone, and the rows of both are returned."""
    first = {"Responses": {"T": [{"a": {"S": "1"}}]}, "UnprocessedKeys": {"T": {"Keys": ["rest"]}}}
    requests = stub_dynamo(first, {"Responses": {"T": [{"a": {"S": "2"}}]}})
    assert Table("T").get_many([{"a": "1"}, {"a": "2"}]) == [{"a": "1"}, {"a": "2"}]
    assert requests[1]["RequestItems"] == {"T": {"Keys": ["rest"]}}


@pytest.mark.parametrize(
    "work", [lambda table: table.get_many([{"a": "1"}]), lambda table: table.put_many([{"a": "1"}])], ids=["read", "write"]
)
def test_a_batch_that_is_never_completed_is_an_unavailable_error(stub_dynamo: StubDynamo, work: Callable[[Table], object]) -> None:
    """After eight attempts the batch fails: it neither goes on without end nor counts as done."""
    rest = {"T": ["rest"]}
    requests = stub_dynamo({"Responses": {}, "UnprocessedKeys": rest, "UnprocessedItems": rest})
    with pytest.raises(UnavailableError):
        work(Table("T"))
    assert len(requests) == table_module.MAX_ATTEMPTS


def test_a_transaction_conflict_is_retried(stub_dynamo: StubDynamo) -> None:
    """A transaction that was cancelled for a conflict, and then for throttling, succeeds at the third attempt."""
    requests = stub_dynamo(cancelled("TransactionConflict", "None"), cancelled("None", "ThrottlingError"), {})
    assert transact([{}, {}]) is None
    assert len(requests) == 3


def test_a_lasting_transaction_conflict_is_an_unavailable_error(stub_dynamo: StubDynamo) -> None:
    """After five conflicts the caller gets UnavailableError and may try again later."""
    requests = stub_dynamo(cancelled("TransactionConflict"))
    with pytest.raises(UnavailableError):
        transact([{}])
    assert len(requests) == transactions.TRANSACTION_ATTEMPTS


def test_a_transaction_that_can_never_succeed_is_not_retried(stub_dynamo: StubDynamo) -> None:
    """A cancellation for any other reason raises ValueError after one request, because it is a mistake in the code."""
    requests = stub_dynamo(cancelled("ValidationError"))
    with pytest.raises(ValueError, match="ValidationError"):
        transact([{}])
    assert len(requests) == 1
