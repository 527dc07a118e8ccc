"""The application that the tests of the surface send requests to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.surface.application import Application, running


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    """Both HTTP functions with a workspace, shared by the tests of a module."""
    with running() as started:
        yield started
