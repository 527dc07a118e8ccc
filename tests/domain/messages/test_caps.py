"""Caps: when a message exceeds none, when it has to wait and until when. Compared with a plain model of a sliding window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from waypost.domain.messages.caps import Cap, CapReached, CountedMessage, CountedMessages, WithinCaps, count_message, merged_counts, without

BERLIN = "Europe/Berlin"
SECOND = timedelta(seconds=1)


def cap(messages: int, per: str, **fields: Any) -> Cap:
    """A cap, as the settings have it."""
    return Cap.model_validate({"messages": messages, "per": per, **fields})


def local(text: str, zone: str = BERLIN) -> datetime:
    """The instant of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def message(name: str, at: datetime, topic: str = "general", channel: str = "email") -> CountedMessage:
    """A message that counts, or is to be counted."""
    return CountedMessage(name, at, topic, channel)


def counted_of(*wanted: CountedMessage, caps: Sequence[Cap], zone: str = BERLIN) -> CountedMessages:
    """The counted after these messages have taken theirs one after the other."""
    counted: CountedMessages = ()
    for each in wanted:
        result = count_message(each, counted, caps, zone)
        assert isinstance(result, WithinCaps), result
        counted = result.counted
    return counted


def reached_until(wanted: CountedMessage, counted: CountedMessages, *caps: Cap, zone: str = BERLIN) -> datetime:
    """Until when a message that would exceed a cap now has to wait."""
    result = count_message(wanted, counted, caps, zone)
    assert isinstance(result, CapReached)
    return result.until


def test_the_window_moves_and_does_not_begin_at_midnight() -> None:
    """With two messages a day, the two of an evening keep a third one back after midnight, until the first is a day old."""
    daily = cap(2, "P1D")
    counted = counted_of(message("m1", local("2026-06-01 22:00")), message("m2", local("2026-06-01 23:30")), caps=[daily])
    assert reached_until(message("m3", local("2026-06-02 00:30")), counted, daily) == local("2026-06-02 22:00")
    later = counted_of(
        *(message("m1", local("2026-06-01 22:00")), message("m2", local("2026-06-01 23:30")), message("m3", local("2026-06-02 22:00"))),
        caps=[daily],
    )
    assert {each.message for each in later} == {"m2", "m3"}
    assert reached_until(message("m4", local("2026-06-02 22:01")), later, daily) == local("2026-06-02 23:30")


@pytest.mark.parametrize(
    ("first", "released", "hours"),
    [
        ("2026-03-28 09:00", "2026-03-29 09:00", 23),
        ("2026-10-24 09:00", "2026-10-25 09:00", 25),
        ("2026-06-01 09:00", "2026-06-02 09:00", 24),
    ],
    ids=["clocks go forward", "clocks go back", "no change"],
)
def test_a_day_is_a_day_of_the_customers_calendar(first: str, released: str, hours: int) -> None:
    """Under `P1D` a message counts until the same local time of the next day, 23, 24 or 25 hours later; under `PT24H` for 24 hours."""
    start = local(first)
    counted = counted_of(message("m1", start), caps=[cap(1, "P1D")])
    assert reached_until(message("m2", start + SECOND), counted, cap(1, "P1D")) == local(released) == start + timedelta(hours=hours)
    assert reached_until(message("m2", start + SECOND), counted, cap(1, "PT24H")) == start + timedelta(hours=24)
    assert isinstance(count_message(message("m2", local(released)), counted, [cap(1, "P1D")], BERLIN), WithinCaps)
    assert isinstance(count_message(message("m2", local(released) - SECOND), counted, [cap(1, "P1D")], BERLIN), CapReached)


def test_a_day_is_one_of_the_customers_zone() -> None:
    """On the day on which clocks change in Berlin only, a message to a customer in Tokyo counts for a day of Tokyo."""
    start = local("2026-03-28 09:00")
    counted = counted_of(message("m1", start), caps=[cap(1, "P1D")])
    assert reached_until(message("m2", start + SECOND), counted, cap(1, "P1D"), zone="Asia/Tokyo") == start + timedelta(hours=24)


def test_caps_of_workspace_topic_and_channel_hold_together() -> None:
    """A message must exceed none of the caps that cover it; a cap of another topic or channel does not matter."""
    all_messages, news, hooks = cap(3, "P1D"), cap(1, "P1D", topic="news"), cap(1, "PT1H", channel="webhook")
    caps = [all_messages, news, hooks]
    start = local("2026-06-01 09:00")
    counted = counted_of(message("m1", start, "news"), message("m2", start, "general", "webhook"), caps=caps)
    assert reached_until(message("m3", start + SECOND, "news"), counted, *caps) == start + timedelta(days=1)
    assert reached_until(message("m3", start + SECOND, "general", "webhook"), counted, *caps) == start + timedelta(hours=1)
    counted = counted_of(message("m1", start, "news"), message("m2", start, "general", "webhook"), message("m3", start + SECOND), caps=caps)
    assert reached_until(message("m4", start + 2 * SECOND), counted, *caps) == start + timedelta(days=1)
    # Under two full caps the message waits for both.
    assert reached_until(message("m4", start + 2 * SECOND, "news"), counted, cap(1, "P2D", topic="news"), *caps) == start + timedelta(
        days=2
    )


def test_a_cap_that_skips_comes_before_one_that_waits() -> None:
    """A message that would exceed two caps is skipped if one of the two skips; it does not wait for the other first."""
    counted = counted_of(message("m1", local("2026-06-01 09:00")), caps=[cap(1, "P1D")])
    skipping, waiting = cap(1, "PT1H", otherwise="skip", id="hourly"), cap(1, "P1D")
    result = count_message(message("m2", local("2026-06-01 09:10")), counted, [waiting, skipping], BERLIN)
    assert isinstance(result, CapReached)
    assert (result.cap, result.cap.text) == (skipping, "1 in PT1H (hourly)")


def test_a_message_counts_once_at_its_latest_attempt() -> None:
    """A retry moves the time at which its message counts: the next one is a whole duration later than the attempt that was sent."""
    hourly, start = cap(1, "PT1H"), local("2026-06-01 09:00")
    counted = counted_of(message("m1", start), message("m1", start + timedelta(minutes=50)), caps=[hourly])
    assert len(counted) == 1
    assert reached_until(message("m2", start + timedelta(minutes=61)), counted, hourly) == start + timedelta(minutes=110)
    # A late redelivery by a worker whose clock is behind does not move it back.
    assert counted_of(*counted, message("m1", start), caps=[hourly]) == counted


def test_a_retry_that_counts_no_more_waits() -> None:
    """A retry of a message that counts no more, while another one counts, has to wait as any other message."""
    hourly, start = cap(1, "PT1H"), local("2026-06-01 09:00")
    counted = counted_of(message("m1", start), message("m2", start + timedelta(hours=1)), caps=[hourly])
    assert reached_until(message("m1", start + timedelta(hours=1.5)), counted, hourly) == start + timedelta(hours=2)


def test_a_message_that_is_not_sent_does_not_count() -> None:
    """After a message that was not sent is removed, the next one need not wait."""
    hourly, start = cap(1, "PT1H"), local("2026-06-01 09:00")
    counted = without("m1", counted_of(message("m1", start), caps=[hourly]))
    assert isinstance(count_message(message("m2", start + SECOND), counted, [hourly], BERLIN), WithinCaps)


def test_the_settings_of_the_moment_count() -> None:
    """A cap that is lowered, raised or prolonged acts on the messages that were counted before."""
    start = local("2026-06-01 09:00")
    counted = counted_of(*(message(f"m{number}", start + number * SECOND) for number in range(3)), caps=[cap(3, "PT1H")])
    wanted = message("m9", start + timedelta(minutes=1))
    assert reached_until(wanted, counted, cap(1, "PT1H")) == start + 2 * SECOND + timedelta(hours=1)
    assert reached_until(wanted, counted, cap(3, "P1D")) == start + timedelta(days=1)
    assert isinstance(count_message(wanted, counted, [cap(4, "PT1H")], BERLIN), WithinCaps)


def test_messages_of_merged_customers_count_together() -> None:
    """After a merge the messages of both customers count, each once, at its latest time."""
    start = local("2026-06-01 09:00")
    merged = merged_counts((message("m1", start),), (message("m1", start + SECOND), message("m2", start)))
    assert sorted(merged) == [message("m1", start + SECOND), message("m2", start)]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"per": "P1X"}, "bad-duration"),
        ({"per": "P2Y"}, "bad-duration"),
        ({"per": "PT0S"}, "too-short"),
        ({"messages": 0}, "greater_than_equal"),
        ({"messages": 101}, "less_than_equal"),
        ({"messages": "3"}, "int_type"),
        ({"channel": "pigeon"}, "unknown-channel"),
        ({"otherwise": "drop"}, "literal_error"),
        ({"every": "P1D"}, "extra_forbidden"),
    ],
    ids=["no duration", "over a year", "zero", "no message", "101 messages", "text", "unknown channel", "unknown choice", "unknown field"],
)
def test_a_cap_that_means_nothing_is_refused(fields: dict[str, Any], code: str) -> None:
    """A cap has a duration of a second to a year and 1 to 100 messages."""
    with pytest.raises(ValidationError) as caught:
        cap(**{"messages": 1, "per": "P1D", **fields})
    assert [each["type"] for each in caught.value.errors()] == [code]


@dataclass
class PlainModel:
    """A sliding window as one would write it on paper: the times of all messages, in local time, and a loop over them."""

    zone: ZoneInfo
    sent: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def released(self, at: datetime, days: int, hours: int) -> datetime:
        """When a message of this time no longer counts: days on the calendar of the zone, then hours."""
        there = at.astimezone(self.zone).replace(tzinfo=None) + timedelta(days=days)
        return there.replace(tzinfo=self.zone, fold=at.astimezone(self.zone).fold).astimezone(UTC) + timedelta(hours=hours)

    def number(self, at: datetime, topic: str | None, days: int, hours: int, but: str) -> int:
        """How many messages count at this time under a cap, but for one."""
        found = [(name, *each) for name, each in self.sent.items() if topic in (None, each[1]) and name != but]
        return sum(self.released(sent_at, days, hours) > at for _, sent_at, _ in found)


CAPS = st.lists(
    st.tuples(st.sampled_from([None, "news"]), st.integers(1, 3), st.sampled_from([(1, 0), (0, 5), (2, 3), (7, 0)])), min_size=1, max_size=3
)
STEPS = st.lists(
    st.tuples(st.integers(0, 40 * 60), st.integers(0, 9), st.sampled_from(["general", "news"]), st.booleans()), min_size=1, max_size=40
)
STARTS = st.sampled_from(["2026-03-27 20:00", "2026-10-23 20:00", "2026-12-31 22:00"])


@given(CAPS, STEPS, STARTS, st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"]))
def test_a_window_is_that_of_a_plain_model(
    drawn: list[tuple[str | None, int, tuple[int, int]]], steps: list[tuple[int, int, str, bool]], start: str, zone: str
) -> None:
    """A message exceeds no cap exactly if fewer messages than it allows count in the plain model, and the end of its wait is exact."""
    model, now = PlainModel(ZoneInfo(zone)), local(start, zone)
    counted: CountedMessages = ()
    caps = [cap(number, f"P{days}DT{hours}H", topic=topic) for topic, number, (days, hours) in drawn]
    topics: dict[str, str] = {}
    for minutes, number, drawn_topic, fails in steps:
        now += timedelta(minutes=minutes)
        name = f"m{number}"
        topic = topics.setdefault(name, drawn_topic)  # a retry is of the same topic
        wanted = message(name, now, topic)
        covers = [each for each in drawn if each[0] in (None, topic)]
        free = all(model.number(now, scope, *per, but=name) < allowed for scope, allowed, per in covers)
        result = count_message(wanted, counted, caps, zone)
        assert isinstance(result, WithinCaps) == free
        if isinstance(result, WithinCaps):
            counted, model.sent[name] = result.counted, (now, topic)
            if fails:
                counted = without(name, counted)
                del model.sent[name]
        else:
            assert isinstance(count_message(wanted._replace(at=result.until), counted, caps, zone), WithinCaps)
            just_before = wanted._replace(at=result.until - timedelta(milliseconds=1))
            assert isinstance(count_message(just_before, counted, caps, zone), CapReached)
