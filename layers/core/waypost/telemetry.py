"""The logger and the metrics of the Lambda functions (docs/operate.md#logs-and-metrics).

Only the functions use them. No log line names or describes a customer, except for the customer id, which is opaque.

The text of an exception can quote any value: a KeyError quotes its key, a ValueError its input, and an error of DynamoDB a part of the
request. At the level DEBUG, botocore logs every request and response, which hold customers and secrets. Neither reaches the log.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext


class LogFormatter(LambdaPowertoolsFormatter):
    """The JSON lines of Powertools. An exception has its types and its tracebacks, and only a text that holds no value."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name of the base class
        """The traceback of an exception, after those of the exceptions that caused it."""
        return "\n".join("".join((*traceback.format_tb(each.__traceback__), _description(each))) for each in _causes_first(ei[1]))

    def serialize(self, log: Any) -> str:
        """A log line as JSON, without the other texts that Powertools takes from an exception."""
        log.pop("exception_notes", None)
        trace = log.get("stack_trace")
        if isinstance(trace, dict):
            log["stack_trace"] = trace | {"value": _text(trace["value"])}
        return super().serialize(log)


def silence_libraries() -> None:
    """Keeps libraries from writing log lines below WARNING, whatever the level of the function is."""
    # Lambda sets the level of the root logger to that of the function, and every library inherits it. The logger of the functions has a
    # level of its own.
    logging.getLogger().setLevel(logging.WARNING)


def _causes_first(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield from _causes_first(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
        yield error


def _description(error: BaseException) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _text(error: BaseException) -> str:
    """The text of an error of ours that holds no value; of an error of AWS its code and the operation; else nothing."""
    operation = getattr(error, "operation_name", None)
    if operation is not None:
        return f"{getattr(error, 'response', {}).get('Error', {}).get('Code', '')} at {operation}"
    return "" if getattr(error, "holds_values", True) else str(error)


silence_libraries()
logger = Logger(logger_formatter=LogFormatter())
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
