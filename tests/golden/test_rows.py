"""Rows of every table: written as the golden files hold them, read from the golden files, and written again without a difference."""

from __future__ import annotations

import secrets
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
    LONG_HEAD,
    MESSAGE,
    MESSAGES,
    NOW,
    PAGES,
    PAIR,
    PARKED,
    RECEIPTS,
    REFUSED,
    RENDERED,
    ROWS,
    SCHEMA,
    SECOND_PAIR,
    SHORT_RUN,
    STANDINGS,
    STRANGER,
    SUPPRESSED,
)
from waypost.adapters.dynamodb.table import Table
from waypost.domain.api_keys import Key
from waypost.domain.customers.customer import Row, RowKey, correlation_key
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.receipts import Receipt
from waypost.domain.journeys.journey import Journey, parse
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys
from waypost.domain.messages.message import Message, PreparedMessage
from waypost.domain.messages.webhook_signatures import WebhookSecrets
from waypost.domain.runs.changes import Commit, CommitResult, RunsMerge
from waypost.domain.runs.effects import SendMessage
from waypost.domain.runs.run import CustomerRuns, HeldRun, Run, VersionRow

DEFINITIONS = golden("definitions")


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """AWS in this process."""
    with tables.aws():
        yield


@pytest.fixture
def made() -> Database:
    """Adapters on empty tables."""
    return database()


@pytest.fixture
def known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are known bytes."""
    monkeypatch.setattr(secrets, "token_bytes", lambda size: TOMBSTONE_KEY[:size])


def is_golden(table: Table, name: str) -> bool:
    """Compares a table with a golden file; a difference fails the test here, where pytest shows it."""
    assert comparable(rows_of(table)) == comparable(golden(name))
    return True


# ---------------------------------------------------------------- Customers


def write_customers(made: Database, rows: Sequence[Row]) -> None:
    """First writes of rows of two workspaces, and the tombstones."""
    for row in rows:
        made.customers.save([replace(row, revision=row.revision - 1)])
    made.customers.add_tombstones("w1", ERASED, LATER)


def test_customers_are_written_as_they_were(made: Database) -> None:
    """Heads, pairs, own rows, pointers, the mark of a workspace with named customers, and tombstones have their golden rows."""
    write_customers(made, ROWS)
    assert is_golden(made.customers.table, "customers")


def test_customers_are_read_as_they_were(made: Database) -> None:
    """Golden rows of customers are found by key, by primary key, by id and by tombstone, and their second writing is the same."""
    load(made.customers.table, golden("customers"))
    found = {row.key: row for workspace in ("w1", "w2") for row in made.customers.get(keys_of(workspace))}
    assert found == {row.key: row for row in ROWS}
    assert sorted(made.customers.named("w1", ADA), key=lambda row: str(row.key)) == sorted(
        (HEAD, PAIR, SECOND_PAIR), key=lambda row: str(row.key)
    )
    assert made.customers.tombstones("w1", (ADA, DEVICE, ERASED[1])) == dict.fromkeys(ERASED, LATER)
    assert made.customers.has_identified_customers("w1")
    assert made.customers.find_by_id("w1", "c_ada") == HEAD.key
    assert made.customers.find_by_id("w1", "c_device") == PAIR.key
    assert made.customers.find_by_id("w1", "c_stranger") == correlation_key("w1", STRANGER)
    assert made.customers.find_by_id("w1", "c_long") == LONG_HEAD.key
    again = database()
    write_customers(again, [found[row.key] for row in ROWS])
    assert is_golden(again.customers.table, "customers")


def keys_of(workspace: str) -> list[RowKey]:
    """The keys of one workspace's rows."""
    return [row.key for row in ROWS if row.key.workspace == workspace]


def test_a_row_is_updated_in_one_write_as_it_was(made: Database) -> None:
    """The update that merges facts into a golden row leaves the golden row of the second revision, and a save the third."""
    load(made.customers.table, [row for row in golden("customers") if row["correlationId"]["S"] == "=device-9"])
    updated = made.customers.update_if_newer(correlation_key("w1", STRANGER), {"a:score": FACTS["a:score"]})
    assert isinstance(updated, Row)
    assert is_golden(made.customers.table, "customers-updated")
    made.customers.save([updated.with_facts({"a:gone": FACTS["a:gone"]})])
    assert is_golden(made.customers.table, "customers-saved")


# ---------------------------------------------------------------- Runs


def write_runs(made: Database, stored_runs: Sequence[tuple[str, CustomerRuns, tuple[Run, ...]]]) -> None:
    """First commits of customers' runs; earlier runs are written as replaced ones."""
    for customer, customer_runs, past in stored_runs:
        commit = Commit(
            "w1",
            customer,
            VersionRow(customer_runs.version_row.version - 1),
            customer_runs.version_row.pending_effects,
            customer_runs.runs,
            past,
        )
        assert made.runs.commit(commit) is CommitResult.DONE


def read_runs(made: Database, customer: str) -> tuple[str, CustomerRuns, tuple[Run, ...]]:
    """A customer's runs, and apart from them the earlier ones."""
    customer_runs = made.runs.get("w1", customer)
    return customer, customer_runs, made.runs.history("w1", customer).runs[len(customer_runs.runs) :]


def test_runs_are_written_as_they_were(made: Database) -> None:
    """Gates with each kind of pending effect, active, held, ended and past runs have their golden rows."""
    write_runs(made, STANDINGS)
    assert is_golden(made.runs.table, "runs")


def test_runs_are_read_as_they_were(made: Database) -> None:
    """Golden rows of runs are found with all that they hold, by customer and by journey, and their second writing is the same."""
    load(made.runs.table, golden("runs"))
    found = [read_runs(made, customer) for customer, _, _ in STANDINGS]
    assert [(name, customer_runs.version_row, by_id(customer_runs.runs), past) for name, customer_runs, past in found] == [
        (name, customer_runs.version_row, by_id(customer_runs.runs), past) for name, customer_runs, past in STANDINGS
    ]
    assert made.runs.held("w1", "welcome", None) == ([HeldRun("c_ada", DEVICE), HeldRun("c_ada", ADA)], None)
    assert made.runs.counts("w1", "welcome") == {"wait": 3}
    again = database()
    write_runs(again, found)
    assert is_golden(again.runs.table, "runs")


def by_id(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs without their order."""
    return {run.id: run for run in runs}


def test_absorbed_erased_and_executed_gates_are_written_as_they_were(made: Database) -> None:
    """A merge leaves a gate that says where the runs went; an erasure closes a gate; executed effects leave it."""
    for customer in ("c_into", "c_absorbed", "c_erased", "c_executed"):
        made.runs.commit(Commit("w1", customer, VersionRow(), EFFECTS))
    version_row = VersionRow(1, EFFECTS)
    assert made.runs.merge(
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
    made.customer_data.block_writes("w1", "c_erased", NOW)
    made.runs.clear("w1", "c_executed", 1)
    assert is_golden(made.runs.table, "runs-gates")


def test_absorbed_erased_and_executed_gates_are_read_as_they_were(made: Database) -> None:
    """A golden gate of an absorbed customer names the other one; closed and executed gates owe nothing; merged runs are there."""
    load(made.runs.table, golden("runs-gates"))
    assert made.runs.get("w1", "c_into") == CustomerRuns(VersionRow(2, (*EFFECTS, SendMessage("msg_9"))), (SHORT_RUN,))
    assert made.runs.history("w1", "c_into").runs == (SHORT_RUN, EXITED_RUN)
    assert made.runs.get("w1", "c_absorbed") == CustomerRuns(VersionRow(2, (), "c_into"), ())
    assert made.runs.get("w1", "c_erased") == CustomerRuns(VersionRow(2), ())
    assert made.runs.get("w1", "c_executed") == CustomerRuns(VersionRow(1), ())


# ---------------------------------------------------------------- Events


def write_events(made: Database, pages: Sequence[Page], receipts: Sequence[Receipt]) -> None:
    """Pages of the log, receipts with the first of them, refused events and their count."""
    made.log.write(pages[0], receipts)
    for page in pages[1:]:
        made.log.write(page, [])
    assert made.rejected.count("w1", NOW, 3) == 0
    made.rejected.keep("w1", NOW, "request-1", REFUSED)


def test_events_are_written_as_they_were(made: Database) -> None:
    """Receipts, pages of the log, refused events and their counter have their golden rows."""
    write_events(made, PAGES, RECEIPTS)
    assert is_golden(made.receipts.table, "events")


def test_receipts_of_a_commit_are_written_as_they_were(made: Database) -> None:
    """A receipt that is saved with a run has the row that it has when it is saved with a page."""
    made.runs.commit(Commit("w1", "c_ada", VersionRow(), (), receipts=RECEIPTS))
    written = [row for row in golden("events") if row["at"]["S"] == "-"]
    assert comparable(rows_of(made.receipts.table)) == comparable(written)


def test_events_are_read_as_they_were(made: Database) -> None:
    """Golden receipts, pages and refused events are found with all that they hold, and their second writing is the same."""
    load(made.receipts.table, golden("events"))
    receipts = made.receipts.read("w1", [each.uuid for each in RECEIPTS], NOW)
    assert receipts == {each.uuid: each for each in RECEIPTS}
    pages = [*made.log.of_customer("w1", "c_ada", limit=9)[::-1], *made.log.of_customer("w1", "c_large", limit=9)]
    assert pages == list(PAGES)
    assert made.log.of_day("w1", NOW.date(), limit=9) == sorted(PAGES, key=lambda page: (page.received_at, page.name), reverse=True)
    refused = [each for _, each in made.rejected.of_day("w1", NOW.date(), limit=9)][::-1]
    assert refused == [*REFUSED[:2], REFUSED[2]._replace(raw=None)]
    assert made.rejected.count("w1", NOW, 1) == 3
    again = database()
    write_events(again, pages, [receipts[each.uuid] for each in RECEIPTS])
    assert is_golden(again.receipts.table, "events")


# ---------------------------------------------------------------- Messages


def write_messages(made: Database, messages: Sequence[Message], rendered: Sequence[tuple[Message, PreparedMessage]]) -> None:
    """First writes of messages, and of what was rendered for some of them."""
    assert made.runs.commit(Commit("w1", "c_ada", VersionRow(), (), messages=tuple(messages))) is CommitResult.DONE
    for message, kept in rendered:
        made.messages.keep_rendered(message, kept, NOW)


def test_messages_are_written_as_they_were(made: Database) -> None:
    """Messages of every status and reason, one with all that a message may hold, and rendered bodies have their golden rows."""
    write_messages(made, MESSAGES, RENDERED)
    assert is_golden(made.messages.table, "messages")


def test_messages_are_read_as_they_were(made: Database) -> None:
    """Golden messages are found by id and by each index, their bodies too, and their second writing is the same."""
    load(made.messages.table, golden("messages"))
    found = [message for each in MESSAGES if (message := made.messages.get("w1", each.id))]
    assert found == list(MESSAGES)
    newest = sorted(MESSAGES, key=lambda message: (message.created_at, message.id), reverse=True)
    assert made.messages.page("w1", limit=99, customer="c_ada")[0] == newest
    assert made.messages.page("w1", limit=99, journey="welcome")[0] == newest
    assert made.messages.page("w1", limit=99, day=NOW.date())[0] == newest
    assert made.messages.held("w1", "welcome", None) == ([FULL_MESSAGE.id], None)
    bodies = made.messages.all_rendered("w1", [MESSAGE.id, FULL_MESSAGE.id])
    assert bodies == {message.id: kept for message, kept in RENDERED}
    again = database()
    write_messages(again, found, [(message, bodies[message.id]) for message, _ in RENDERED])
    assert is_golden(again.messages.table, "messages")


def test_a_changed_message_replaces_its_golden_row(made: Database) -> None:
    """A message that is saved over its golden row has the row of a first write."""
    load(made.messages.table, golden("messages"))
    assert made.messages.save(replace(MESSAGE, token="t"), MESSAGE)
    assert made.messages.save(MESSAGE, replace(MESSAGE, token="t"))
    assert is_golden(made.messages.table, "messages")


# ---------------------------------------------------------------- Journeys


def write_journeys(made: Database, lifecycles: Sequence[Lifecycle], pointer: ActiveJourneys) -> None:
    """Drafts with their definitions, the first one published."""
    for lifecycle in lifecycles:
        definition = DEFINITIONS[1] if lifecycle.id == DEFINITIONS[1]["id"] else DEFINITIONS[0]
        made.journeys.save_draft("w1", replace(lifecycle, revision=0), definition)
    made.journeys.publish("w1", replace(lifecycles[0], revision=1), pointer._replace(revision=pointer.revision - 1))


def test_journeys_are_written_as_they_were(made: Database) -> None:
    """Journeys in each state, versions short and long, and the row of what is in force have their golden rows."""
    write_journeys(made, LIFECYCLES, ACTIVE)
    assert is_golden(made.journeys.table, "journeys")


def test_journeys_are_read_as_they_were(made: Database) -> None:
    """Golden journeys, versions and the row of what is in force are found, and their second writing is the same."""
    load(made.journeys.table, golden("journeys"))
    found = [lifecycle for each in LIFECYCLES if (lifecycle := made.journeys.lifecycle("w1", each.id))]
    assert found == list(LIFECYCLES)
    assert sorted(made.journeys.all("w1"), key=lambda each: each.id) == sorted(LIFECYCLES, key=lambda each: each.id)
    assert made.journeys.pointer("w1") == ACTIVE
    assert made.journeys.definition("w1", "welcome", 1) == DEFINITIONS[0]
    assert made.journeys.version("w1", "every-step", 2) == parse(DEFINITIONS[1])
    again = database()
    write_journeys(again, found, made.journeys.pointer("w1"))
    assert is_golden(again.journeys.table, "journeys")


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_stored_definition_is_a_journey(definition: object) -> None:
    """Each key that a stored definition has is known: unknown ones would make it no journey."""
    assert isinstance(parse(definition), Journey)


# ---------------------------------------------------------------- Keys


def write_keys(made: Database, keys: Sequence[Key]) -> None:
    """First writes of keys."""
    for key in keys:
        made.keys.add(key)


def test_keys_are_written_as_they_were(made: Database) -> None:
    """A key with all that a key may hold, and one without, have their golden rows."""
    write_keys(made, KEYS)
    assert is_golden(made.keys.table, "keys")


def test_keys_are_read_as_they_were(made: Database) -> None:
    """Golden keys are found by hash and by workspace, and their second writing is the same."""
    load(made.keys.table, golden("keys"))
    found = [key for each in KEYS if (key := made.keys.find(each.hash))]
    assert found == list(KEYS)
    assert list(made.keys.all("w1")) == list(KEYS)[::-1]
    again = database()
    write_keys(again, found)
    assert is_golden(again.keys.table, "keys")


def test_the_day_of_a_key_is_written_as_it_was(made: Database) -> None:
    """The note of a day makes a key without one the golden row of a key with one."""
    write_keys(made, [replace(KEYS[0], last_used_on=None), KEYS[1]])
    made.keys.used(KEYS[0].hash, "2026-11-23")
    assert is_golden(made.keys.table, "keys")


# ---------------------------------------------------------------- Workspaces


@pytest.mark.usefixtures("known_secrets")
def test_workspaces_are_written_as_they_were(made: Database) -> None:
    """A workspace with its tombstone key, its schema, its webhook secrets and suppressed addresses have their golden rows."""
    made.workspaces.add("w1", "Zo\u00eb's", "2026-11-23T05:17:13.001Z")
    made.workspaces.save_schema("w1", SCHEMA)
    made.secrets.of("w1", NOW)
    made.secrets.rotate("w1", LATER)
    made.secrets.of("w2", NOW)
    for channel, address in SUPPRESSED:
        made.suppressions.add("w1", channel, address)
    assert is_golden(made.workspaces.table, "workspaces")


@pytest.mark.usefixtures("known_secrets")
def test_workspaces_are_read_as_they_were(made: Database) -> None:
    """Golden rows of workspaces are found with all that they hold; their schema and secrets are written again without a difference."""
    load(made.workspaces.table, golden("workspaces"))
    assert made.workspaces.created_at("w1") == NOW
    assert made.workspaces.tombstone_key("w1") == TOMBSTONE_KEY
    assert made.workspaces.schema("w1") == SCHEMA
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    assert made.secrets.of("w1", LATER) == WebhookSecrets((secret, secret), LATER)
    assert made.secrets.of("w2", LATER) == WebhookSecrets((secret,), NOW)
    assert all(made.suppressions.holds("w1", channel, address.strip()) for channel, address in SUPPRESSED)
    made.workspaces.save_schema("w1", made.workspaces.schema("w1"))
    made.secrets.rotate("w1", LATER)
    assert is_golden(made.workspaces.table, "workspaces")


# ---------------------------------------------------------------- Dead letters


def write_dead_letters(made: Database, parked: Sequence[Parked]) -> None:
    """First writes of parked records."""
    for each in parked:
        made.dead.park(each)


def test_dead_letters_are_written_as_they_were(made: Database) -> None:
    """Parked signals and messages, readable or not, have their golden rows."""
    write_dead_letters(made, PARKED)
    assert is_golden(made.dead.table, "dead-letters")


def test_dead_letters_are_read_as_they_were(made: Database) -> None:
    """Golden parked records are found by position and in lists, and their second writing is the same."""
    load(made.dead.table, golden("dead-letters"))
    found = [parked for each in PARKED if (parked := made.dead.get(each.workspace, each.position))]
    assert found == list(PARKED)
    assert len(made.dead.page("w1", limit=9)[0]) == 3
    again = database()
    write_dead_letters(again, found)
    assert is_golden(again.dead.table, "dead-letters")
