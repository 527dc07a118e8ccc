"""Prints the report of `make bench`, and checks the promised numbers of calls."""

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
from tests.costs import matching, measure, phases
from tests.costs.cloud import CountingCloud
from tests.costs.cold_starts import HEALTH, Build, ColdStart
from tests.costs.fake_network import FakeNetwork
from tests.costs.measure import Benchmark, Measurement
from tests.costs.phases import FUNCTIONS, MEMORY_MB, LogCounter
from tests.costs.prices import PRICES, Units
from tests.costs.scenarios import CAPPED, DOCUMENTED, SCENARIOS, WELCOMED, Scenario, create_workspaces
from tests.costs.tables import TableShape

HEADING: Final = f"{'calls':>8}{'write':>8}{'read':>8}{'SQS':>7}{'Lambda':>8}{'log kB':>8}{'CPU ms':>8}{'$/M events':>12}"
BOTO3: Final = "boto3, two clients"
PRICED: Final = ", ".join(f"{name} {price:g}" for name, price in PRICES.items())
ABOUT: Final = f"""\
Calls, units and log are exact: counted from the requests that the deployed code makes, for one batch, with warm functions and
known customers. CPU is the least of some rounds on recorded responses, without network and TLS. Times are those of this machine;
compare them only within one run.
Prices in USD per million (us-east-1 list, November 2026): {PRICED}.
Lambda has {MEMORY_MB} MB and is billed for the CPU on its share of a core; each ms that an invocation waits for AWS adds 0.013.
Lambda receives ten records from a queue that holds ten. Not included: what functions read again every few seconds, whatever the
traffic (keys, schema, journeys), what they write every 30 seconds (ignored events of a journey), and the e-mails themselves."""


class Result(NamedTuple):
    """The phases of a scenario with the full event log, and with a log of effects only."""

    scenario: Scenario
    full: Sequence[Measurement]
    effects: Sequence[Measurement]

    def total(self, measurements: Sequence[Measurement]) -> Units:
        """The units of all phases together."""
        return reduce(add, (each.units for each in measurements))

    def price(self, units: Units) -> float:
        """USD for a million events."""
        return units.price(MEMORY_MB) / self.scenario.events


def main() -> int:
    """Prints all tables. Returns the exit code: 1 if a promised number of calls is exceeded or not reached, else 0."""
    phases.set_environment()
    log = LogCounter()
    with redirect_stdout(log):
        results = _results(_benchmark(log))
    _print(ABOUT)
    for result in results:
        _print(*_table(result))
    _print(*_mail(results))
    _print(*_cold_start_lines(results))
    _print(*_rule_lines())
    broken = list(_broken_promises(results))
    _print(*broken or ["All counted promises hold."])
    return 1 if broken else 0


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()


def _benchmark(log: LogCounter) -> Benchmark:
    tables = resources(phases.TEMPLATE, "AWS::DynamoDB::Table")
    cloud = CountingCloud({name: TableShape.of(properties) for name, properties in tables.items()})
    network = FakeNetwork(cloud)
    network.install()
    cloud.create_tables(tables)
    measure.extend_caches()
    create_workspaces()
    return Benchmark(cloud, network, log)


def _results(benchmark: Benchmark) -> list[Result]:
    return [_result(scenario, benchmark) for scenario in SCENARIOS]


def _result(scenario: Scenario, benchmark: Benchmark) -> Result:
    """Measures a scenario. Only the matcher writes the event log, so the other phases are timed once."""
    full = benchmark.measure(scenario, "full", FUNCTIONS)
    effects = benchmark.measure(scenario, "effects", ("matcher",))
    return Result(scenario, full, [other if other.phase.name == "matcher" else each for each, other in zip(full, effects, strict=True)])


def _table(result: Result) -> Iterator[str]:
    """The lines of a scenario. Only the matcher depends on the kind of event log, so only its line is there twice."""
    yield f"{result.scenario.title:45}{HEADING}"
    for each in result.full:
        yield _line(result, each.phase.name + ", full log" * (each.phase.name == "matcher"), each.units)
    yield from (_line(result, "matcher, effects only", each.units) for each in result.effects if each.phase.name == "matcher")
    yield _line(result, "sum, full log", result.total(result.full))
    yield _line(result, "sum, effects only", result.total(result.effects))


def _line(result: Result, name: str, units: Units) -> str:
    counts = f"{units.calls:8.4g}{units.write:8.4g}{units.read:8.4g}{units.fifo + units.standard:7.4g}{units.invocations:8.4g}"
    return f"  {name:43}{counts}{units.log / 1000:8.2f}{units.cpu * 1000:8.2f}{result.price(units):12.3f}"


def _mail(results: Sequence[Result]) -> Iterator[str]:
    """The price that one e-mail adds to the documented batch."""
    [plain] = [each for each in results if each.scenario is DOCUMENTED]
    [mailed] = [each for each in results if each.scenario is WELCOMED]
    for name, without, with_mail in (("full log", plain.full, mailed.full), ("effects only", plain.effects, mailed.effects)):
        price = mailed.total(with_mail).price(MEMORY_MB) - plain.total(without).price(MEMORY_MB)
        yield f"One e-mail's bookkeeping, {name}: {price:.2f} USD per million, beside SES's {PRICES['mail']:g}."
    [capped] = [each for each in results if each.scenario is CAPPED]
    with_caps, without_caps = (each.total(each.full) for each in (capped, mailed))
    added = f"{with_caps.write - without_caps.write:g} write units, {with_caps.read - without_caps.read:g} read units"
    yield f"Caps of its workspace, of any number, add to one e-mail: {added}."


def _cold_start_lines(results: Sequence[Result]) -> Iterator[str]:
    starts = list(_starts(results))
    with TemporaryDirectory() as folder:
        build = Build.into(Path(folder), [each.function for each in starts if each.event is not None])
        seconds = build.seconds(starts) if build else {}
    if not seconds:
        yield "No Python of the runtime's version was found, so no cold start was measured."
        return
    yield f"{'cold, as shipped':45}{'import ms':>10}{'until first response ms':>28}{'ratio':>8}"
    yield from (_start_line(name, *both, seconds[BOTO3][1]) for name, both in seconds.items())


def _start_line(name: str, imported: float, responded: float, unit: float) -> str:
    return f"  {name:43}{imported * 1000:10.0f}{responded * 1000:28.0f}{responded / unit:8.2f}"


def _starts(results: Sequence[Result]) -> Iterator[ColdStart]:
    """boto3 alone, and each function with its first event of the scenario that sends an e-mail."""
    yield ColdStart(BOTO3, None, {})
    [mailed] = [each for each in results if each.scenario is WELCOMED]
    for each in mailed.full:
        yield ColdStart(FUNCTIONS[each.phase.name], each.phase.first, each.responses)
    yield ColdStart("ManageFunction", HEALTH, {})


def _rule_lines() -> Iterator[str]:
    yield f"{'rules':45}{'us a call':>10}{'ratio':>8}"
    times = {f"find 1 journey among {count:,}": matching.seconds_to_find(count) for count in (10, 1_000, 100_000)}
    first = next(iter(times.values()))
    times |= {
        "enter a journey that sends a message": matching.seconds_to_enter(),
        "advance a run that waits": matching.seconds_to_advance(),
    }
    for name, seconds in times.items():
        yield f"  {name:43}{seconds * 1e6:10.2f}{seconds / first:8.2f}"


def _broken_promises(results: Sequence[Result]) -> Iterator[str]:
    for scenario, full, _ in results:
        calls = {each.phase.name: each.units.calls for each in full}
        for phase, promised in (("intake", scenario.promised), ("matcher", scenario.matcher)):
            if round(calls[phase], 6) != promised:
                yield f"BROKEN: {scenario.title}: the {phase} makes {calls[phase]:g} AWS calls for a batch, {promised:g} are promised."
