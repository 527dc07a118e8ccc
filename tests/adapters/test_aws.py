"""AWS's errors become two kinds: the world is down, or we are wrong."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from waypost.adapters.aws import border, client
from waypost.domain.errors import UnavailableError
from waypost.ingest import NAMING_SECONDS, SEND_SECONDS


def refused(code: str, status: int = 400) -> ClientError:
    """An answer of AWS with an error code."""
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutItem")


@pytest.mark.parametrize(
    "error",
    [
        refused("ProvisionedThroughputExceededException"),
        refused("ThrottlingException"),
        refused("TransactionConflictException"),
        refused("RequestThrottled", 403),
        refused("SomethingNew", 500),
        refused("SomethingNew", 503),
        ConnectTimeoutError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        EndpointConnectionError(endpoint_url="x"),
        NoCredentialsError(),
    ],
    ids=str,
)
def test_a_world_that_is_down_is_unavailable(error: Exception) -> None:
    """Whoever called is called again later."""
    with pytest.raises(UnavailableError), border():
        raise error


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "ValidationException", "AccessDeniedException"])
def test_an_answer_is_no_outage(code: str) -> None:
    """A failed condition is for its caller, and a mistake of ours must not be tried again for ever."""
    with pytest.raises(ClientError), border():
        raise refused(code)


@pytest.mark.parametrize(("name", "options"), [("dynamodb", {}), ("sqs", {"attempts": 1})])
def test_a_call_that_hangs_leaves_time_for_the_answer(name: str, options: dict[str, Any]) -> None:
    """All attempts of one naming and the last send, with a pause of a second between attempts, end within the ten seconds."""
    config = client(name, **options).meta.config
    attempts = config.retries["total_max_attempts"]
    longest = attempts * config.read_timeout + (attempts - 1)
    budget = {"dynamodb": SEND_SECONDS - NAMING_SECONDS, "sqs": 10 - SEND_SECONDS}[name]
    assert longest <= budget


def test_a_client_is_made_once() -> None:
    """Making one takes longer than all else in a request."""
    client("dynamodb")
    started = time.perf_counter()
    assert client("dynamodb") is client("dynamodb")
    assert time.perf_counter() - started < 0.01
