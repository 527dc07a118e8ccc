"""Faults of one call, as data: what a call of AWS does when it goes wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.proof.aws.calls import Call, Perform, ProcessEndedError
from tests.proof.aws.clock import Clock

_CONNECT_SECONDS: Final = 1.0
_READ_SECONDS: Final = {"sesv2": 10.0, "pinpoint-sms-voice-v2": 10.0}
_OTHER_READ_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 1.0
"""The longest pause of botocore before its second attempt."""


@dataclass(frozen=True)
class InjectedFault:
    """What happens in place of a call. `applies` says to which calls it can happen."""

    name: str
    do: Callable[[Call, Perform, Clock], Any]
    applies: Callable[[Call], bool] = lambda call: True

    def __str__(self) -> str:
        return self.name


def hang_seconds(call: Call) -> float:
    """The time that a call takes in which no attempt gets an answer."""
    one = _CONNECT_SECONDS + _READ_SECONDS.get(call.service, _OTHER_READ_SECONDS)
    return one * call.attempts + _PAUSE_SECONDS * (call.attempts - 1)


def error_of(call: Call, code: str, status: int = 400, **members: Any) -> ClientError:
    """The error that boto3 raises for an error code of AWS."""
    response: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **members}
    return ClientError(response, call.operation)


def _is_aws(call: Call) -> bool:
    return call.service != "webhook"


def _ends_before(call: Call, perform: Perform, clock: Clock) -> Any:
    raise ProcessEndedError(f"before {call}")


def _ends_after(call: Call, perform: Perform, clock: Clock) -> Any:
    perform()
    raise ProcessEndedError(f"after {call}")


def _fails_before(call: Call, perform: Perform, clock: Clock) -> Any:
    raise ConnectTimeoutError(endpoint_url=call.service)


def _answer_is_lost(call: Call, perform: Perform, clock: Clock) -> Any:
    """Each attempt is carried out, and no answer arrives."""
    for _ in range(call.attempts):
        _swallow(perform)
    clock.advance(hang_seconds(call))
    raise ReadTimeoutError(endpoint_url=call.service)


def _is_repeated(call: Call, perform: Perform, clock: Clock) -> Any:
    """The answer of the first attempt is lost, and the one of the second arrives."""
    _swallow(perform)
    clock.advance(hang_seconds(call) / call.attempts)
    return perform()


def _hangs(call: Call, perform: Perform, clock: Clock) -> Any:
    clock.advance(hang_seconds(call))
    raise ReadTimeoutError(endpoint_url=call.service)


def _is_throttled(call: Call, perform: Perform, clock: Clock) -> Any:
    if call.operation == "transact_write_items":
        raise error_of(call, "TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}])
    raise error_of(call, "ThrottlingException")


def _swallow(perform: Perform) -> None:
    """Carries out an attempt whose answer, or error, nobody receives."""
    with contextlib.suppress(ClientError):
        perform()


def _half_of_requests(call: Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """The requests of a batch of DynamoDB in two parts."""
    pairs = [
        (table, each)
        for table, requests in call.arguments["RequestItems"].items()
        for each in (requests["Keys"] if call.operation == "batch_get_item" else requests)
    ]
    parts: tuple[dict[str, Any], dict[str, Any]] = {}, {}
    for place, (table, each) in enumerate(pairs):
        part = parts[place >= len(pairs) // 2]
        if call.operation == "batch_get_item":
            part.setdefault(table, {**call.arguments["RequestItems"][table], "Keys": []})["Keys"].append(each)
        else:
            part.setdefault(table, []).append(each)
    return parts


def _part_fails(call: Call, perform: Perform, clock: Clock) -> Any:
    """The first half of a batch is carried out; the answer names the other half as left undone."""
    if "Entries" in call.arguments:
        entries = call.arguments["Entries"]
        half = len(entries) // 2
        failed = [{"Id": each["Id"], "SenderFault": False, "Code": "InternalError", "Message": ""} for each in entries[half:]]
        return {**(perform(Entries=entries[:half]) if half else {}), "Failed": failed}
    done, left = _half_of_requests(call)
    answer = perform(RequestItems=done) if done else {"Responses": {}}
    return {**answer, ("UnprocessedKeys" if call.operation == "batch_get_item" else "UnprocessedItems"): left}


def _is_batch(call: Call) -> bool:
    return call.operation.endswith("_batch") or call.operation.startswith("batch_")


def error_code(code: str, status: int = 400) -> InjectedFault:
    """The fault that a call answers with an error code and does nothing."""

    def fail(call: Call, perform: Perform, clock: Clock) -> Any:
        raise error_of(call, code, status)

    return InjectedFault(f"answers {code}", fail, _is_aws)


DIES_BEFORE: Final = InjectedFault("the process ends before it", _ends_before)
DIES_AFTER: Final = InjectedFault("the process ends after it", _ends_after)
FAILS_BEFORE: Final = InjectedFault("it fails and does nothing", _fails_before, _is_aws)
ANSWER_LOST: Final = InjectedFault("it succeeds and its answer is lost", _answer_is_lost, _is_aws)
REPEATED: Final = InjectedFault("botocore repeats it after a lost answer", _is_repeated, lambda call: _is_aws(call) and call.attempts > 1)
THROTTLED: Final = InjectedFault("it is throttled", _is_throttled, _is_aws)
HANGS: Final = InjectedFault("it hangs", _hangs, _is_aws)
PART_FAILS: Final = InjectedFault("a part of the batch fails", _part_fails, _is_batch)

PAIRED: Final = (DIES_BEFORE, DIES_AFTER, ANSWER_LOST)
"""The faults that are tried in all pairs."""
SINGLE: Final = (
    *PAIRED,
    FAILS_BEFORE,
    REPEATED,
    THROTTLED,
    HANGS,
    PART_FAILS,
    error_code("InternalServerError", 500),
    error_code("AccessDeniedException"),
    error_code("ExpiredTokenException"),
)
"""The faults that are tried at each call."""


@dataclass
class FaultPlan:
    """Makes the calls at some positions of an invocation go wrong, counted from 0. `calls` collects what was called."""

    clock: Clock
    faults: Mapping[int, InjectedFault]
    calls: list[Call]

    def __call__(self, call: Call, perform: Perform) -> Any:
        """Makes a call, or lets its fault happen."""
        fault = self.faults.get(len(self.calls))
        self.calls.append(call)
        return perform() if fault is None or not fault.applies(call) else fault.do(call, perform, self.clock)
