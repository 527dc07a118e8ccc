"""Invocations of every method of the adapters of DynamoDB, with success, conflict and absence where a method has them.

They run on the simulated DynamoDB and on that of the emulator, which must give the same results.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

from tests.fakes.ingest_harness import event_of, wire
from tests.fakes.journeys import journey
from tests.fakes.keys import stored
from tests.fakes.messages import NOW, pending_message
from waypost.domain.customers.consents import ALL, ConsentChange
from waypost.domain.customers.erasure import ErasureScope
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, correlation_key, head_key, pair_key
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.dead_letters import Parked
from waypost.domain.errors import StaleError
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Rejected, RejectedEvent
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.journeys.lifecycle import Lifecycle, pointed
from waypost.domain.messages.caps import CountedMessage, StoredCount
from waypost.domain.messages.delivery import with_claim
from waypost.domain.messages.message import WHOLE_WORKSPACE, MessageStatus, PreparedMessage
from waypost.domain.messages.suppression import SuppressionCause
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.reasons import Reason
from waypost.domain.runs.changes import Commit, RunsMerge
from waypost.domain.runs.edges import EdgePlace
from waypost.domain.runs.effects import SendMessage
from waypost.domain.runs.journey_counts import ConversionCounts, CountedVersion, ExperimentBranchPlace, JourneyCounts
from waypost.domain.runs.run import Cause, PendingTransition, Run, VersionRow
from waypost.domain.values.wire_time import iso

Script = Callable[[SimpleNamespace], Any]

SECOND: Final = timedelta(seconds=1)
ADA: Final = Identifier("primary", "ada@example.com")
DEVICE: Final = Identifier("correlation", "device-1")
HEAD, PAIR, OWN = head_key("w1", ADA), pair_key("w1", ADA, DEVICE), correlation_key("w1", DEVICE)
RUN: Final = Run("r_1", "welcome", 3, "", "hello", NOW, visits={"hello": 1}, due=NOW)
MANY: Final = 3
"""How many rows lists have: more than one page where a page holds one row."""


def at(second: int) -> Any:
    """A time this many seconds from now."""
    return NOW + second * SECOND


def facts_at(second: int, **payload: Any) -> dict[str, str]:
    """The facts of a `$set` with this payload, at a second of one minute."""
    return dict(event_of(wire("$set", uuid="u", timestamp=f"2026-11-23T05:17:{second:02}Z", payload=payload)).facts)


def customers(adapters: SimpleNamespace) -> None:
    """The rows of customers, their tombstones, and the index by id."""
    table = adapters.customers
    table.any_with_primary_key("w1")
    rows = [Row(HEAD, "c_1", id_count=1), Row(PAIR, "c_1", facts=facts_at(1, plan="pro"), merged_id="c_2"), Row(OWN, "c_2", linked_to=ADA)]
    table.save(rows)
    table.save([rows[0]])
    table.save([replace(rows[0], revision=1), rows[1]])
    table.save([Row(head_key("w1", Identifier("primary", "x" * 300)), "c_3")])
    table.any_with_primary_key("w1")
    table.get([HEAD, PAIR, OWN, head_key("w1", Identifier("primary", "none"))])
    table.by_primary_key("w1", ADA)
    table.update_if_newer(PAIR, facts_at(2, plan="free", age=3))
    table.update_if_newer(PAIR, facts_at(2, plan="late"))
    table.update_if_newer(OWN, facts_at(3, plan="pointer"))
    table.update_if_newer(correlation_key("w1", Identifier("correlation", "none")), facts_at(3, plan="none"))
    table.update_if_newer(PAIR, {f"a{place}": text for place in range(301) for text in facts_at(9, plan="many").values()})
    for customer in ("c_1", "c_2", "c_3", "none"):
        table.find_by_id("w1", customer)
        table.primary_of("w1", customer)
    table.add_tombstones("w1", [ADA, DEVICE], NOW)
    table.tombstones("w1", [ADA, DEVICE, Identifier("primary", "none")])
    table.remove([HEAD, PAIR])
    table.get([HEAD, PAIR, OWN])
    table.find_by_id("w1", "c_1")


def receipts_and_log(adapters: SimpleNamespace) -> None:
    """Receipts, pages of the event log, and their lists by day and customer."""
    receipts = [Receipt(f"e{place}", "page_view", at(place), "c_1", reason=None if place else Reason.HISTORICAL) for place in range(MANY)]
    effect = Receipt("e9", "signed_up", NOW, "c_1", (JourneyOutcome("welcome", "entered", None, "r_1"),), ("msg_1",))
    pages = [Page("w1", "c_1", at(place), f"n{place}", (event_of(wire(uuid=f"e{place}")),)) for place in range(MANY)]
    adapters.log.write("w1", pages, receipts[:1], receipts[1:])
    adapters.log.write("w1", pages[:1], [], receipts[:1])
    adapters.log.write("w1", [], [], [replace(receipts[0], customer="c_2"), effect])
    adapters.log.write("w1", [replace(pages[0], customer="c_4", kept=SECOND)], [], [replace(receipts[0], uuid="e8", customer="c_4")])
    adapters.receipts.read("w1", ["e0", "e1", "e9", "none"], NOW)
    adapters.receipts.read("w1", ["e0"], NOW + timedelta(days=200))
    adapters.receipts.put_new("w1", [effect, replace(effect, uuid="e10")])
    adapters.receipts.put_new("w1", [replace(effect, customer="c_5")])
    adapters.log.between("w1", "c_1", NOW, at(9))
    adapters.log.between("w1", "c_1", at(1), at(1))
    listed(lambda before: adapters.log.of_customer("w1", "c_1", limit=2, before=before))
    listed(lambda before: adapters.log.of_day("w1", NOW.date(), limit=2, before=before))
    adapters.log.of_customer("w1", "c_1", limit=9, since=at(1))
    adapters.log.of_day("w1", NOW.date(), limit=9, since=at(1))
    adapters.log.counts("w1", NOW, at(9))
    adapters.log.counts("w1", NOW - timedelta(days=1), NOW)


def listed(page: Callable[[str | None], tuple[Any, str | None]]) -> list[Any]:
    """What all pages of a list hold together."""
    found: list[Any] = []
    before: str | None = None
    for _ in range(200):
        items, before = page(before)
        found += items
        if before is None:
            return found
    raise AssertionError("the list does not end")


def consents(adapters: SimpleNamespace) -> None:
    """The history of consents."""
    changes = [ConsentChange("unsubscribed", f"t{place}", ALL, at(place), f"u{place}", "page", "v1") for place in range(MANY)]
    adapters.consents.add("w1", "c_1", changes, NOW)
    adapters.consents.add("w1", "c_1", changes[:1], NOW)
    listed(lambda before: adapters.consents.page("w1", "c_1", limit=2, before=before))


def rejected(adapters: SimpleNamespace) -> None:
    """Rejected events and their counters."""
    error = Rejected("bad-event", "event: must not be blank.", "/batch/0/event")
    raw = {"correlationValue": "Device-1", "payload": {"distinct_id": "ada@example.com"}}
    adapters.rejected.count("w1", NOW, 5)
    adapters.rejected.count("w1", NOW, 2)
    adapters.rejected.count("w1", NOW + timedelta(minutes=1), 1)
    adapters.rejected.count("w1", NOW + timedelta(days=1), 1)
    adapters.rejected.keep("w1", NOW, "i1", [RejectedEvent(place, raw if place else "text", error) for place in range(MANY)])
    listed(lambda before: adapters.rejected.of_day("w1", NOW.date(), limit=2, before=before))
    adapters.rejected.of_day("w1", NOW.date(), limit=9, since=at(1))
    adapters.rejected.counts("w1", NOW, NOW + timedelta(days=1))


def held_run(number: int) -> Run:
    """A run that a pause holds."""
    return replace(RUN, id=f"r_{number}", key=str(number), pending_transition=PendingTransition(at(number), ADA, "thanks", Cause.EVENT))


def runs(adapters: SimpleNamespace) -> None:
    """Commits, merges and lists of runs."""
    table = adapters.runs
    receipt = Receipt("run1", "signed_up", NOW, "c_r", (JourneyOutcome("welcome", "entered", None, "r_1"),), ("msg_1",))
    effects = (SendMessage("msg_1"),)
    first = Commit("w1", "c_r", VersionRow(), effects, (RUN,), (), (pending_message(id="msg_run"),), (receipt,))
    table.get("w1", "c_r")
    table.commit(first)
    table.commit(first)
    table.commit(replace(first, version_row=VersionRow(1, effects)))
    table.clear("w1", "c_r", 9)
    table.clear("w1", "c_r", 1)
    ended = replace(RUN, id="r_0", key="k").exited(Reason.FINISHED)
    active = tuple(replace(RUN, id=f"a{place}", key=f"a{place}", step="wait") for place in range(MANY))
    held = tuple(held_run(place) for place in range(MANY))
    table.commit(Commit("w1", "c_r", VersionRow(1), (), (*active, *held), (RUN.exited(Reason.FINISHED),), (), (), (ended,)))
    table.get("w1", "c_r")
    table.history("w1", "c_r")
    table.in_journey("w1", "c_r", "welcome")
    table.last_ended("w1", "c_r", "welcome", "k")
    table.last_ended("w1", "c_r", "welcome", "none")
    for step in (None, "wait", "hello"):
        table.count("w1", "welcome", step, limit=9)
        table.count("w1", "welcome", step, limit=1)
        entries = listed(lambda after, step=step: table.active("w1", "welcome", step, limit=2, after=after))  # type: ignore[misc]
        if entries:
            table.load("w1", entries)
    with suppress(ValueError):
        table.active("w1", "welcome", "hello", limit=2, after="live#wait\nc_r\nrun/x")
    with suppress(ValueError):
        table.active("w1", "welcome", None, limit=2, after="no position")
    listed(lambda after: table.held("w1", "welcome", after))
    _, position = table.counts("w1", "welcome")
    while position is not None:
        _, position = table.counts("w1", "welcome", position)
    table.commit(Commit("w1", "c_s", VersionRow(), effects, (replace(RUN, id="s1", key="s"),)))
    source, target = table.get("w1", "c_s"), table.get("w1", "c_r")
    merge = RunsMerge("w1", "c_r", target.version_row, "c_s", source.version_row, source.runs, ())
    table.merge(merge)
    table.merge(merge)
    table.get("w1", "c_s")
    table.history("w1", "c_r")


def counters(adapters: SimpleNamespace) -> None:
    """The numbers of journeys."""
    version, other = CountedVersion("w1", "welcome", 2), CountedVersion("w1", "welcome", 3)
    counts = JourneyCounts(entered=3, finished=1)
    counts.edges.update({EdgePlace(place, 0): place + 1 for place in range(120)})
    counts.exited.update({Reason.EXIT_EVENT: 2})
    adapters.counters.counted_from(version)
    adapters.counters.days(version, None)
    for day in range(MANY):
        adapters.counters.add(version, counts, NOW + timedelta(days=day))
        adapters.counters.add_conversions(version, ExperimentBranchPlace(1, day), ConversionCounts(2), NOW)
    adapters.counters.add(version, JourneyCounts(), NOW)
    adapters.counters.counted_from(version)
    adapters.counters.days(version, None)
    adapters.counters.days(version, (NOW + timedelta(days=1)).date())
    adapters.counters.days(other, None)
    adapters.counters.conversions(version, 1)
    adapters.counters.conversions(version, 9)


def messages(adapters: SimpleNamespace) -> None:
    """Messages with their rendered content, and their lists."""
    table = adapters.messages
    made = PreparedMessage("ada@example.com", {"subject": "Hi", "text": "Zoë 🎉"})
    all_messages = [pending_message(id=f"msg_{place}", customer="c_m", created_at=at(place), to="a@example.com") for place in range(MANY)]
    held = [
        pending_message(id=f"msg_h{place}", customer="c_m", journey="paused", created_at=at(9 + place), held=True) for place in range(MANY)
    ]
    by_workspace = pending_message(id="msg_w", customer="c_m", created_at=at(20), held=True, journey="paused")
    adapters.runs.commit(Commit("w1", "c_m", VersionRow(), (), messages=(*all_messages, *held, by_workspace)))
    table.get("w1", "msg_0")
    table.get("w1", "msg_none")
    table.get("w1", "no id")
    claimed = with_claim(all_messages[0], NOW, "t1", "a")
    table.save(claimed, all_messages[0])
    table.save(claimed, all_messages[0])
    table.save(replace(claimed, token="t2"), all_messages[0])
    table.save(replace(all_messages[0], id="msg_none"), replace(all_messages[0], id="msg_none"))
    table.save(replace(all_messages[1], status=MessageStatus.SENT), all_messages[1])
    for journey_id in ("paused", WHOLE_WORKSPACE, "none"):
        listed(lambda after, journey_id=journey_id: table.held("w1", journey_id, after))  # type: ignore[misc]
    table.rendered("w1", "msg_0")
    table.keep_rendered(all_messages[0], made, NOW)
    table.keep_rendered(all_messages[0], replace(made, to="b@example.com"), NOW)
    table.rendered("w1", "msg_0")
    table.all_rendered("w1", ["msg_0", "msg_1"])
    table.receivers("w1", ["msg_0", "msg_1", "msg_h0", "none"])
    for choice in ({"customer": "c_m"}, {"journey": "paused"}, {"day": NOW.date()}, {"day": (NOW - timedelta(days=1)).date()}):
        listed(lambda before, choice=choice: table.page("w1", limit=2, before=before, **choice))  # type: ignore[misc]
        table.page("w1", limit=9, since=at(2), **choice)


def cap_counts(adapters: SimpleNamespace) -> None:
    """The messages that count under caps."""
    counted = CountedMessage("msg_1", NOW, "general", "email")
    count = StoredCount((counted,), kept_until=(NOW + timedelta(days=1)).replace(microsecond=0))
    adapters.cap_counts.read("w1", "c_1")
    adapters.cap_counts.save("w1", "c_1", count)
    adapters.cap_counts.save("w1", "c_1", count)
    adapters.cap_counts.save("w1", "c_1", replace(count, revision=1, counted=()))
    adapters.cap_counts.save("w1", "c_2", count)
    adapters.cap_counts.read("w1", "c_1", latest=True)
    adapters.cap_counts.counted_of("w1", ["c_1", "c_2", "c_2", "none"])


def addresses(adapters: SimpleNamespace) -> None:
    """Suppressions, opt-outs and permissions of addresses, and the last message to each."""
    table = adapters.suppressions
    bounce, complaint = SuppressionCause("bounce", "provider", NOW, "msg_1"), SuppressionCause("complaint", "provider", at(5), "msg_2")
    for place in range(MANY):
        table.add("w1", "email", f"a{place}@example.com", bounce)
    table.add("w1", "email", "a0@example.com", complaint)
    table.add("w1", "email", "a0@example.com", bounce)
    table.holds("w1", "email", "a0@example.com")
    table.find("w1", "email", "A0@example.com")
    table.find("w1", "sms", "+12065550142")
    table.position("w1", "email", "a0@example.com")
    table.remove("w1", "email", "a1@example.com", at(9))
    table.add("w1", "email", "a1@example.com", complaint)
    table.find("w1", "email", "a1@example.com")
    listed(lambda before: table.page("w1", limit=2, before=before))
    adapters.opt_outs.add("w1", "email", "a0@example.com", {"news": NOW, ALL: at(1)})
    adapters.opt_outs.add("w1", "email", "a0@example.com", {"news": at(-1)})
    adapters.opt_outs.add_by_hash("w1", "email", "h", {"news": NOW})
    row = Row(head_key("w1", Identifier("primary", "perm@example.com")), "c_9", facts=facts_at(1, plan="pro"))
    adapters.customers.save([row])
    for address in ("a0@example.com", "a1@example.com", "none@example.com"):
        adapters.permissions.of("w1", "email", address, row.key)
        adapters.permissions.of("w1", "email", address, head_key("w1", Identifier("primary", "none")))
    adapters.last_messages.remember("w1", "sms", "+12065550142", "msg_1", NOW)
    adapters.last_messages.remember("w1", "sms", "+12065550142", "msg_0", at(-1))
    adapters.last_messages.remember("w2", "sms", "+12065550142", "msg_2", NOW)
    adapters.last_messages.of("sms", "+12065550142")
    adapters.last_messages.of("sms", "+4915112345678")


def journeys(adapters: SimpleNamespace) -> None:
    """Drafts, versions and publications of journeys."""
    table = adapters.journeys
    definition = journey("welcome").model_dump(by_alias=True, mode="json", exclude_none=True)
    table.pointer("w1")
    for name in ("welcome", "goodbye", "third"):
        draft = Lifecycle(name, name, NOW, NOW, version=1)
        table.save_draft("w1", draft, definition | {"id": name})
        with suppress(StaleError):
            table.save_draft("w1", draft, definition)
    saved = table.lifecycle("w1", "welcome")
    for version in (2, 3):
        table.save_draft("w1", replace(saved, version=version, updated_at=at(version)), definition)
        saved = table.lifecycle("w1", "welcome")
    pointer = pointed(table.pointer("w1"), "welcome", 3, ["signed_up"], NOW, at(1))
    published = replace(saved, status="published", published_version=3)
    table.publish("w1", published, pointer, at(4))
    with suppress(StaleError):
        table.publish("w1", published, pointer, at(5))
    table.pointer("w1")
    table.versions("w1", [("welcome", 1), ("welcome", 3), ("none", 1)])
    table.version("w1", "welcome", 2)
    with suppress(LookupError):
        table.version("w1", "none", 1)
    table.definition("w1", "welcome", 1)
    with suppress(LookupError):
        table.definition("w1", "none", 1)
    table.version_times("w1", "welcome", 1, 3)
    table.lifecycle("w1", "none")
    table.all("w1")
    table.delete_draft("w1", table.lifecycle("w1", "goodbye"))
    with suppress(StaleError):
        table.delete_draft("w1", replace(saved, revision=1))
    table.all("w1")


def workspaces(adapters: SimpleNamespace) -> None:
    """Workspaces, their keys, settings, secrets and counts."""
    adapters.workspaces.add("w1", "Shop", iso(NOW))
    with suppress(StaleError):
        adapters.workspaces.add("w1", "Other", iso(NOW))
    adapters.workspaces.created_at("w1")
    adapters.workspaces.tombstone_key("w1")
    with suppress(LookupError):
        adapters.workspaces.created_at("none")
    adapters.workspaces.schema("w1")
    adapters.workspaces.save_schema("w1", Schema(primary_key=PrimaryKey(name="email", type="Email")))
    adapters.workspaces.schema("w1")
    for place in range(MANY):
        adapters.keys.add(stored(f"{place}" * 40, id=f"k_{place}", created_at=at(place)))
    with suppress(StaleError):
        adapters.keys.add(stored("0" * 40))
    known = stored("0" * 40).hash
    adapters.keys.find(known)
    adapters.keys.find("none")
    adapters.keys.used(known, "2026-11-23")
    with suppress(StaleError):
        adapters.keys.used("none", "2026-11-23")
    adapters.keys.all("w1")
    adapters.keys.remove(known)
    adapters.keys.all("w1")
    adapters.workspace_settings.read("w1")
    adapters.workspace_settings.save("w1", WorkspaceSettings(senders=("news@shop.example",)), 0)
    with suppress(StaleError):
        adapters.workspace_settings.save("w1", WorkspaceSettings(), 0)
    adapters.workspace_settings.read("w1")
    adapters.link_keys.read("w1")
    for second in (0, 1, 100, 101):
        adapters.link_keys.rotate("w1", at(second))
        adapters.webhook_secrets.rotate("w1", at(second))
    adapters.link_keys.of("w1", NOW)
    adapters.link_keys.of("w2", NOW)
    adapters.webhook_secrets.of("w1", NOW)
    for minute in range(22):
        adapters.sent_tests.count("w1", at(60 * minute))


def dead_letters(adapters: SimpleNamespace) -> None:
    """Dead letters, and the attempts that are counted in their table."""
    all_parked = [Parked("w1", "message", f"msg_{place}", '{"a":"Zoë"}', "gave-up", at(place)) for place in range(MANY)]
    for each in all_parked:
        adapters.dead_letters.park(each)
    adapters.dead_letters.park(all_parked[0])
    adapters.dead_letters.get("w1", all_parked[0].position)
    adapters.dead_letters.get("w1", "none")
    for limit in (1, 2, 9):
        adapters.dead_letters.count("w1", limit=limit)
    listed(lambda before: adapters.dead_letters.page("w1", limit=2, before=before))
    listed(lambda after: adapters.dead_letters.oldest("w1", limit=2, after=after))
    adapters.dead_letters.remove(all_parked[0])
    adapters.dead_letters.discard("w1", all_parked[1].position)
    adapters.dead_letters.discard("w1", all_parked[1].position)
    adapters.dead_letters.count("w1", limit=9)
    for _ in range(3):
        adapters.started_attempts.start("record", 2)
    adapters.started_attempts.end("record")
    adapters.started_attempts.start("record", 2)


def erasures(adapters: SimpleNamespace) -> None:
    """The state of erasures, and the deletion of everything that the scripts before this one have stored about customers."""
    erasure, data = adapters.erasures, adapters.customer_data
    scope = ErasureScope(
        frozenset({"c_r", "c_m", "c_1"}),
        frozenset({Identifier("correlation", "device-1"), ADA}),
        frozenset({"msg_0"}),
        frozenset({"t1"}),
    )
    erasure.status("w1", "c_r")
    erasure.begin("w1", "c_r", NOW)
    erasure.begin("w1", "c_r", at(9))
    erasure.block("w1", "c_s", "c_r", NOW)
    erasure.add("w1", "c_r", scope, NOW)
    erasure.scope("w1", "c_r")
    erasure.save_position("w1", "c_r", "scan", "here", NOW)
    erasure.position("w1", "c_r", "scan")
    erasure.position("w1", "c_r", "none")
    erasure.schedule_second_pass("w1", "c_r", at(60))
    erasure.schedule_second_pass("w1", "c_r", at(90))
    erasure.status("w1", "c_s")
    adapters.runs.commit(Commit("w1", "c_r", adapters.runs.get("w1", "c_r").version_row, (), (RUN,)))
    for place in range(MANY):
        adapters.dead_letters.park(Parked("w1", "signal", f"s{place}", '{"customer":"c_r"}', "gave-up", at(50 + place)))
    after: str | None = None
    for _ in range(100):
        _, after = data.remove_parked("w1", scope, after)
        if after is None:
            break
    until_none(lambda: data.remove_runs("w1", "c_r"))
    while found := data.messages("w1", "c_m"):
        data.remove_messages("w1", sorted(each.id for each in found))
    data.remove_cap_counts("w1", ["c_1", "none"])
    for customer in ("c_1", "c_4"):
        until_none(lambda customer=customer: data.remove_events("w1", customer))  # type: ignore[misc]
    until_none(lambda: data.remove_consents("w1", "c_1"))
    until_none(lambda: data.remove_rejected("w1", ["device-1", "ADA@example.com"]))
    erasure.complete("w1", "c_r")
    erasure.status("w1", "c_r")
    erasure.scope("w1", "c_r")
    adapters.runs.history("w1", "c_r")
    adapters.messages.page("w1", limit=9, customer="c_m")
    adapters.log.of_customer("w1", "c_1", limit=9)
    adapters.receipts.read("w1", ["e0", "e1", "e2", "e8"], NOW)
    adapters.rejected.of_day("w1", NOW.date(), limit=9)
    adapters.dead_letters.page("w1", limit=9)


def until_none(remove: Callable[[], int]) -> None:
    """Repeats a removal until it finds nothing."""
    for _ in range(100):
        if remove() == 0:
            return
    raise AssertionError("the removal does not end")


SCRIPTS: Final[tuple[Script, ...]] = (
    customers,
    receipts_and_log,
    consents,
    rejected,
    runs,
    counters,
    messages,
    cap_counts,
    addresses,
    journeys,
    workspaces,
    dead_letters,
    erasures,
)
