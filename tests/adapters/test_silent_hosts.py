"""Hosts of webhooks that give no answer: when they are not called, and when they are called again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.messages import NOW
from waypost.adapters.silent_hosts import MAX_HOSTS, SilentHosts

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def silent(hosts: SilentHosts, *minutes: float, host: str = "a.example", seconds: float = 15) -> None:
    """Records calls without an answer that end at these minutes."""
    for each in minutes:
        hosts.record("w1", host, NOW + each * MINUTE, seconds, answered=False)


def pause_at(hosts: SilentHosts, minute: float, workspace: str = "w1", host: str = "a.example") -> timedelta | None:
    """The rest of the pause of a host at this minute."""
    return hosts.pause(workspace, host, NOW + minute * MINUTE)


def test_three_silent_calls_begin_a_pause_of_a_minute() -> None:
    """Two silent calls begin none; the third one does, for this host of this workspace only."""
    hosts = SilentHosts()
    silent(hosts, 0, 0)
    assert pause_at(hosts, 0) is None
    silent(hosts, 0)
    assert pause_at(hosts, 0) == MINUTE
    assert pause_at(hosts, 0.5) == MINUTE / 2
    assert pause_at(hosts, 1) is None
    assert pause_at(hosts, 0, host="b.example") is None
    assert pause_at(hosts, 0, workspace="w2") is None
    hosts.record("w2", "b.example", NOW, 15, answered=False)
    hosts.record("w2", "a.example", NOW, 15, answered=False)
    assert pause_at(hosts, 0, workspace="w2") is None
    assert set(hosts.silences) == {("w1", "a.example"), ("w2", "a.example"), ("w2", "b.example")}


def test_each_further_pause_is_twice_as_long_up_to_15_minutes() -> None:
    """A silent call after a pause begins the next one at once. Ten calls that end together count as one."""
    hosts = SilentHosts()
    silent(hosts, *[0] * 10)
    pauses, minute = [], 0.0
    for _ in range(6):
        pause = pause_at(hosts, minute)
        assert pause is not None
        pauses.append(pause / MINUTE)
        minute += pauses[-1]
        silent(hosts, *[minute] * 10)
    assert pauses == [1, 2, 4, 8, 15, 15]


def test_an_answer_ends_the_silence() -> None:
    """After an answer, three more silent calls are needed for a pause, which is a short one."""
    hosts = SilentHosts()
    silent(hosts, 0, 0, 0)
    hosts.record("w1", "a.example", NOW + 2 * MINUTE, 0.1, answered=True)
    silent(hosts, 2, 2)
    assert pause_at(hosts, 2) is None
    silent(hosts, 2)
    assert pause_at(hosts, 2) == MINUTE


def test_a_call_that_fails_at_once_holds_nothing_up() -> None:
    """A host that refuses or breaks connections within seconds is called for each message."""
    hosts = SilentHosts()
    silent(hosts, *[0] * 10, seconds=4.9)
    assert pause_at(hosts, 0) is None


def test_a_bounded_number_of_hosts_is_remembered() -> None:
    """The hosts whose silence began first are forgotten: a template whose host is a value of the customer cannot fill the memory."""
    hosts = SilentHosts()
    for number in range(MAX_HOSTS + 10):
        silent(hosts, 0, 0, 0, host=f"h{number}.example")
    assert len(hosts.silences) == MAX_HOSTS
    assert pause_at(hosts, 0, host="h0.example") is None
    assert pause_at(hosts, 0, host=f"h{MAX_HOSTS + 9}.example") is not None


@pytest.mark.parametrize("answered", [True, False])
def test_a_host_that_was_never_silent_has_no_row(answered: bool) -> None:
    """Usual calls take no memory."""
    hosts = SilentHosts()
    hosts.record("w1", "a.example", NOW, 0.2, answered=answered)
    assert not hosts.silences
