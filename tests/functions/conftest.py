"""Fixtures for the tests of the Lambda functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.api_client import new_workspace
from tests.fakes.deployed import deployed
from waypost.adapters.aws import client


@pytest.fixture(scope="module")
def tables() -> Iterator[None]:
    """The template's tables, shared by all tests of a module: each test uses a workspace of its own, and creating the tables is slow."""
    with pytest.MonkeyPatch.context() as patch, deployed(patch):
        yield


@pytest.fixture
def workspace(tables: None) -> str:
    """The id of a new workspace that has the admin key of the local run."""
    return new_workspace()


@pytest.fixture
def aws_calls(tables: None) -> Iterator[list[str]]:
    """The names of the calls of DynamoDB, in their order."""
    recorded: list[str] = []

    def record(model: Any, **_: Any) -> None:
        recorded.append(model.name)

    events = client("dynamodb").meta.events
    events.register("before-call", record)
    yield recorded
    events.unregister("before-call", record)
