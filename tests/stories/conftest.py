"""Fixtures for tests over HTTP against the deployed template: one stack for each test process, one workspace for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.local.stack import Stack, running
from tests.stories.webhook_server import WebhookServer, running_webhook_server
from tests.stories.workspace import Workspace


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All of Waypost with its demo workspace, on free ports of this machine."""
    with running() as stack:
        yield stack


@pytest.fixture
def workspace(stack: Stack) -> Workspace:
    """A workspace that no other test uses."""
    return Workspace.create(stack)


@pytest.fixture
def receiver() -> Iterator[WebhookServer]:
    """A running server that receives webhooks."""
    with running_webhook_server() as receiver:
        yield receiver
