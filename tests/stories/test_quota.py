"""The daily quota of SES over HTTP: an e-mail waits for it, and is sent once it is larger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from functions.local.stack import Stack, running
from tests.stories.workspace import Workspace, identify, mailing, trigger
from waypost.domain.values import durations

USED_UP = {
    "SendQuota": {"Max24HourSend": 200.0, "MaxSendRate": 14.0, "SentLast24Hours": 200.0},
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
}
READS = 5
"""How many reads of the quota get this answer: each instance of the function reads for itself, and again after ten minutes."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack of its own: its quota is that of all workspaces."""
    with running() as stack:
        yield stack


def message(workspace: Workspace) -> dict[str, Any]:
    """The only message."""
    [found] = workspace.get("/api/messages")["items"]
    return dict(found)


def test_an_email_waits_for_the_quota_and_is_sent_when_it_is_larger(workspace: Workspace) -> None:
    """While the quota is used up the e-mail is pending with reason `quota`; with a larger quota it is sent once."""
    plan = {"to": "GetAccount", "responses": [{"status": 200, "body": USED_UP}] * READS}
    httpx.post(f"{workspace.stack.url}/_local/responses", json=plan, timeout=30).raise_for_status()
    workspace.publish(mailing("welcome", "signed_up"))
    workspace.send(identify("a", workspace.email("ada"), first_name="Ada"), trigger("a", "signed_up"))
    assert workspace.stack.settle()
    waiting = message(workspace)
    assert (waiting["status"], waiting["reason"], waiting["attempts"]) == ("pending", "quota", [])
    assert workspace.mails_to(workspace.email("ada")) == []
    for _ in range(READS + 1):
        if message(workspace)["status"] == "sent":
            break
        assert workspace.stack.advance(durations.parse("PT16M"))
    sent = message(workspace)
    assert (sent["status"], sent["reason"], len(sent["attempts"])) == ("sent", None, 1)
    assert len(workspace.mails_to(workspace.email("ada"))) == 1
