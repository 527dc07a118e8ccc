"""Runs and messages that a paused journey holds, in DynamoDB and in the fakes: one contract for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.messages import NOW, FakeMessages, pending_message
from tests.fakes.receipts import FakeReceipts
from tests.fakes.runs import FakeRuns
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.events import DynamoReceipts
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit
from waypost.domain.runs.effects import ArmTimer, DisarmTimer, SendMessage
from waypost.domain.runs.run import ActiveRunEntry, Cause, CustomerRuns, HeldRun, PendingTransition, Run, StepVisit, VersionRow
from waypost.domain.runs.timers import Timer

KEPT = timedelta(days=90)
ADA, DEVICE = Identifier("primary", "ada@example.com"), Identifier("correlation", "device-2")
PENDING = PendingTransition(NOW, ADA, "thanks", Cause.EVENT, {"payload": {"total": Decimal("10.50")}})
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
    pending_transition=PENDING,
    last_event_uuid="e7",
    history=(StepVisit(NOW, "hello", Cause.ENTERED), StepVisit(NOW, "wait", Cause.NEXT), StepVisit(NOW, "wait", Reason.LOOP)),
)


@dataclass
class Stores:
    """Runs and messages of one implementation."""

    runs: DynamoRuns | FakeRuns
    messages: DynamoMessages | FakeMessages

    def commit(self, customer: str, run: Run, workspace: str = "w1") -> None:
        """Saves a run of a customer."""
        version_row = self.runs.get(workspace, customer).version_row
        self.runs.commit(Commit(workspace, customer, version_row, (), (run,)))

    def held(self, journey: str = "welcome") -> list[HeldRun]:
        """All runs that a journey holds, read part by part."""
        found, after = self.runs.held("w1", journey, None)
        while after is not None:
            more, after = self.runs.held("w1", journey, after)
            found += more
        return found


@pytest.fixture
def dynamo() -> Iterator[Stores]:
    """Empty tables."""
    with aws():
        messages = empty_table("MessagesTable")
        receipts = DynamoReceipts(empty_table("EventsTable"), KEPT)
        yield Stores(DynamoRuns(empty_table("RunsTable"), receipts, messages), DynamoMessages(messages))


@pytest.fixture(params=["DynamoDB", "fake"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Both implementations."""
    if request.param == "DynamoDB":
        found: Stores = request.getfixturevalue("dynamo")
        return found
    messages = FakeMessages()
    return Stores(FakeRuns(FakeReceipts(KEPT), messages), messages)


def test_a_run_and_its_effects_are_read_as_they_were_written(stores: Stores) -> None:
    """Every field of a held run, and each kind of pending effect, is read back equal."""
    timer = Timer("w1", "c_1", ADA, "r_1", "wait", 2, 0, NOW)
    pending_effects = (SendMessage("msg_1"), ArmTimer(timer), DisarmTimer("t_1"))
    stores.runs.commit(Commit("w1", "c_1", VersionRow(), pending_effects, (RUN,)))
    assert stores.runs.get("w1", "c_1") == CustomerRuns(VersionRow(1, pending_effects), (RUN,))


def test_held_runs_are_listed_in_the_order_in_which_they_were_held(stores: Stores) -> None:
    """The list holds the held and active runs of this journey and workspace, and a run leaves it when it is not held any more."""
    later = replace(RUN, id="r_2", pending_transition=replace(PENDING, at=NOW + timedelta(seconds=1), lookup_id=DEVICE))
    stores.commit("c_2", later)
    stores.commit("c_1", RUN)
    stores.commit("c_3", replace(RUN, id="r_3", pending_transition=None))
    stores.commit("c_4", replace(RUN, id="r_4").exited(Reason.STOPPED, NOW))
    stores.commit("c_5", replace(RUN, id="r_5", journey="other"))
    stores.commit("c_6", RUN, workspace="w2")
    assert stores.held() == [HeldRun("c_1", ADA), HeldRun("c_2", DEVICE)]
    stores.commit("c_1", replace(RUN, pending_transition=None))
    assert stores.held() == [HeldRun("c_2", DEVICE)]


def test_many_held_runs_are_listed_in_parts(stores: Stores) -> None:
    """120 held runs, two at each millisecond, are all in the parts of the list, each once and in order."""
    for number in range(120):
        pending = replace(PENDING, at=NOW + timedelta(milliseconds=number // 2))
        stores.commit(f"c_{number}", replace(RUN, id=f"r_{number:03}", pending_transition=pending, history=()))
    assert [each.customer for each in stores.held()] == [f"c_{number}" for number in range(120)]


def test_held_messages_are_listed_in_the_order_of_their_creation(stores: Stores) -> None:
    """The list holds the held messages of this journey, and a message leaves it when it is saved as not held."""
    for number in range(3):
        message = pending_message(id=f"msg_{number}", created_at=NOW - timedelta(seconds=number), held=number < 2)
        stores.runs.commit(Commit("w1", f"c_{number}", VersionRow(), (), messages=(message,)))
    assert stores.messages.held("w1", "welcome", None) == (["msg_1", "msg_0"], None)
    message_read = stores.messages.get("w1", "msg_1")
    assert message_read is not None
    assert message_read.held
    assert stores.messages.save(replace(message_read, held=False), message_read)
    assert stores.messages.held("w1", "welcome", None) == (["msg_0"], None)
    assert stores.messages.held("w1", "other", None) == ([], None)


def test_the_active_runs_at_each_step_are_counted(dynamo: Stores) -> None:
    """Held and other active runs are counted at their step; ended runs are not counted."""
    assert isinstance(dynamo.runs, DynamoRuns)
    for number in range(3):
        dynamo.commit(f"c_{number}", replace(RUN, id=f"r_{number}", pending_transition=None))
    dynamo.commit("c_4", replace(RUN, id="r_4"))
    dynamo.commit("c_5", replace(RUN, id="r_5", step="hello", pending_transition=None))
    dynamo.commit("c_6", replace(RUN, id="r_6").exited(Reason.FINISHED, NOW))
    assert dynamo.runs.counts("w1", "welcome") == ({"wait": 4, "hello": 1}, None)


def test_the_runs_of_a_step_are_counted_up_to_a_limit(dynamo: Stores) -> None:
    """One call counts the runs of a step that no pause holds, or the held ones; the result says whether there are more than the limit."""
    assert isinstance(dynamo.runs, DynamoRuns)
    for number in range(3):
        dynamo.commit(f"c_{number}", replace(RUN, id=f"r_{number}", pending_transition=None))
    dynamo.commit("c_4", replace(RUN, id="r_4"))
    dynamo.commit("c_5", replace(RUN, id="r_5", journey="other", pending_transition=None))
    assert dynamo.runs.count("w1", "welcome", "wait", limit=10) == (3, False)
    assert dynamo.runs.count("w1", "welcome", None, limit=10) == (1, False)
    assert dynamo.runs.count("w1", "welcome", "hello", limit=10) == (0, False)
    assert dynamo.runs.count("w1", "welcome", "wait", limit=2) == (2, True)


def read_active(stores: Stores, step: str | None, limit: int = 2, journey: str = "welcome") -> list[ActiveRunEntry]:
    """The entries of all active runs, read part by part."""
    found, after = stores.runs.active("w1", journey, step, limit=limit, after=None)
    while after is not None:
        more, after = stores.runs.active("w1", journey, step, limit=limit, after=after)
        found += more
    return found


def commit_of_each_kind(stores: Stores) -> None:
    """Runs of seven customers: three in `wait` and one in `hello`, one in each that is held, and one that has ended."""
    for number in range(3):
        stores.commit(f"c_{number}", replace(RUN, id=f"r_{number}", key="a\nb", pending_transition=None))
    stores.commit("c_3", replace(RUN, id="r_3"))
    stores.commit("c_4", replace(RUN, id="r_4", step="hello"))
    stores.commit("c_5", replace(RUN, id="r_5", step="hello", pending_transition=None))
    stores.commit("c_6", replace(RUN, id="r_6").exited(Reason.FINISHED, NOW))
    stores.commit("c_7", replace(RUN, id="r_7", journey="other"))
    stores.commit("c_0", RUN, workspace="w2")


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_the_active_runs_are_listed_by_step(stores: Stores, limit: int) -> None:
    """Each active run is found once, in parts of any size: the held ones first, and for one step last; ended runs are not found."""
    commit_of_each_kind(stores)
    assert [each.customer for each in read_active(stores, "wait", limit)] == ["c_0", "c_1", "c_2", "c_3"]
    assert [each.customer for each in read_active(stores, "hello", limit)] == ["c_5", "c_4"]
    assert read_active(stores, "nothing", limit) == []
    everywhere = [each.customer for each in read_active(stores, None, limit)]
    assert (sorted(everywhere[:2]), sorted(everywhere[2:])) == (["c_3", "c_4"], ["c_0", "c_1", "c_2", "c_5"])


def test_active_runs_are_loaded_from_their_places(stores: Stores) -> None:
    """The runs come in the order of the entries, as they are now; one that has ended since is left out."""
    commit_of_each_kind(stores)
    entries = read_active(stores, "wait")
    stores.commit("c_1", replace(RUN, id="r_1", key="a\nb").exited(Reason.FINISHED, NOW))
    stores.commit("c_2", replace(RUN, id="r_2", key="a\nb", step="hello", pending_transition=None))
    loaded = stores.runs.load("w1", entries)
    assert [(customer, run.id, run.step) for customer, run in loaded] == [
        ("c_0", "r_0", "wait"),
        ("c_2", "r_2", "hello"),
        ("c_3", "r_3", "wait"),
    ]
    assert loaded[2][1] == replace(RUN, id="r_3")
    assert stores.runs.load("w1", []) == []


@pytest.mark.parametrize("position", ["x", "live#wait", "live#wait\n\nrun/x", "live#hello\nc_1\nrun/x"])
def test_a_position_that_is_none_of_these_runs_is_an_error(dynamo: Stores, position: str) -> None:
    """A position without its three parts, or of another step, raises ValueError; DynamoDB would refuse it with an error of its own."""
    with pytest.raises(ValueError, match=r".*"):
        dynamo.runs.active("w1", "welcome", "wait", limit=2, after=position)


def test_counts_are_read_in_parts(dynamo: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads of at most two runs, which have one sort key in the index, together count each run once, by the positions they return."""
    for number in range(5):
        dynamo.commit(f"c_{number}", replace(RUN, id=f"r_{number}", key="a\nb", pending_transition=None))
    query = Table.query
    monkeypatch.setattr(Table, "query", lambda *arguments, **options: query(*arguments, **{"Limit": 2, **options}))
    parts: list[dict[str, int]] = []
    after = None
    assert isinstance(dynamo.runs, DynamoRuns)
    while after is not None or not parts:
        counts, after = dynamo.runs.counts("w1", "welcome", after)
        parts.append(counts)
    assert parts == [{"wait": 2}, {"wait": 2}, {"wait": 1}]


def test_held_runs_and_messages_are_listed_after_a_short_read(dynamo: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a read returns two rows, as it does with few rows of 1 MB, a resume finds all held runs and messages by the positions."""
    for number in range(5):
        message = pending_message(id=f"msg_{number}", created_at=NOW + timedelta(seconds=number), held=True)
        dynamo.runs.commit(Commit("w1", f"c_{number}", VersionRow(), (), (replace(RUN, id=f"r_{number}"),), messages=(message,)))
    query = Table.query
    monkeypatch.setattr(Table, "query", lambda *arguments, **options: query(*arguments, **{**options, "Limit": 2}))
    assert [each.customer for each in dynamo.held()] == [f"c_{number}" for number in range(5)]
    found, after = dynamo.messages.held("w1", "welcome", None)
    while after is not None:
        more, after = dynamo.messages.held("w1", "welcome", after)
        found += more
    assert found == [f"msg_{number}" for number in range(5)]
