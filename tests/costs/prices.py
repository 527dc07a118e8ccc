"""AWS's list prices, and the price of counted units."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

# us-east-1 list prices, November 2026, in USD per million.
PRICES: Final = {
    "write": 0.625,  # DynamoDB on demand: a unit is 1 KB written, two in a transaction; a write whose condition fails costs the same
    "read": 0.125,  # a unit is 4 KB of a strongly consistent read, or 8 KB of an eventually consistent one
    "fifo": 0.50,  # SQS FIFO requests: one for each 64 KB of a call's payload
    "standard": 0.40,  # SQS standard requests
    "rest": 3.50,  # REST API requests
    "invocation": 0.20,  # Lambda invocations
    "gb_second": 13.33,  # Lambda on arm64
    "log_byte": 0.0005,  # CloudWatch Logs: 0.50 for each GB
    "mail": 100.0,  # SES e-mails
}
FULL_CORE_MB: Final = 1769
"""The memory with which a function gets one whole core; with less it gets a proportional share."""


@dataclass(frozen=True, slots=True)
class Units:
    """The units that AWS bills, and the number of calls. `cpu` is in seconds, `log` in bytes; `mails` are not part of the price."""

    calls: float = 0
    write: float = 0
    read: float = 0
    fifo: float = 0
    standard: float = 0
    rest: float = 0
    invocations: float = 0
    cpu: float = 0
    log: float = 0
    mails: float = 0

    def __add__(self, other: Units) -> Units:
        return Units(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})

    def per(self, number: float) -> Units:
        """The units of one, if these are the units of `number`."""
        return Units(**{each.name: getattr(self, each.name) / number for each in fields(self)})

    def price(self, memory_mb: int) -> float:
        """USD for a million times these units, without e-mails. CPU seconds last longer on the share of a core that the memory gives."""
        seconds = self.cpu * max(1.0, FULL_CORE_MB / memory_mb)
        return (
            self.write * PRICES["write"]
            + self.read * PRICES["read"]
            + self.fifo * PRICES["fifo"]
            + self.standard * PRICES["standard"]
            + self.rest * PRICES["rest"]
            + self.invocations * PRICES["invocation"]
            + seconds * memory_mb / 1024 * PRICES["gb_second"]
            + self.log * PRICES["log_byte"]
        )
