"""Every error code of AWS is an outage, a fault of the request or an expected answer, as the documents say, through the real adapters.

The codes are those of botocore's models for the operations that Waypost calls, and those that all services have. Each response is parsed
and repeated by botocore itself.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from tests.fakes.messages import pending_message
from tests.proof.counted import count
from tests.proof.wire import LEGACY_CODES, Wire, error_response, modelled_errors, response, wired
from waypost.adapters import aws
from waypost.adapters.dynamodb.conditions import FailedCondition
from waypost.adapters.dynamodb.table import Table, get_from_tables
from waypost.adapters.dynamodb.transactions import TRANSACTION_ATTEMPTS, transact
from waypost.adapters.scheduler import ScheduledTimers, Schedules, ScheduleTarget
from waypost.adapters.ses import SesChannel
from waypost.adapters.ses_account import SesAccount, SesSuppressions
from waypost.adapters.sms import SmsChannel
from waypost.adapters.sqs import SqsDelays, SqsReports, SqsSendQueue, SqsSignals, SqsUndeliveredTimers
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.errors import UnavailableError
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import QueueMessage

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
URL: Final = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
TABLE: Final = Table("t")
KEY: Final = {"id": "1"}
CONDITION: Final = {"ConditionExpression": "attribute_not_exists(id)"}
ACTION: Final = TABLE.put_action(KEY, **CONDITION)
SIGNAL: Final = QueueMessage("c_1", "n", "{}")
TIMERS: Final = ScheduledTimers(
    Schedules("timers"), ScheduleTarget("arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:iam::123456789012:role/r", "arn"), SqsDelays(URL)
)
TIMER: Final = Timer("w1", "c_1", Identifier("primary", "ada"), "r_1", "wait", 1, 0, NOW + timedelta(days=1))
EMAIL: Final = PreparedMessage("ada@example.com", {"subject": "Hi", "text": "Hi", "from": "w@example.com", "to": "ada@example.com"})
SMS: Final = PreparedMessage("+15555550100", {"to": "+15555550100", "text": "Hi", "type": "promotional"})

OUTAGE, POISON, DONE = "outage", "poison", "done"
"""Raised as UnavailableError; raised as another error; or an answer that is no error to the caller."""

CALLS: Final[Mapping[tuple[str, str], Mapping[str, Callable[[], Any]]]] = {
    ("dynamodb", "GetItem"): {"get": lambda: TABLE.get(KEY), "get_eventually": lambda: TABLE.get_eventually(KEY)},
    ("dynamodb", "BatchGetItem"): {"get_many": lambda: TABLE.get_many([KEY]), "get_from_tables": lambda: get_from_tables({TABLE: [KEY]})},
    ("dynamodb", "PutItem"): {"put": lambda: TABLE.put(KEY), "put_if": lambda: TABLE.put_if(KEY, **CONDITION)},
    ("dynamodb", "UpdateItem"): {
        "update": lambda: TABLE.update(KEY, UpdateExpression="SET a = b"),
        "update_if": lambda: TABLE.update_if(KEY, UpdateExpression="SET a = b", **CONDITION),
    },
    ("dynamodb", "DeleteItem"): {"delete": lambda: TABLE.delete(KEY), "delete_existing": lambda: TABLE.delete_existing(KEY)},
    ("dynamodb", "BatchWriteItem"): {"put_many": lambda: TABLE.put_many([KEY]), "delete_many": lambda: TABLE.delete_many([KEY])},
    ("dynamodb", "Query"): {
        "query": lambda: TABLE.query("id = :i", {":i": "1"}),
        "count": lambda: TABLE.count("id = :i", {":i": "1"}, limit=3),
        "query_all": lambda: list(TABLE.query_all("id = :i", {":i": "1"})),
        "query_newest_keys": lambda: TABLE.query_newest_keys(("id", "1"), limit=3, before=None, index="i"),
    },
    ("dynamodb", "TransactWriteItems"): {"transact": lambda: transact([ACTION])},
    ("sqs", "SendMessage"): {"SqsDelays.put": lambda: SqsDelays(URL).put(SIGNAL, timedelta(0))},
    ("sqs", "SendMessageBatch"): {
        "SqsSignals.send": lambda: SqsSignals(URL).send([SIGNAL]),
        "SqsSendQueue.put": lambda: SqsSendQueue(URL).put("w1", [("msg_1", timedelta(0))]),
        "SqsSendQueue.put_released": lambda: SqsSendQueue(URL).put_released("w1", "msg_1", "t"),
    },
    ("sqs", "ChangeMessageVisibility"): {"postpone": lambda: SqsReports(URL).postpone("r", 1)},
    ("sqs", "ChangeMessageVisibilityBatch"): {"SqsSignals.delay": lambda: SqsSignals(URL).delay([("r", 1)])},
    ("sqs", "ReceiveMessage"): {"SqsUndeliveredTimers.receive": lambda: SqsUndeliveredTimers(URL).receive()},
    ("sqs", "DeleteMessage"): {"SqsUndeliveredTimers.delete": lambda: SqsUndeliveredTimers(URL).delete("r")},
    ("scheduler", "CreateSchedule"): {"arm": lambda: TIMERS.arm(TIMER, NOW)},
    ("scheduler", "DeleteSchedule"): {"disarm": lambda: TIMERS.disarm("t")},
    ("sesv2", "GetAccount"): {"quota": lambda: SesAccount().quota()},
    ("sesv2", "DeleteSuppressedDestination"): {"lift": lambda: SesSuppressions().lift("ada@example.com")},
}
"""The methods of the adapters by the operation that they call. All adapters of DynamoDB call it through `Table` and `transact`."""

OUTAGES: Final = {
    # Throttling, and failures of the service itself
    "InternalServerError",
    "InternalServerException",
    "InternalFailure",
    "ItemCollectionSizeLimitExceededException",
    "OverLimit",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestTimeoutException",
    "ServiceQuotaExceededException",
    "ServiceUnavailable",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
    # Permissions
    "AccessDenied",
    "AccessDeniedException",
    "InvalidSecurity",
    "NotAuthorized",
    "OptInRequired",
    # A table, queue or schedule group that does not exist
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    # Keys of KMS
    "InaccessibleEncryptionKey",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "KmsAccessDenied",
    "KmsDisabled",
    "KmsInvalidKeyUsage",
    "KmsInvalidState",
    "KmsNotFound",
    "KmsOptInRequired",
    "KmsThrottled",
    # Credentials
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
FAULTS: Final = {
    "BadRequestException",
    "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong",
    "ConditionalCheckFailedException",
    "ConflictException",
    "EmptyBatchRequest",
    "IdempotentParameterMismatchException",
    "InvalidAddress",
    "InvalidBatchEntryId",
    "InvalidIdFormat",
    "InvalidMessageContents",
    "MalformedHttpRequestException",
    "MessageNotInflight",
    "NotFoundException",
    "ReceiptHandleIsInvalid",
    "RequestEntityTooLargeException",
    "SerializationException",
    "TooManyEntriesInBatchRequest",
    "UnknownOperationException",
    "UnsupportedOperation",
    "ValidationError",
    "ValidationException",
}
EXPECTED: Final = {
    # The condition of these writes has failed, which is an answer.
    ("put_if", "ConditionalCheckFailedException"): DONE,
    ("update_if", "ConditionalCheckFailedException"): DONE,
    # The timer exists already, or is deleted or changed by another request.
    ("arm", "ConflictException"): DONE,
    ("disarm", "ConflictException"): DONE,
    # What SES takes for no address is not on its list.
    ("lift", "NotFoundException"): DONE,
    ("lift", "BadRequestException"): DONE,
}
COMMON: Final[Mapping[str, int]] = {
    "AccessDenied": 403,
    "AccessDeniedException": 400,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignature": 403,
    "IncompleteSignatureException": 400,
    "InaccessibleEncryptionKey": 400,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidClientTokenId": 403,
    "InvalidSignatureException": 403,
    "KMSAccessDeniedException": 400,
    "KMSDisabledException": 400,
    "KMSInvalidStateException": 400,
    "KMSNotFoundException": 400,
    "MalformedHttpRequestException": 400,
    "MissingAuthenticationToken": 403,
    "MissingAuthenticationTokenException": 400,
    "NotAuthorized": 401,
    "OptInRequired": 403,
    "RequestEntityTooLargeException": 413,
    "RequestExpired": 400,
    "RequestTimeoutException": 408,
    "SerializationException": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "ThrottlingException": 400,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
    "ValidationError": 400,
    "ValidationException": 400,
}
"""Errors that every service of AWS may answer with, by their status."""


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The responses that the clients of the adapters get."""
    with wired(monkeypatch) as found:
        yield found


def classified(call: Callable[[], Any]) -> str:
    """What an error is to the caller of an adapter."""
    try:
        call()
    except UnavailableError:
        return OUTAGE
    except Exception:  # noqa: BLE001 - whatever the handlers do not take for an outage
        return POISON
    return DONE


def expected(method: str, code: str, status: int) -> str:
    """What an error code is by the table of failures in docs/architecture.md, or by the docstring of the method."""
    if method == "quota":
        return OUTAGE  # whatever it is, the caller goes on without the quota
    found = EXPECTED.get((method, code), OUTAGE if code in OUTAGES or status >= 500 else POISON)
    return DONE if method == "disarm" and found == OUTAGE else found


def codes_of(service: str, operation: str) -> dict[str, int]:
    """The codes that an operation may answer with, by their status. A cancelled transaction has a test of its own."""
    codes = {**COMMON, **modelled_errors(service, operation)}
    return {code: status for code, status in codes.items() if code != "TransactionCanceledException"}


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_each_error_code_is_classified(service: str, operation: str, wire: Wire) -> None:
    """An outage raises UnavailableError, a wrong request another error, and an expected answer none, in each method of the adapters."""
    wrong: dict[tuple[str, str], str] = {}
    number = 0
    for code, status in codes_of(service, operation).items():
        for legacy in {None, LEGACY_CODES.get(code)} if service == "sqs" else {None}:
            wire.answer = partial(error_response, service, code, status, legacy)
            for method, call in CALLS[service, operation].items():
                number += 1
                if (found := classified(call)) != expected(method, code, status):
                    wrong[method, legacy or code] = found
    count("error codes through adapters", number)
    assert wrong == {}
    assert number >= 30


def test_each_modelled_error_code_is_known() -> None:
    """Each code of botocore's models for these operations, and each common one, is in one of the two lists: a new code fails here."""
    codes = {code for service, operation in CALLS for code in codes_of(service, operation)}
    assert codes - OUTAGES - FAULTS == set()
    assert (OUTAGES & FAULTS, OUTAGES - codes) == (set(), set())


NO_ANSWERS: Final[Mapping[str, Callable[[], Exception]]] = {
    "connect time-out": lambda: ConnectTimeoutError(endpoint_url="https://aws.invalid"),
    "read time-out": lambda: ReadTimeoutError(endpoint_url="https://aws.invalid"),
    "endpoint unreachable": lambda: EndpointConnectionError(endpoint_url="https://aws.invalid"),
    "connection closed": lambda: ConnectionClosedError(endpoint_url="https://aws.invalid"),
    "proxy unreachable": lambda: ProxyConnectionError(proxy_url="https://proxy.invalid"),
    "TLS error": lambda: SSLError(endpoint_url="https://aws.invalid", error="handshake"),
    "no credentials": NoCredentialsError,
}
STATUSES: Final = (408, 429, 500, 502, 503, 504, 509)


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_a_call_without_an_answer_is_an_outage(service: str, operation: str, wire: Wire) -> None:
    """A call that is not answered, or answered with a status of throttling, time-out or a broken service and no code, is an outage."""
    bodies = (b"", b"<html>busy</html>", b"{}")
    empty = {f"{status} {body!r}": partial(response, status, body) for status in STATUSES for body in bodies}
    wrong, calls = [], CALLS[service, operation]
    answers: dict[str, Callable[[], Any]] = {**NO_ANSWERS, **empty}
    for name, answer in answers.items():
        wire.answer = answer
        wrong += [(name, method) for method, call in calls.items() if classified(call) != expected(method, "", 500)]
    count("calls without an answer", len(answers) * len(calls))
    assert wrong == []


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_half_a_response_is_an_outage(service: str, operation: str, wire: Wire) -> None:
    """A response that ends in the middle of its body is no answer: nothing seems to be missing, and nothing to be stored."""
    body = b'{"Item": {"id": {"S": "1"}}, "Responses": {}, "Items": [], "Count": 1, "Failed": [{"Id": "0"}]}'
    for part, status in ((b"", 200), (body[:40], 200), (b'{"__type":"x#Condit', 400)):
        wire.answer = partial(response, status, part, {"content-length": str(len(body))})
        found = {method: classified(call) for method, call in CALLS[service, operation].items()}
        assert found == {method: expected(method, "", 500) for method in found}


@pytest.mark.parametrize(
    ("reasons", "result"),
    [
        (["ConditionalCheckFailed"], DONE),
        (["ConditionalCheckFailed", "TransactionConflict"], DONE),
        (["None", "TransactionConflict"], OUTAGE),
        (["ProvisionedThroughputExceeded"], OUTAGE),
        (["ThrottlingError"], OUTAGE),
        (["ItemCollectionSizeLimitExceeded"], OUTAGE),
        (["ValidationError"], POISON),
        (["ValidationError", "TransactionConflict"], OUTAGE),
        ([], POISON),
    ],
    ids=str,
)
def test_each_reason_of_a_cancelled_transaction_is_classified(reasons: list[str], result: str, wire: Wire) -> None:
    """A failed condition is an answer, a conflict or throttling is repeated and then an outage, and a wrong action is a fault."""
    members = [{"Code": reason} for reason in reasons]
    wire.answer = lambda: error_response("dynamodb", "TransactionCanceledException", 400, CancellationReasons=members)
    assert classified(lambda: transact([ACTION])) == result
    assert len(wire.requests) == (TRANSACTION_ATTEMPTS if result == OUTAGE else 1)
    if result == DONE:
        assert transact([ACTION]) == [FailedCondition(None) if reason == "ConditionalCheckFailed" else None for reason in reasons]


# ------------------------------------------------------------------------------------------------ Providers


SES_OUTCOMES: Final = {  # docs/messages.md#email
    "MessageRejected": "failed",
    "MailFromDomainNotVerifiedException": "failed",
    "BadRequestException": "failed",
    "AccountSuspendedException": "throttled",
    "SendingPausedException": "throttled",
    "NotFoundException": "throttled",
    "LimitExceededException": "throttled",
    "TooManyRequestsException": "throttled",
}
SMS_OUTCOMES: Final = {"ConflictException": "failed"}  # without a reason; docs/messages.md#sms


def call_ses() -> str:
    """The outcome of an e-mail."""
    return SesChannel("w@example.com", "").call_provider(pending_message(), EMAIL, NOW).outcome


def call_sms() -> str:
    """The outcome of a text message."""
    return SmsChannel("+15555550000", "PROMOTIONAL", "").call_provider(pending_message(), SMS, NOW).outcome


PROVIDERS: Final[Mapping[str, tuple[str, Callable[[], str], Mapping[str, str]]]] = {
    "sesv2": ("SendEmail", call_ses, SES_OUTCOMES),
    "pinpoint-sms-voice-v2": ("SendTextMessage", call_sms, SMS_OUTCOMES),
}


@pytest.mark.parametrize("service", PROVIDERS)
def test_each_error_code_of_a_provider_has_its_outcome(service: str, wire: Wire) -> None:
    """A 5xx is `unknown`, what concerns the account is `throttled`, and what concerns the message is `failed`. No call is repeated."""
    operation, call, outcomes = PROVIDERS[service]
    wrong, codes = {}, {**COMMON, **modelled_errors(service, operation)}
    for code, status in codes.items():
        wire.answer = partial(error_response, service, code, status)
        common = "unknown" if status >= 500 else "throttled" if code in OUTAGES else "failed"
        if (found := call()) != outcomes.get(code, common):
            wrong[code] = found
    count("error codes of providers", len(codes))
    assert wrong == {}
    assert len(wire.requests) == len(codes)


@pytest.mark.parametrize("service", PROVIDERS)
def test_a_provider_without_an_answer_has_its_outcome(service: str, wire: Wire) -> None:
    """Without a connection nothing was sent: `refused`. After it, the message may be on its way: `unknown`."""
    _, call, _ = PROVIDERS[service]
    outcomes = {}
    for name, error in NO_ANSWERS.items():
        wire.answer = error
        outcomes[name] = call()
    wire.answer = lambda: response(200, b'{"Messa', {"content-length": "30"})
    outcomes["half an answer"] = call()
    for status in STATUSES:
        wire.answer = partial(response, status, b"")
        outcomes[str(status)] = call()
    refused = ("connect time-out", "endpoint unreachable", "no credentials")
    throttled = ("408", "429")
    assert outcomes == {name: "refused" if name in refused else "throttled" if name in throttled else "unknown" for name in outcomes}


# ------------------------------------------------------------------------------------------------ A real connection


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """A server that sends these bytes to each request and then closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    stream, _ = listener.accept()
                except OSError:
                    return
                with stream:
                    while b"\r\n\r\n" not in stream.recv(65536):
                        pass
                    stream.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def test_a_connection_that_breaks_off_a_response_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row does not seem to be missing because the connection ended in the middle of the response that has it."""
    body = b'{"Item": {"id": {"S": "1"}}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
    results = []
    for answer in (head + body, head + body[:12], head):
        with server(answer) as url, monkeypatch.context() as patched:
            patched.setattr(boto3, "client", partial(boto3.client, endpoint_url=url))
            aws.client.cache_clear()
            results.append(classified(lambda: TABLE.get(KEY)))
    aws.client.cache_clear()
    assert results == [DONE, OUTAGE, OUTAGE]


def test_the_check_of_a_response_is_no_error_of_a_client_error(wire: Wire) -> None:
    """A complete error of AWS is raised as it is, with its members."""
    wire.answer = lambda: error_response("dynamodb", "ConditionalCheckFailedException", 400, Item={"id": {"S": "9"}})
    assert TABLE.put_if(KEY, **CONDITION) == FailedCondition({"id": "9"})
    wire.answer = lambda: error_response("dynamodb", "ValidationException", 400)
    with pytest.raises(ClientError, match="ValidationException"):
        TABLE.get(KEY)
