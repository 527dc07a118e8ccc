"""The clients of boto3 in the simulation: each call is recorded, and can be cut off or made to fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

from tests.proof.aws.clock import Clock


class ProcessEndedError(BaseException):
    """The process of a function ends here. It is no Exception: no `except Exception` of the code under test may catch it."""


class Call(NamedTuple):
    """A call of AWS or of a webhook. `resources` are tables, `table/index`, queues or the receiver."""

    function: str
    service: str
    operation: str
    resources: tuple[str, ...]
    attempts: int = 2
    arguments: Mapping[str, Any] = MappingProxyType({})

    def __str__(self) -> str:
        return f"{self.function}: {self.service}.{self.operation}({', '.join(self.resources)})"


Perform = Callable[..., Any]
Intervention = Callable[[Call, Perform], Any]
"""Makes a call by `Perform`, or does something else in its place: the faults of a test. `Perform` takes other arguments for the call."""


def make(_: Call, perform: Perform) -> Any:
    """Makes the call."""
    return perform()


@dataclass
class Aws:
    """The services of AWS by the names that boto3 has for them.

    `function` is the function that is at work, and `deadline` the time at which Lambda ends it, on the clock in seconds.
    """

    clock: Clock
    services: Mapping[str, Any]
    function: str = ""
    deadline: float = float("inf")
    intervene: Intervention = make
    record: Callable[[Call], None] | None = None
    latency: float = 0.0
    new_token: Callable[[], str] = lambda: ""

    def call(self, call: Call, perform: Perform) -> Any:
        """Makes a call, unless the function has used up its time before or after it."""
        self._end_in_time()
        if self.record is not None:
            self.record(call)
        try:
            return self.intervene(call, perform)
        finally:
            self.clock.seconds += self.latency
            self._end_in_time()

    def _end_in_time(self) -> None:
        if self.clock.seconds >= self.deadline:
            raise ProcessEndedError("the function has used up its time")


class Client:
    """A client of one service with the methods of boto3's, whose calls go to the simulation that is active."""

    def __init__(self, aws: Callable[[], Aws], service: str, attempts: int) -> None:
        self._aws, self._service, self._attempts = aws, service, attempts
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            aws = self._aws()
            method = getattr(aws.services[self._service], operation)
            if operation == "transact_write_items" and "ClientRequestToken" not in arguments:
                arguments["ClientRequestToken"] = aws.new_token()  # as botocore does; its own repeats have the same token
            made = Call(aws.function, self._service, operation, resources_of(operation, arguments), self._attempts, arguments)
            return aws.call(made, lambda **changed: method(**{**arguments, **changed}))

        call.__name__ = operation
        setattr(self, operation, call)
        return call


def resources_of(operation: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The resources that a call names."""
    if "IndexName" in arguments:
        return (f"{arguments['TableName']}/{arguments['IndexName']}",)
    for name in ("TableName", "QueueUrl", "GroupName"):
        if name in arguments:
            return (arguments[name],)
    if "RequestItems" in arguments:
        return tuple(sorted(arguments["RequestItems"]))
    if operation == "transact_write_items":
        return tuple(sorted({next(iter(action.values()))["TableName"] for action in arguments["TransactItems"]}))
    return ()
