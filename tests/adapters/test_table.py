"""A DynamoDB table as plain items, and what is tried again here because botocore does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.tables import aws, fresh
from waypost.adapters.dynamodb import table as tables
from waypost.adapters.dynamodb.table import Refused, Table, transact
from waypost.domain.errors import UnavailableError


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    """AWS in this process."""
    with aws():
        yield


@pytest.fixture
def rows(moto: None) -> Table:
    """A table with a two-part key."""
    return fresh("JourneysTable")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """A DynamoDB that answers as it is told; what it was asked is in the list. No pause is waited for."""
    monkeypatch.setattr("waypost.adapters.dynamodb.table.time.sleep", lambda _: None)

    def told(*many: Any) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []
        left = list(many)

        class Dynamo:
            def __getattr__(self, name: str) -> Callable[..., Any]:
                def call(**request: Any) -> Any:
                    asked.append(request)
                    answer = left.pop(0) if len(left) > 1 else left[0]
                    if isinstance(answer, Exception):
                        raise answer
                    return answer

                return call

        monkeypatch.setattr("waypost.adapters.dynamodb.table.client", lambda _: Dynamo())
        return asked

    return told


def key(row: str) -> dict[str, Any]:
    """A row's key."""
    return {"workspace": "w1", "row": row}


def cancelled(*codes: str) -> ClientError:
    """A transaction that was cancelled for these reasons."""
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


def test_an_item_comes_back_as_it_was_put(rows: Table) -> None:
    """Attributes that are None are left out."""
    rows.put(ITEM | {"none": None})
    assert rows.get(key("1")) == ITEM
    assert rows.get(key("2")) is None


def test_a_condition_that_does_not_hold_shows_the_row_that_is_there(rows: Table) -> None:
    """So that whoever was overtaken need not read it."""
    rows.put(ITEM)
    assert rows.put(key("1"), ConditionExpression="attribute_not_exists(workspace)") == Refused(ITEM)
    assert rows.update(
        key("2"), UpdateExpression="SET a = :a", ConditionExpression="attribute_exists(a)", ExpressionAttributeValues={":a": 1}
    ) == (Refused(None))


def test_a_transaction_says_which_of_its_conditions_failed(rows: Table) -> None:
    """And writes nothing; when all hold it writes everything."""
    rows.put(ITEM)
    absent = {"ConditionExpression": "attribute_not_exists(workspace)"}
    assert transact([rows.put_action(key("2"), **absent), rows.put_action(key("1"), **absent)]) == [None, Refused(ITEM)]
    assert rows.get(key("2")) is None
    assert transact([rows.put_action(key("2"), **absent), rows.delete_action(key("1"))]) is None
    assert (rows.get(key("1")), rows.get(key("2"))) == (None, key("2"))


def test_more_rows_than_one_call_takes_are_written_and_queried(rows: Table) -> None:
    """25 to a write, a page at a time to read."""
    rows.put_many([key(f"{number:03}") for number in range(60)])
    assert [row["row"] for row in rows.query_all("workspace = :w", {":w": "w1"}, Limit=7)] == [f"{number:03}" for number in range(60)]


def test_what_aws_leaves_undone_is_asked_again(answers: Callable[..., list[dict[str, Any]]]) -> None:
    """Only the rest, until there is none."""
    first = {"Responses": {"T": [{"a": {"S": "1"}}]}, "UnprocessedKeys": {"T": {"Keys": ["rest"]}}}
    asked = answers(first, {"Responses": {"T": [{"a": {"S": "2"}}]}})
    assert Table("T").get_many([{"a": "1"}, {"a": "2"}]) == [{"a": "1"}, {"a": "2"}]
    assert asked[1]["RequestItems"] == {"T": {"Keys": ["rest"]}}


@pytest.mark.parametrize(
    "work", [lambda table: table.get_many([{"a": "1"}]), lambda table: table.put_many([{"a": "1"}])], ids=["read", "write"]
)
def test_a_batch_that_is_never_done_is_an_outage(answers: Callable[..., list[dict[str, Any]]], work: Callable[[Table], object]) -> None:
    """It ends, and nothing is taken for done."""
    rest = {"T": ["rest"]}
    asked = answers({"Responses": {}, "UnprocessedKeys": rest, "UnprocessedItems": rest})
    with pytest.raises(UnavailableError):
        work(Table("T"))
    assert len(asked) == tables.BATCH_ATTEMPTS


def test_a_conflict_of_transactions_is_tried_again(answers: Callable[..., list[dict[str, Any]]]) -> None:
    """It is nobody's fault, and botocore does not know it."""
    asked = answers(cancelled("TransactionConflict", "None"), cancelled("None", "ThrottlingError"), {})
    assert transact([{}, {}], token="t") is None
    assert [request["ClientRequestToken"] for request in asked] == ["t", "t", "t"]


def test_a_conflict_without_end_is_an_outage(answers: Callable[..., list[dict[str, Any]]]) -> None:
    """The caller comes again later."""
    answers(cancelled("TransactionConflict"))
    with pytest.raises(UnavailableError):
        transact([{}])


def test_a_transaction_that_can_never_work_is_a_bug(answers: Callable[..., list[dict[str, Any]]]) -> None:
    """It is not tried again."""
    asked = answers(cancelled("ValidationError"))
    with pytest.raises(ValueError, match="ValidationError"):
        transact([{}])
    assert len(asked) == 1
