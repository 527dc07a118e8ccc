"""Fixtures for the tests of the Lambda functions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.api_client import new_workspace
from tests.fakes.deployed import deployed


@pytest.fixture(scope="module")
def tables() -> Iterator[None]:
    """The template's tables, shared by all tests of a module: each test uses a workspace of its own, and creating the tables is slow."""
    with pytest.MonkeyPatch.context() as patch, deployed(patch):
        yield


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace that has the admin key of the local run."""
    return new_workspace()
