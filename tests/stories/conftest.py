"""Stories run on the deployed template: one stack for each test process, one workspace for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.local.moto_backend.stack import MotoStack, running_on_moto
from functions.local.stack import Stack, running
from tests.stories.backends import AnyStack
from tests.stories.receiver import Receiver, receiving
from tests.stories.workspace import Workspace


@pytest.fixture(scope="session")
def ministack() -> Iterator[Stack]:
    """All of Waypost on MiniStack with its demo workspace, on free ports of this machine."""
    with running() as stack:
        yield stack


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoStack]:
    """The same on moto."""
    with running_on_moto() as stack:
        yield stack


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> AnyStack:
    """The stack of a test: MiniStack's, unless the test is marked with `both_backends`."""
    chosen: AnyStack = request.getfixturevalue(getattr(request, "param", "ministack"))
    return chosen


@pytest.fixture
def workspace(stack: AnyStack) -> Workspace:
    """A workspace of this test's own."""
    return Workspace.made_on(stack)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes webhooks."""
    with receiving() as receiver:
        yield receiver
