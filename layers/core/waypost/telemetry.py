"""The logger and the metrics of the Lambda functions (docs/operate.md#logs-and-metrics).

Only the functions use them. No log line names or describes a customer, except for the customer id, which is opaque.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()

__all__ = ["MetricUnit", "count_newer_format", "count_unreadable_journey", "logger", "metrics"]


def count_newer_format(function_name: str) -> None:
    """Adds one to `NewerFormat`, the metric of queue messages that a newer version wrote, which an alarm of the function watches."""
    # The alarm belongs to one stack, and all stacks of an account share the namespace: the name of the function distinguishes them.
    with single_metric(name="NewerFormat", unit=MetricUnit.Count, value=1) as metric:
        metric.add_dimension("function_name", function_name)


def count_unreadable_journey(function_name: str) -> None:
    """Adds one to `UnreadableJourneys`, the metric of signals that met a version of a journey that cannot be read; an alarm watches it."""
    with single_metric(name="UnreadableJourneys", unit=MetricUnit.Count, value=1) as metric:
        metric.add_dimension("function_name", function_name)
