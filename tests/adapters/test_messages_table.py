"""Messages in DynamoDB, and in the fake that the use case is tested on: one contract for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws

from tests.fakes.messages import NOW, FakeMessages, pending_message
from waypost.adapters.aws import client
from waypost.adapters.dynamodb import messages as rows
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.table import Refused, Table
from waypost.domain.messages.delivery import after_response, with_claim
from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus, PreparedMessage, ProviderResponse

Messages = DynamoMessages | FakeMessages
Owe = Callable[[Message], None]


@pytest.fixture
def table() -> Iterator[Table]:
    """The table as the template makes it, in moto."""
    with mock_aws():
        client.cache_clear()
        attributes = ("id", "customer", "journey", "day", "at")
        indexes = (("byCustomer", "customer"), ("byJourney", "journey"), ("byDay", "day"))
        boto3.client("dynamodb").create_table(
            TableName="Messages",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in attributes],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": index,
                    "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
                for index, name in indexes
            ],
        )
        yield Table("Messages")
        client.cache_clear()


@pytest.fixture(params=["DynamoDB", "fake"])
def messages(request: pytest.FixtureRequest) -> Messages:
    """Both sides of the contract."""
    return DynamoMessages(request.getfixturevalue("table")) if request.param == "DynamoDB" else FakeMessages()


@pytest.fixture
def owe(messages: Messages) -> Owe:
    """Puts a message there as the matcher does."""
    if isinstance(messages, FakeMessages):
        return messages.add
    table = messages.table

    def put(message: Message) -> None:
        table.put(rows.item(message), ConditionExpression="attribute_not_exists(id)")

    return put


FULL = pending_message(
    event={
        "name": "bought",
        "payload": {"total": Decimal("10.50"), "note": "Zoë 🎉", "big": "x" * 60_000},
        "uuid": "e",
        "source": "mobile",
    },
    status=MessageStatus.FAILED,
    reason=MessageReason.GAVE_UP,
    to="ada@example.com",
    attempts=(Attempt(NOW, "refused", "HTTP 503"), Attempt(NOW + timedelta(seconds=5), "refused", "HTTP 502")),
    token="t",
    lease=NOW + timedelta(minutes=2),
    attempt_count=8,
    on_unknown="resend",
    visit=3,
    awaited=True,
)


@pytest.mark.parametrize("message", [pending_message(), FULL], ids=["as owed", "full"])
def test_a_message_comes_back_as_it_was_written(messages: Messages, owe: Owe, message: Message) -> None:
    """Every field, exact numbers and a 60 KB payload included."""
    owe(message)
    assert messages.get("w1", "msg_1") == message


def test_a_message_that_is_not_there_is_none(messages: Messages, owe: Owe) -> None:
    """Another workspace's message is not there either."""
    owe(pending_message())
    assert messages.get("w2", "msg_1") is None
    assert messages.get("w1", "msg_2") is None


@pytest.mark.parametrize("name", ["msg_1#rendered", "msg_" + "1" * 3000, "ж" * 2000, ""], ids=["another row", "long", "letters", "empty"])
def test_a_text_that_is_no_message_id_names_no_message(messages: Messages, owe: Owe, name: str) -> None:
    """An app's report may hold any text: it is answered, not choked on."""
    owe(pending_message())
    messages.keep_rendered(pending_message(), PreparedMessage("ada@example.com", {"subject": "Hi"}), NOW)
    assert messages.get("w1", name) is None


def test_of_two_claims_the_first_holds(messages: Messages, owe: Owe) -> None:
    """Both workers read the message as pending; the second save is refused and changes nothing."""
    owe(pending_message())
    assert messages.save(with_claim(pending_message(), NOW, "t1", "a"), pending_message())
    assert not messages.save(with_claim(pending_message(), NOW, "t2", "a"), pending_message())
    found = messages.get("w1", "msg_1")
    assert found is not None
    assert found.token == "t1"


def test_a_claim_repeated_after_a_lost_answer_is_a_success(messages: Messages, owe: Owe) -> None:
    """Botocore repeats a write whose answer it did not get; the row with our own token is our success."""
    owe(pending_message())
    mine = with_claim(pending_message(), NOW, "t1", "a")
    assert messages.save(mine, pending_message())
    assert messages.save(mine, pending_message())


def test_a_retried_message_is_claimed_by_what_was_read(messages: Messages, owe: Owe) -> None:
    """After a refusal the message is pending again; a worker that still holds the first reading cannot claim it."""
    owe(pending_message())
    first = with_claim(pending_message(), NOW, "t1", "a")
    refused = after_response(first, ProviderResponse("refused", "busy"), NOW)
    assert messages.save(first, pending_message())
    assert messages.save(refused, first)
    assert not messages.save(with_claim(pending_message(), NOW, "late", "a"), pending_message())
    assert messages.save(with_claim(refused, NOW, "t2", "a"), refused)


def test_only_the_holder_records(messages: Messages, owe: Owe) -> None:
    """A worker whose lease ran out and was taken over writes nothing over its successor's row."""
    owe(pending_message())
    first = with_claim(pending_message(), NOW, "t1", "a")
    second = with_claim(first, NOW, "t2", "a")
    messages.save(first, pending_message())
    messages.save(second, first)
    assert not messages.save(after_response(first, ProviderResponse("sent", ""), NOW), first)
    assert messages.get("w1", "msg_1") == second


def test_an_erased_message_does_not_come_back(messages: Messages, owe: Owe) -> None:
    """Saving needs the row."""
    assert not messages.save(with_claim(pending_message(), NOW, "t1", "a"), pending_message())
    assert messages.get("w1", "msg_1") is None


def test_the_first_rendering_is_the_one_that_is_kept(messages: Messages) -> None:
    """A retry sends the same bytes, whoever renders again."""
    first = PreparedMessage("ada@example.com", {"subject": "Zoë", "html": "<p>" * 50_000})
    assert messages.rendered("w1", "msg_1") is None
    assert messages.keep_rendered(pending_message(), first, NOW) == first
    assert messages.keep_rendered(pending_message(), PreparedMessage("eve@example.com", {"subject": "other"}), NOW) == first
    assert messages.rendered("w1", "msg_1") == first


def test_owing_a_message_twice_is_owing_it_once(table: Table) -> None:
    """The condition that the matcher's transaction uses."""
    condition = {"ConditionExpression": "attribute_not_exists(id)"}
    assert table.put(rows.item(pending_message()), **condition) is None
    assert isinstance(table.put(rows.item(pending_message(step="other")), **condition), Refused)


def test_a_rendered_body_is_small_and_ends_after_30_days(table: Table) -> None:
    """50 KB of HTML cost a few write units, and nothing personal stays longer than the promise."""
    DynamoMessages(table).keep_rendered(pending_message(), PreparedMessage("a", {"html": "<td>Hello</td>" * 4000}), NOW)
    row = table.get(rows.rendered_key("w1", "msg_1"))
    assert row is not None
    assert row["expires"] == int((NOW + timedelta(days=30)).timestamp())
    assert len(row["body"]) < 4096


def test_a_large_payload_is_kept_compressed(table: Table) -> None:
    """60 KB of payload would cost 60 write units at every step of a delivery."""
    table.put(rows.item(FULL))
    row = table.get(rows.key("w1", "msg_1"))
    assert row is not None
    assert len(row["event"]) < 4096


@pytest.mark.parametrize("by", ["customer", "journey", "day"])
def test_lists_are_newest_first_and_go_on_where_they_ended(table: Table, by: str) -> None:
    """Pages of one customer, one journey or one day, over all shards, with no message twice and none missing."""
    for index in range(25):
        table.put(rows.item(pending_message(id=f"msg_{index:02}", created_at=NOW + timedelta(seconds=index // 2))))
    for other in (
        pending_message(id="a", workspace="w2"),
        pending_message(id="b", customer="c_2", journey="j2", created_at=NOW - timedelta(days=1)),
    ):
        table.put(rows.item(other))
    which = {"customer": {"customer": "c_1"}, "journey": {"journey": "welcome"}, "day": {"day": NOW.date()}}[by]
    seen: list[str] = []
    before: str | None = None
    for _ in range(10):
        page, before = DynamoMessages(table).page("w1", limit=7, before=before, **which)  # type: ignore[arg-type]
        seen += [message.id for message in page]
        if before is None:
            break
    assert seen == [f"msg_{index:02}" for index in reversed(range(25))]


def test_a_page_may_hold_200_messages(table: Table) -> None:
    """DynamoDB reads 100 rows at once; the API's largest page is 200."""
    for index in range(205):
        table.put(rows.item(pending_message(id=f"msg_{index:03}", created_at=NOW + timedelta(seconds=index))))
    page, before = DynamoMessages(table).page("w1", limit=200, customer="c_1")
    assert len(page) == 200
    assert before == f"{rows.item(page[-1])['at']}"
