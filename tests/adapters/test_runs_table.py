"""Runs, receipts and the log in DynamoDB, and in the fakes that the matcher is tested on: one contract for both."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.fakes.log import FakeLog
from tests.fakes.messages import NOW, FakeMessages, pending_message
from tests.fakes.receipts import FakeReceipts
from tests.fakes.runs import FakeRuns
from waypost.adapters.aws import client
from waypost.adapters.dynamodb.events import Log, Receipts
from waypost.adapters.dynamodb.messages import DynamoMessages
from waypost.adapters.dynamodb.runs import DynamoRuns
from waypost.adapters.dynamodb.table import Table
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Kind
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.effects import SendMessage
from waypost.domain.runs.run import CustomerRuns, Run, RunStatus, VersionRow

KEPT = timedelta(days=90)
RUN = Run("r_1", "welcome", 3, "", "hello", NOW, visits={"hello": 1}, trigger_event={"payload": {"total": Decimal("10.50")}}, due=NOW)
ENDED = replace(RUN.exited(Reason.FINISHED), visits={})
RECEIPT = Receipt("e1", "signed_up", NOW, "c_1", (JourneyOutcome("welcome", "entered", None, "r_1"),), ("msg_1",))
SILENT = Receipt("e2", "page_view", NOW, "c_1", reason=Reason.HISTORICAL)
EVENT = Event(
    "e1", "signed_up", Kind.TRIGGER, Identifier("correlation", "d"), "mobile", {"total": Decimal("10.50"), "note": "Zoë"}, NOW, {}
)


@dataclass
class Side:
    """One side of the contract."""

    runs: DynamoRuns | FakeRuns
    receipts: Receipts | FakeReceipts
    log: Log | FakeLog
    messages: DynamoMessages | FakeMessages

    def read(self, *uuids: str, workspace: str = "w1", after: timedelta = timedelta(0)) -> dict[str, Receipt]:
        return self.receipts.read(workspace, uuids, NOW + after)

    def get(self, customer: str = "c_1", workspace: str = "w1") -> CustomerRuns:
        return self.runs.get(workspace, customer)


def make_table(name: str, *keys: str, indexes: tuple[tuple[str, str, str], ...] = ()) -> Table:
    """A table with text keys, and indexes of keys only."""

    def schema(parts: Sequence[str]) -> list[dict[str, str]]:
        return [{"AttributeName": part, "KeyType": kind} for part, kind in zip(parts, ("HASH", "RANGE"), strict=False)]

    options: dict[str, Any] = {}
    if indexes:
        options["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": schema(parts), "Projection": {"ProjectionType": "KEYS_ONLY"}} for index, *parts in indexes
        ]
    names = sorted({*keys, *(part for _, *parts in indexes for part in parts)})
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
        KeySchema=schema(keys),
        **options,
    )
    return Table(name)


def dynamo() -> Side:
    """The tables as the template makes them, in moto."""
    receipts = Receipts(make_table("Events", "id", "at", indexes=(("byDay", "day", "at"),)), KEPT)
    messages = make_table("Messages", "id")
    runs = DynamoRuns(make_table("Runs", "customer", "row"), receipts, messages)
    return Side(runs, receipts, Log(receipts), DynamoMessages(messages))


def fake() -> Side:
    """The fakes."""
    receipts, messages = FakeReceipts(KEPT), FakeMessages()
    return Side(FakeRuns(receipts, messages), receipts, FakeLog(receipts), messages)


@pytest.fixture(params=["DynamoDB", "fake"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Both sides of the contract."""
    if request.param == "fake":
        yield fake()
        return
    with mock_aws():
        client.cache_clear()
        yield dynamo()
        client.cache_clear()


@pytest.fixture
def aws() -> Iterator[Side]:
    """DynamoDB alone, for what the matcher never asks of it."""
    with mock_aws():
        client.cache_clear()
        yield dynamo()
        client.cache_clear()


def commit(**changes: Any) -> Commit:
    """A first entry with its message and its receipt."""
    whole = Commit("w1", "c_1", VersionRow(), (SendMessage("msg_1"),), (RUN,), (), (pending_message(),), (RECEIPT,))
    return replace(whole, **changes)


def test_a_customer_without_runs_stands_at_the_beginning(side: Side) -> None:
    """Gate zero, no runs, nothing owed."""
    assert side.get() == CustomerRuns(VersionRow(), ())


def test_a_commit_is_read_back_whole(side: Side) -> None:
    """Gate, run with exact numbers, message and receipt; nobody else's."""
    assert side.runs.commit(commit()) is CommitResult.DONE
    assert side.get() == CustomerRuns(VersionRow(1, (SendMessage("msg_1"),)), (RUN,))
    assert side.messages.get("w1", "msg_1") == pending_message()
    assert side.read("e1", "e2") == {"e1": RECEIPT}
    assert side.get("c_2") == side.get(workspace="w2") == CustomerRuns(VersionRow(), ())
    assert side.read("e1", workspace="w2") == {}


def test_a_gate_that_is_not_as_read_lets_nothing_through(side: Side) -> None:
    """Neither a second first commit, nor one on an older reading, nor one on a gate that was never there."""
    side.runs.commit(commit())
    other = commit(runs=(replace(RUN, id="r_2"),), receipts=(replace(RECEIPT, uuid="e2"),), messages=(pending_message(id="msg_2"),))
    assert side.runs.commit(other) is CommitResult.STALE
    assert side.runs.commit(replace(other, version_row=VersionRow(2))) is CommitResult.STALE
    assert side.get() == CustomerRuns(VersionRow(1, (SendMessage("msg_1"),)), (RUN,))
    assert side.messages.get("w1", "msg_2") is None
    assert side.read("e2") == {}


def test_an_event_with_a_receipt_lets_nothing_through(side: Side) -> None:
    """The commit is whole or not at all: no run, no message, the gate as it was."""
    side.runs.commit(commit())
    again = commit(version_row=VersionRow(1), runs=(replace(RUN, id="r_2"),), messages=(pending_message(id="msg_2"),))
    assert side.runs.commit(again) is CommitResult.DUPLICATE
    assert side.get() == CustomerRuns(VersionRow(1, (SendMessage("msg_1"),)), (RUN,))
    assert side.messages.get("w1", "msg_2") is None


@pytest.mark.parametrize(("after", "known"), [(KEPT - timedelta(seconds=1), True), (KEPT, False)])
def test_a_receipt_counts_until_it_expires(side: Side, after: timedelta, known: bool) -> None:
    """To the second, and alike for who reads it and who writes over it, though DynamoDB deletes late."""
    side.runs.commit(commit())
    assert ("e1" in side.read("e1", after=after)) is known
    later = commit(version_row=VersionRow(1), receipts=(replace(RECEIPT, received_at=NOW + after),))
    assert (side.runs.commit(later) is CommitResult.DUPLICATE) is known


def test_what_is_owed_is_forgotten_once_it_is_paid(side: Side) -> None:
    """The gate stays as it is otherwise, so that a commit on the earlier reading still fits."""
    side.runs.commit(commit())
    side.runs.clear("w1", "c_1", 1)
    assert side.get() == CustomerRuns(VersionRow(1), (RUN,))


def test_a_payer_who_is_late_forgets_nothing(side: Side) -> None:
    """The gate has moved on and owes more."""
    side.runs.commit(commit())
    side.runs.commit(
        commit(
            version_row=VersionRow(1, (SendMessage("msg_1"),)),
            pending_effects=(SendMessage("msg_1"), SendMessage("msg_2")),
            runs=(),
            messages=(),
            receipts=(),
        )
    )
    side.runs.clear("w1", "c_1", 1)
    assert side.get().version_row == VersionRow(2, (SendMessage("msg_1"), SendMessage("msg_2")))


def test_a_run_takes_the_place_of_its_earlier_self(side: Side) -> None:
    """The row of a run is its own."""
    side.runs.commit(commit())
    side.runs.commit(commit(version_row=VersionRow(1), runs=(ENDED,), messages=(), receipts=()))
    assert side.get().runs == (ENDED,)


def test_a_replaced_run_makes_room_and_is_kept_as_history(aws: Side) -> None:
    """The standing stays small however often a customer enters; the history shows all, in order, for as long as it is kept."""
    assert isinstance(aws.runs, DynamoRuns)
    aws.runs.commit(commit(runs=(ENDED,)))
    latest = replace(RUN, id="r_2", entered_at=NOW + timedelta(hours=1))
    aws.runs.commit(commit(version_row=VersionRow(1), runs=(latest,), replaced=(ENDED,), messages=(), receipts=()))
    assert aws.get().runs == (latest,)
    assert aws.runs.history("w1", "c_1").runs == (latest, ENDED)


@pytest.mark.parametrize("key", ["", "7", "order/8#x", "Zoë 🎉", "k" * 2000])
def test_runs_of_any_key_come_back(side: Side, key: str) -> None:
    """However long, and whatever characters it has."""
    run = replace(RUN, key=key)
    side.runs.commit(commit(runs=(run,)))
    assert side.get().runs == (run,)


def test_a_hundred_active_runs_with_large_events_are_read_whole(aws: Side) -> None:
    """More than one page of 1 MB is read to its end."""
    dice = random.Random(7)
    version_row = VersionRow()
    for place in range(100):
        noise = "".join(dice.choices(string.printable, k=20_000))
        run = replace(RUN, id=f"r_{place:03}", trigger_event={"payload": {"noise": noise}})
        assert aws.runs.commit(commit(version_row=version_row, runs=(run,), messages=(), receipts=())) is CommitResult.DONE
        version_row = VersionRow(version_row.version + 1)
    assert len(aws.get().runs) == 100


def test_an_absorbed_customers_runs_and_debts_come_along(side: Side) -> None:
    """Runs that go on are the other customer's, the rest is history; the absorbed gate says where they went."""
    mine, gone = replace(RUN, id="r_mine"), replace(ENDED, id="r_gone")
    side.runs.commit(commit(customer="c_2", runs=(mine, gone), receipts=(), pending_effects=(SendMessage("msg_2"),)))
    side.runs.commit(commit())
    runs_merge = RunsMerge(
        "w1", "c_1", VersionRow(1, (SendMessage("msg_1"),)), "c_2", VersionRow(1, (SendMessage("msg_2"),)), (mine,), (gone,)
    )
    assert side.runs.merge(runs_merge)
    assert side.get().version_row == VersionRow(2, (SendMessage("msg_1"), SendMessage("msg_2")))
    assert {run.id for run in side.get().runs} == {"r_1", "r_mine"}
    assert side.get("c_2") == CustomerRuns(VersionRow(2, (), "c_1"), ())


@pytest.mark.parametrize(("into", "absorbed"), [(0, 1), (1, 0)])
def test_an_absorb_passes_both_gates(side: Side, into: int, absorbed: int) -> None:
    """Either customer's change in between stops it whole."""
    side.runs.commit(commit(customer="c_2", receipts=()))
    side.runs.commit(commit())
    before = side.get(), side.get("c_2")
    assert not side.runs.merge(RunsMerge("w1", "c_1", VersionRow(into), "c_2", VersionRow(absorbed), (RUN,), ()))
    assert (side.get(), side.get("c_2")) == before


def test_silent_receipts_are_written_with_the_page(side: Side) -> None:
    """And are known from then on, their reasons included."""
    side.log.write(Page("w1", "c_1", NOW, "s1", (EVENT,)), [SILENT])
    assert side.read("e2") == {"e2": SILENT}


def test_receipts_are_read_however_many(side: Side) -> None:
    """More than one call takes, and asked twice."""
    many = [replace(SILENT, uuid=f"u{place}") for place in range(230)]
    side.log.write(Page("w1", "c_1", NOW, "s1", ()), many)
    asked = [receipt.uuid for receipt in many]
    assert side.read(*asked, *asked) == {receipt.uuid: receipt for receipt in many}


@pytest.mark.parametrize("uuid", ["u" * 100, "Zoë#1", "ＡＢＣ🎉"])
def test_a_receipt_of_any_uuid_comes_back(side: Side, uuid: str) -> None:
    """With its moves, reasons and messages."""
    receipt = replace(
        RECEIPT, uuid=uuid, journeys=(JourneyOutcome("a", "ignored", Reason.PAUSED), JourneyOutcome("b", "entered", None, "r_1"))
    )
    side.runs.commit(commit(receipts=(receipt,)))
    assert side.read(uuid) == {uuid: receipt}


def test_the_live_tracker_reads_a_day_newest_first(aws: Side) -> None:
    """Over all shards, page by page, each event as it was sent; writing a page twice is writing it once."""
    assert isinstance(aws.log, Log)
    pages = [Page("w1", f"c_{n}", NOW + timedelta(seconds=n), f"s{n}", (replace(EVENT, uuid=f"e{n}"),)) for n in range(12)]
    for page in [*pages, pages[3], Page("w2", "c", NOW, "x", (EVENT,)), Page("w1", "c", NOW - timedelta(days=1), "y", (EVENT,))]:
        aws.log.write(page, [])
    first = aws.log.of_day("w1", NOW.date(), limit=7)
    oldest = first[-1]
    rest = aws.log.of_day("w1", NOW.date(), limit=7, before=f"{oldest.received_at.isoformat(timespec='milliseconds')[:-6]}Z#{oldest.name}")
    assert [*first, *rest] == pages[::-1]


def test_a_run_keeps_its_status_and_reason(side: Side) -> None:
    """An end is an end when it is read back."""
    side.runs.commit(commit(runs=(ENDED,)))
    [found] = side.get().runs
    assert (found.status, found.reason) == (RunStatus.EXITED, Reason.FINISHED)
