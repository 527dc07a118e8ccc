"""What the simulated DynamoDB does that an emulator does not: lag, late expiry, short pages, and answers in no order."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.proof.aws.dynamodb import DynamoDb
from tests.proof.aws.tables import TableShape, shape_of

EVENTS = shape_of(
    {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "at", "day")],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "byDay",
                "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
    }
)


class SetClock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 27, tzinfo=UTC)
        self.seconds = 0.0

    def monotonic(self) -> float:
        """Seconds since the start of the test."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.seconds += seconds
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> SetClock:
    """The time of the test."""
    return SetClock()


def database(clock: SetClock, shape: TableShape = EVENTS, **options: Any) -> DynamoDb:
    """One table with the name Events."""
    return DynamoDb(clock, Random(1), {"Events": shape}, **options)


def text(**attributes: str) -> dict[str, Any]:
    """An item with text attributes."""
    return {name: {"S": value} for name, value in attributes.items()}


def of_day(dynamodb: DynamoDb, **options: Any) -> dict[str, Any]:
    """A query of the index."""
    return dynamodb.query(
        TableName="Events",
        IndexName="byDay",
        KeyConditionExpression="#day = :day",
        ExpressionAttributeNames={"#day": "day"},
        ExpressionAttributeValues={":day": {"S": "d"}},
        **options,
    )


def test_an_index_lags_the_table(clock: SetClock) -> None:
    """An index shows a write after its lag, and until then the item as it was."""
    dynamodb = database(clock, index_lag=2.0)
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1", day="d"))
    assert of_day(dynamodb)["Items"] == []
    clock.advance(2.5)
    assert of_day(dynamodb)["Items"] == [text(id="a", at="1", day="d")]
    dynamodb.delete_item(TableName="Events", Key=text(id="a", at="1"))
    assert of_day(dynamodb)["Count"] == 1
    clock.advance(2.5)
    assert of_day(dynamodb)["Count"] == 0


def test_the_changes_of_one_item_reach_an_index_in_their_order(clock: SetClock) -> None:
    """A later change with a shorter lag does not overtake an earlier one of the same item."""
    lags = iter([3.0, 0.5])
    dynamodb = database(clock, index_lag=lambda: next(lags))
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1", day="d"))
    dynamodb.delete_item(TableName="Events", Key=text(id="a", at="1"))
    clock.advance(1)
    assert of_day(dynamodb)["Count"] == 0
    clock.advance(3)
    assert of_day(dynamodb)["Count"] == 0


def test_an_eventually_consistent_read_shows_the_item_as_it_was(clock: SetClock) -> None:
    """A read that is not strongly consistent misses writes of the last second, in an item and in a page."""
    dynamodb = database(clock, table_lag=0.5)
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1", name="old"))
    clock.advance(1)
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1", name="new"))
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="2"))
    key = {"TableName": "Events", "Key": text(id="a", at="1")}
    partition = {"TableName": "Events", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}
    assert dynamodb.get_item(**key)["Item"]["name"] == {"S": "old"}
    assert dynamodb.query(**partition)["Items"] == [text(id="a", at="1", name="old")]
    assert dynamodb.get_item(**key, ConsistentRead=True)["Item"]["name"] == {"S": "new"}
    assert dynamodb.query(**partition, ConsistentRead=True)["Count"] == 2
    clock.advance(0.6)
    assert dynamodb.get_item(**key)["Item"]["name"] == {"S": "new"}
    assert dynamodb.query(**partition)["Count"] == 2


def test_an_expired_item_stays_until_it_is_deleted(clock: SetClock) -> None:
    """Reads return an item whose time of expiry has passed, until `expire` deletes it."""
    dynamodb = database(clock)
    expires = {"expires": {"N": str(int(clock.now.timestamp()) + 60)}}
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1") | expires)
    assert dynamodb.expire() == 0
    clock.advance(3_600)
    assert len(list(dynamodb.items("Events"))) == 1
    assert dynamodb.expire() == 1
    assert list(dynamodb.items("Events")) == []


def test_pages_end_at_their_size_and_at_the_limit(clock: SetClock) -> None:
    """A query goes on after a short page, on the table and on the index, in both directions, and returns each row once."""
    dynamodb = database(clock, index_lag=0, page_bytes=1)
    for place in range(5):
        dynamodb.put_item(TableName="Events", Item=text(id=str(place % 2), at=str(place // 2), day="d"))
    for forward in (True, False):
        found: list[tuple[str, str]] = []
        start: dict[str, Any] = {}
        while True:
            page = of_day(dynamodb, ScanIndexForward=forward, **start)
            assert page["Count"] == 1
            found += [(item["at"]["S"], item["id"]["S"]) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert [at for at, _ in found] == sorted([at for at, _ in found], reverse=not forward)
        assert len(set(found)) == len(found) == 5
    dynamodb.page_bytes = 1_000_000
    assert of_day(dynamodb, Limit=5)["LastEvaluatedKey"]
    assert "LastEvaluatedKey" not in of_day(dynamodb, Limit=6)


def test_a_repeated_transaction_with_its_token_happens_once(clock: SetClock) -> None:
    """The same token changes nothing for ten minutes; with other parameters it is refused."""
    dynamodb = database(clock)
    action = {
        "Update": {
            "TableName": "Events",
            "Key": text(id="a", at="1"),
            "UpdateExpression": "ADD times :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[action], ClientRequestToken="t")
    (item,) = dynamodb.items("Events")
    assert item["times"] == {"N": "1"}
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        dynamodb.transact_write_items(TransactItems=[action, action], ClientRequestToken="t")
    clock.advance(700)
    dynamodb.transact_write_items(TransactItems=[action], ClientRequestToken="t")
    (item,) = dynamodb.items("Events")
    assert item["times"] == {"N": "2"}


def test_a_caller_cannot_change_what_is_stored(clock: SetClock) -> None:
    """A change of a request after the call, or of an answer, changes no stored item."""
    dynamodb = database(clock)
    item: dict[str, Any] = text(id="a", at="1") | {"list": {"L": [{"S": "x"}]}}
    dynamodb.put_item(TableName="Events", Item=item)
    item["list"]["L"].append({"S": "y"})
    read = dynamodb.get_item(TableName="Events", Key=text(id="a", at="1"), ConsistentRead=True)["Item"]
    read["list"]["L"][0]["S"] = "z"
    (stored,) = dynamodb.items("Events")
    assert stored["list"] == {"L": [{"S": "x"}]}


def test_a_failed_write_changes_nothing(clock: SetClock) -> None:
    """A batch with one invalid item, and a transaction with one false condition, write none of their items."""
    dynamodb = database(clock)
    good = text(id="a", at="1")
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.batch_write_item(RequestItems={"Events": [{"PutRequest": {"Item": good}}, {"PutRequest": {"Item": text(id="b")}}]})
    failing = {
        "TableName": "Events",
        "Item": text(id="b", at="1"),
        "ConditionExpression": "attribute_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    with pytest.raises(ClientError) as raised:
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": "Events", "Item": good}}, {"Put": failing}])
    assert [reason["Code"] for reason in raised.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert list(dynamodb.items("Events")) == []


def test_changes_keep_their_order_where_the_clock_goes_back(clock: SetClock) -> None:
    """The clock goes back after a simulated thread; what another thread writes then is still later than what the first one wrote."""
    dynamodb = database(clock, index_lag=1.0, table_lag=0.5)
    clock.advance(10)
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1", day="d"))
    clock.advance(-10)
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1", day="e"))
    clock.advance(10.6)
    assert dynamodb.get_item(TableName="Events", Key=text(id="a", at="1"))["Item"]["day"] == {"S": "e"}
    clock.advance(1)
    assert of_day(dynamodb)["Count"] == 0


@pytest.fixture
def one_item(clock: SetClock) -> DynamoDb:
    """A table with one item, of which the attributes have several types."""
    dynamodb = database(clock)
    attributes = {"n": {"N": "2"}, "s": {"S": "x"}, "l": {"L": [{"S": "x"}, {"S": "y"}]}, "m": {"M": {"a": {"N": "1"}}}}
    dynamodb.put_item(TableName="Events", Item=text(id="a", at="1") | attributes)
    return dynamodb


def changed(dynamodb: DynamoDb, update: str, **values: Any) -> Any:
    """What an update of the item returns of the attributes that it changes."""
    more = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    answer = dynamodb.update_item(TableName="Events", Key=text(id="a", at="1"), UpdateExpression=update, ReturnValues="UPDATED_NEW", **more)
    return answer.get("Attributes")


def test_numbers_are_added_with_38_digits(one_item: DynamoDb) -> None:
    """A sum of 38 digits is exact, and numbers of more digits or beyond the range are refused."""
    big = "12345678901234567890123456789012345678"
    assert changed(one_item, "SET n = :big", big={"N": big})
    assert changed(one_item, "ADD n :one", one={"N": "1"}) == {"n": {"N": f"{big[:-1]}9"}}
    with pytest.raises(ClientError, match="38 significant digits"):
        changed(one_item, "SET n = :n", n={"N": f"{big}1"})
    with pytest.raises(ClientError, match="overflow"):
        changed(one_item, "SET n = :n", n={"N": "1e126"})


@pytest.mark.parametrize(
    ("update", "values"),
    [
        ("ADD n :v", {"v": {"BOOL": True}}),
        ("ADD s :v", {"v": {"N": "1"}}),
        ("DELETE n :v", {"v": {"S": "x"}}),
        ("SET n = n + :v", {"v": {"S": "x"}}),
        ("SET n = s - :v", {"v": {"N": "1"}}),
        ("SET n = missing", {}),
        ("SET l = list_append(l, :v)", {"v": {"S": "x"}}),
        ("SET m.missing.a = :v", {"v": {"N": "1"}}),
        ("REMOVE missing.a", {}),
        ("SET m = :v, m.a = :v", {"v": {"N": "1"}}),
        ("SET at = :v", {"v": {"S": "2"}}),
    ],
)
def test_an_update_with_a_wrong_type_or_path_is_refused(one_item: DynamoDb, update: str, values: Any) -> None:
    """DynamoDB refuses operands of wrong types, missing operands, paths below nothing, overlapping paths, and changes of the key."""
    before = list(one_item.items("Events"))
    with pytest.raises(ClientError, match="ValidationException"):
        changed(one_item, update, **values)
    assert list(one_item.items("Events")) == before


def test_an_update_returns_the_changed_element_of_a_list(one_item: DynamoDb) -> None:
    """UPDATED_NEW holds the elements and members that the update names, and not their whole lists and maps."""
    assert changed(one_item, "SET l[1] = :z, m.b = :z", z={"S": "z"}) == {"l": {"L": [{"S": "z"}]}, "m": {"M": {"b": {"S": "z"}}}}


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("s < :v", {"v": {"L": []}}),
        ("begins_with(s, :v)", {"v": {"N": "1"}}),
        ("n BETWEEN :v AND :w", {"v": {"N": "2"}, "w": {"N": "1"}}),
        ("n BETWEEN :v AND :w", {"v": {"N": "2"}, "w": {"S": "3"}}),
        ("n = n", {}),
        ("((n = :v))", {"v": {"N": "2"}}),
        ("n = :v", {"v": {"N": "2"}, "w": {"N": "2"}}),
        ("n = :missing", {"v": {"N": "2"}}),
        ("#missing = :v", {"v": {"N": "2"}}),
        ("n = ", {}),
        ("n = :v" + " OR n = :v" * 500, {"v": {"N": "2"}}),
    ],
)
def test_an_invalid_condition_is_refused(one_item: DynamoDb, condition: str, values: Any) -> None:
    """DynamoDB refuses a condition with operands of wrong types, bounds in the wrong order, or undefined or unused placeholders."""
    more = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    with pytest.raises(ClientError, match="ValidationException"):
        one_item.delete_item(TableName="Events", Key=text(id="a", at="1"), ConditionExpression=condition, **more)
    assert len(list(one_item.items("Events"))) == 1


@pytest.mark.parametrize(
    "item",
    [
        text(id="", at="1"),
        text(id="a" * 2_049, at="1"),
        text(id="a", at="1" * 1_025),
        text(id="a", at="1", day=""),
        text(id="a", at="1", day="d" * 2_049),
        text(id="a", at="1", big="x" * 410_000),
        text(id="a", at="1", lone="\ud800"),
    ],
)
def test_an_item_beyond_a_limit_is_refused(clock: SetClock, item: dict[str, Any]) -> None:
    """Empty and long keys, of the table and of its indexes, items above 400 KB and lone surrogates are refused."""
    dynamodb = database(clock)
    with pytest.raises(ClientError, match="ValidationException"):
        dynamodb.put_item(TableName="Events", Item=item)
    assert list(dynamodb.items("Events")) == []


def test_an_item_cannot_grow_beyond_its_limit(one_item: DynamoDb) -> None:
    """An update that makes an item larger than 400 KB is refused, alone and in a transaction."""
    update = {
        "TableName": "Events",
        "Key": text(id="a", at="1"),
        "UpdateExpression": "SET big = :big",
        "ExpressionAttributeValues": {":big": {"S": "x" * 410_000}},
    }
    with pytest.raises(ClientError, match="maximum allowed size"):
        one_item.update_item(**update)
    with pytest.raises(ClientError) as raised:
        one_item.transact_write_items(TransactItems=[{"Update": update}])
    assert [each["Code"] for each in raised.value.response["CancellationReasons"]] == ["ValidationError"]


def test_a_large_batch_is_answered_in_part(clock: SetClock) -> None:
    """A batch read of more than 16 MB returns a part of the items, and the keys that it left out."""
    dynamodb = database(clock)
    keys = [text(id="a", at=str(place)) for place in range(50)]
    for key in keys:
        dynamodb.put_item(TableName="Events", Item=key | text(big="x" * 400_000))
    wanted = {"Events": {"Keys": keys, "ConsistentRead": True}}
    answer = dynamodb.batch_get_item(RequestItems=wanted)
    left = answer["UnprocessedKeys"]["Events"]
    assert left["ConsistentRead"] is True
    assert 0 < len(answer["Responses"]["Events"]) == 50 - len(left["Keys"]) < 50
    rest = dynamodb.batch_get_item(RequestItems=answer["UnprocessedKeys"])
    assert len(rest["Responses"]["Events"]) == len(left["Keys"])
    assert rest["UnprocessedKeys"] == {}


def test_a_scan_returns_every_item_once(clock: SetClock) -> None:
    """A scan in pages of one row returns the items of all partitions."""
    dynamodb = database(clock, page_bytes=1)
    keys = [text(id=str(place % 3), at=str(place)) for place in range(7)]
    for key in keys:
        dynamodb.put_item(TableName="Events", Item=key)
    found: list[Any] = []
    start: dict[str, Any] = {}
    while True:
        page = dynamodb.scan(TableName="Events", ConsistentRead=True, **start)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(found, key=str) == sorted(keys, key=str)


def test_a_copy_shares_nothing_that_changes(clock: SetClock) -> None:
    """A write to a copy changes neither the items, nor the indexes, nor the random numbers of the original, and the other way round."""
    original = database(clock)
    original.put_item(TableName="Events", Item=text(id="a", at="1", day="d"))
    clock.advance(5)
    copy = deepcopy(original)
    state = original.random.getstate()
    copy.put_item(TableName="Events", Item=text(id="a", at="2", day="d"))
    copy.delete_item(TableName="Events", Key=text(id="a", at="1"))
    copy.settle()
    assert original.random.getstate() == state
    assert [of_day(each)["Items"] for each in (original, copy)] == [[text(id="a", at=at, day="d")] for at in ("1", "2")]
    original.put_item(TableName="Events", Item=text(id="a", at="3"))
    assert [len(list(each.items("Events"))) for each in (original, copy)] == [2, 1]
