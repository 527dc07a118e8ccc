"""Responses of AWS as they are on the wire: the clients of the adapters parse and repeat them with all of botocore, without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.session import get_session

from waypost.adapters import aws, backoff

# The errors of SQS have other names for clients of its older protocol, which botocore returns as their codes.
_PREFIX: Final = "AWS.SimpleQueueService."
LEGACY_CODES: Final[Mapping[str, str]] = {
    "QueueDoesNotExist": f"{_PREFIX}NonExistentQueue",
    **{
        name: _PREFIX + name
        for name in (
            "BatchEntryIdsNotDistinct",
            "BatchRequestTooLong",
            "EmptyBatchRequest",
            "InvalidBatchEntryId",
            "MessageNotInflight",
            "TooManyEntriesInBatchRequest",
            "UnsupportedOperation",
        )
    },
    "KmsAccessDenied": "KMS.AccessDeniedException",
    "KmsDisabled": "KMS.DisabledException",
    "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
    "KmsInvalidState": "KMS.InvalidStateException",
    "KmsNotFound": "KMS.NotFoundException",
    "KmsOptInRequired": "KMS.OptInRequired",
    "KmsThrottled": "KMS.ThrottlingException",
}


class _Body(BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.getvalue()


def response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> AWSResponse:
    """A response of HTTP."""
    return AWSResponse("https://aws.invalid", status, {"content-length": str(len(body)), **(headers or {})}, _Body(body))


def error_response(service: str, code: str, status: int, legacy: str | None = None, **members: Any) -> AWSResponse:
    """The HTTP response by which a service reports an error. `legacy` is the older code that SQS adds in a header."""
    body = {"message": "why", "Message": "why", **members}
    if _model(service).metadata["protocol"] == "rest-json":
        return response(status, json.dumps(body).encode(), {"x-amzn-errortype": f"{code}:http://internal.amazon.com/"})
    headers = {"x-amzn-query-error": f"{legacy};Sender"} if legacy is not None else {}
    return response(status, json.dumps({"__type": f"com.amazonaws.service#{code}", **body}).encode(), headers)


def modelled_errors(service: str, operation: str) -> dict[str, int]:
    """The error codes that botocore's model has for an operation, with the status of each."""
    return {error.name: _status(error) for error in _model(service).operation_model(operation).error_shapes}


def _status(error: Any) -> int:
    return int(error.metadata.get("error", {}).get("httpStatusCode", 500 if error.name.startswith("Internal") else 400))


@cache
def _model(service: str) -> Any:
    return get_session().get_service_model(service)


@dataclass
class Wire:
    """Answers each request of a client with `answer`: a response, or an exception in place of one. `requests` counts them."""

    answer: Callable[[], AWSResponse | Exception] = lambda: response(200, b"{}")
    requests: list[str] = field(default_factory=list)

    def send(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        """The hook of botocore in place of the network."""
        self.requests.append(event_name)
        found = self.answer()
        if isinstance(found, Exception):
            raise found
        return found


@cache
def _session() -> boto3.Session:
    """One for all tests: each reads the models of the services again."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")


@contextmanager
def wired(patch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Lets the clients of the adapters get their responses from a `Wire`. No pause between attempts takes time."""
    wire, session = Wire(), _session()

    def create(service: str, config: Config) -> Any:
        client = session.client(service, config=config)
        client.meta.events.register("before-send", wire.send)
        return client

    with patch.context() as patched:
        patched.setattr(boto3, "client", create)
        patched.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
        patched.setattr(backoff, "random_pause", lambda *_: None)
        aws.client.cache_clear()
        yield wire
    aws.client.cache_clear()
