"""Fixtures for tests over HTTP against the deployed template: one stack for each test process, one workspace for each test.

The stacks on MiniStack are in tests/conftest.py, because tests of tests/docs use them too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.local.moto_backend.stack import MotoStack, running_on_moto
from tests.stories.backends import AnyStack
from tests.stories.webhook_server import WebhookServer, running_webhook_server
from tests.stories.workspace import Workspace


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoStack]:
    """All of Waypost on moto with its demo workspace, on free ports of this machine."""
    with running_on_moto() as stack:
        yield stack


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> AnyStack:
    """The stack of a test: the one on MiniStack, unless the test is marked with `both_backends`."""
    chosen: AnyStack = request.getfixturevalue(getattr(request, "param", "ministack"))
    return chosen


@pytest.fixture
def workspace(stack: AnyStack) -> Workspace:
    """A workspace that no other test uses."""
    return Workspace.create(stack)


@pytest.fixture
def receiver() -> Iterator[WebhookServer]:
    """A running server that receives webhooks."""
    with running_webhook_server() as receiver:
        yield receiver
