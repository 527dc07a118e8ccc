"""What a paused journey holds, in the tables as the template makes them and in the fakes: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes import tables
from tests.fakes.messages import NOW, FakeMessages, pending_message
from tests.fakes.receipts import FakeReceipts
from tests.fakes.runs import FakeRuns
from waypost.adapters.dynamodb.events import Receipts
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit
from waypost.domain.runs.effects import ArmTimer, DisarmTimer, SendMessage
from waypost.domain.runs.run import Cause, CustomerRuns, HeldRun, PendingTransition, Run, StepVisit, VersionRow
from waypost.domain.runs.timers import Timer

ADA, BOB = Identifier("primary", "ada@example.com"), Identifier("correlation", "device-2")
HELD = PendingTransition(NOW, ADA, "thanks", Cause.EVENT, {"payload": {"total": Decimal("10.50")}})
RUN = Run(
    "r_1",
    "welcome",
    3,
    "7",
    "wait",
    NOW,
    visits={"hello": 1, "wait": 2},
    trigger_event={"payload": {}},
    due=NOW + timedelta(days=3),
    matched_events=((0, 1), (2, 0)),
    pending_transition=HELD,
    last_event_uuid="e7",
    history=(StepVisit(NOW, "hello", Cause.ENTERED), StepVisit(NOW, "wait", Cause.NEXT), StepVisit(NOW, "wait", Reason.LOOP)),
)


@dataclass
class Side:
    """One side of the contract."""

    runs: DynamoRuns | FakeRuns
    messages: DynamoMessages | FakeMessages

    def hold(self, customer: str, run: Run, workspace: str = "w1") -> None:
        version_row = self.runs.get(workspace, customer).version_row
        self.runs.commit(Commit(workspace, customer, version_row, (), (run,)))

    def held(self, journey: str = "welcome") -> list[HeldRun]:
        found, after = self.runs.held("w1", journey, None)
        while after is not None:
            more, after = self.runs.held("w1", journey, after)
            found += more
        return found


@pytest.fixture(params=["DynamoDB", "fake"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Both sides of the contract."""
    if request.param == "fake":
        messages = FakeMessages()
        yield Side(FakeRuns(FakeReceipts(timedelta(days=90)), messages), messages)
        return
    with tables.aws():
        rows = tables.fresh("MessagesTable")
        receipts = Receipts(tables.fresh("EventsTable"), timedelta(days=90))
        yield Side(DynamoRuns(tables.fresh("RunsTable"), receipts, rows), DynamoMessages(rows))


def test_a_run_comes_back_with_all_that_it_remembers(side: Side) -> None:
    """What it has heard, what it is held from, its way so far; and all kinds of debts."""
    timer = Timer("w1", "c_1", ADA, "r_1", "wait", 2, 0, NOW)
    debts = (SendMessage("msg_1"), ArmTimer(timer), DisarmTimer("t_1"))
    side.runs.commit(Commit("w1", "c_1", VersionRow(), debts, (RUN,)))
    assert side.runs.get("w1", "c_1") == CustomerRuns(VersionRow(1, debts), (RUN,))


def test_held_runs_are_listed_in_the_order_in_which_they_were_held(side: Side) -> None:
    """Of this journey and this workspace, while they are held and active."""
    later = replace(RUN, id="r_2", pending_transition=replace(HELD, at=NOW + timedelta(seconds=1), lookup_id=BOB))
    side.hold("c_2", later)
    side.hold("c_1", RUN)
    side.hold("c_3", replace(RUN, id="r_3", pending_transition=None))
    side.hold("c_4", replace(RUN, id="r_4").exited(Reason.STOPPED, NOW))
    side.hold("c_5", replace(RUN, id="r_5", journey="other"))
    side.hold("c_6", RUN, workspace="w2")
    assert side.held() == [HeldRun("c_1", ADA), HeldRun("c_2", BOB)]
    side.hold("c_1", replace(RUN, pending_transition=None))
    assert side.held() == [HeldRun("c_2", BOB)]


def test_many_held_runs_are_listed_in_parts(side: Side) -> None:
    """None is lost between two parts."""
    for number in range(120):
        held = replace(HELD, at=NOW + timedelta(milliseconds=number // 2))
        side.hold(f"c_{number}", replace(RUN, id=f"r_{number:03}", pending_transition=held, history=()))
    assert [each.customer for each in side.held()] == [f"c_{number}" for number in range(120)]


def test_held_messages_are_listed_until_they_go_on(side: Side) -> None:
    """In the order of their making."""
    for number in range(3):
        message = pending_message(id=f"msg_{number}", created_at=NOW - timedelta(seconds=number), held=number < 2)
        side.runs.commit(Commit("w1", f"c_{number}", VersionRow(), (), messages=(message,)))
    assert side.messages.held("w1", "welcome", None) == (["msg_1", "msg_0"], None)
    was = side.messages.get("w1", "msg_1")
    assert was is not None
    assert was.held
    assert side.messages.save(replace(was, held=False), was)
    assert side.messages.held("w1", "welcome", None) == (["msg_0"], None)
    assert side.messages.held("w1", "other", None) == ([], None)


def test_steps_show_how_many_stand_on_them() -> None:
    """Active runs only, held ones among them."""
    with tables.aws():
        rows = tables.fresh("MessagesTable")
        runs = DynamoRuns(tables.fresh("RunsTable"), Receipts(tables.fresh("EventsTable"), timedelta(days=90)), rows)
        dynamo = Side(runs, DynamoMessages(rows))
        for number in range(3):
            dynamo.hold(f"c_{number}", replace(RUN, id=f"r_{number}", pending_transition=None))
        dynamo.hold("c_4", replace(RUN, id="r_4"))
        dynamo.hold("c_5", replace(RUN, id="r_5", step="hello", pending_transition=None))
        dynamo.hold("c_6", replace(RUN, id="r_6").exited(Reason.FINISHED, NOW))
        assert runs.counts("w1", "welcome") == {"wait": 4, "hello": 1}
