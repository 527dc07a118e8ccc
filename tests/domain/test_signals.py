"""Signals: their deduplication ids and message groups, and how they are split."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.signal_examples import ARRIVED, EVENTS, RELEASED, SIGNALS
from waypost.domain.signals import EventsArrived, JourneyResumed, Signal, split


def test_each_event_has_a_deduplication_id_of_its_own_when_split() -> None:
    """SQS drops a batch that is sent twice; the parts of a split signal and the whole signal do not drop each other."""
    parts = split(ARRIVED)
    assert [part.events for part in parts if isinstance(part, EventsArrived)] == [(event,) for event in EVENTS]
    assert len({ARRIVED.name, *(part.name for part in parts)}) == 4


@pytest.mark.parametrize("signal", SIGNALS[1:], ids=lambda signal: type(signal).__name__)
def test_a_signal_without_events_is_not_split(signal: Signal) -> None:
    """It is one piece of work."""
    assert split(signal) == [signal]


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: type(signal).__name__)
def test_group_and_deduplication_id_are_what_sqs_takes(signal: Signal) -> None:
    """Both are ASCII of at most 128 characters; the id also fits the 64 characters that a schedule's name may have."""
    assert signal.customer.isascii()
    assert len(signal.customer) <= 128
    assert signal.name.isascii()
    assert len(signal.name) <= 64


def test_each_page_of_a_resume_has_a_deduplication_id_of_its_own() -> None:
    """SQS would drop the second page of one id. All pages of a journey share one message group."""
    parts = [JourneyResumed("w1", "welcome", revision, pass_number) for revision in (1, 2) for pass_number in (0, 1)]
    parts += [replace(parts[0], phase="messages"), replace(parts[0], after="x")]
    assert len({part.name for part in parts}) == 6
    assert {part.customer for part in parts} == {parts[0].customer}


def test_each_pass_of_a_release_has_a_deduplication_id_of_its_own() -> None:
    """SQS would drop the second pass, which is there for what the first one missed."""
    assert len({replace(RELEASED, pass_number=pass_number).name for pass_number in (0, 1)}) == 2
