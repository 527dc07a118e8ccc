"""What `make bench` prints, and whether the counted promises hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import reduce
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from functions.local.template import resources
from tests.costs import doors, matching, measure
from tests.costs.cases import CASES, DOCUMENTED, WELCOMED, Case, found_workspaces
from tests.costs.cloud import Cloud
from tests.costs.doors import FUNCTIONS, MEMORY_MB, Output
from tests.costs.measure import Benchmark, Measured
from tests.costs.prices import PRICES, Units
from tests.costs.shipped import HEALTH, Built, Start
from tests.costs.tables import TableShape
from tests.costs.wire import Wire

HEADING: Final = f"{'calls':>8}{'write':>8}{'read':>8}{'SQS':>7}{'Lambda':>8}{'log kB':>8}{'CPU ms':>8}{'$/M events':>12}"
BOTO3: Final = "boto3, two clients"
PRICED: Final = ", ".join(f"{name} {price:g}" for name, price in PRICES.items())
ABOUT: Final = f"""\
Calls, units and log are exact: counted from the requests that the deployed code makes, for one batch, with everything warm and all
customers known. CPU is the least of some rounds on recorded answers, without network and TLS. Times are this machine's: what
counts is how they compare within one run.
Prices in USD per million (us-east-1 list, November 2026): {PRICED}.
Lambda has {MEMORY_MB} MB and is billed for the CPU on its share of a core; each ms that an invocation waits for answers adds 0.013.
Lambda finds ten records in a queue where ten are there. Not in it: what is read again after some seconds, whatever the traffic
(keys, schema, journeys), and the e-mails themselves."""


class Result(NamedTuple):
    """What each door took for a case with the full log, and the matcher's when only effects are logged."""

    case: Case
    full: Sequence[Measured]
    effects: Sequence[Measured]

    def total(self, lines: Sequence[Measured]) -> Units:
        """All doors together."""
        return reduce(add, (each.units for each in lines))

    def price(self, units: Units) -> float:
        """USD for a million events."""
        return units.price(MEMORY_MB) / self.case.events


def main() -> int:
    """Prints all tables; 1 where a counted promise is broken, else 0."""
    doors.set_environment()
    log = Output()
    with redirect_stdout(log):
        results = _results(_benchmark(log))
    _say(ABOUT)
    for result in results:
        _say(*_table(result))
    _say(*_mail(results))
    _say(*_cold(results))
    _say(*_rules())
    broken = list(_broken(results))
    _say(*broken or ["All counted promises hold."])
    return 1 if broken else 0


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()


def _benchmark(log: Output) -> Benchmark:
    tables = resources(doors.TEMPLATE, "AWS::DynamoDB::Table")
    cloud = Cloud({name: TableShape.of(properties) for name, properties in tables.items()})
    wire = Wire(cloud)
    wire.connect()
    cloud.open(tables)
    measure.forget_nothing()
    found_workspaces()
    return Benchmark(cloud, wire, log)


def _results(benchmark: Benchmark) -> list[Result]:
    return [_result(case, benchmark) for case in CASES]


def _result(case: Case, benchmark: Benchmark) -> Result:
    """The other doors do not know of the log, so they are timed once."""
    full = benchmark.through(case, "full", FUNCTIONS)
    effects = benchmark.through(case, "effects", ("matcher",))
    return Result(case, full, [other if other.phase.name == "matcher" else each for each, other in zip(full, effects, strict=True)])


def _table(result: Result) -> Iterator[str]:
    """A case's lines. Only the matcher knows of the log, so only its line is there twice."""
    yield f"{result.case.title:45}{HEADING}"
    for each in result.full:
        yield _line(result, each.phase.name + ", full log" * (each.phase.name == "matcher"), each.units)
    yield from (_line(result, "matcher, effects only", each.units) for each in result.effects if each.phase.name == "matcher")
    yield _line(result, "sum, full log", result.total(result.full))
    yield _line(result, "sum, effects only", result.total(result.effects))


def _line(result: Result, name: str, units: Units) -> str:
    counts = f"{units.calls:8.4g}{units.write:8.4g}{units.read:8.4g}{units.fifo + units.standard:7.4g}{units.invocations:8.4g}"
    return f"  {name:43}{counts}{units.log / 1000:8.2f}{units.cpu * 1000:8.2f}{result.price(units):12.3f}"


def _mail(results: Sequence[Result]) -> Iterator[str]:
    """What one e-mail adds to the documented batch."""
    [plain] = [each for each in results if each.case is DOCUMENTED]
    [mailed] = [each for each in results if each.case is WELCOMED]
    for name, without, with_mail in (("full log", plain.full, mailed.full), ("effects only", plain.effects, mailed.effects)):
        price = mailed.total(with_mail).price(MEMORY_MB) - plain.total(without).price(MEMORY_MB)
        yield f"One e-mail's bookkeeping, {name}: {price:.2f} USD per million, beside SES's {PRICES['mail']:g}."


def _cold(results: Sequence[Result]) -> Iterator[str]:
    starts = list(_starts(results))
    with TemporaryDirectory() as folder:
        built = Built.into(Path(folder), [each.function for each in starts if each.event is not None])
        seconds = built.seconds(starts) if built else {}
    if not seconds:
        yield "No Python of the runtime's version was found, so no cold start was measured."
        return
    yield f"{'cold, as shipped':45}{'import ms':>10}{'until the first answer ms':>28}{'ratio':>8}"
    yield from (_start_line(name, *both, seconds[BOTO3][1]) for name, both in seconds.items())


def _start_line(name: str, imported: float, answered: float, unit: float) -> str:
    return f"  {name:43}{imported * 1000:10.0f}{answered * 1000:28.0f}{answered / unit:8.2f}"


def _starts(results: Sequence[Result]) -> Iterator[Start]:
    """boto3 alone, and each function with the first event that it gets in the case with an e-mail."""
    yield Start(BOTO3, None, {})
    [mailed] = [each for each in results if each.case is WELCOMED]
    for each in mailed.full:
        yield Start(FUNCTIONS[each.phase.name], each.phase.first, each.answers)
    yield Start("ManageFunction", HEALTH, {})


def _rules() -> Iterator[str]:
    yield f"{'rules':45}{'us a call':>10}{'ratio':>8}"
    times = {f"find 1 journey among {count:,}": matching.finding(count) for count in (10, 1_000, 100_000)}
    first = next(iter(times.values()))
    times |= {"enter a journey that owes a message": matching.entering(), "move a run that waits on to a message": matching.advancing()}
    for name, seconds in times.items():
        yield f"  {name:43}{seconds * 1e6:10.2f}{seconds / first:8.2f}"


def _broken(results: Sequence[Result]) -> Iterator[str]:
    for case, full, _ in results:
        calls = next(each.units.calls for each in full if each.phase.name == "intake")
        if calls != case.promised:
            yield f"BROKEN: {case.title}: the intake makes {calls:g} AWS calls for a batch, {case.promised} are promised."
