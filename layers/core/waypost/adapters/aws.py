"""boto3 clients, made once, and botocore's errors translated once, here at the border."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from waypost.domain.errors import UnavailableError

THROTTLED: Final = frozenset(
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

_making: Final = Lock()  # boto3's default session breaks when threads make their first clients at the same time


@cache
def client(name: str, *, read_timeout: float = 2, attempts: int = 2, connections: int = 24) -> Any:
    """A boto3 client with timeouts (seconds) that leave room to answer within the gateway's time."""
    config = Config(
        connect_timeout=1,
        read_timeout=read_timeout,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        max_pool_connections=connections,
        parameter_validation=False,
    )
    with _making:
        return boto3.client(name, config=config)


def error_code(error: ClientError) -> str:
    """AWS's own code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turns throttling, time-outs and lost connections into UnavailableError; any other error of AWS passes as it is."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if error_code(error) in THROTTLED or status >= 500:
            raise UnavailableError(error_code(error)) from error
        raise
    except BotoCoreError as error:
        raise UnavailableError(type(error).__name__) from error
