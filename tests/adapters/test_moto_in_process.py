"""Moto in the test process answers the calls to AWS, and leaves those to other addresses alone."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from functions.local.emulator import free_port
from tests.fakes.tables import aws, empty_table

NO_RETRIES = Config(retries={"total_max_attempts": 1})


def test_a_call_to_another_address_is_not_answered_by_moto() -> None:
    """A client of a local stack, which another thread of the process may use meanwhile, gets no answer of the tables of a test."""
    with aws():
        elsewhere = boto3.client("dynamodb", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{free_port()}", config=NO_RETRIES)
        with pytest.raises(EndpointConnectionError):
            elsewhere.list_tables()
        elsewhere.close()


def test_binary_values_come_back_as_they_were() -> None:
    """Bytes, alone, in a set and in a map, are the same after they were written and read, also if they are no text."""
    item = {"workspace": "w_1", "row": "settings", "one": b"\x00\xff", "map": {"B": "text", "b": b"\xfe"}, "list": [b"", b"\x80"]}
    with aws():
        table = empty_table("WorkspacesTable")
        table.put(item)
        found = table.get({"workspace": "w_1", "row": "settings"})
    assert found == item
