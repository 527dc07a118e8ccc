"""Receipts: which of them show that the event had an effect."""

from __future__ import annotations

import pytest

from tests.fakes.messages import NOW
from waypost.domain.intake.receipts import JourneyOutcome, Outcome, Receipt


@pytest.mark.parametrize(
    ("outcomes", "had_effect"),
    [
        pytest.param([], False, id="no journey"),
        pytest.param(["ignored"], False, id="ignored"),
        pytest.param(["ignored", "entered"], True, id="entered"),
        pytest.param(["advanced"], True, id="advanced"),
        pytest.param(["exited"], True, id="exited"),
    ],
)
def test_an_event_had_an_effect_if_it_changed_a_run(outcomes: list[Outcome], had_effect: bool) -> None:
    """A receipt shows an effect if a journey was entered, advanced or exited; journeys that ignored the event do not count."""
    receipt = Receipt("e1", "signed_up", NOW, "c_1", tuple(JourneyOutcome("j", outcome) for outcome in outcomes))
    assert receipt.had_effect is had_effect
