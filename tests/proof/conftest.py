"""The simulation in which the proof works, and the emulators with which the simulation is compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.queue_backends import Emulators, running_emulators
from tests.proof.system import simulated


@pytest.fixture
def simulation() -> Iterator[None]:
    """The functions of this process work on the simulated services of a `System`."""
    with simulated():
        yield


@pytest.fixture(scope="session")
def emulators() -> Iterator[Emulators]:
    """MiniStack and the provider emulator. Each test makes queues and schedules of its own."""
    with running_emulators() as running:
        yield running
