"""A failing schedule is made short: operations and faults are taken out as long as the same promise does not hold."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from tests.proof.invariants import Violation
from tests.proof.observations import observe
from tests.proof.schedule_invariants import check
from tests.proof.schedule_runs import Execution, started
from tests.proof.schedules import MARKED, MARKED_PERSON, Schedule

T = TypeVar("T")

MOST_ATTEMPTS: Final = 400


@dataclass(frozen=True)
class Failure:
    """What went wrong in an execution. `promise` is the name of the invariant, or the type of the exception."""

    promise: str
    text: str
    execution: Execution


def carried_out(schedule: Schedule) -> tuple[Execution, Failure | None]:
    """The execution of a schedule, and what went wrong in it."""
    execution = started(schedule)
    try:
        execution.run()
        check(execution, observe(execution.state, identifiers_of(schedule)))
    except Violation as violation:
        text = str(violation)
        return execution, Failure(text.partition(":")[0], text, execution)
    except Exception as error:  # noqa: BLE001 - whatever the code under test raises here has made the execution fail
        return execution, Failure(type(error).__name__, traceback.format_exc(), execution)
    return execution, None


def identifiers_of(schedule: Schedule) -> set[tuple[str, str]]:
    """The identifiers that the events of a schedule name, as key and value."""
    named = {identifier for event in schedule.events.values() for identifier in event.facts.identifiers}
    found = {("email" if each.kind == "primary" else "_id", each.value) for each in named}
    return found | {("_id", MARKED), ("email", MARKED_PERSON)}


def shrunk(failure: Failure) -> Failure:
    """The failure of a schedule of which no operation and no fault can be taken out, as far as a limited number of attempts can say."""
    attempts = 0
    found = failure

    def fails(changed: Schedule) -> bool:
        nonlocal attempts, found
        if attempts >= MOST_ATTEMPTS:
            return False
        attempts += 1
        _, other = carried_out(changed)
        if other is not None and other.promise == failure.promise:
            found = other
            return True
        return False

    schedule = replace(failure.execution.schedule, faults=dict(failure.execution.injected_faults))
    if not fails(schedule):
        return failure
    operations = minimal(schedule.operations, lambda kept: fails(replace(schedule, operations=tuple(kept))))
    schedule = replace(schedule, operations=tuple(operations))
    faults = minimal(tuple((schedule.faults or {}).items()), lambda kept: fails(replace(schedule, faults=dict(kept))))
    schedule = replace(schedule, faults=dict(faults))
    # Without some of the faults, more operations may be needless.
    minimal(schedule.operations, lambda kept: fails(replace(schedule, operations=tuple(kept))))
    return found


def minimal(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """The items that are left when everything has been taken out without which `fails` still says yes (delta debugging).

    It begins with half of the items, and ends with each of them alone.
    """
    size = len(items) // 2
    while size:
        start = 0
        while start < len(items):
            without = [*items[:start], *items[start + size :]]
            if fails(without):
                items = without
            else:
                start += size
        size //= 2
    return items


def described(failure: Failure) -> str:
    """A failure in words: the promise, the seed, the operations and the faults."""
    schedule = failure.execution.schedule
    lines = [failure.text, f"seed {schedule.seed}: make proof SEED={schedule.seed}"]
    for number, operation in schedule.operations:
        lines.append(f"{number}: {operation}")
        lines += [f"    call {place[1]}: {what}" for place, what in _faults_of(failure.execution, number)]
    lines += [f"at the end, call {place[1]}: {what}" for place, what in _faults_of(failure.execution, -1)]
    return "\n".join(lines)


def _faults_of(execution: Execution, number: int) -> list[tuple[tuple[int, int], Any]]:
    return [(place, f"{execution.failed_calls[place]}: {name}") for place, name in execution.injected_faults.items() if place[0] == number]
