"""Messages in DynamoDB and in the fake: one contract for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.messages import NOW, FakeMessages, pending_message
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.conditions import FailedCondition, if_absent
from waypost.adapters.dynamodb.message_items import key_of, rendered_key, to_item
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.table import Table
from waypost.domain.messages.delivery import after_response, with_claim
from waypost.domain.messages.delivery_reports import Report, after_report
from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus, PreparedMessage, ProviderResponse

Messages = DynamoMessages | FakeMessages
Create = Callable[[Message], None]


@pytest.fixture
def table() -> Iterator[Table]:
    """The empty table."""
    with aws():
        yield empty_table("MessagesTable")


@pytest.fixture(params=["DynamoDB", "fake"])
def messages(request: pytest.FixtureRequest) -> Messages:
    """Both implementations."""
    return DynamoMessages(request.getfixturevalue("table")) if request.param == "DynamoDB" else FakeMessages()


@pytest.fixture
def create(messages: Messages) -> Create:
    """Stores a message as the matcher does."""
    if isinstance(messages, FakeMessages):
        return messages.add
    table = messages.table

    def put(message: Message) -> None:
        table.put_if(to_item(message), **if_absent("id"))

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


@pytest.mark.parametrize("message", [pending_message(), FULL], ids=["pending", "every field"])
def test_a_message_is_read_as_it_was_written(messages: Messages, create: Create, message: Message) -> None:
    """Every field is read back equal, with the exact numbers and the 60 KB of its event's payload."""
    create(message)
    assert messages.get("w1", "msg_1") == message


def test_an_unknown_message_is_none(messages: Messages, create: Create) -> None:
    """Neither an unknown id nor the id of another workspace's message finds a message."""
    create(pending_message())
    assert messages.get("w2", "msg_1") is None
    assert messages.get("w1", "msg_2") is None


@pytest.mark.parametrize(
    "name", ["msg_1#rendered", "msg_" + "1" * 3000, "ж" * 2000, ""], ids=["key of a rendered message", "too long", "other letters", "empty"]
)
def test_a_text_that_is_no_message_id_finds_no_message(messages: Messages, create: Create, name: str) -> None:
    """Any text that a delivery report may hold is looked up without an error and finds nothing."""
    create(pending_message())
    messages.keep_rendered(pending_message(), PreparedMessage("ada@example.com", {"subject": "Hi"}), NOW)
    assert messages.get("w1", name) is None


def test_of_two_claims_the_first_is_saved(messages: Messages, create: Create) -> None:
    """If two workers have read the message as pending, the second claim is refused and changes nothing."""
    create(pending_message())
    assert messages.save(with_claim(pending_message(), NOW, "t1", "a"), pending_message())
    assert not messages.save(with_claim(pending_message(), NOW, "t2", "a"), pending_message())
    found = messages.get("w1", "msg_1")
    assert found is not None
    assert found.token == "t1"


def test_a_claim_that_botocore_repeats_is_a_success(messages: Messages, create: Create) -> None:
    """Saving the same claim a second time over the same reading is a success, as after a lost answer."""
    create(pending_message())
    claimed = with_claim(pending_message(), NOW, "t1", "a")
    assert messages.save(claimed, pending_message())
    assert messages.save(claimed, pending_message())


def test_a_claim_over_an_outdated_reading_of_a_pending_message_is_refused(messages: Messages, create: Create) -> None:
    """A message that is pending again after a refusal cannot be claimed by a worker that has read it before the first claim."""
    create(pending_message())
    first = with_claim(pending_message(), NOW, "t1", "a")
    refused = after_response(first, ProviderResponse("refused", "busy"), NOW)
    assert messages.save(first, pending_message())
    assert messages.save(refused, first)
    assert not messages.save(with_claim(pending_message(), NOW, "late", "a"), pending_message())
    assert messages.save(with_claim(refused, NOW, "t2", "a"), refused)


def test_only_the_holder_of_the_claim_records_an_outcome(messages: Messages, create: Create) -> None:
    """A worker whose claim was taken over after its lease cannot save, and the row of the new holder stays as it is."""
    create(pending_message())
    first = with_claim(pending_message(), NOW, "t1", "a")
    second = with_claim(first, NOW, "t2", "a")
    messages.save(first, pending_message())
    messages.save(second, first)
    assert not messages.save(after_response(first, ProviderResponse("sent", ""), NOW), first)
    assert messages.get("w1", "msg_1") == second


def test_saving_an_erased_message_does_not_restore_it(messages: Messages, create: Create) -> None:
    """Saving a message whose row does not exist returns False and writes nothing."""
    assert not messages.save(with_claim(pending_message(), NOW, "t1", "a"), pending_message())
    assert messages.get("w1", "msg_1") is None


def test_the_first_rendered_content_is_kept(messages: Messages) -> None:
    """A second rendering is not stored: what is returned, and read later, is the first one."""
    first = PreparedMessage("ada@example.com", {"subject": "Zoë", "html": "<p>" * 50_000})
    assert messages.rendered("w1", "msg_1") is None
    assert messages.keep_rendered(pending_message(), first, NOW) == first
    assert messages.keep_rendered(pending_message(), PreparedMessage("eve@example.com", {"subject": "other"}), NOW) == first
    assert messages.rendered("w1", "msg_1") == first


def test_a_message_is_created_once(table: Table) -> None:
    """A second message with the same id is refused by the condition that creates rows."""
    assert table.put_if(to_item(pending_message()), **if_absent("id")) is None
    assert isinstance(table.put_if(to_item(pending_message(step="other")), **if_absent("id")), FailedCondition)


def test_rendered_content_is_compressed_and_expires_after_30_days(table: Table) -> None:
    """52 KB of HTML take less than 4 KB, and the row has a TTL of 30 days."""
    DynamoMessages(table).keep_rendered(pending_message(), PreparedMessage("a", {"html": "<td>Hello</td>" * 4000}), NOW)
    row = table.get(rendered_key("w1", "msg_1"))
    assert row is not None
    assert row["expires"] == int((NOW + timedelta(days=30)).timestamp())
    assert len(row["body"]) < 4096


def test_a_large_payload_is_compressed(table: Table) -> None:
    """A payload of 60 KB takes less than 4 KB of the row, which is written at every step of a delivery."""
    table.put(to_item(FULL))
    row = table.get(key_of("w1", "msg_1"))
    assert row is not None
    assert len(row["event"]) < 4096


@pytest.mark.parametrize("by", ["customer", "journey", "day"])
def test_pages_hold_every_message_once_newest_first(table: Table, by: str) -> None:
    """The pages of one customer, one journey or one day together hold each of its messages once, newest first, and no other message."""
    for index in range(25):
        table.put(to_item(pending_message(id=f"msg_{index:02}", created_at=NOW + timedelta(seconds=index // 2))))
    for other in (
        pending_message(id="a", workspace="w2"),
        pending_message(id="b", customer="c_2", journey="j2", created_at=NOW - timedelta(days=1)),
    ):
        table.put(to_item(other))
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
    """A page of 200 messages is complete although one call reads 100 rows, and its position is that of its last message."""
    for index in range(205):
        table.put(to_item(pending_message(id=f"msg_{index:03}", created_at=NOW + timedelta(seconds=index))))
    page, before = DynamoMessages(table).page("w1", limit=200, customer="c_1")
    assert len(page) == 200
    assert before == f"{to_item(page[-1])['at']}"


def test_a_report_does_not_overwrite_the_record_of_a_call(messages: Messages, create: Create) -> None:
    """A second report that was read before the response was recorded and saved after it is refused, so the attempt stays."""
    create(pending_message())
    claimed = with_claim(pending_message(), NOW, "t1", "a")
    delivered = after_report(claimed, Report(MessageStatus.DELIVERED, NOW))
    assert messages.save(claimed, pending_message())
    assert messages.save(delivered, claimed)
    recorded = after_response(delivered, ProviderResponse("sent", ""), NOW)
    assert messages.save(recorded, delivered)
    assert not messages.save(after_report(delivered, Report(MessageStatus.OPENED, NOW)), delivered)
    assert messages.get("w1", "msg_1") == recorded
