"""Errors of AWS become UnavailableError where a later attempt may succeed, and pass through where it cannot."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from waypost.adapters.aws import client, is_outage, translate_errors
from waypost.domain.errors import UnavailableError
from waypost.ingest.time_budget import END_SECONDS, IDENTIFY_SECONDS, READ_SECONDS, SEND_SECONDS


def client_error(code: str, status: int = 400) -> ClientError:
    """An error response of AWS."""
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutItem")


@pytest.mark.parametrize(
    "error",
    [
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("TransactionConflictException"),
        client_error("RequestThrottled", 403),
        client_error("AccessDeniedException"),
        client_error("AccessDenied", 403),
        client_error("ResourceNotFoundException"),
        client_error("AWS.SimpleQueueService.NonExistentQueue"),
        client_error("QueueDoesNotExist"),
        client_error("KMSAccessDeniedException"),
        client_error("KMS.DisabledException"),
        client_error("KMS.AccessDeniedException"),
        client_error("KmsInvalidState"),
        client_error("InaccessibleEncryptionKey"),
        client_error("SomethingNew", 500),
        client_error("SomethingNew", 503),
        ConnectTimeoutError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        EndpointConnectionError(endpoint_url="x"),
        NoCredentialsError(),
    ],
    ids=str,
)
def test_outages_are_unavailable_errors(error: Exception) -> None:
    """Throttling, 5xx, timeouts, missing permissions, tables or queues, and refusals of a KMS key are retried, whatever the record."""
    with pytest.raises(UnavailableError), translate_errors():
        raise error


def test_what_botocore_repeats_is_an_outage() -> None:
    """No code that botocore itself takes for throttling or a lost request is taken for a fault of the record."""
    codes = {*ThrottledRetryableChecker._THROTTLED_ERROR_CODES, *TransientRetryableChecker._TRANSIENT_ERROR_CODES}
    assert [code for code in codes if not is_outage(code)] == []


@pytest.mark.parametrize(
    "error",
    [
        client_error("UnrecognizedClientException"),
        client_error("InvalidClientTokenId", 403),
        client_error("ExpiredTokenException"),
        NoCredentialsError(),
    ],
)
def test_refused_credentials_say_what_to_set(error: Exception) -> None:
    """Credentials that AWS refuses keep the work for a later attempt, and the log says what a person at `sam local` has to set."""
    with pytest.raises(UnavailableError, match=r"AWS_ACCESS_KEY_ID=test.*make invoke"), translate_errors():
        raise error


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "ValidationException", "SerializationException"])
def test_other_errors_pass_through(code: str) -> None:
    """A failed condition reaches the caller as it is, and a wrong request is not retried without end."""
    with pytest.raises(ClientError), translate_errors():
        raise client_error(code)


def test_a_hanging_send_leaves_time_for_the_response() -> None:
    """The deadlines of the intake are in order, and the last call of the queue ends within ten seconds with all of its attempts."""
    config = client("sqs", attempts=1).meta.config
    attempts = config.retries["total_max_attempts"]
    longest = attempts * (config.connect_timeout + config.read_timeout) + (attempts - 1)
    assert IDENTIFY_SECONDS < READ_SECONDS < SEND_SECONDS
    assert SEND_SECONDS + longest <= END_SECONDS < 10


def test_a_client_is_created_once() -> None:
    """The second request for a client returns the first one: creating a client takes longer than all other work of a request."""
    client("dynamodb")
    started = time.perf_counter()
    assert client("dynamodb") is client("dynamodb")
    assert time.perf_counter() - started < 0.01
