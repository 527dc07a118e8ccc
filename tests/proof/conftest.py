"""The simulation in which the proof works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.system import simulated


@pytest.fixture
def simulation() -> Iterator[None]:
    """The functions of this process work on the simulated services of a `System`."""
    with simulated():
        yield
