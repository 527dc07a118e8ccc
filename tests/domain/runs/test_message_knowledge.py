"""Waits and conditions that ask what became of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.journey_harness import CUSTOMER, END, event, only_run, play, visits_of
from tests.fakes.journeys import jump, message
from tests.fakes.messages import NOW
from waypost.domain.journeys.journey import Journey
from waypost.domain.journeys.known_statuses import KnownStatus
from waypost.domain.messages.message import MessageStatus
from waypost.domain.runs.context import NO_EVENT, JourneyVersion, StepContext
from waypost.domain.runs.message_knowledge import RunReport, known_status
from waypost.domain.runs.run import Cause, Run
from waypost.domain.runs.simulation import Simulation, TimedReport
from waypost.domain.runs.transition import advance_on_message, advance_on_report

HOUR = timedelta(hours=1)
START = event("go", NOW)
STATUSES: tuple[KnownStatus, ...] = ("failed", "delivered", "bounced", "opened", "clicked", "unsubscribed")


def asks(status: str, following: str = "yes", name: str = "hello", **more: Any) -> dict[str, Any]:
    """A branch for this status of a message."""
    return {"message": name, "status": status, "next": following, **more}


def wait(*branches: Mapping[str, Any], name: str = "wait", timeout: str = "P3D", late: str = "late") -> dict[str, Any]:
    """A wait with these branches, of three days."""
    return {"id": name, "type": "waitUntil", "branches": [*branches], "timeout": {"after": timeout, "next": late}}


def delay(name: str, then: str, length: str = "PT2H") -> dict[str, Any]:
    """A delay of two hours."""
    return {"id": name, "type": "timeDelay", "delay": length, "next": then}


def reported(status: KnownStatus, after: timedelta = HOUR, name: str = "hello", link: str | None = None) -> TimedReport:
    """A report about the message, an hour after the entry."""
    return TimedReport(NOW + after, name, status, link)


ENDS = (jump("yes", "end"), jump("other", "end"), jump("late", "end"), END)


def played(*steps: Mapping[str, Any], inputs: tuple[Any, ...] = (), **fields: Any) -> Simulation:
    """The dry run of the message `hello`, these steps, and the ends `yes`, `other` and `late`."""
    return play([message("hello", steps[0]["id"]), *steps, *ENDS], START, *inputs, **fields)


def reached(simulation: Simulation) -> list[str]:
    """The steps that the only run reached."""
    return [step for step, reason, _ in visits_of(simulation) if reason != "finished"]


@pytest.mark.parametrize("wanted", STATUSES)
@pytest.mark.parametrize("came", STATUSES)
def test_a_wait_is_taken_by_the_status_that_it_asks_for(wanted: KnownStatus, came: KnownStatus) -> None:
    """A branch is taken by its status at the time of the report; an open shows the delivery, and a click both. No other status takes it."""
    taken = wanted == came or (wanted, came) in {("delivered", "opened"), ("delivered", "clicked"), ("opened", "clicked")}
    simulation = played(wait(asks(wanted)), inputs=(reported(came),))
    expected = [("yes", "report", HOUR)] if taken else [("late", "timeout", timedelta(days=3))]
    assert visits_of(simulation)[2:3] == expected


def test_the_first_branch_in_the_order_written_is_taken() -> None:
    """Of two branches that a click completes, the run takes the first one."""
    branches = asks("clicked", "other", id="clicks"), asks("opened")
    simulation = played(wait(*branches), inputs=(reported("clicked"),))
    assert reached(simulation) == ["hello", "wait", "other", "end"]
    assert only_run(simulation).history[2].branch == "clicks"


@pytest.mark.parametrize(
    ("link", "taken"),
    [
        ("https://shop.example/cart", True),
        ("https://shop.example/cart?utm=1", True),
        ("https://shop.example/cart#top", True),
        ("https://shop.example/cart2", False),
        ("https://shop.example", False),
        (None, False),
    ],
)
def test_a_branch_may_ask_for_a_click_on_one_link(link: str | None, taken: bool) -> None:
    """Only a click on this URL counts, whatever its query and fragment. A click on another one before it does not stop it from counting."""
    other = reported("clicked", timedelta(minutes=5), link="https://shop.example/other")
    simulation = played(wait(asks("clicked", link="https://shop.example/cart")), inputs=(other, reported("clicked", link=link)))
    assert ("yes" in reached(simulation)) is taken


def test_a_status_that_came_before_the_wait_is_known_there() -> None:
    """A message that is opened during a delay in front of the wait takes the branch as soon as the run comes to the wait."""
    simulation = played(delay("pause", "wait"), wait(asks("opened")), inputs=(reported("opened"),))
    assert visits_of(simulation)[2:4] == [("wait", "elapsed", 2 * HOUR), ("yes", "report", 2 * HOUR)]


def test_a_second_wait_knows_what_took_the_first() -> None:
    """A click takes the branch of the first wait for an open and, at the same instant, that of a second wait for a click."""
    second = wait(asks("clicked"), name="second")
    simulation = played(wait(asks("opened", "second")), second, inputs=(reported("clicked"),))
    assert visits_of(simulation)[2:4] == [("second", "report", HOUR), ("yes", "report", HOUR)]


def test_templates_go_on_to_see_the_event_that_moved_the_run_last() -> None:
    """The message behind a branch of a report has the payload of the event before."""
    steps = wait(asks("opened", "thanks")), message("thanks", "end")
    simulation = play([message("hello", "wait"), *steps, *ENDS[2:]], event("go", NOW, total=5), reported("opened"))
    assert simulation.messages[-1].message.event["payload"] == {"total": 5}


def test_the_wait_after_a_second_message_of_the_same_step_starts_without_knowledge() -> None:
    """After an open the run sends the message again. The open of the first one does not end the wait for the second."""
    again = wait(asks("opened", "pause"), late="late", timeout="P1D")
    simulation = played(again, delay("pause", "hello"), inputs=(reported("opened"), reported("opened", 10 * HOUR)))
    rounds = [visit for visit in visits_of(simulation) if visit[0] in {"hello", "pause", "late"}]
    assert rounds[:4] == [
        ("hello", "entered", timedelta(0)),
        ("pause", "report", HOUR),
        ("hello", "elapsed", 3 * HOUR),
        ("pause", "report", 10 * HOUR),
    ]


def waiting_run(*steps: Mapping[str, Any]) -> tuple[JourneyVersion, Run]:
    """A run that has sent its message, as the dry run leaves it in a wait without a timeout."""
    simulation = play([message("hello", steps[0]["id"]), *steps, *ENDS], START)
    return simulation.journey_version, only_run(simulation)


NO_TIMEOUT = {"id": "wait", "type": "waitUntil", "branches": [asks("opened")]}
CONTEXT = StepContext(CUSTOMER, NO_EVENT, NOW + HOUR, "UTC")


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(RunReport("hello", 2, "opened"), id="of a visit that was not made"),
        pytest.param(RunReport("hello", 0, "opened"), id="of an earlier visit"),
        pytest.param(RunReport("hello", 1, "bounced"), id="that nothing asks for"),
        pytest.param(RunReport("wait", 1, "opened"), id="of a step that sends nothing"),
    ],
)
def test_a_report_that_is_not_asked_for_changes_nothing(report: RunReport) -> None:
    """Not even the row of the run is written."""
    journey_version, run = waiting_run(NO_TIMEOUT)
    assert advance_on_report(journey_version, run, report, CONTEXT, paused=False) is None


def test_a_repeated_report_changes_nothing() -> None:
    """The second of two equal reports finds that the run knows the status."""
    journey_version, run = waiting_run({**NO_TIMEOUT, "branches": [asks("opened"), asks("bounced", "other")]}, delay("rest", "end"))
    kept = advance_on_report(journey_version, run, RunReport("hello", 1, "delivered"), CONTEXT, paused=False)
    assert kept is None
    held = advance_on_report(journey_version, run, RunReport("hello", 1, "opened"), CONTEXT, paused=True)
    assert held is not None
    assert advance_on_report(journey_version, held.run, RunReport("hello", 1, "opened"), CONTEXT, paused=True) is None


def test_a_report_in_a_paused_journey_is_held() -> None:
    """The run notes the branch and the cause, and a second report is only remembered: the first one has decided."""
    journey_version, run = waiting_run({**NO_TIMEOUT, "branches": [asks("opened"), asks("bounced", "other")]})
    held = advance_on_report(journey_version, run, RunReport("hello", 1, "opened"), CONTEXT, paused=True)
    assert held is not None
    pending = held.run.pending_transition
    assert pending is not None
    assert (pending.step, pending.cause, pending.branch, held.run.step) == ("yes", Cause.REPORT, "1", "wait")
    an_hour_later = StepContext(CUSTOMER, NO_EVENT, NOW + 2 * HOUR, "UTC")
    later = advance_on_report(journey_version, held.run, RunReport("hello", 1, "bounced"), an_hour_later, paused=True)
    assert later is not None
    assert later.run.pending_transition == pending
    assert later.run.known_message("hello").statuses == ("opened", "bounced")


def test_an_exited_run_keeps_nothing() -> None:
    """A report about the message of a run that has ended changes nothing."""
    simulation = played(wait(asks("opened")), inputs=(reported("opened"),))
    run = only_run(simulation)
    assert run.known_messages == ()
    assert advance_on_report(simulation.journey_version, run, RunReport("hello", 1, "opened"), CONTEXT, paused=False) is None


@pytest.mark.parametrize(
    ("outcome", "known"),
    [
        (MessageStatus.PENDING, None),
        (MessageStatus.SENDING, None),
        (MessageStatus.SENT, None),
        (MessageStatus.DELIVERED, "delivered"),
        (MessageStatus.BOUNCED, "bounced"),
        (MessageStatus.OPENED, "opened"),
        (MessageStatus.CLICKED, "clicked"),
        (MessageStatus.FAILED, "failed"),
        (MessageStatus.UNKNOWN, "failed"),
        (MessageStatus.SKIPPED, "failed"),
    ],
)
def test_what_was_not_sent_counts_as_failed(outcome: MessageStatus, known: KnownStatus | None) -> None:
    """`failed`, `unknown` and `skipped` are all `failed` to waits, as they are to `onFailure`; every status has its meaning here."""
    assert known_status(outcome) == known


@pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED])
def test_a_wait_behind_on_failure_knows_that_the_message_failed(status: MessageStatus) -> None:
    """A run that waits at its message step learns of the failure with the outcome, which needs no signal of its own."""
    steps = [message("hello", "end", onFailure="wait"), wait(asks("failed")), *ENDS]
    definition = Journey.model_validate({"id": "j", "entry": {"event": "go"}, "steps": steps})
    simulation = play(steps, START)
    stopped = Run("r_1", "j", 1, "", "hello", NOW, visits={"hello": 1})
    transition = advance_on_message(JourneyVersion(definition, 1), stopped, "hello", 1, status, CONTEXT)
    assert transition is not None
    assert [visit.step for visit in transition.run.history if visit.reason is Cause.REPORT] == ["yes"]
    assert simulation.ignored == []


def test_a_message_that_quiet_hours_skip_has_failed() -> None:
    """It is skipped as it is created, so the wait behind it takes the branch for a failure at once."""
    quiet = {"from": "00:00", "to": "23:59", "otherwise": "skip"}
    assert reached(played(wait(asks("failed")), quietHours=quiet)) == ["hello", "wait", "yes", "end"]


# ---------------------------------------------------------------- Events beside reports

NIGHT = {"from": "00:00", "to": "12:00"}


@pytest.mark.parametrize(("bought", "opened", "taken"), [(3, 4, "other"), (4, 3, "yes")])
def test_the_first_of_event_and_report_takes_the_branch_of_the_wait(bought: int, opened: int, taken: str) -> None:
    """While quiet hours keep the run at a second message, either of the two may decide the wait behind it."""
    branches = wait(asks("opened"), {"event": "purchase", "next": "other"})
    steps = [message("hello", "pause"), delay("pause", "night"), message("night", "wait"), branches, *ENDS]
    inputs = event("purchase", NOW + bought * HOUR), reported("opened", opened * HOUR)
    assert reached(play(steps, START, *inputs, quietHours={"from": "07:00", "to": "12:00"}))[-2] == taken


def unsubscribe(after: timedelta = HOUR, **payload: Any) -> Any:
    """An unsubscription."""
    return event("$unsubscribe", NOW + after, **payload)


@pytest.mark.parametrize(
    ("payload", "taken"),
    [
        pytest.param({}, True, id="everything"),
        pytest.param({"topic": "news"}, True, id="its topic"),
        pytest.param({"channel": "email"}, True, id="its channel"),
        pytest.param({"topic": "news", "channel": "email"}, True, id="both"),
        pytest.param({"topic": "offers"}, False, id="another topic"),
        pytest.param({"topic": "news", "channel": "webhook"}, False, id="another channel"),
    ],
)
def test_an_unsubscription_of_the_topic_and_channel_counts(payload: Mapping[str, Any], taken: bool) -> None:
    """An `$unsubscribe` takes the branch if it covers the topic and the channel of the message."""
    steps = [message("hello", "wait", topic="news"), wait(asks("unsubscribed")), *ENDS]
    assert visits_of(play(steps, START, unsubscribe(**payload)))[2][:2] == (("yes", "event") if taken else ("late", "timeout"))


def test_a_message_without_a_topic_belongs_to_general() -> None:
    """An unsubscription from `general` is one from the messages that name no topic."""
    assert "yes" in reached(played(wait(asks("unsubscribed")), inputs=(unsubscribe(topic="general"),)))


def test_an_unsubscription_before_the_wait_is_known_there() -> None:
    """It is remembered while the run is in a delay. One that comes before the message is created, as in quiet hours, is not about it."""
    late = played(delay("pause", "wait"), wait(asks("unsubscribed")), inputs=(unsubscribe(),))
    assert reached(late) == ["hello", "pause", "wait", "yes", "end"]
    early = [delay("pause", "hello"), message("hello", "wait"), wait(asks("unsubscribed")), *ENDS]
    assert reached(play(early, START, unsubscribe()))[-2] == "late"
    night = play([message("hello", "wait"), wait(asks("unsubscribed")), *ENDS], START, unsubscribe(), quietHours=NIGHT)
    assert reached(night)[-2] == "late"


def test_an_unsubscription_that_takes_no_branch_still_exits_the_run() -> None:
    """An exit on `$unsubscribe` ends a run that has only remembered it; a run whose wait takes it goes along the branch."""
    exits = [{"event": "$unsubscribe"}]
    remembering = wait({"event": "purchase", "next": "second"}), wait(asks("unsubscribed"), name="second")
    simulation = played(*remembering, inputs=(unsubscribe(),), exit=exits)
    assert visits_of(simulation)[-1] == ("wait", "exit-event", HOUR)
    assert reached(played(wait(asks("unsubscribed")), inputs=(unsubscribe(),), exit=exits))[-2] == "yes"


# ---------------------------------------------------------------- Conditions


def split(operator: str, value: Any = None) -> dict[str, Any]:
    """A multisplit on the status of the message."""
    condition = {"property": "messages.hello.status", "operator": operator, "value": value}
    return {"id": "split", "type": "multisplit", "branches": [{"conditions": condition, "next": "yes"}], "otherwise": "other"}


@pytest.mark.parametrize(
    ("operator", "value", "statuses", "taken"),
    [
        ("is equal to", "opened", ["delivered", "opened"], True),
        ("is equal to", "opened", ["opened", "delivered"], True),
        ("is equal to", "opened", ["clicked"], False),
        ("is equal to", "unsubscribed", ["opened"], False),
        ("is not equal to", "opened", ["delivered"], True),
        ("is not equal to", "opened", [], True),
        ("exists", None, ["bounced"], True),
        ("exists", None, [], False),
        ("not exist", None, [], True),
    ],
)
def test_a_condition_sees_the_last_status(operator: str, value: Any, statuses: list[KnownStatus], taken: bool) -> None:
    """The status is the most advanced one that is known, whatever the order of the reports; without a report there is none."""
    reports = [reported(status, timedelta(minutes=place + 1)) for place, status in enumerate(statuses)]
    simulation = played(delay("pause", "split"), split(operator, value), inputs=(*reports,))
    assert reached(simulation)[-2] == ("yes" if taken else "other")


def test_a_condition_sees_an_unsubscription() -> None:
    """A condition that names `unsubscribed` makes the run remember the event."""
    simulation = played(delay("pause", "split"), split("is equal to", "unsubscribed"), inputs=(reported("clicked"), unsubscribe()))
    assert reached(simulation)[-2] == "yes"


def test_only_messages_that_are_asked_for_are_listened_to() -> None:
    """The matcher marks a message if a wait or a condition of its journey names its step, and no other one."""
    made: Callable[..., Simulation] = lambda *steps: play([message("hello", "second"), message("second", "next"), *steps], START)  # noqa: E731
    marked = [planned.message.listened for planned in made({**NO_TIMEOUT, "id": "next"}, *ENDS[:1], END).messages]
    assert marked == [True, False]
    by_condition = made({**split("exists"), "id": "next"}, *ENDS[:2], END)
    assert [planned.message.listened for planned in by_condition.messages] == [True, False]
    assert [planned.message.listened for planned in made(jump("next", "end"), END).messages] == [False, False]


def test_a_report_about_a_message_that_was_not_sent_is_listed_as_ignored() -> None:
    """The dry run says so with the reason `no-message`, so that a time before the message does not look like a report without effect."""
    simulation = play([delay("pause", "hello"), message("hello", "wait"), wait(asks("opened")), *ENDS], START, reported("opened"))
    assert [(each.at, each.event, each.message, each.reason) for each in simulation.ignored] == [(NOW + HOUR, None, "hello", "no-message")]
