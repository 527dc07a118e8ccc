"""The logger and the metrics of the Lambda functions (docs/operate.md#logs-and-metrics).

Only the functions use them. No log line names or describes a customer, except for the customer id, which is opaque.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
metrics = Metrics()

_CALLER: Final = 3
"""How far up the stack the logger finds the line that it names as the `location`: the caller of a method below."""

__all__ = ["FunctionTelemetry", "MetricUnit", "logger", "metrics"]


@dataclass(frozen=True, slots=True)
class FunctionTelemetry:
    """The log of the function that is invoked with this context, and its metrics that alarms watch."""

    context: LambdaContext
    counts: list[tuple[str, str, int]] = field(default_factory=list)

    def log_line(self, text: str, /, **fields: Any) -> None:
        """Logs a line at the level INFO."""
        logger.info(text, stacklevel=_CALLER, extra=fields)

    def log_warning(self, text: str, /, **fields: Any) -> None:
        """Logs a line at the level WARNING."""
        logger.warning(text, stacklevel=_CALLER, extra=fields)

    def log_error(self, text: str, /, **fields: Any) -> None:
        """Logs a line at the level ERROR."""
        logger.error(text, stacklevel=_CALLER, extra=fields)

    def log_exception(self, text: str, /, **fields: Any) -> None:
        """Logs a line at the level ERROR, with the traceback of the exception that is being handled."""
        logger.exception(text, stacklevel=_CALLER, extra=fields)  # noqa: LOG004 - the caller handles an exception

    def count(self, name: str, number: int = 1, *, reason: str = "") -> None:
        """Adds to a metric of this invocation; with a reason, to its value for this reason. `write_counts` writes them."""
        if number:
            self.counts.append((name, reason, number))  # appending is atomic: the sender counts in several threads

    def write_counts(self) -> None:
        """Writes what was counted to the log, from where CloudWatch takes metrics without a call: one line, and one for each reason."""
        totals: dict[str, Counter[str]] = {}
        for name, reason, number in self.counts:
            totals.setdefault(reason, Counter())[name] += number
        self.counts.clear()
        for reason, counter in sorted(totals.items()):
            line = EphemeralMetrics()
            line.add_dimension("function_name", self.context.function_name)
            if reason:
                line.add_dimension("reason", reason)
            for name, number in counter.items():
                line.add_metric(name, MetricUnit.Count, number)
            line.flush_metrics()

    def count_newer_format(self) -> None:
        """Adds one to `NewerFormat`, the metric of queue messages that a newer version wrote."""
        self._count("NewerFormat")

    def count_unreadable_journey(self) -> None:
        """Adds one to `UnreadableJourneys`, the metric of signals that met a version of a journey that cannot be read."""
        self._count("UnreadableJourneys")

    def _count(self, name: str) -> None:
        # The alarm belongs to one stack, and all stacks of an account share the namespace: the name of the function distinguishes them.
        with single_metric(name=name, unit=MetricUnit.Count, value=1) as metric:
            metric.add_dimension("function_name", self.context.function_name)
