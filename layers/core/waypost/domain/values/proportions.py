"""Shares of a whole, and how far chance can move them."""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

_Z: Final = 1.959964
"""The quantile of the standard normal distribution that leaves 2.5 % above it: of a 95 % interval."""


class Proportion(NamedTuple):
    """A share between 0 and 1, and the bounds of its 95 % interval."""

    rate: float
    low: float
    high: float


def proportion(part: int, whole: int) -> Proportion | None:
    """The share of `part` in `whole` with its Wilson score interval; None where the whole is empty.

    E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    # The usual interval, rate +- z * sqrt(rate * (1 - rate) / n), has no width where nobody or everybody converted, and leaves the range
    # from 0 to 1 for few runs. An experiment that has just begun has few runs, and a branch without a conversion is no certain loss.
    if whole <= 0:
        return None
    rate, squared = part / whole, _Z * _Z
    middle = rate + squared / (2 * whole)
    width = _Z * sqrt(rate * (1 - rate) / whole + squared / (4 * whole * whole))
    scale = 1 + squared / whole
    return Proportion(rate, max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale))
