"""How a delivery report changes a message."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.fakes.messages import NOW, pending_message
from waypost.domain.messages.delivery import after_response, with_claim
from waypost.domain.messages.delivery_reports import Report, ReportedStatus, after_report
from waypost.domain.messages.message import Message, MessageStatus, ProviderResponse

DELIVERED: ReportedStatus = MessageStatus.DELIVERED
BOUNCED: ReportedStatus = MessageStatus.BOUNCED
OPENED: ReportedStatus = MessageStatus.OPENED
CLICKED: ReportedStatus = MessageStatus.CLICKED


def sent_message() -> Message:
    """A message that its provider has accepted."""
    return after_response(with_claim(pending_message(), NOW, "t1", "ada@example.com"), ProviderResponse("sent", ""), NOW)


@pytest.mark.parametrize(
    ("statuses", "last"),
    [
        pytest.param([DELIVERED], DELIVERED, id="delivered"),
        pytest.param([BOUNCED, DELIVERED], BOUNCED, id="bounced after it was delivered"),
        pytest.param([OPENED, BOUNCED], OPENED, id="opened although a server has refused it"),
        pytest.param([OPENED, OPENED], OPENED, id="twice"),
        *(pytest.param([*order], CLICKED, id=" ".join(order)) for order in permutations([DELIVERED, BOUNCED, OPENED, CLICKED])),
    ],
)
def test_reports_only_move_the_status_forward(statuses: list[ReportedStatus], last: MessageStatus) -> None:
    """Reports in any order and any number leave the last of sent, delivered, bounced, opened and clicked that was reported."""
    message = sent_message()
    for status in statuses:
        message = after_report(message, Report(status, NOW))
    assert message.status is last


def test_a_report_about_a_message_that_was_never_claimed_changes_nothing() -> None:
    """An app that knows the id of a pending message cannot keep it from being sent by a report."""
    message = pending_message()
    assert after_report(message, Report(DELIVERED, NOW)) is message
