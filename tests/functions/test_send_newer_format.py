"""Records of the send queue that a newer version wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from functions.send import app
from tests.fakes.messages import FakeDeadLetters, FakeStartedAttempts
from tests.fakes.telemetry import named_context, newer_format_count
from waypost import wiring

BATCH = json.loads((Path(__file__).parents[2] / "events" / "send-message.json").read_text())


class FakeVisibility:
    """A send queue that records which messages become visible again, and after how many seconds."""

    def __init__(self) -> None:
        self.postponed: list[tuple[str, int]] = []

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        self.postponed.append((receipt_handle, seconds))


@pytest.mark.parametrize("times", [1, 5, 999])
@pytest.mark.parametrize("change", [{"format": 2}, {"brand_new": 1}], ids=["format", "key"])
def test_a_record_of_a_newer_version_stays_on_the_queue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: dict[str, Any], times: int
) -> None:
    """It is never parked and nothing is sent: it is retried within a minute, and the metric of the alarm counts each receive."""
    queue, dead = FakeVisibility(), FakeDeadLetters()
    monkeypatch.setattr(wiring, "send_queue", lambda: queue)
    monkeypatch.setattr(wiring, "dead_letters", lambda: dead)
    monkeypatch.setattr(wiring, "started_attempts", FakeStartedAttempts)
    monkeypatch.setattr(wiring, "sending", lambda: pytest.fail("the message was going to be sent"))
    [record] = BATCH["Records"]
    body = json.dumps({**json.loads(record["body"]), **change})
    newer = {**record, "body": body, "attributes": {**record["attributes"], "ApproximateReceiveCount": str(times)}}
    response = app.lambda_handler({"Records": [newer]}, named_context("send-1"))
    assert response == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert (queue.postponed, dead.parked) == ([(record["receiptHandle"], min(2**times, 60))], {})
    assert newer_format_count(capsys, "send-1") == 1
