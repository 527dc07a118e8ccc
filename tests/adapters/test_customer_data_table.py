"""The erasure of what is stored about a customer outside the customers table, in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.erasures import FakeCustomerData, FakeErasures
from tests.fakes.messages import NOW, pending_message
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.cap_counts import DynamoCapCounts
from waypost.adapters.dynamodb.customer_data import DynamoCustomerData
from waypost.adapters.dynamodb.dead_letters import DynamoDeadLetters
from waypost.adapters.dynamodb.erasures import DynamoErasures
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts, page_partition, silent_partition
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.rejected_events import DynamoRejectedEvents
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.domain.customers.erasure import ErasureScope, ErasureStatus
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.event_log import SHORT_LIVED, Page
from waypost.domain.intake.events import Event, Kind, Rejected, RejectedEvent
from waypost.domain.intake.receipts import Receipt
from waypost.domain.messages.caps import CountedMessage, StoredCount
from waypost.domain.messages.message import PreparedMessage
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.effects import SendMessage
from waypost.domain.runs.run import CustomerRuns, Run, VersionRow

RUN = Run("r_1", "welcome", 3, "", "hello", NOW, visits={"hello": 1})
ENDED = replace(RUN.exited(Reason.FINISHED), id="r_0", visits={})
SCOPE = ErasureScope(frozenset({"c_1"}), frozenset({Identifier("correlation", "d")}), frozenset({"msg_9"}))
ERROR = Rejected("bad-event", "event: must not be blank.", "/batch/0/event")


@dataclass
class Database:
    """The adapters of the tables that hold data of customers, and their erasure."""

    data: DynamoCustomerData
    erasures: DynamoErasures
    runs: DynamoRuns
    receipts: DynamoReceipts
    log: DynamoLog
    messages: DynamoMessages
    rejected: DynamoRejectedEvents
    dead_letters: DynamoDeadLetters


@pytest.fixture
def database() -> Iterator[Database]:
    """Empty tables."""
    with aws():
        runs, messages, events, dead = (empty_table(f"{name}Table") for name in ("Runs", "Messages", "Events", "Dead"))
        receipts = DynamoReceipts(events, timedelta(days=90))
        yield Database(
            DynamoCustomerData(runs, messages, events, dead),
            DynamoErasures(runs),
            DynamoRuns(runs, receipts, messages),
            receipts,
            DynamoLog(receipts),
            DynamoMessages(messages),
            DynamoRejectedEvents(events),
            DynamoDeadLetters(dead),
        )


def event(uuid: str) -> Event:
    """An event of the device `d`."""
    return Event(uuid, "page_view", Kind.TRIGGER, Identifier("correlation", "d"), "custom", {}, NOW, {})


def test_changes_decided_before_the_erasure_cannot_be_saved(database: Database) -> None:
    """After writes were blocked, a commit over the version that was read before is stale, and no effect is pending any more."""
    database.runs.commit(Commit("w1", "c_1", VersionRow(), (SendMessage("msg_1"),), (RUN,)))
    read = database.runs.get("w1", "c_1")
    unread = database.runs.get("w1", "c_new")
    for customer in ("c_1", "c_new"):
        database.erasures.block("w1", customer, customer, NOW)
    assert database.runs.commit(Commit("w1", "c_1", read.version_row, (), (RUN,))) is CommitResult.STALE
    assert database.runs.commit(Commit("w1", "c_new", unread.version_row, (), (RUN,))) is CommitResult.STALE
    assert database.runs.get("w1", "c_1").version_row.pending_effects == ()


def test_no_change_is_saved_after_an_erasure_whenever_it_was_decided(database: Database) -> None:
    """A worker that reads the blocked version row sees the erasure, and cannot save a change over it, nor merge with it."""
    database.runs.commit(Commit("w1", "c_1", VersionRow(), (), (RUN,)))
    for customer in ("c_1", "c_new"):
        database.erasures.block("w1", customer, customer, NOW)
    read, new = database.runs.get("w1", "c_1"), database.runs.get("w1", "c_new")
    assert (read.version_row.erased, read.runs, new.version_row.erased) == (True, (RUN,), True)
    for customer, version_row in (("c_1", read.version_row), ("c_new", new.version_row)):
        assert database.runs.commit(Commit("w1", customer, version_row, (SendMessage("msg_1"),), (RUN,))) is CommitResult.STALE
        assert not database.runs.merge(RunsMerge("w1", "c_2", VersionRow(), customer, version_row, (RUN,), ()))
        assert not database.runs.merge(RunsMerge("w1", customer, version_row, "c_2", VersionRow(), (RUN,), ()))
        assert database.runs.get("w1", customer).version_row == version_row


def test_runs_are_removed_and_the_version_row_stays(database: Database) -> None:
    """Current and past runs are deleted, the version stays, and a second call finds no run."""
    database.runs.commit(Commit("w1", "c_1", VersionRow(), (), (RUN,), (ENDED,)))
    database.runs.commit(Commit("w1", "c_2", VersionRow(), (), (RUN,)))
    assert [database.data.remove_runs("w1", "c_1") for _ in range(2)] == [2, 0]
    assert database.runs.history("w1", "c_1") == CustomerRuns(VersionRow(1), ())
    assert database.runs.get("w1", "c_2").runs == (RUN,)


def test_messages_are_removed_with_their_content(database: Database) -> None:
    """The message and what was rendered for it are deleted, those of another customer are not, and a second call finds none."""
    for number, customer in enumerate(("c_1", "c_1", "c_2")):
        message = pending_message(id=f"msg_{number}", customer=customer)
        database.runs.commit(Commit("w1", f"c_{number}", VersionRow(), (), messages=(message,)))
        database.messages.keep_rendered(message, PreparedMessage("ada@example.com", {"text": "Hi"}), NOW)
    found = database.data.messages("w1", "c_1")
    assert sorted(found) == [("msg_0", False), ("msg_1", False)]
    database.data.remove_messages("w1", [each.id for each in found])
    assert database.data.messages("w1", "c_1") == []
    assert [database.messages.get("w1", f"msg_{number}") is None for number in range(3)] == [True, True, False]
    assert [database.messages.rendered("w1", f"msg_{number}") is None for number in range(3)] == [True, True, False]


def test_what_counts_under_caps_is_removed(database: Database) -> None:
    """The counted messages of every id of the customer are deleted, and those of another customer are not."""
    counts = DynamoCapCounts(database.messages.table)
    for customer in ("c_1", "c_2", "c_3"):
        assert counts.save("w1", customer, StoredCount((CountedMessage("msg_1", NOW, "general", "email"),), kept_until=NOW)) is None
    database.data.remove_cap_counts("w1", ["c_0", "c_1", "c_2"])
    assert [counts.read("w1", f"c_{number}").revision for number in range(4)] == [0, 0, 0, 1]


def test_pages_are_removed_with_the_receipts_of_their_events(database: Database) -> None:
    """Pages of the customer and the receipts of all events on them are deleted, and those of another customer are not."""
    for number, customer in enumerate(("c_1", "c_1", "c_2")):
        receipt = Receipt(f"e{number}", "page_view", NOW, customer)
        database.log.write("w1", [Page("w1", customer, NOW, f"s{number}", (event(f"e{number}"),))], [receipt])
    assert [database.data.remove_events("w1", "c_1") for _ in range(2)] == [2, 0]
    assert list(database.receipts.read("w1", ["e0", "e1", "e2"], NOW)) == ["e2"]
    assert [page.customer for page in database.log.of_day("w1", NOW.date(), limit=9)[0]] == ["c_2"]


@pytest.mark.parametrize("contested", [1, 150], ids=["in one transaction", "in several calls"])
def test_receipts_of_events_that_are_on_no_lasting_page_are_removed(database: Database, contested: int) -> None:
    """With `EventLog=effects`, receipts without effect outlive their page, or have none. They are deleted all the same, of any number."""
    receipts = [Receipt(f"e{number}", "page_view", NOW, "c_1") for number in range(contested)]
    database.log.write("w1", [Page("w1", "c_1", NOW, "s1", (event("e0"),), SHORT_LIVED)], [], receipts)
    database.log.write("w1", [], [], [Receipt("other", "page_view", NOW, "c_2")])
    database.receipts.table.delete({"id": page_partition("w1", "c_1"), "at": "2026-11-23T05:17:13.000Z#s1"})  # it has expired
    assert [database.data.remove_events("w1", "c_1") for _ in range(2)] == [contested, 0]
    assert list(database.receipts.read("w1", ["other", *(each.uuid for each in receipts)], NOW)) == ["other"]
    assert not list(database.receipts.table.query_all("id = :id", {":id": silent_partition("w1", "c_1")}))


def test_receipts_of_events_in_dead_letters_are_removed(database: Database) -> None:
    """A receipt whose signal became a dead letter before its page was written is deleted with it, unless it names another customer."""
    body = '{"kind":"events","customer":"c_1","events":[{"uuid":"e1","id":["correlation","d"]},{"uuid":"e2","id":["correlation","d"]}]}'
    database.runs.commit(Commit("w1", "c_1", VersionRow(), (), receipts=(Receipt("e1", "joined", NOW, "c_1"),)))
    database.runs.commit(Commit("w1", "c_2", VersionRow(), (), receipts=(Receipt("e2", "joined", NOW, "c_2"),)))
    database.dead_letters.park(Parked("w1", "signal", "s1", body, "reason", NOW))
    assert database.data.remove_parked("w1", SCOPE, None)[0] == 1
    assert list(database.receipts.read("w1", ["e1", "e2"], NOW)) == ["e2"]


@pytest.mark.parametrize(
    ("raw", "removed"),
    [
        ({"correlationValue": " Ada@Example.com "}, 1),
        ({"correlationValue": ["ada@example.com"]}, 1),
        ({"payload": {"distinct_id": "ada@example.com"}}, 1),
        ({"payload": {"$anon_distinct_id": "ada@example.com"}}, 1),
        ({"correlationValue": "eve@example.com", "payload": {"note": "ada@example.com"}}, 0),
        ({"payload": "ada@example.com"}, 0),
        ("ada@example.com", 0),
    ],
    ids=["value", "value in an array", "primary key", "anonymous id", "another customer", "payload is no object", "event is no object"],
)
def test_rejected_events_are_removed_by_the_identifiers_in_them(database: Database, raw: Any, removed: int) -> None:
    """A rejected event of the last days is deleted exactly if it names the customer in one of the places for identifiers."""
    database.rejected.keep("w1", NOW - timedelta(days=7), "r-1", [RejectedEvent(0, raw, ERROR)])
    database.rejected.count("w1", NOW, 1)
    assert database.data.remove_rejected("w1", {"ada@example.com"}) == removed
    assert len(database.rejected.of_day("w1", (NOW - timedelta(days=7)).date(), limit=9)[0]) == 1 - removed


@pytest.mark.parametrize(
    ("subject", "body", "removed"),
    [
        ("msg_1", "unreadable", 1),
        ("msg_9", "unreadable", 1),
        ("s1", '{"kind":"events","customer":"c_9","events":[{"id":["primary","x"],"naming":["x","d"]}]}', 1),
        ("s1", '{"kind":"timer","customer":"c_9","knownAs":["correlation","d"]}', 1),
        ("s1", '{"kind":"timer","customer":"c_1"}', 1),
        ("s1", '{"kind":"events","customer":"c_9","events":[{"id":["correlation","d"]}]}', 1),
        ("s1", '{"kind":"events","customer":"c_9","events":[{"id":["correlation","other"]}]}', 0),
        ("s1", "unreadable", 0),
        ("s1", '["c_1"]', 0),
    ],
    ids=[
        "message",
        "removed message",
        "other id in an identify",
        "lookup id",
        "signal of the customer",
        "event of its id",
        "event of another id",
        "unreadable",
        "no signal",
    ],
)
def test_dead_letters_about_the_customer_are_removed(database: Database, subject: str, body: str, removed: int) -> None:
    """A dead letter is deleted exactly if it is a message of the customer, a signal of it, or a signal with an event of one of its ids."""
    database.runs.commit(Commit("w1", "c_1", VersionRow(), (), messages=(pending_message(),)))
    database.dead_letters.park(Parked("w1", "message" if subject.startswith("msg") else "signal", subject, body, "reason", NOW))
    assert database.data.remove_parked("w1", SCOPE, None)[0] == removed
    assert len(database.dead_letters.page("w1", limit=9)[0]) == 1 - removed


@pytest.fixture(params=["DynamoDB", "fake"])
def data(request: pytest.FixtureRequest) -> DynamoCustomerData | FakeCustomerData:
    """Both implementations of the data of customers."""
    return FakeCustomerData() if request.param == "fake" else request.getfixturevalue("database").data


@pytest.fixture(params=["DynamoDB", "fake"])
def erasures(request: pytest.FixtureRequest) -> DynamoErasures | FakeErasures:
    """Both implementations of erasures."""
    return FakeErasures() if request.param == "fake" else request.getfixturevalue("database").erasures


def test_dead_letters_are_read_page_by_page(data: DynamoCustomerData | FakeCustomerData) -> None:
    """One call reads at most 100 dead letters; the next call reads those behind the position that it returns, until there are none."""
    dead = data.dead if isinstance(data, FakeCustomerData) else DynamoDeadLetters(data.dead)
    for number in range(230):
        dead.park(Parked("w1", "signal", f"s{number:03}", f'{{"customer":"c_{number % 2}"}}', "reason", NOW))
    removed, position = data.remove_parked("w1", SCOPE, None)
    assert removed == 50
    while position is not None:
        number, position = data.remove_parked("w1", SCOPE, position)
        removed += number
    assert removed == 115
    assert data.remove_parked("w1", SCOPE, None)[0] == 0


def test_one_call_removes_a_bounded_number_of_events_and_rejected_events(database: Database) -> None:
    """Of 12 pages one call removes 10. Of 60 rejected events under each of three ids it removes those of two ids."""
    for number in range(12):
        database.log.write("w1", [Page("w1", "c_1", NOW, f"s{number:02}", (event(f"e{number}"),))], [])
    assert [database.data.remove_events("w1", "c_1") for _ in range(3)] == [10, 2, 0]
    names = ("a", "b", "c")
    database.rejected.keep("w1", NOW, "r", [RejectedEvent(n, {"correlationValue": names[n % 3]}, ERROR) for n in range(180)])
    assert [database.data.remove_rejected("w1", set(names)) for _ in range(3)] == [120, 60, 0]


def test_an_erasure_is_found_by_a_merged_id(erasures: DynamoErasures | FakeErasures) -> None:
    """The state by a merged id is that of the customer, from the mark on the merged id to the end; another customer has none."""
    assert erasures.begin("w1", "c_1", NOW) == NOW
    erasures.block("w1", "c_2", "c_1", NOW)
    assert erasures.status("w1", "c_2") == erasures.status("w1", "c_1") == ErasureStatus("c_1", NOW)
    erasures.schedule_second_pass("w1", "c_1", NOW + timedelta(minutes=2))
    erasures.schedule_second_pass("w1", "c_1", NOW + timedelta(minutes=9))
    assert erasures.status("w1", "c_2") == ErasureStatus("c_1", NOW, NOW + timedelta(minutes=2))
    erasures.complete("w1", "c_1")
    assert erasures.status("w1", "c_2") == ErasureStatus("c_1", NOW, None, complete=True)
    assert erasures.begin("w1", "c_1", NOW + timedelta(hours=1)) == NOW
    assert erasures.status("w1", "c_3") is None


def test_scope_and_positions_exist_until_the_erasure_is_complete(erasures: DynamoErasures | FakeErasures) -> None:
    """What is added to a scope joins what it has; a position is that of its scan; the end deletes both, and none of another customer."""
    for customer in ("c_1", "c_2"):
        erasures.begin("w1", customer, NOW)
        erasures.add("w1", customer, ErasureScope(ids=frozenset({customer})), NOW)
    erasures.add("w1", "c_1", replace(SCOPE, timers=frozenset({"t"})), NOW)
    erasures.save_position("w1", "c_1", "scan", "a", NOW)
    erasures.save_position("w1", "c_1", "scan", "b", NOW)
    assert [erasures.position("w1", "c_1", scan) for scan in ("scan", "other")] == ["b", None]
    assert erasures.scope("w1", "c_1") == replace(SCOPE, timers=frozenset({"t"}))
    erasures.complete("w1", "c_1")
    assert (erasures.scope("w1", "c_1"), erasures.position("w1", "c_1", "scan")) == (ErasureScope(), None)
    assert erasures.scope("w1", "c_2").ids == {"c_2"}
