"""List prices, and what counted units come to."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

# us-east-1 list prices, November 2026, in USD per million.
PRICES: Final = {
    "write": 0.625,  # DynamoDB on demand: a unit is 1 KB written; twice in a transaction; a failed condition costs it too
    "read": 0.125,  # a unit is 4 KB read strongly; half if eventually
    "fifo": 0.50,  # SQS requests, one for each 64 KB of a call's payload
    "standard": 0.40,
    "rest": 3.50,  # REST API requests
    "invocation": 0.20,  # Lambda
    "gb_second": 13.33,  # Lambda on arm64
    "log_byte": 0.0005,  # CloudWatch Logs: 0.50 for each GB
    "mail": 100.0,  # SES
}
FULL_CORE_MB: Final = 1769
"""Memory at which Lambda gives a function one whole core; with less it gives as much less."""


@dataclass(frozen=True, slots=True)
class Units:
    """What AWS bills, and the calls that it came from. `cpu` is in seconds, `log` in bytes; a mail is never in a price."""

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
        """The same for one of so many."""
        return Units(**{each.name: getattr(self, each.name) / number for each in fields(self)})

    def price(self, memory_mb: int) -> float:
        """USD for a million of these, without the mails. CPU is billed as the time that it takes on this memory's share of a core."""
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
