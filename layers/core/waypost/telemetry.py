"""The logger and the metrics of the Lambda functions (docs/operate.md#logs-and-metrics).

Only the functions use them. Nothing that is logged names or describes a customer, except for the customer id, which is opaque.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()

__all__ = ["MetricUnit", "logger", "metrics"]
