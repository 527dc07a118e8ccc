"""How a delivery report changes a message."""

from __future__ import annotations

import pytest

from tests.fakes.messages import NOW, pending_message
from waypost.domain.messages.delivery import after_response, with_claim
from waypost.domain.messages.delivery_reports import after_report
from waypost.domain.messages.message import MessageStatus, ProviderResponse


@pytest.mark.parametrize(
    ("event_names", "status"),
    [
        pytest.param(["$delivered"], MessageStatus.DELIVERED, id="delivered"),
        pytest.param(["$clicked", "$delivered", "$opened"], MessageStatus.CLICKED, id="in the wrong order"),
        pytest.param(["$opened", "$opened"], MessageStatus.OPENED, id="twice"),
        pytest.param(["$bounced"], MessageStatus.SENT, id="unknown name"),
    ],
)
def test_reports_only_move_the_status_forward(event_names: list[str], status: MessageStatus) -> None:
    """Reports in any order and any number move the status forward only, and an unknown event name changes nothing."""
    message = after_response(with_claim(pending_message(), NOW, "t1", "ada@example.com"), ProviderResponse("sent", ""), NOW)
    for event_name in event_names:
        message = after_report(message, event_name)
    assert message.status is status


def test_a_report_about_a_message_that_was_never_claimed_changes_nothing() -> None:
    """An app that knows the id of a pending message cannot keep it from being sent by a report."""
    message = pending_message()
    assert after_report(message, "$delivered") is message
