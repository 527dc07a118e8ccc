"""Rows of every table: they are written as the golden files hold them, read from these, and written again without a difference."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tests.fakes import tables
from tests.golden.files import TOMBSTONE_KEY, Database, comparable, database, golden, load, rows_of
from tests.golden.objects import (
    ACTIVE,
    ADA,
    DEVICE,
    EFFECTS,
    ERASED,
    EXITED_RUN,
    FACTS,
    FULL_MESSAGE,
    HEAD,
    KEYS,
    LATER,
    LIFECYCLES,
    LISTENED_MESSAGE,
    LONG_HEAD,
    MESSAGE,
    MESSAGES,
    NOW,
    PAGES,
    PAIR,
    PARKED,
    RECEIPTS,
    REJECTED,
    RENDERED,
    REPORTED_MESSAGE,
    REPORTED_RUNS,
    ROWS,
    SCHEMA,
    SECOND_PAIR,
    SETTINGS,
    SHORT_RUN,
    STORED_RUNS,
    STRANGER,
    SUPPRESSED,
)
from waypost.adapters.dynamodb.cap_counts import DynamoCapCounts
from waypost.adapters.dynamodb.journey_counters import DynamoJourneyCounters
from waypost.adapters.dynamodb.table import Table
from waypost.domain.api_keys import Key
from waypost.domain.customers.rows import Row, RowKey, correlation_key
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.lifecycle import Lifecycle, VersionTimes
from waypost.domain.journeys.published import ActiveJourneys
from waypost.domain.messages.caps import CountedMessage, StoredCount
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.domain.messages.suppression import SuppressionCause
from waypost.domain.messages.webhook_signatures import WebhookSecrets
from waypost.domain.messages.workspace_settings import StoredSettings
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.effects import SendMessage
from waypost.domain.runs.journey_counts import ConversionCounts, CountedVersion, ExperimentBranchPlace, JourneyCounts
from waypost.domain.runs.run import CustomerRuns, HeldRun, Run, TakenExperiment, VersionRow

DEFINITIONS = golden("definitions")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """An emulation of AWS in this process."""
    with tables.aws():
        yield


@pytest.fixture
def stored() -> Database:
    """Adapters on empty tables."""
    return database()


@pytest.fixture
def known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random secrets are known bytes."""
    monkeypatch.setattr(secrets, "token_bytes", lambda size: TOMBSTONE_KEY[:size])


def is_golden(table: Table, *names: str) -> bool:
    """Whether a table has the rows of these golden files. A difference fails here, so that pytest shows it."""
    assert comparable(rows_of(table)) == comparable([row for name in names for row in golden(name)])
    return True


# ---------------------------------------------------------------- Customers


def write_customers(stored: Database, rows: Sequence[Row]) -> None:
    """Writes rows of two workspaces for the first time, and tombstones."""
    for row in rows:
        if row.erased_at is not None:  # the first row of a customer is written only beside the tombstone that it was made from
            stored.customers.add_tombstones(row.key.workspace, [row.key.owner], row.erased_at)
        assert stored.customers.save([replace(row, revision=row.revision - 1)]) is None
        if row.erased_at is not None:
            tombstone = stored.customers._tombstone(row.key.workspace, row.key.owner)
            stored.customers.table.delete_many([{"primaryKey": tombstone, "correlationId": "#"}])
    stored.customers.add_tombstones("w1", ERASED, LATER)


def test_customers_are_written_as_they_were(stored: Database) -> None:
    """Heads, pairs, own rows, pointers, the marker of a workspace with primary keys, and tombstones are written as the golden rows."""
    write_customers(stored, ROWS)
    assert is_golden(stored.customers.table, "customers")


def test_customers_are_read_as_they_were(stored: Database) -> None:
    """Golden rows of customers are read by key, primary key, customer id and tombstone, and are written again without a difference."""
    load(stored.customers.table, golden("customers"))
    found = {row.key: row for workspace in ("w1", "w2") for row in stored.customers.get(keys_of(workspace))}
    assert found == {row.key: row for row in ROWS}
    assert sorted(stored.customers.by_primary_key("w1", ADA), key=lambda row: str(row.key)) == sorted(
        (HEAD, PAIR, SECOND_PAIR), key=lambda row: str(row.key)
    )
    assert stored.customers.tombstones("w1", (ADA, DEVICE, ERASED[1])) == dict.fromkeys(ERASED, LATER)
    assert stored.customers.any_with_primary_key("w1")
    assert stored.customers.find_by_id("w1", "c_ada") == HEAD.key
    assert stored.customers.find_by_id("w1", "c_device") == PAIR.key
    assert stored.customers.find_by_id("w1", "c_stranger") == correlation_key("w1", STRANGER)
    assert stored.customers.find_by_id("w1", "c_long") == LONG_HEAD.key
    again = database()
    write_customers(again, [found[row.key] for row in ROWS])
    assert is_golden(again.customers.table, "customers")


def keys_of(workspace: str) -> list[RowKey]:
    """The keys of one workspace's rows."""
    return [row.key for row in ROWS if row.key.workspace == workspace]


def test_a_row_is_updated_in_one_write_as_it_was(stored: Database) -> None:
    """An update that merges facts into a golden row makes the golden row of revision 2, and a save that of revision 3."""
    load(stored.customers.table, [row for row in golden("customers") if row["correlationId"]["S"] == "=device-9"])
    updated = stored.customers.update_if_newer(correlation_key("w1", STRANGER), {"a:score": FACTS["a:score"]})
    assert isinstance(updated, Row)
    assert is_golden(stored.customers.table, "customers-updated")
    stored.customers.save([updated.with_facts({"a:gone": FACTS["a:gone"]})])
    assert is_golden(stored.customers.table, "customers-saved")


# ---------------------------------------------------------------- Runs


def write_runs(stored: Database, stored_runs: Sequence[tuple[str, CustomerRuns, tuple[Run, ...]]]) -> None:
    """Commits the runs of customers for the first time; past runs are written as replaced ones."""
    for customer, customer_runs, past in stored_runs:
        commit = Commit(
            "w1",
            customer,
            VersionRow(customer_runs.version_row.version - 1),
            customer_runs.version_row.pending_effects,
            customer_runs.runs,
            past,
        )
        assert stored.runs.commit(commit) is CommitResult.DONE


def read_runs(stored: Database, customer: str) -> tuple[str, CustomerRuns, tuple[Run, ...]]:
    """The id of a customer, its runs, and its past runs."""
    customer_runs = stored.runs.get("w1", customer)
    return customer, customer_runs, stored.runs.history("w1", customer).runs[len(customer_runs.runs) :]


def test_runs_are_written_as_they_were(stored: Database) -> None:
    """Version rows with each kind of pending effect, and active, held, exited and past runs are written as the golden rows."""
    write_runs(stored, STORED_RUNS)
    assert is_golden(stored.runs.table, "runs")


def test_runs_are_read_as_they_were(stored: Database) -> None:
    """Golden rows of runs are read completely, by customer and by journey, and are written again without a difference."""
    load(stored.runs.table, golden("runs"))
    found = [read_runs(stored, customer) for customer, _, _ in STORED_RUNS]
    assert [(name, customer_runs.version_row, by_id(customer_runs.runs), past) for name, customer_runs, past in found] == [
        (name, customer_runs.version_row, by_id(customer_runs.runs), past) for name, customer_runs, past in STORED_RUNS
    ]
    assert stored.runs.held("w1", "welcome", None) == ([HeldRun("c_ada", DEVICE), HeldRun("c_ada", ADA)], None)
    assert stored.runs.counts("w1", "welcome") == ({"wait": 3}, None)
    again = database()
    write_runs(again, found)
    assert is_golden(again.runs.table, "runs")


def test_what_a_run_knows_of_messages_is_written_and_read_as_it_was(stored: Database) -> None:
    """A run that has learned of reports is read from its golden row and written again. The rows of other runs lack these attributes."""
    load(stored.runs.table, golden("runs-reported"))
    found = [read_runs(stored, "c_ada")]
    assert found == list(REPORTED_RUNS)
    again = database()
    write_runs(again, found)
    assert is_golden(again.runs.table, "runs-reported")
    new = {"known", "byReport", "heldReport"}
    assert [row for row in golden("runs") if new & row.keys()] == []


EXPERIMENT_RUN = replace(
    SHORT_RUN,
    id="r_9",
    step="wait",
    visits={"draw": 1, "wait": 1},
    experiments=(TakenExperiment(0, 1, 0b10_0000_0010), TakenExperiment(7, 0)),
)


def test_what_a_run_has_reached_behind_experiments_is_written_and_read_as_it_was(stored: Database) -> None:
    """A run that came through experiments is read from its golden row and written again. The rows of other runs lack the attribute."""
    load(stored.runs.table, golden("runs-experiments"))
    found = [read_runs(stored, "c_ada")]
    assert found == [("c_ada", CustomerRuns(VersionRow(1), (EXPERIMENT_RUN,)), ())]
    again = database()
    write_runs(again, found)
    assert is_golden(again.runs.table, "runs-experiments")
    assert [row for row in [*golden("runs"), *golden("runs-reported")] if "experiments" in row] == []


def test_the_numbers_of_a_journey_are_written_and_read_as_they_were(stored: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a day and of a branch of an experiment are written as the golden rows, and read from them completely."""
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0f" * size)
    counters, version = DynamoJourneyCounters(stored.runs.table), CountedVersion("w1", "welcome", 3)
    counts = JourneyCounts(5, 2, 1, Counter({Reason.EXIT_EVENT: 1}), Counter({Reason.ALREADY_ENTERED: 4}), Counter({EdgePlace(0, 1): 5}))
    conversions = ConversionCounts(5, Counter({2: 4, 11: 1}))
    counters.add(version, counts, NOW)
    counters.add_conversions(version, ExperimentBranchPlace(0, 1), conversions, LATER)
    assert rows_of(stored.runs.table) == golden("journey-counts")
    assert counters.days(version, NOW.date()) == (counts, True)
    assert counters.conversions(version, 0) == ({1: conversions}, LATER, True)


def test_a_message_that_a_wait_asks_for_is_written_and_read_as_it_was(stored: Database) -> None:
    """A message with the mark is read from its golden row and written again. The rows of other messages lack it."""
    load(stored.messages.table, golden("messages-listened"))
    assert stored.messages.get("w1", LISTENED_MESSAGE.id) == LISTENED_MESSAGE
    again = database()
    write_messages(again, [LISTENED_MESSAGE], [])
    assert is_golden(again.messages.table, "messages-listened")
    assert [row for row in golden("messages") if "listened" in row] == []


def test_a_message_to_another_person_with_a_report_is_written_and_read_as_it_was(stored: Database) -> None:
    """A message with the mark and the text of a report is read from its golden row and written again. Older rows have neither."""
    load(stored.messages.table, golden("messages-reported"))
    assert stored.messages.get("w1", REPORTED_MESSAGE.id) == REPORTED_MESSAGE
    again = database()
    write_messages(again, [REPORTED_MESSAGE], [])
    assert is_golden(again.messages.table, "messages-reported")
    assert [row for row in golden("messages") if {"toOther", "report"} & row.keys()] == []


def by_id(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by id, without their order."""
    return {run.id: run for run in runs}


def test_merged_erased_and_executed_version_rows_are_written_as_they_were(stored: Database) -> None:
    """A merge, an erasure and the execution of pending effects change version rows to the golden ones."""
    for customer in ("c_into", "c_absorbed", "c_erased", "c_executed"):
        stored.runs.commit(Commit("w1", customer, VersionRow(), EFFECTS))
    version_row = VersionRow(1, EFFECTS)
    assert stored.runs.merge(
        RunsMerge(
            "w1",
            "c_into",
            version_row,
            "c_absorbed",
            replace(version_row, pending_effects=(SendMessage("msg_9"),)),
            (SHORT_RUN,),
            (EXITED_RUN,),
        )
    )
    stored.erasures.block("w1", "c_erased", "c_erased", NOW)
    stored.runs.clear("w1", "c_executed", 1)
    assert is_golden(stored.runs.table, "runs-version-rows")


def test_merged_erased_and_executed_version_rows_are_read_as_they_were(stored: Database) -> None:
    """A golden version row of a merged customer names the other one; after an erasure or an execution there are no pending effects."""
    load(stored.runs.table, golden("runs-version-rows"))
    assert stored.runs.get("w1", "c_into") == CustomerRuns(VersionRow(2, (*EFFECTS, SendMessage("msg_9"))), (SHORT_RUN,))
    assert stored.runs.history("w1", "c_into").runs == (SHORT_RUN, EXITED_RUN)
    assert stored.runs.get("w1", "c_absorbed") == CustomerRuns(VersionRow(2, (), "c_into"), ())
    assert stored.runs.get("w1", "c_erased") == CustomerRuns(VersionRow(2, erased=True), ())
    assert stored.runs.get("w1", "c_executed") == CustomerRuns(VersionRow(1), ())


# ---------------------------------------------------------------- Events


def write_events(stored: Database, pages: Sequence[Page], receipts: Sequence[Receipt]) -> None:
    """Writes pages of the log, receipts with the first of them, rejected events and their count."""
    stored.log.write("w1", pages[:1], receipts)
    for page in pages[1:]:
        stored.log.write("w1", [page], [])
    assert stored.rejected.count("w1", NOW, 3) == 0
    stored.rejected.keep("w1", NOW, "request-1", REJECTED)


def test_events_are_written_as_they_were(stored: Database) -> None:
    """Receipts, pages of the log, rejected events and their counter are written as the golden rows."""
    write_events(stored, PAGES, RECEIPTS)
    assert is_golden(stored.receipts.table, "events")


def test_receipts_of_a_commit_are_written_as_they_were(stored: Database) -> None:
    """A receipt that is saved with a run has the same golden row as one that is saved with a page."""
    stored.runs.commit(Commit("w1", "c_ada", VersionRow(), (), receipts=RECEIPTS))
    written = [row for row in golden("events") if row["at"]["S"] == "-"]
    assert comparable(rows_of(stored.receipts.table)) == comparable(written)


def test_events_are_read_as_they_were(stored: Database) -> None:
    """Golden receipts, pages and rejected events are read completely, and are written again without a difference."""
    load(stored.receipts.table, golden("events"))
    receipts = stored.receipts.read("w1", [each.uuid for each in RECEIPTS], NOW)
    assert receipts == {each.uuid: each for each in RECEIPTS}
    pages = [*stored.log.of_customer("w1", "c_ada", limit=9)[0][::-1], *stored.log.of_customer("w1", "c_large", limit=9)[0]]
    assert pages == list(PAGES)
    assert stored.log.of_day("w1", NOW.date(), limit=9)[0] == sorted(PAGES, key=lambda page: (page.received_at, page.name), reverse=True)
    rejected = [each for _, each in stored.rejected.of_day("w1", NOW.date(), limit=9)[0]][::-1]
    assert rejected == [*REJECTED[:2], REJECTED[2]._replace(raw=None)]
    assert stored.rejected.count("w1", NOW, 1) == 3
    again = database()
    write_events(again, pages, [receipts[each.uuid] for each in RECEIPTS])
    assert is_golden(again.receipts.table, "events")


# ---------------------------------------------------------------- Messages


def write_messages(stored: Database, messages: Sequence[Message], rendered: Sequence[tuple[Message, PreparedMessage]]) -> None:
    """Writes messages for the first time, and the rendered bodies of some of them."""
    assert stored.runs.commit(Commit("w1", "c_ada", VersionRow(), (), messages=tuple(messages))) is CommitResult.DONE
    for message, kept in rendered:
        stored.messages.keep_rendered(message, kept, NOW)


def test_messages_are_written_as_they_were(stored: Database) -> None:
    """Messages of every status and reason, one with every attribute, and rendered bodies are written as the golden rows."""
    write_messages(stored, MESSAGES, RENDERED)
    assert is_golden(stored.messages.table, "messages")


def test_messages_are_read_as_they_were(stored: Database) -> None:
    """Golden messages and bodies are read by id and by each index, and are written again without a difference."""
    load(stored.messages.table, golden("messages"))
    found = [message for each in MESSAGES if (message := stored.messages.get("w1", each.id))]
    assert found == list(MESSAGES)
    newest = sorted(MESSAGES, key=lambda message: (message.created_at, message.id), reverse=True)
    assert stored.messages.page("w1", limit=99, customer="c_ada")[0] == newest
    assert stored.messages.page("w1", limit=99, journey="welcome")[0] == newest
    assert stored.messages.page("w1", limit=99, day=NOW.date())[0] == newest
    assert stored.messages.held("w1", "welcome", None) == ([FULL_MESSAGE.id], None)
    bodies = stored.messages.all_rendered("w1", [MESSAGE.id, FULL_MESSAGE.id])
    assert bodies == {message.id: kept for message, kept in RENDERED}
    again = database()
    write_messages(again, found, [(message, bodies[message.id]) for message, _ in RENDERED])
    assert is_golden(again.messages.table, "messages")


def test_a_changed_message_replaces_its_golden_row(stored: Database) -> None:
    """A message that is saved over its golden row has the same row as after its first write."""
    load(stored.messages.table, golden("messages"))
    assert stored.messages.save(replace(MESSAGE, token="t"), MESSAGE)
    assert stored.messages.save(MESSAGE, replace(MESSAGE, token="t"))
    assert is_golden(stored.messages.table, "messages")


# ---------------------------------------------------------------- Journeys


def write_journeys(stored: Database, lifecycles: Sequence[Lifecycle], pointer: ActiveJourneys) -> None:
    """Writes drafts with their definitions, and publishes the first one."""
    for lifecycle in lifecycles:
        definition = DEFINITIONS[1] if lifecycle.id == DEFINITIONS[1]["id"] else DEFINITIONS[0]
        stored.journeys.save_draft("w1", replace(lifecycle, revision=0), definition)
    stored.journeys.publish("w1", replace(lifecycles[0], revision=1), pointer._replace(revision=pointer.revision - 1), NOW)


def test_journeys_are_written_as_they_were(stored: Database) -> None:
    """Journeys of each status, short and long versions, and the row of active versions are written as the golden rows."""
    write_journeys(stored, LIFECYCLES, ACTIVE)
    assert is_golden(stored.journeys.table, "journeys", "journeys-times")


def test_journeys_are_read_as_they_were(stored: Database) -> None:
    """Golden journeys, versions and the row of active versions are read, and are written again without a difference."""
    load(stored.journeys.table, golden("journeys"))
    found = [lifecycle for each in LIFECYCLES if (lifecycle := stored.journeys.lifecycle("w1", each.id))]
    assert found == list(LIFECYCLES)
    assert sorted(stored.journeys.all("w1"), key=lambda each: each.id) == sorted(LIFECYCLES, key=lambda each: each.id)
    assert stored.journeys.pointer("w1") == ACTIVE
    assert stored.journeys.definition("w1", "welcome", 1) == DEFINITIONS[0]
    assert stored.journeys.version("w1", "every-step", 2) == parse(DEFINITIONS[1])
    assert stored.journeys.version_times("w1", "welcome", 1, 9) == {}
    again = database()
    write_journeys(again, found, stored.journeys.pointer("w1"))
    assert is_golden(again.journeys.table, "journeys", "journeys-times")


def test_the_times_of_versions_are_read_as_they_were(stored: Database) -> None:
    """Golden times say when a version was saved, and of the published one when it was published."""
    load(stored.journeys.table, golden("journeys-times"))
    assert stored.journeys.version_times("w1", LIFECYCLES[0].id, 1, 9) == {
        LIFECYCLES[0].version: VersionTimes(LIFECYCLES[0].updated_at, NOW)
    }
    assert stored.journeys.version_times("w1", LIFECYCLES[1].id, 1, 9) == {
        LIFECYCLES[1].version: VersionTimes(LIFECYCLES[1].updated_at, None)
    }


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_stored_definition_is_a_journey(definition: object) -> None:
    """A stored definition is a valid journey: each of its keys is still known."""
    assert isinstance(parse(definition), Journey)


# ---------------------------------------------------------------- Keys


def write_keys(stored: Database, keys: Sequence[Key]) -> None:
    """Writes keys for the first time."""
    for key in keys:
        stored.keys.add(key)


def test_keys_are_written_as_they_were(stored: Database) -> None:
    """A key with every optional attribute and one without them are written as the golden rows."""
    write_keys(stored, KEYS)
    assert is_golden(stored.keys.table, "keys")


def test_keys_are_read_as_they_were(stored: Database) -> None:
    """Golden keys are read by hash and by workspace, and are written again without a difference."""
    load(stored.keys.table, golden("keys"))
    found = [key for each in KEYS if (key := stored.keys.find(each.hash))]
    assert found == list(KEYS)
    assert list(stored.keys.all("w1")) == list(KEYS)[::-1]
    again = database()
    write_keys(again, found)
    assert is_golden(again.keys.table, "keys")


def test_the_day_of_a_key_is_written_as_it_was(stored: Database) -> None:
    """The first use of a key adds its day, which makes the golden row of a used key."""
    write_keys(stored, [replace(KEYS[0], last_used_on=None), KEYS[1]])
    stored.keys.used(KEYS[0].hash, "2026-11-23")
    assert is_golden(stored.keys.table, "keys")


# ---------------------------------------------------------------- Workspaces


@pytest.mark.usefixtures("known_secrets")
def test_workspaces_are_written_as_they_were(stored: Database) -> None:
    """A workspace with its tombstone key, schema and webhook secrets are written as the golden rows."""
    stored.workspaces.add("w1", "Zo\u00eb's", "2026-11-23T05:17:13.001Z")
    stored.workspaces.save_schema("w1", SCHEMA)
    stored.secrets.of("w1", NOW)
    stored.secrets.rotate("w1", LATER)
    stored.secrets.of("w2", NOW)
    # The rows of suppressed addresses in this file are those of an early release, which wrote the key and nothing else.
    assert rows_of(stored.workspaces.table) == [row for row in golden("workspaces") if not row["row"]["S"].startswith("suppressed/")]


@pytest.mark.usefixtures("known_secrets")
def test_workspaces_are_read_as_they_were(stored: Database) -> None:
    """Golden rows of workspaces are read completely; schema and secrets are written again without a difference."""
    load(stored.workspaces.table, golden("workspaces"))
    assert stored.workspaces.created_at("w1") == NOW
    assert stored.workspaces.tombstone_key("w1") == TOMBSTONE_KEY
    assert stored.workspaces.schema("w1") == SCHEMA
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    assert stored.secrets.of("w1", LATER) == WebhookSecrets((secret, secret), LATER)
    assert stored.secrets.of("w2", LATER) == WebhookSecrets((secret,), NOW)
    assert stored.suppressions.holds("w1", "webhook", "https://example.com/Hook")
    stored.workspaces.save_schema("w1", stored.workspaces.schema("w1"))
    stored.secrets.rotate("w1", LATER)
    assert is_golden(stored.workspaces.table, "workspaces")


def test_settings_are_written_as_they_were(stored: Database) -> None:
    """The settings of a workspace are written as the golden row."""
    stored.settings.save("w1", SETTINGS, 0)
    assert rows_of(stored.workspaces.table) == [row for row in golden("workspaces-settings") if row["row"]["S"] == "settings"]


def test_settings_and_suppressions_are_read_as_they_were(stored: Database) -> None:
    """The golden rows of settings and of suppressions, also those of earlier releases, are read completely."""
    load(stored.workspaces.table, golden("workspaces"))
    load(stored.workspaces.table, golden("workspaces-settings"))
    assert stored.settings.read("w1") == StoredSettings(SETTINGS, 1)
    found, _ = stored.suppressions.page("w1", limit=10)
    assert sum((each.message, each.since) == (None, None) for each in found) == len(found) - 1
    assert ("webhook", "gone", "provider", "msg_1", NOW) in [
        (each.channel, each.reason, each.source, each.message, each.since) for each in found
    ]


def write_suppressions(stored: Database) -> None:
    """Suppresses an address of each channel, and lifts one."""
    for channel, address in SUPPRESSED:
        stored.suppressions.add("w1", channel, address, SuppressionCause("bounce", "provider", NOW, "msg_1"))
    stored.suppressions.add("w1", "email", "bob@example.com", SuppressionCause("manual", "import", NOW))
    stored.suppressions.remove("w1", "email", "bob@example.com", LATER)


def test_suppressions_are_written_as_they_were(stored: Database) -> None:
    """Suppressed addresses, personal ones under a keyed hash, and a lifted one are written as the golden rows."""
    write_suppressions(stored)
    assert is_golden(stored.workspaces.table, "workspaces-suppressions")


def test_suppressions_with_a_reason_are_read_as_they_were(stored: Database) -> None:
    """Golden rows with a reason suppress their addresses, and a lifted one suppresses none."""
    load(stored.workspaces.table, golden("workspaces-suppressions"))
    assert all(stored.suppressions.find("w1", channel, address.strip()) for channel, address in SUPPRESSED)
    assert not stored.suppressions.holds("w1", "email", "bob@example.com")
    assert len(stored.suppressions.page("w1", limit=10)[0]) == len(SUPPRESSED)


# ---------------------------------------------------------------- Dead letters


def write_dead_letters(stored: Database, parked: Sequence[Parked]) -> None:
    """Writes parked records for the first time."""
    for each in parked:
        stored.dead.park(each)


def test_dead_letters_are_written_as_they_were(stored: Database) -> None:
    """Parked signals and messages, readable or not, are written as the golden rows."""
    write_dead_letters(stored, PARKED)
    assert is_golden(stored.dead.table, "dead-letters")


def test_dead_letters_are_read_as_they_were(stored: Database) -> None:
    """Golden parked records are read by position and in lists, and are written again without a difference."""
    load(stored.dead.table, golden("dead-letters"))
    found = [parked for each in PARKED if (parked := stored.dead.get(each.workspace, each.position))]
    assert found == list(PARKED)
    assert len(stored.dead.page("w1", limit=9)[0]) == 3
    again = database()
    write_dead_letters(again, found)
    assert is_golden(again.dead.table, "dead-letters")


COUNTED = StoredCount(
    (CountedMessage("msg_1", NOW, "general", "email"), CountedMessage("msg_2", LATER, "news", "webhook")), merged=1, kept_until=LATER
)


def test_counted_messages_are_written_and_read_as_they_were(stored: Database) -> None:
    """What counts for a customer under caps is written as the golden row, and read from it completely."""
    counts = DynamoCapCounts(stored.messages.table)
    assert counts.save("w1", "c_1", COUNTED) is None
    assert rows_of(stored.messages.table) == golden("cap-counts")
    assert counts.read("w1", "c_1") == replace(COUNTED, revision=1, kept_until=LATER.replace(microsecond=0))
