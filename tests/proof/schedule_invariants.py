"""What holds at the end of a random schedule, beside `tests.proof.invariants`. The docstring of each function is the promise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from tests.model.reference_model import expected_customers
from tests.proof.invariants import INVARIANTS, Violation, metrics_balance
from tests.proof.observations import Observation
from tests.proof.schedule_runs import MEANWHILE, Execution, uuids_in

ENTRY_HOUR: Final = timedelta(hours=1)
WAIT: Final = timedelta(days=3)
ENDED: Final = "process ended"
"""The first words of the log line about a record at which the process has ended three times, which faults can cause."""


def customers_equal_the_model(execution: Execution, seen: Observation) -> None:
    """The customers are those that the reference model computes from all accepted events at once."""
    facts = [each.facts for uuid, each in execution.schedule.events.items() if uuid in execution.state.accepted]
    for identifier, expected in expected_customers(facts).items():
        owner = seen.owners["email" if identifier.kind == "primary" else "_id", identifier.value]
        found = seen.customers.get(owner or "", {})
        key = expected.primary_key.value if expected.primary_key else None
        wanted = (key, sorted(expected.correlation_ids), expected.attributes, expected.tokens)
        shown_key = found.get("primaryKey")
        shown = (
            shown_key and shown_key.lower(),
            sorted(found.get("correlationIds", ())),
            found.get("attributes"),
            found.get("deviceTokens"),
        )
        if shown != wanted:
            raise Violation(f"the customer of {identifier} is\n{shown}\nand not\n{wanted}")


def processed_order_is_accepted_order(execution: Execution, seen: Observation) -> None:
    """Events of one message group are processed in the order in which the queue accepted them, unless they were sent on or redriven."""
    if execution.has_parked:
        return
    senders: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, list[list[str]]] = defaultdict(list)
    for function, group, body in execution.accepted:
        uuids = uuids_in(body)
        groups[group].append([uuid for uuid in uuids if uuid not in senders])
        for uuid in uuids:
            senders[uuid].add(f"{function} to {group}")
    positions = {uuid: place for place, uuid in enumerate(execution.processed)}
    for signals in groups.values():
        latest = (-1, "")
        for signal in signals:
            found = [(positions[uuid], uuid) for uuid in signal if uuid in positions and len(senders[uuid]) == 1]
            if found and min(found) < latest:
                raise Violation(f"event {min(found)[1]} was accepted after {latest[1]} and processed before it")
            latest = max([latest, *found])


def entered_runs_exist_once(execution: Execution, seen: Observation) -> None:
    """Each run that a receipt says was entered exists, at one customer. A customer enters a journey with `once` once for each key."""
    entered = Counter(run for run, _, _ in _entries(seen))
    existing = Counter(run["id"] for customer in seen.customers.values() for run in customer.get("runs", ()))
    if repeated := [run for run, number in (*entered.items(), *existing.items()) if number > 1]:
        raise Violation(f"runs that exist twice: {repeated}")
    of_marked = _marked_customers(seen)
    missing = {run for run, _, customer in _entries(seen) if run not in existing and customer not in of_marked}
    if missing:
        raise Violation(f"runs that were entered and do not exist: {sorted(missing)}")
    runs = {run["id"]: run for customer in seen.customers.values() for run in customer.get("runs", ())}
    # Two customers may both have entered before they were merged. Their receipts name the one who entered.
    entries = Counter((customer, runs[run]["journey"], runs[run]["key"]) for run, _, customer in _entries(seen) if run in runs)
    if twice := [each for each, number in entries.items() if number > 1]:
        raise Violation(f"entered twice: {twice}")


def a_wait_ends_by_the_next_event(execution: Execution, seen: Observation) -> None:
    """A run in a wait is moved by the next accepted event that its wait names, and by its timeout only without one."""
    positions = {uuid: place for place, uuid in enumerate(execution.processed)}
    entries = {run: uuid for run, uuid, _ in _entries(seen)}
    for customer in seen.customers.values():
        events = {entry["uuid"]: entry for entry in customer["timeline"] if entry["kind"] == "event"}
        bought = [uuid for uuid, entry in events.items() if entry["event"] == "bought"]
        for run in customer.get("runs", ()):
            if run["journey"] != "waits" or run["reason"] == "merged" or run["branches"] or run["id"] not in entries:
                continue
            entry = entries[run["id"]]
            start = _time(seen.receipts[entry]["receivedAt"])
            for uuid in bought:
                receipt = seen.receipts.get(uuid)
                # An event of another customer, whom a merge has joined to this one later, has moved nothing of this one.
                if receipt is None or receipt["reason"] or receipt["customer"] != seen.receipts[entry]["customer"]:
                    continue
                at = _time(receipt["receivedAt"])
                was_seen = at < start + ENTRY_HOUR or positions.get(uuid, 0) > positions.get(entry, 0)
                if start < at < start + WAIT and was_seen:
                    raise Violation(f"run {run['id']} of {entry} was not moved by {uuid}: {run}")


def every_run_ends(execution: Execution, seen: Observation) -> None:
    """When all timers have fired, no run is active, and no journey has another run to release."""
    for customer in seen.customers.values():
        if waiting := [run for run in customer.get("runs", ()) if run["status"] == "active"]:
            raise Violation(f"runs that do not end: {waiting}")


def metrics_balance_without_faults(execution: Execution, seen: Observation) -> None:
    """Without faults, every accepted event is counted as recorded, duplicate, dropped or parked, unless SQS drops it as a repetition."""
    if not set(execution.injected_faults.values()) - {MEANWHILE}:
        execution.state.system.metrics["EventsDuplicate", "by SQS"] += execution.repeated
        metrics_balance(execution.state)


def _entries(seen: Observation) -> list[tuple[str, str, str]]:
    """Run, event and customer of each entry into a journey that a receipt records."""
    return [
        (move["run"], uuid, receipt["customer"])
        for uuid, receipt in seen.receipts.items()
        for move in (receipt["journeys"] if receipt else ())
        if move["outcome"] == "entered"
    ]


def _marked_customers(seen: Observation) -> set[str]:
    """The customers of events whose uuids begin with m, who may be erased."""
    return {receipt["customer"] for uuid, receipt in seen.receipts.items() if receipt and uuid.startswith("m")}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


SCHEDULE_INVARIANTS: Final[tuple[Callable[[Execution, Observation], None], ...]] = (
    customers_equal_the_model,
    processed_order_is_accepted_order,
    entered_runs_exist_once,
    a_wait_ends_by_the_next_event,
    every_run_ends,
    metrics_balance_without_faults,
)


def check(execution: Execution, seen: Observation) -> None:
    """Raises Violation for the first promise that does not hold. The violation begins with the name of the promise."""
    state = execution.state
    if execution.has_parked:
        # A record at which the process has ended three times is parked, and logged as an error.
        state.system.errors[:] = [line for line in state.system.errors if not line.startswith((ENDED, "parked"))]
    checks: list[tuple[str, Callable[[], Any]]] = [
        *((each.__name__, lambda each=each: each(state, seen)) for each in INVARIANTS),
        *((each.__name__, lambda each=each: each(execution, seen)) for each in SCHEDULE_INVARIANTS),
    ]
    for name, promise in checks:
        try:
            promise()
        except Violation as violation:
            raise Violation(f"{name}: {violation}") from violation
