"""Runs, receipts and the event log in DynamoDB and in the fakes: one contract for both."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.log import FakeLog
from tests.fakes.messages import NOW, FakeMessages, pending_message
from tests.fakes.receipts import FakeReceipts
from tests.fakes.runs import FakeRuns
from tests.fakes.tables import aws, empty_table
from waypost.adapters.dynamodb.events import DynamoLog, DynamoReceipts
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.run_items import to_item
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.receipts import JourneyOutcome, Receipt, TakenBranch
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.effects import SendMessage
from waypost.domain.runs.run import Cause, CustomerRuns, EarlyMatch, KnownMessage, PendingTransition, Run, RunStatus, StepVisit, VersionRow
from waypost.domain.values.wire_time import iso

KEPT = timedelta(days=90)
RUN = Run("r_1", "welcome", 3, "", "hello", NOW, visits={"hello": 1}, trigger_event={"payload": {"total": Decimal("10.50")}}, due=NOW)
ENDED = replace(RUN.exited(Reason.FINISHED), visits={})
RECEIPT = Receipt("e1", "signed_up", NOW, "c_1", (JourneyOutcome("welcome", "entered", None, "r_1"),), ("msg_1",))
WITHOUT_EFFECT = Receipt("e2", "page_view", NOW, "c_1", reason=Reason.HISTORICAL)
EVENT = Event(
    "e1", "signed_up", Kind.TRIGGER, Identifier("correlation", "d"), "mobile", {"total": Decimal("10.50"), "note": "Zoë"}, NOW, {}
)


@dataclass
class Stores:
    """Runs, receipts, log and messages of one implementation."""

    runs: DynamoRuns | FakeRuns
    receipts: DynamoReceipts | FakeReceipts
    log: DynamoLog | FakeLog
    messages: DynamoMessages | FakeMessages

    def read(self, *uuids: str, workspace: str = "w1", after: timedelta = timedelta(0)) -> dict[str, Receipt]:
        """The receipts of these events, read some time after now."""
        return self.receipts.read(workspace, uuids, NOW + after)

    def get(self, customer: str = "c_1", workspace: str = "w1") -> CustomerRuns:
        """The stored runs of a customer."""
        return self.runs.get(workspace, customer)


@pytest.fixture
def dynamo() -> Iterator[Stores]:
    """Empty tables."""
    with aws():
        receipts = DynamoReceipts(empty_table("EventsTable"), KEPT)
        messages = empty_table("MessagesTable")
        runs = DynamoRuns(empty_table("RunsTable"), receipts, messages)
        yield Stores(runs, receipts, DynamoLog(receipts), DynamoMessages(messages))


@pytest.fixture(params=["DynamoDB", "fake"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Both implementations."""
    if request.param == "DynamoDB":
        found: Stores = request.getfixturevalue("dynamo")
        return found
    receipts, messages = FakeReceipts(KEPT), FakeMessages()
    return Stores(FakeRuns(receipts, messages), receipts, FakeLog(receipts), messages)


def commit(**changes: Any) -> Commit:
    """A first entry into a journey, with its message and its receipt."""
    whole = Commit("w1", "c_1", VersionRow(), (SendMessage("msg_1"),), (RUN,), (), (pending_message(),), (RECEIPT,))
    return replace(whole, **changes)


def test_a_customer_without_rows_has_no_runs(stores: Stores) -> None:
    """The version is 0, and there are neither runs nor pending effects."""
    assert stores.get() == CustomerRuns(VersionRow(), ())


def test_a_commit_is_read_as_it_was_saved(stores: Stores) -> None:
    """Version row, run, message and receipt are read back equal, and nothing of them for another customer or workspace."""
    assert stores.runs.commit(commit()) is CommitResult.DONE
    assert stores.get() == CustomerRuns(VersionRow(1, (SendMessage("msg_1"),)), (RUN,))
    assert stores.messages.get("w1", "msg_1") == pending_message()
    assert stores.read("e1", "e2") == {"e1": RECEIPT}
    assert stores.get("c_2") == stores.get(workspace="w2") == CustomerRuns(VersionRow(), ())
    assert stores.read("e1", workspace="w2") == {}


def test_the_runs_in_one_journey_are_read_alone(stores: Stores) -> None:
    """Runs of all keys are found, and those of a journey whose id begins alike, of another customer and of another workspace are not."""
    others = [replace(RUN, id=f"r_{journey}", journey=journey) for journey in ("welcome-2", "welcom", "zzz")]
    keyed = [replace(RUN, id="r_2", key="order-1"), replace(RUN, id="r_3", key="a/b")]
    assert stores.runs.commit(commit(runs=(RUN, *keyed, *others))) is CommitResult.DONE
    assert sorted(run.id for run in stores.runs.in_journey("w1", "c_1", RUN.journey)) == sorted([RUN.id, "r_2", "r_3"])
    assert stores.runs.in_journey("w1", "c_2", RUN.journey) == stores.runs.in_journey("w2", "c_1", RUN.journey) == []


def test_a_commit_over_another_version_saves_nothing(stores: Stores) -> None:
    """A second first commit, and a commit over a version that was never there, are stale and leave runs, messages and receipts alone."""
    stores.runs.commit(commit())
    other = commit(runs=(replace(RUN, id="r_2"),), receipts=(replace(RECEIPT, uuid="e2"),), messages=(pending_message(id="msg_2"),))
    assert stores.runs.commit(other) is CommitResult.STALE
    assert stores.runs.commit(replace(other, version_row=VersionRow(2))) is CommitResult.STALE
    assert stores.get() == CustomerRuns(VersionRow(1, (SendMessage("msg_1"),)), (RUN,))
    assert stores.messages.get("w1", "msg_2") is None
    assert stores.read("e2") == {}


def test_a_commit_of_a_duplicate_event_saves_nothing(stores: Stores) -> None:
    """A commit over the right version, of an event that has a receipt, saves no run and no message and leaves the version."""
    stores.runs.commit(commit())
    again = commit(version_row=VersionRow(1), runs=(replace(RUN, id="r_2"),), messages=(pending_message(id="msg_2"),))
    assert stores.runs.commit(again) is CommitResult.DUPLICATE
    assert stores.get() == CustomerRuns(VersionRow(1, (SendMessage("msg_1"),)), (RUN,))
    assert stores.messages.get("w1", "msg_2") is None


@pytest.mark.parametrize(("after", "known"), [(KEPT - timedelta(seconds=1), True), (KEPT, False)], ids=["before", "after"])
def test_an_expired_receipt_counts_as_absent(stores: Stores, after: timedelta, known: bool) -> None:
    """From the second of its expiry on, a receipt that is still stored is neither read nor prevents a commit of its event."""
    stores.runs.commit(commit())
    assert ("e1" in stores.read("e1", after=after)) is known
    later = commit(version_row=VersionRow(1), receipts=(replace(RECEIPT, received_at=NOW + after),))
    assert (stores.runs.commit(later) is CommitResult.DUPLICATE) is known


def test_executed_effects_are_removed(stores: Stores) -> None:
    """Clearing removes the pending effects and leaves the version, so that a commit over the earlier reading is not stale."""
    stores.runs.commit(commit())
    stores.runs.clear("w1", "c_1", 1)
    assert stores.get() == CustomerRuns(VersionRow(1), (RUN,))


def test_effects_of_a_later_version_are_not_removed(stores: Stores) -> None:
    """Clearing for version 1 changes nothing once version 2 is stored, which has one more pending effect."""
    stores.runs.commit(commit())
    stores.runs.commit(
        commit(
            version_row=VersionRow(1, (SendMessage("msg_1"),)),
            pending_effects=(SendMessage("msg_1"), SendMessage("msg_2")),
            runs=(),
            messages=(),
            receipts=(),
        )
    )
    stores.runs.clear("w1", "c_1", 1)
    assert stores.get().version_row == VersionRow(2, (SendMessage("msg_1"), SendMessage("msg_2")))


def test_a_changed_run_replaces_its_earlier_state(stores: Stores) -> None:
    """After a second commit of the same run only its new state is stored."""
    stores.runs.commit(commit())
    stores.runs.commit(commit(version_row=VersionRow(1), runs=(ENDED,), messages=(), receipts=()))
    assert stores.get().runs == (ENDED,)


def test_a_replaced_run_becomes_a_past_run(dynamo: Stores) -> None:
    """A run that makes room for a later one is in the history and not among the current runs."""
    assert isinstance(dynamo.runs, DynamoRuns)
    dynamo.runs.commit(commit(runs=(ENDED,)))
    latest = replace(RUN, id="r_2", entered_at=NOW + timedelta(hours=1))
    dynamo.runs.commit(commit(version_row=VersionRow(1), runs=(latest,), replaced=(ENDED,), messages=(), receipts=()))
    assert dynamo.get().runs == (latest,)
    assert dynamo.runs.history("w1", "c_1").runs == (latest, ENDED)


@pytest.mark.parametrize(
    "key", ["", "7", "order/8#x", "Zoë 🎉", "k" * 2000], ids=["none", "digit", "separators", "emoji", "2,000 characters"]
)
def test_a_run_with_any_key_is_read_as_it_was_saved(stores: Stores, key: str) -> None:
    """A re-entry key of any length and with any characters is read back equal."""
    run = replace(RUN, key=key)
    stores.runs.commit(commit(runs=(run,)))
    assert stores.get().runs == (run,)


def test_more_runs_than_one_page_holds_are_all_read(dynamo: Stores) -> None:
    """100 runs with 20 KB each, of which a page of 1 MB holds a part, are all read."""
    seeded = random.Random(7)
    version_row = VersionRow()
    for place in range(100):
        filler = "".join(seeded.choices(string.printable, k=20_000))
        run = replace(RUN, id=f"r_{place:03}", trigger_event={"payload": {"filler": filler}})
        assert dynamo.runs.commit(commit(version_row=version_row, runs=(run,), messages=(), receipts=())) is CommitResult.DONE
        version_row = VersionRow(version_row.version + 1)
    assert len(dynamo.get().runs) == 100


def test_a_merge_moves_runs_and_pending_effects(stores: Stores) -> None:
    """Active runs and pending effects are the other customer's afterwards, and the version row of the merged one names that customer."""
    active, ended = replace(RUN, id="r_active"), replace(ENDED, id="r_ended")
    stores.runs.commit(commit(customer="c_2", runs=(active, ended), receipts=(), pending_effects=(SendMessage("msg_2"),)))
    stores.runs.commit(commit())
    runs_merge = RunsMerge(
        "w1", "c_1", VersionRow(1, (SendMessage("msg_1"),)), "c_2", VersionRow(1, (SendMessage("msg_2"),)), (active,), (ended,)
    )
    assert stores.runs.merge(runs_merge)
    assert stores.get().version_row == VersionRow(2, (SendMessage("msg_1"), SendMessage("msg_2")))
    assert {run.id for run in stores.get().runs} == {"r_1", "r_active"}
    assert stores.get("c_2") == CustomerRuns(VersionRow(2, (), "c_1"), ())


def test_an_ended_run_leaves_the_runs_of_the_customer_and_is_found_by_its_key(stores: Stores) -> None:
    """Only the latest run of exactly this journey and key is found, and another customer's is not."""
    runs = [replace(ENDED, id=f"r_{n}", key=key, entered_at=NOW + timedelta(days=n)) for n, key in enumerate(("a", "a", "a/b", "ab"))]
    stores.runs.commit(commit(runs=tuple(runs), receipts=()))
    assert sorted(run.id for run in stores.get().runs) == [run.id for run in runs]
    stores.runs.commit(commit(version_row=VersionRow(1), runs=(), receipts=(), ended=tuple(runs)))
    assert stores.get().runs == ()
    assert stores.runs.last_ended("w1", "c_1", "welcome", "a") == runs[1]
    assert stores.runs.last_ended("w1", "c_1", "welcome", "a/b") == runs[2]
    assert [stores.runs.last_ended("w1", *each) for each in (("c_2", "welcome", "a"), ("c_1", "other", "a"), ("c_1", "welcome", ""))] == [
        None
    ] * 3


def test_an_ended_run_that_is_not_read_with_the_customer_is_in_its_history(dynamo: Stores) -> None:
    """The management API shows it for as long as it is kept, which is without an end."""
    assert isinstance(dynamo.runs, DynamoRuns)
    ended = replace(ENDED, key="a")
    dynamo.runs.commit(commit(runs=(ended,), receipts=()))
    dynamo.runs.commit(commit(version_row=VersionRow(1), runs=(), receipts=(), ended=(ended,)))
    assert dynamo.runs.history("w1", "c_1").runs == (ended,)


@pytest.mark.parametrize(("target", "source"), [(0, 1), (1, 0)], ids=["target is stale", "source is stale"])
def test_a_merge_over_another_version_saves_nothing(stores: Stores, target: int, source: int) -> None:
    """If either customer has changed since it was read, the runs of both stay as they are."""
    stores.runs.commit(commit(customer="c_2", receipts=()))
    stores.runs.commit(commit())
    before = stores.get(), stores.get("c_2")
    assert not stores.runs.merge(RunsMerge("w1", "c_1", VersionRow(target), "c_2", VersionRow(source), (RUN,), ()))
    assert (stores.get(), stores.get("c_2")) == before


def test_receipts_without_effect_are_written_with_the_page(stores: Stores) -> None:
    """A receipt that is written with a page of the log is read back equal, with its reason."""
    stores.log.write("w1", [Page("w1", "c_1", NOW, "s1", (EVENT,))], [WITHOUT_EFFECT])
    assert stores.read("e2") == {"e2": WITHOUT_EFFECT}


@pytest.mark.parametrize("uncontested", [0, 1, 120], ids=str)
def test_a_contested_receipt_replaces_none(stores: Stores, uncontested: int) -> None:
    """The receipt of another signal stays, its event is on no page of this one, and the other receipts and events are written."""
    stores.runs.commit(commit())
    mine = [replace(WITHOUT_EFFECT, uuid=uuid, customer="c_2") for uuid in (RECEIPT.uuid, "e3")]
    others = [replace(WITHOUT_EFFECT, uuid=f"u{place}") for place in range(uncontested)]
    page = Page("w1", "c_2", NOW, "s1", (replace(EVENT, uuid=RECEIPT.uuid), replace(EVENT, uuid="e3")))
    for _ in range(2):
        stores.log.write("w1", [page], others, mine)
        assert stores.read(RECEIPT.uuid, "e3") == {RECEIPT.uuid: RECEIPT, "e3": mine[1]}
        assert len(stores.read(*(each.uuid for each in others))) == uncontested
        [stored] = stores.log.between("w1", "c_2", NOW - timedelta(seconds=1), NOW)
        assert [event.uuid for event in stored.events] == ["e3"]


def test_a_contested_receipt_replaces_one_that_has_expired(stores: Stores) -> None:
    """A receipt that DynamoDB deletes late does not keep the receipt of a new event out."""
    later = NOW + timedelta(days=91)
    stores.log.write("w1", [], [WITHOUT_EFFECT])
    new = replace(WITHOUT_EFFECT, received_at=later)
    stores.log.write("w1", [], [], [new])
    assert stores.receipts.read("w1", ["e2"], later) == {"e2": new}


def test_pages_between_two_instants_are_read_oldest_first(stores: Stores) -> None:
    """Both instants are included, whatever the names of the pages."""
    pages = [Page("w1", "c_1", NOW + timedelta(seconds=n), f"z{9 - n}", (EVENT,)) for n in range(4)]
    stores.log.write("w1", pages[::-1], [])
    assert stores.log.between("w1", "c_1", NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)) == pages[1:3]


def test_a_short_lived_page_expires_after_an_hour(dynamo: Stores) -> None:
    """Other pages are kept for as long as receipts are."""
    assert isinstance(dynamo.log, DynamoLog)
    page = Page("w1", "c_1", NOW, "s1", (EVENT,))
    dynamo.log.write("w1", [page, replace(page, name="s2", kept=timedelta(hours=1))], [])
    items, _ = dynamo.log.receipts.table.query("id = :id", {":id": "page#w1#c_1"})
    assert [item["expires"] - NOW.timestamp() for item in items] == [90 * 24 * 3600, 3600]


def test_more_receipts_than_one_call_reads_are_all_read(stores: Stores) -> None:
    """230 receipts, of which one call reads 100, are all returned, also when each uuid is given twice."""
    many = [replace(WITHOUT_EFFECT, uuid=f"u{place}") for place in range(230)]
    stores.log.write("w1", [], many)
    uuids = [receipt.uuid for receipt in many]
    assert stores.read(*uuids, *uuids) == {receipt.uuid: receipt for receipt in many}


@pytest.mark.parametrize("uuid", ["u" * 100, "Zoë#1", "ＡＢＣ🎉"], ids=["100 characters", "separator", "other scripts"])
def test_a_receipt_of_any_uuid_is_read_as_it_was_saved(stores: Stores, uuid: str) -> None:
    """A receipt with several moves is read back equal, with their reasons and its messages, whatever the uuid."""
    receipt = replace(
        RECEIPT, uuid=uuid, journeys=(JourneyOutcome("a", "ignored", Reason.PAUSED), JourneyOutcome("b", "entered", None, "r_1"))
    )
    stores.runs.commit(commit(receipts=(receipt,)))
    assert stores.read(uuid) == {uuid: receipt}


def test_the_log_of_a_day_is_read_newest_first(dynamo: Stores) -> None:
    """Two parts together hold each page of the day and workspace once, newest first, although one of them was written twice."""
    assert isinstance(dynamo.log, DynamoLog)
    pages = [Page("w1", f"c_{n}", NOW + timedelta(seconds=n), f"s{n}", (replace(EVENT, uuid=f"e{n}"),)) for n in range(12)]
    for page in [*pages, pages[3], Page("w2", "c", NOW, "x", (EVENT,)), Page("w1", "c", NOW - timedelta(days=1), "y", (EVENT,))]:
        dynamo.log.write("w1", [page], [])
    first, position = dynamo.log.of_day("w1", NOW.date(), limit=7)
    rest, end = dynamo.log.of_day("w1", NOW.date(), limit=7, before=position)
    assert (position, end) == (f"{iso(first[-1].received_at)}#{first[-1].name}", None)
    assert [*first, *rest] == pages[::-1]


def test_the_log_of_a_customer_is_read_newest_first(dynamo: Stores) -> None:
    """Two parts together hold each page of the customer once, newest first, and none of another customer."""
    assert isinstance(dynamo.log, DynamoLog)
    pages = [Page("w1", "c_1", NOW + timedelta(seconds=n), f"s{n}", (EVENT,)) for n in range(5)]
    for page in [*pages, Page("w1", "c_2", NOW, "s9", (EVENT,))]:
        dynamo.log.write("w1", [page], [])
    first, position = dynamo.log.of_customer("w1", "c_1", limit=3)
    rest, end = dynamo.log.of_customer("w1", "c_1", limit=3, before=position)
    assert (position, end) == (f"{iso(first[-1].received_at)}#{first[-1].name}", None)
    assert [*first, *rest] == pages[::-1]


def test_large_pages_of_a_customer_are_read_to_the_oldest(dynamo: Stores) -> None:
    """Seven pages of 300 KB, of which DynamoDB returns three at a time, are all read by the positions that the reads return."""
    assert isinstance(dynamo.log, DynamoLog)
    letters = random.Random(1)  # a text that does not compress well
    for number in range(7):
        note = "".join(letters.choices(string.printable, k=360_000))
        dynamo.log.write("w1", [Page("w1", "c_1", NOW, f"s{number}", (replace(EVENT, payload={"note": note}),))], [])
    found: list[str] = []
    position: str | None = None
    while position is not None or not found:
        part, position = dynamo.log.of_customer("w1", "c_1", limit=100, before=position)
        assert len(part) < 7
        found += [page.name for page in part]
    assert found == [f"s{number}" for number in range(6, -1, -1)]


def test_deleted_pages_in_the_index_do_not_end_a_day(dynamo: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index names pages that an erasure has just deleted. The pages behind them are read by the position that the read returns."""
    assert isinstance(dynamo.log, DynamoLog)
    for number in range(4):
        dynamo.log.write("w1", [Page("w1", f"c_{number}", NOW + timedelta(seconds=number), f"s{number}", (EVENT,))], [])
    read = Table.get_many
    monkeypatch.setattr(Table, "get_many", lambda table, keys: [each for each in read(table, keys) if "s3" not in each["at"]])
    first, position = dynamo.log.of_day("w1", NOW.date(), limit=2)
    rest, _ = dynamo.log.of_day("w1", NOW.date(), limit=3, before=position)
    assert [page.name for page in (*first, *rest)] == ["s2", "s1", "s0"]


def test_the_status_and_reason_of_a_run_are_read_as_they_were_saved(stores: Stores) -> None:
    """A run that has ended is read back as ended, with its reason."""
    stores.runs.commit(commit(runs=(ENDED,)))
    [found] = stores.get().runs
    assert (found.status, found.reason) == (RunStatus.EXITED, Reason.FINISHED)


EVENT_SNAPSHOT = {"name": "purchase", "payload": {"total": Decimal("10.50")}, "uuid": "b1", "timestamp": "2026-11-23T05:17:13.000Z"}


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(replace(RUN, message_times=(NOW, NOW + timedelta(milliseconds=1))), id="times of messages"),
        pytest.param(replace(RUN, hold=Cause.QUIET_HOURS), id="hold"),
        pytest.param(
            replace(RUN, history=(StepVisit(NOW, "draw", Cause.ENTERED), StepVisit(NOW, "end", Cause.EXPERIMENT, "holdout"))), id="branches"
        ),
        pytest.param(
            replace(
                RUN,
                early_matches=(
                    EarlyMatch("w1", ((0, 1),)),
                    EarlyMatch("w2", (), 1, EVENT_SNAPSHOT),
                    EarlyMatch("w3", ((0, 0), (0, 1)), 0, EVENT_SNAPSHOT),
                ),
            ),
            id="early matches",
        ),
        pytest.param(
            replace(
                RUN, pending_transition=PendingTransition(NOW, Identifier("primary", "ada"), "end", Cause.EVENT, EVENT_SNAPSHOT, "paid")
            ),
            id="branch of a held transition",
        ),
        pytest.param(
            replace(RUN, known_messages=(KnownMessage("hello", ("opened", "failed"), ("https://example.com/",)), KnownMessage("bye"))),
            id="what it knows of messages",
        ),
        pytest.param(
            replace(
                RUN,
                history=(StepVisit(NOW, "hello", Cause.ENTERED), StepVisit(NOW, "end", Cause.REPORT, "1")),
                pending_transition=PendingTransition(NOW, Identifier("primary", "ada"), "end", Cause.REPORT, EVENT_SNAPSHOT, "1"),
            ),
            id="moves by reports",
        ),
    ],
)
def test_what_a_run_remembers_is_read_as_it_was_written(stores: Stores, run: Run) -> None:
    """What a run keeps for later, and the branches of its history, are read back equal."""
    assert stores.runs.commit(Commit("w1", "c_1", VersionRow(), (), (run,))) is CommitResult.DONE
    assert stores.get().runs == (run,)


def test_an_older_release_reads_a_move_by_a_report() -> None:
    """The words of causes in a row are those that every release knows, in the history as in what a pause holds."""
    by_report = StepVisit(NOW, "end", Cause.REPORT)
    held = PendingTransition(NOW, Identifier("primary", "ada"), "end", Cause.REPORT)
    item = to_item("w1#c_1", replace(RUN, history=(by_report,), pending_transition=held))
    assert '"branch"' in item["trail"]
    assert '"branch"' in item["held"]
    assert "report" not in item["trail"] + item["held"]


def test_the_branches_of_a_receipt_are_read_as_they_were_written(stores: Stores) -> None:
    """Each outcome of a receipt has its own branches again."""
    branches = TakenBranch("draw", "holdout"), TakenBranch("split", "1")
    outcomes = (
        JourneyOutcome("a", "entered", None, "r_1", branches),
        JourneyOutcome("b", "entered", None, "r_2"),
        JourneyOutcome("c", "ignored"),
    )
    receipt = replace(RECEIPT, journeys=(*outcomes, JourneyOutcome("d", "advanced", None, "r_3", branches[1:])))
    assert stores.runs.commit(Commit("w1", "c_1", VersionRow(), (), (RUN,), receipts=(receipt,))) is CommitResult.DONE
    assert stores.read("e1") == {"e1": receipt}
