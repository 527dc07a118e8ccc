"""The functions on moto record and replace the calls of their own clients only."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from functions.local.emulator import free_port
from tests.proof.functions_on_moto import functions_on_moto


def test_a_call_to_another_address_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A client of a local stack, which another thread of the process may use meanwhile, gets no answer of the functions' queues."""
    address = f"http://127.0.0.1:{free_port()}"
    with functions_on_moto(monkeypatch, tmp_path) as functions:
        elsewhere = boto3.client("sqs", region_name="eu-west-1", endpoint_url=address, config=Config(retries={"total_max_attempts": 1}))
        functions.calls.clear()
        functions.running = "send"
        with pytest.raises(EndpointConnectionError):
            elsewhere.receive_message(QueueUrl=f"{address}/000000000000/waypost-SendQueue")
        elsewhere.close()
    assert functions.calls == []
