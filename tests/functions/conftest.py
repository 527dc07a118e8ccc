"""What the doors of one function share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.deployed import deployed


@pytest.fixture(scope="module")
def tables() -> Iterator[None]:
    """The template's tables for all workspaces of a file; making them takes longer than all else."""
    with pytest.MonkeyPatch.context() as patch, deployed(patch):
        yield
