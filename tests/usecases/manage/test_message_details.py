"""What a message shows of its state."""

from __future__ import annotations

import pytest

from tests.fakes.messages import NOW, pending_message
from waypost.domain.messages.message import Attempt, MessageReason, MessageStatus
from waypost.manage.responses.messages import MessageResponse
from waypost.manage.timeline import TimelineEntry, to_response

REFUSED = Attempt(NOW, "refused", "HTTP 503: try later")


@pytest.mark.parametrize(
    ("status", "reason", "attempts", "detail"),
    [
        ("skipped", "template", (Attempt(NOW, "skipped", "'first_name' is undefined"),), "'first_name' is undefined"),
        ("skipped", "suppressed", (Attempt(NOW, "skipped", "suppressed"),), None),
        ("failed", "rejected", (REFUSED, Attempt(NOW, "failed", "HTTP 404")), "HTTP 404"),
        ("unknown", "no-answer", (Attempt(NOW, "unknown", "ReadTimeoutError"),), "ReadTimeoutError"),
        ("pending", None, (REFUSED,), "HTTP 503: try later"),
        ("pending", None, (), None),
        ("sending", None, (REFUSED,), None),
        ("sent", None, (REFUSED, Attempt(NOW, "sent", "HTTP 200")), None),
        ("delivered", None, (REFUSED,), None),
    ],
)
def test_a_message_that_was_not_sent_shows_what_its_last_attempt_says(
    status: str, reason: str | None, attempts: tuple[Attempt, ...], detail: str | None
) -> None:
    """The detail beside the reason is that of the last attempt, in the list of messages and in the timeline; a sent message has none."""
    message = pending_message(status=MessageStatus(status), reason=MessageReason(reason) if reason else None, attempts=attempts)
    listed = MessageResponse.of(message, None)
    entry = to_response(TimelineEntry("p", NOW, "message", message=message))
    assert (listed.detail, entry.detail) == (detail, detail)
    assert (listed.reason, entry.reason) == (message.reason, message.reason)
