"""boto3 clients, and the translation of botocore's errors into the errors of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, NoCredentialsError, PartialCredentialsError

from waypost.domain.errors import UnavailableError

OUTAGE_CODES: Final = frozenset(
    {
        # Throttling, and failures of the service itself
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ItemCollectionSizeLimitExceeded",
        "ItemCollectionSizeLimitExceededException",
        "LimitExceededException",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceQuotaExceededException",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        # Permissions: of the function's role, of a policy of the organisation, or of the account
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "AuthorizationError",
        "InvalidSecurity",
        "NotAuthorized",
        "OptInRequired",
        "UnauthorizedOperation",
        # A table, index, queue or schedule group that does not exist, or that is being created
        "AWS.SimpleQueueService.NonExistentQueue",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueDeletedRecently",
        "QueueDoesNotExist",
        "ResourceInUseException",
        "ResourceNotFoundException",
        "TableNotFoundException",
        # The key of a table or queue, besides every code that begins with KMS
        "InaccessibleEncryptionKey",
    }
)
"""Error codes of AWS that say nothing about the request: the same request succeeds once the service, or the stack, is repaired.

This is the one table by which all functions tell an outage, which is retried, from a fault of a record, which is parked.
"""

REFUSED_CREDENTIALS_CODES: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""The part of the same table with a text of its own: AWS does not know the credentials, or they have expired."""

OUTAGE_STATUSES: Final = frozenset({408, 429})
"""HTTP statuses that are outages with any error code or none, as every 5xx is: request time-out and throttling."""

_CREDENTIALS_ADVICE: Final = (
    "On a local emulator, the credentials are AWS_ACCESS_KEY_ID=test and AWS_SECRET_ACCESS_KEY=test: "
    "set them in the shell of `sam local`, or use `make invoke` and `make api`, which do so."
)

_client_creation: Final = Lock()


@cache
def client(name: str, *, read_timeout: float = 2, attempts: int = 2, connections: int = 24) -> Any:
    """The boto3 client of a service; one for each set of arguments. `read_timeout` is in seconds.

    API Gateway waits 29 seconds for a function, and the default timeouts of botocore are 60 seconds: a single request that hangs would
    cost the caller its answer. With the default arguments a request ends within about 7 seconds, its one repeat included.
    """
    config = Config(
        connect_timeout=1,
        read_timeout=read_timeout,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        max_pool_connections=connections,
        parameter_validation=False,
    )
    # boto3.client creates its default session on first use and is not thread-safe then: two threads that make the first clients of a
    # cold function at the same time can fail inside botocore.
    with _client_creation:
        created = boto3.client(name, config=config)
    created.meta.events.register("after-call", _require_whole_response)
    return created


def _require_whole_response(http_response: Any, **_: Any) -> None:
    """Raises ConnectionClosedError for a response whose body is shorter than its `Content-Length`."""
    # If the connection ends in the middle of a body, botocore parses the rest as a response without members. A customer or a key would
    # seem not to exist, and the entries of a batch that SQS has refused would seem to be stored.
    length = http_response.headers.get("Content-Length")
    if length is not None and len(http_response.content) < int(length):
        raise ConnectionClosedError(endpoint_url=http_response.url)


def error_code(error: ClientError) -> str:
    """The error code of AWS, such as `ThrottlingException`; empty where the response has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_outage(code: str) -> bool:
    """Whether an error code of AWS says nothing about the request, so that the same request may succeed later."""
    # SQS and DynamoDB pass on what KMS says about the key of a queue or table as KmsDisabled, KMS.DisabledException or
    # KMSDisabledException: all of them, also codes that AWS adds, concern the key and not the record.
    return code in OUTAGE_CODES or code in REFUSED_CREDENTIALS_CODES or code.upper().startswith("KMS")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raises UnavailableError for every outage: the codes of the table, timeouts, lost connections, missing credentials, 408, 429 and 5xx.

    Other ClientErrors pass through: a failed condition is for the caller, and a wrong request must surface, because it would fail again
    for ever. Without credentials in the shell, `sam local` sends made-up ones: the text of the error says what to set.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if error_code(error) in REFUSED_CREDENTIALS_CODES:
            raise UnavailableError(f"AWS refused the credentials of this function ({error_code(error)}). {_CREDENTIALS_ADVICE}") from error
        if is_outage(error_code(error)) or status in OUTAGE_STATUSES or status >= 500:
            raise UnavailableError(error_code(error)) from error
        raise
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise UnavailableError(f"This function has no credentials for AWS. {_CREDENTIALS_ADVICE}") from error
    except BotoCoreError as error:
        raise UnavailableError(type(error).__name__) from error
