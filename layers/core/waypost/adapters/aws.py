"""boto3 clients, and the translation of botocore's errors into the errors of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from waypost.domain.errors import UnavailableError

UNAVAILABLE_CODES: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ItemCollectionSizeLimitExceededException",
        "KMS.ThrottlingException",
        "KmsThrottled",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ServiceQuotaExceededException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Error codes after which the same request may succeed later. Throttling comes with status 400 as often as with 429 or 5xx."""

REFUSED_CREDENTIALS_CODES: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""Error codes of credentials that AWS does not know, that have expired, or with which the request was not signed."""

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
        return boto3.client(name, config=config)


def error_code(error: ClientError) -> str:
    """The error code of AWS, such as `ThrottlingException`; empty where the response has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raises UnavailableError for throttling, timeouts, lost connections, refused credentials and every 5xx.

    Other ClientErrors pass through: a failed condition is for the caller, and our own mistake (a wrong parameter, a missing permission)
    must surface: as an UnavailableError it would be retried without end. Refused credentials say nothing about the request, which is kept
    until they are right. Without credentials in the shell, `sam local` sends made-up ones: the text of the error says what to set.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if error_code(error) in UNAVAILABLE_CODES or status >= 500:
            raise UnavailableError(error_code(error)) from error
        if error_code(error) in REFUSED_CREDENTIALS_CODES:
            raise UnavailableError(f"AWS refused the credentials of this function ({error_code(error)}). {_CREDENTIALS_ADVICE}") from error
        raise
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise UnavailableError(f"This function has no credentials for AWS. {_CREDENTIALS_ADVICE}") from error
    except BotoCoreError as error:
        raise UnavailableError(type(error).__name__) from error
