"""The last message to each address, in the workspaces table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.fakes.messages import NOW
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.last_messages import DynamoLastMessages
from waypost.adapters.dynamodb.table import Table


@pytest.fixture
def table() -> Iterator[Table]:
    """The empty table."""
    with aws():
        yield empty_table("WorkspacesTable")


def test_an_address_leads_to_its_last_message_in_each_workspace(table: Table) -> None:
    """Each workspace that sends on the channel is found, with its own last message or None; the rows hold no address."""
    first, second = (DynamoLastMessages(table, lambda workspace: f"secret of {workspace}".encode()) for _ in range(2))
    first.remember("w1", "sms", "+4915112345678", "msg_1", NOW)
    first.remember("w1", "sms", "+4915112345678", "msg_2", NOW + timedelta(seconds=1))
    second.remember("w2", "sms", "+12065550142", "msg_3", NOW)
    assert second.of("sms", "+49 151 12345678") == {"w1": "msg_2", "w2": None}
    assert first.of("email", "ada@example.com") == {}
    stored = [item for workspace in ("w1", "w2", "senders/sms") for item in table.query_all("workspace = :w", {":w": workspace})]
    assert "4915112345678" not in str(stored)
    assert {item["row"].rpartition("/")[0] for item in stored} == {"last/sms", ""}
    assert all(item["expires"] > NOW.timestamp() for item in stored if "message" in item)


def test_a_record_that_comes_again_does_not_replace_a_later_message(table: Table) -> None:
    """SQS may deliver the record of an earlier message after that of a later one; an answer is still about the later one."""
    messages = DynamoLastMessages(table, lambda workspace: f"secret of {workspace}".encode())
    messages.remember("w1", "sms", "+4915112345678", "msg_2", NOW + timedelta(seconds=1))
    messages.remember("w1", "sms", "+4915112345678", "msg_1", NOW)
    assert messages.of("sms", "+4915112345678") == {"w1": "msg_2"}
    messages.remember("w1", "sms", "+4915112345678", "msg_3", NOW + timedelta(seconds=2))
    assert messages.of("sms", "+4915112345678") == {"w1": "msg_3"}
