"""Pauses between attempts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from waypost.adapters import backoff


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were slept, in seconds; no time passes."""
    slept: list[float] = []
    monkeypatch.setattr("waypost.adapters.backoff.time", SimpleNamespace(sleep=slept.append))
    return slept


def test_the_longest_pause_doubles_with_every_attempt(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    """The first attempt is immediate; the longest pauses before the later ones are 0.1, 0.2 and 0.4 seconds, and none follows the last."""
    monkeypatch.setattr("waypost.adapters.backoff.random.uniform", lambda _, longest: longest)
    assert list(backoff.attempts(4)) == [0, 1, 2, 3]
    assert pauses == [0.1, 0.2, 0.4]


def test_pauses_differ_at_random(pauses: list[float]) -> None:
    """Two functions that failed at the same moment do not try again at the same moment: pauses are spread between their bounds."""
    for _ in range(100):
        backoff.random_pause(0.05, 0.25)
    assert len(set(pauses)) > 90
    assert all(0.05 <= pause <= 0.25 for pause in pauses)
