"""AWS's errors become two kinds: the world is down, or we are wrong."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from waypost.adapters.aws import client, translate_errors
from waypost.domain.errors import UnavailableError
from waypost.ingest.time_budget import IDENTIFY_SECONDS, KEEP_SECONDS, READ_SECONDS, SEND_SECONDS


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
    with pytest.raises(UnavailableError), translate_errors():
        raise error


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "ValidationException", "AccessDeniedException"])
def test_an_answer_is_no_outage(code: str) -> None:
    """A failed condition is for its caller, and a mistake of ours must not be tried again for ever."""
    with pytest.raises(ClientError), translate_errors():
        raise refused(code)


def test_a_send_that_hangs_leaves_time_for_the_answer() -> None:
    """The intake waits for its tables for a while only; the last call of the queue, with all its attempts, ends within the ten seconds."""
    config = client("sqs", attempts=1).meta.config
    attempts = config.retries["total_max_attempts"]
    longest = attempts * (config.connect_timeout + config.read_timeout) + (attempts - 1)
    assert IDENTIFY_SECONDS < READ_SECONDS < SEND_SECONDS
    assert max(SEND_SECONDS + longest, KEEP_SECONDS) < 10


def test_a_client_is_made_once() -> None:
    """Making one takes longer than all else in a request."""
    client("dynamodb")
    started = time.perf_counter()
    assert client("dynamodb") is client("dynamodb")
    assert time.perf_counter() - started < 0.01
