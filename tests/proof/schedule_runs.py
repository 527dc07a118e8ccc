"""The execution of a random schedule, up to the end of everything that it has begun."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

from tests.proof import faults as injected
from tests.proof.aws.calls import Call, Perform
from tests.proof.aws.providers import (
    WEBHOOK_TIMEOUT,
    Behaviour,
    ProviderCall,
    Report,
    answered,
    failed,
    hanging,
    http,
    reset,
    throttled,
    truncated,
    unconnected,
    unreachable,
)
from tests.proof.invariants import Violation
from tests.proof.scenarios import deliver_report
from tests.proof.schedules import (
    JOURNEYS,
    MARKED,
    Again,
    Conditions,
    Control,
    Deliver,
    Erase,
    Expire,
    Operation,
    Pass,
    Post,
    Redrive,
    Schedule,
)
from tests.proof.scripts import State, prepared
from tests.proof.system import CONSUMERS, QUEUES, Worker, on

MEANWHILE: Final = "another worker works before it"
FAULTS: Final = {str(fault): fault for fault in injected.SINGLE}
OTHERS: Final = " of others"
"""The workers that work at the same time."""
CALL_SECONDS: Final = 0.01
INTAKE_SECONDS: Final = 10.0
KEY_SECONDS: Final = 3_600.0
"""For how long an instance of the intake accepts a key that it has read."""
BOUND_SECONDS: Final = 900.0 + 360.0 + 120.0
"""When every record of the signals queue has ended after the last fault: the longest pause after an outage, the visibility timeout of a
record whose worker has died, and the time for the work itself."""
EVENTS_TABLE: Final = "EventsTable"
_RECEIPT: Final = "receipt#w_proof#="


@dataclass
class Execution:
    """A schedule at work. `injected_faults` are the faults that happened, in the form of `Schedule.faults`.

    `accepted` are the groups and bodies of records in the order in which the signals queue stored them, each with the function that sent
    it; `processed` the uuids of events in the order in which their receipts were written; `repeated` counts the events that the queue
    dropped as repetitions.
    """

    schedule: Schedule
    state: State
    posted: dict[int, Post] = field(default_factory=dict)
    unanswered: dict[int, None] = field(default_factory=dict)
    injected_faults: dict[tuple[int, int], str] = field(default_factory=dict)
    failed_calls: dict[tuple[int, int], str] = field(default_factory=dict)
    accepted: list[tuple[str, str, str]] = field(default_factory=list)
    processed: dict[str, None] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
    repeated: int = 0
    steps: int = 0
    erased: str = ""
    has_parked: bool = False
    _messages: set[str] = field(default_factory=set)
    _keys: dict[str, tuple[Worker, float]] = field(default_factory=dict)
    _operation: int = 0
    _position: int = 0
    _depth: int = 0
    _sqs_failed: bool = False

    def __post_init__(self) -> None:
        self.system = self.state.system
        self.system.aws.intervene = self._intervene
        self.system.aws.latency = CALL_SECONDS
        self.system.ses.meanwhile = lambda call: deliver_report()
        self._draws = Random(0)

    # ------------------------------------------------------------ operations

    def run(self) -> None:
        """Carries out the schedule, and then everything that is left, without faults. Violation if that does not end in time."""
        with on(self.system):
            for number, operation in self.schedule.operations:
                self._begin(number)
                self._do(operation)
            self._begin(-1)
            self._finish()

    def _begin(self, number: int) -> None:
        seed = f"{self.schedule.seed}/{number}"
        self._operation, self._position = number, 0
        self._draws.seed(f"{seed}/faults")
        self.system.random.seed(seed)

    def _do(self, operation: Operation) -> None:  # noqa: C901 - one case for each operation
        match operation:
            case Post():
                self.posted[operation.name] = operation
                self._post(operation, operation.worker)
            case Again(name, worker):
                if name in self.posted:
                    self._post(self.posted[name], worker)
            case Deliver(queue, worker):
                self.system.deliver(queue, worker)
            case Pass(seconds):
                self.system.advance(seconds)
            case Expire():
                self.system.dynamodb.expire(0.5)
            case Control():
                self._control(operation)
            case Erase():
                self._erase()
            case Redrive():
                self.system.request("POST", "/api/dead-letters/redrive")
            case Conditions():
                self._set(operation)

    def _set(self, conditions: Conditions) -> None:
        self.conditions, system, chance = conditions, self.system, self.system.random
        system.sqs.duplicate, system.sqs.reorder = conditions.duplicates, conditions.reorder
        system.scheduler.twice = conditions.duplicates
        system.dynamodb.index_lag = partial(chance.uniform, 0, conditions.lag)
        system.dynamodb.table_lag = partial(chance.uniform, 0, min(conditions.lag, 1.0))
        for provider, usual, troubles in (
            (system.ses, _reported, _AWS_TROUBLES),
            (system.sms, _answered, _AWS_TROUBLES),
            (system.receivers, _received, _HTTP_TROUBLES),
        ):
            provider.behaviour = partial(_behaviour, chance, conditions.provider, usual, troubles)

    def _post(self, batch: Post, worker: str) -> None:
        """Posts a batch; an answer says for each event whether it is accepted."""
        system = self.system
        self.unanswered[batch.name] = None
        before, self._sqs_failed = system.clock.seconds, False
        knows_key = self._knows_key(worker)
        status, answer = system.request("POST", "/api/events/batch/", {"batch": list(batch.events)}, worker=worker)
        elapsed = system.clock.seconds - before
        if elapsed > INTAKE_SECONDS:
            raise Violation(f"the intake took {elapsed:.2f} s to answer {status}")
        if status >= 500 and knows_key and not self._sqs_failed:
            raise Violation(f"the intake answered {status} {answer} although the queue answered and the key was known")
        if answer is not None and "results" in answer:
            if not knows_key:
                self._keys[worker] = system.workers[f"ingest{worker}"], before
            self._record_answer(batch, answer)

    def _knows_key(self, worker: str) -> bool:
        """Whether this instance of the intake has read the key in the last hour. A new instance of the same name has not."""
        instance, read_at = self._keys.get(worker, (None, 0.0))
        is_same = instance is not None and self.system.workers.get(f"ingest{worker}") is instance
        return is_same and self.system.clock.seconds - read_at < KEY_SECONDS

    def _record_answer(self, batch: Post, answer: Any) -> None:
        is_complete = True
        for event, result in zip(batch.events, answer["results"], strict=True):
            if result["status"] == "accepted":
                self.state.accepted.add(result["uuid"])
                self.state.identifiers[result["uuid"]] = event["correlationKey"], event["correlationValue"]
            else:
                is_complete = False
                if not result["error"].get("retryable"):
                    raise Violation(f"event {event} is rejected: {result}")
        if is_complete:
            self.unanswered.pop(batch.name, None)

    def _control(self, operation: Control) -> None:
        path = f"/api/journeys/{operation.journey}"
        if operation.action == "publish":
            definition = next(each for each in JOURNEYS if each["id"] == operation.journey)
            self.system.request("PUT", path, {**definition, "name": f"{operation.journey} of {self._operation}"})
        self.system.request("POST", f"{path}/{operation.action}")

    def _erase(self) -> None:
        """Erases the marked customer. The id is kept: what an unanswered request has begun, a later one finishes."""
        if not self.erased:
            status, found = self.system.request("GET", "/api/customers", correlationId=MARKED)
            self.erased = found["id"] if status == 200 else ""
        if self.erased:
            self.system.request("DELETE", f"/api/customers/{self.erased}")

    # ------------------------------------------------------------ the end

    def _finish(self) -> None:
        """Lets everything end: batches without an answer are sent again, journeys resumed, records delivered, timers fired."""
        system = self.system
        self._set(Conditions(lag=self.conditions.lag))
        self._check_bound()
        for name in list(self.unanswered):
            self._post(self.posted[name], "")
        if self.unanswered:
            raise Violation(f"batches that are not accepted without faults: {self.unanswered}")
        for each in JOURNEYS:
            status, answer = system.request("POST", f"/api/journeys/{each['id']}/resume")
            if status >= 500:
                raise Violation(f"resume answers {status} {answer} without faults")
        if self.erased:
            status, _ = system.request("DELETE", f"/api/customers/{self.erased}")
            self.state.erases = status < 300
        self._end_all()
        letters = system.request("GET", "/api/dead-letters")[1]["items"]
        if letters:
            self.has_parked = any(each["kind"] == "signal" for each in letters)
            system.request("POST", "/api/dead-letters/redrive")
            self._end_all()
        if self.state.erases:
            self.state.answers["erasure"] = system.request("GET", f"/api/erasures/{self.erased}")[1]

    def _check_bound(self) -> None:
        """Every signal that is on the queue when the faults end is done soon, and so are those behind it."""
        system = self.system
        end, before = system.clock.seconds + BOUND_SECONDS, {each.message_id for each in system.sqs.stored("SignalsQueue")}
        while before and system.clock.seconds < end:
            if not any(system.deliver(queue, " 0") for queue in CONSUMERS):
                system.clock.advance(1.0)
            before &= {each.message_id for each in system.sqs.stored("SignalsQueue")}
        if before:
            raise Violation(f"signals that do not end: {before}")

    def _end_all(self) -> None:
        """Delivers all records and fires all timers. Violation if there is no end."""
        system = self.system
        for _ in range(20_000):
            if system.step(" 0"):
                continue
            due = system.scheduler.next_due()
            if due is None:
                return
            system.advance(due + 0.001)
        raise Violation(f"no end: {[(name, len(system.sqs.stored(name))) for name in QUEUES]}")

    # ------------------------------------------------------------ calls

    def _intervene(self, call: Call, perform: Perform) -> Any:
        """Makes a call, or lets a fault happen in its place."""
        self.steps += 1
        position, self._position = self._position, self._position + 1
        performed = partial(self._perform, call, perform)
        name = self._fault_at(position, call)
        if not name:
            return performed()
        self.injected_faults[self._operation, position] = name
        self.failed_calls[self._operation, position] = str(call)
        if name == MEANWHILE:
            self._work_meanwhile()
            return performed()
        self._sqs_failed = self._sqs_failed or call.service == "sqs" or "process ends" in name
        return FAULTS[name].do(call, performed, self.system.clock)

    def _fault_at(self, position: int, call: Call) -> str:
        if self.schedule.faults is not None:
            name = self.schedule.faults.get((self._operation, position), "")
        elif (drawn := self._draws.random()) < self.conditions.faults:
            name = self._draws.choice(tuple(FAULTS))
        else:
            name = MEANWHILE if drawn - self.conditions.faults < self.conditions.meanwhile else ""
        can_happen = not self._depth if name == MEANWHILE else name in FAULTS and FAULTS[name].applies(call)
        return name if can_happen else ""

    def _work_meanwhile(self) -> None:
        """Another worker works at the same time, or a batch is posted again. It is not disturbed in the same way once more."""
        failed, now, self._depth = self._sqs_failed, self.system.clock.seconds, 1
        work = self._draws.choice((*CONSUMERS, "SignalsQueue", "")) if self.posted else "SignalsQueue"
        try:
            if work:
                self.system.deliver(work, OTHERS)
            else:
                self._post(self._draws.choice(list(self.posted.values())), OTHERS)
        finally:
            self._sqs_failed, self._depth, self.system.clock.seconds = failed, 0, now

    def _perform(self, call: Call, perform: Perform, **changed: Any) -> Any:
        answer = perform(**changed)
        arguments = {**call.arguments, **changed} if changed else call.arguments
        if call.operation == "send_message_batch" and call.resources == (QUEUES["SignalsQueue"].url,):
            ids = {each["Id"]: each["MessageId"] for each in answer.get("Successful", ())}
            for each in arguments["Entries"]:
                if each["Id"] in ids:
                    self._record(call.function, ids[each["Id"]], each)
        elif EVENTS_TABLE in call.resources and call.function == "match":
            for key in _written_ids(call.operation, arguments):
                if key.startswith(_RECEIPT):
                    self.processed.setdefault(key.removeprefix(_RECEIPT), None)
        return answer

    def _record(self, function: str, message: str, entry: Mapping[str, Any]) -> None:
        """Records what the signals queue has accepted. It drops what it has accepted in the last five minutes."""
        body = entry["MessageBody"]
        if message not in self._messages:
            self._messages.add(message)
            self.accepted.append((function, entry["MessageGroupId"], body))
        elif function == "ingest":
            self.repeated += len(uuids_in(body))


def uuids_in(body: str) -> list[str]:
    """The uuids of the events in a record of the signals queue."""
    return [event["uuid"] for event in json.loads(body).get("events", ())] if body.startswith("{") else []


def _written_ids(operation: str, arguments: Mapping[str, Any]) -> Iterable[str]:
    """The partition keys of the rows that a call puts into the table of events."""
    match operation:
        case "transact_write_items":
            puts = [each["Put"] for each in arguments["TransactItems"] if "Put" in each]
            return [each["Item"]["id"]["S"] for each in puts if each["TableName"] == EVENTS_TABLE]
        case "batch_write_item":
            requests = arguments["RequestItems"].get(EVENTS_TABLE, ())
            return [each["PutRequest"]["Item"]["id"]["S"] for each in requests if "PutRequest" in each]
        case "put_item":
            return [arguments["Item"]["id"]["S"]]
        case _:
            return []


def started(schedule: Schedule) -> Execution:
    """An execution that has not begun, in a workspace with the journeys."""
    return Execution(schedule, prepared((), JOURNEYS, (), lambda system: None))


def _behaviour(
    random: Random, chance: float, usual: Callable[[Random, ProviderCall], Behaviour], troubles: Sequence[Behaviour], call: ProviderCall
) -> Behaviour:
    """What a provider does with a call: with this chance one of the troubles."""
    return random.choice(troubles) if random.random() < chance else usual(random, call)


def _reported(random: Random, call: ProviderCall) -> Behaviour:
    """An answer after half a second, with none or some reports, which may come before it."""
    kinds = random.choice(((), ("Delivery",), ("Delivery", "Open"), ("Open", "Delivery", "Click"), ("Bounce",)))
    return answered(*(Report(kind, random.choice((0.1, 0.3, 2.0, 300.0))) for kind in kinds), seconds=0.5)


def _answered(random: Random, call: ProviderCall) -> Behaviour:
    return answered()


def _received(random: Random, call: ProviderCall) -> Behaviour:
    return http(200)


_AWS_TROUBLES: Final = (
    hanging(accepts=True),
    hanging(Report("Delivery", 5.0), accepts=True),
    hanging(accepts=False),
    reset(accepts=True),
    reset(accepts=False),
    truncated(),
    throttled(),
    failed("InternalFailure", 500, accepts=True),
    failed("InternalFailure", 500),
    unconnected(),
    unreachable(),
)
_HTTP_TROUBLES: Final = (
    http(500, accepts=False),
    http(429, accepts=False),
    http(503, {"retry-after": "60"}, accepts=False),
    http(400, accepts=False),
    hanging(accepts=True, seconds=WEBHOOK_TIMEOUT),
    reset(accepts=True),
    truncated(),
    unreachable(),
)
