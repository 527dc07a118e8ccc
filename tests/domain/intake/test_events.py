"""One event as callers send it: what is taken, what is refused and with which code (contract 1.3, 1.4, 1.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.ingest_harness import ADA, NOW, accepted, entry_of, event_of, identify, rejected, request_context, warned, wire
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.errors import RefusedError
from waypost.domain.intake.batch_parser import parse
from waypost.domain.intake.events import Accepted, Kind
from waypost.domain.intake.payloads import EventWarning

UUID = "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"


def uuids(*events: Any, **changes: Any) -> list[str]:
    """The identities of a batch's events."""
    entries = parse({"batch": list(events)}, request_context(**changes)).results
    return [entry.event.uuid for entry in entries if isinstance(entry, Accepted)]


@pytest.mark.parametrize(
    ("raw", "code", "pointer"),
    [
        ("text", "not-an-object", ""),
        ([], "not-an-object", ""),
        (None, "not-an-object", ""),
        (wire(event=...), "missing-event", "/event"),
        (wire(event=None), "missing-event", "/event"),
        (wire(event=" \t"), "bad-event", "/event"),
        (wire(event=7), "bad-event", "/event"),
        (wire(event={"name": "order_paid"}), "bad-event", "/event"),
        (wire(event="x" * 201), "bad-event", "/event"),
        (wire(correlationKey=...), "missing-correlation-key", "/correlationKey"),
        (wire(correlationKey="externalId"), "unknown-correlation-key", "/correlationKey"),
        (wire(correlationKey=1), "bad-correlation-key", "/correlationKey"),
        (wire(correlationValue=...), "missing-correlation-value", "/correlationValue"),
        (wire(correlationValue=None), "missing-correlation-value", "/correlationValue"),
        (wire(correlationValue="  "), "bad-correlation-value", "/correlationValue"),
        (wire(correlationValue=17), "bad-correlation-value", "/correlationValue"),
        (wire(correlationValue=[]), "bad-correlation-value", "/correlationValue"),
        (wire(correlationValue=["a", "b"]), "bad-correlation-value", "/correlationValue"),
        (wire(correlationValue=[["a"]]), "bad-correlation-value", "/correlationValue"),
        (wire(correlationValue="x" * 256), "bad-correlation-value", "/correlationValue"),
        (wire(correlationKey="email", correlationValue="nobody"), "bad-correlation-value", "/correlationValue"),
        (wire(source=5), "bad-source", "/source"),
        (wire(payload=[]), "bad-payload", "/payload"),
        (wire(payload="text"), "bad-payload", "/payload"),
        (wire(uuid="u" * 101), "bad-uuid", "/uuid"),
        (wire(uuid=5), "bad-uuid", "/uuid"),
        (identify(primary=None), "missing-distinct-id", "/payload/distinct_id"),
        (wire("$identify"), "missing-distinct-id", "/payload/distinct_id"),
        (identify(primary="nobody"), "bad-distinct-id", "/payload/distinct_id"),
        (identify(primary=17), "bad-distinct-id", "/payload/distinct_id"),
        (identify(primary="x" * 250 + "@b.org"), "bad-distinct-id", "/payload/distinct_id"),
        (identify() | {"correlationKey": "email", "correlationValue": "eve@example.com"}, "correlation-conflict", "/payload/distinct_id"),
    ],
)
def test_a_bad_event_is_refused_with_its_code_and_place(raw: Any, code: str, pointer: str) -> None:
    """Whoever sent it finds the fault without asking us."""
    assert rejected(raw) == (code, "/batch/0" + pointer)


def test_the_pointers_of_a_bare_event_start_at_its_own_root() -> None:
    """A single event has no batch around it."""
    [entry] = parse(wire(event=7), request_context(bare=True)).results
    assert not isinstance(entry, Accepted)
    assert entry.pointer == "/event"


@pytest.mark.parametrize(
    "raw",
    [
        wire(event="x" * 200),
        wire(correlationValue="x" * 255),
        wire(correlationValue=" " + "x" * 255 + " "),
        wire(uuid="u" * 100),
        wire(uuid=" " + "u" * 100 + " "),
        identify(primary="x" * 249 + "@b.org"),
        wire(payload=None, source=None, timestamp=None, uuid=None) | {"$fcm": None},
        wire(unknown={"deep": [1]}, context={}),
    ],
)
def test_what_is_just_inside_the_limits_is_accepted(raw: Any) -> None:
    """Each limit is inclusive, ids are trimmed before they are measured, null is absent, unknown fields are no error."""
    assert isinstance(entry_of(raw), Accepted)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (" device-1 ", "device-1"),
        (["device-1"], "device-1"),
        (UUID, UUID.lower()),
        (f" {UUID} ", UUID.lower()),
        (UUID.replace("-", ""), UUID.replace("-", "")),
        (f"{{{UUID}}}", f"{{{UUID}}}"),
        ("Device-ONE", "Device-ONE"),
    ],
)
def test_a_correlation_id_is_trimmed_and_only_a_uuid_is_folded(given: Any, taken: str) -> None:
    """The iOS SDK writes its ids in upper case, backends write them in lower case; other ids keep their case."""
    assert event_of(wire(correlationValue=given)).identifier == Identifier("correlation", taken)


def test_an_event_may_name_its_customer_by_primary_key() -> None:
    """The workspace's schema says which key that is; e-mail addresses compare in lower case."""
    event = event_of(wire(correlationKey="email", correlationValue=" Ada@Example.com "))
    assert event.identifier == Identifier("primary", ADA)


def test_without_a_schema_only_correlation_ids_are_known() -> None:
    """No primary key has a name then; naming a customer by any text still works."""
    assert rejected(wire(correlationKey="email", correlationValue=ADA), schema=Schema()) == (
        "unknown-correlation-key",
        "/batch/0/correlationKey",
    )
    identification = event_of(identify("Customer 7"), schema=Schema()).identification
    assert identification is not None
    assert identification.primary == Identifier("primary", "Customer 7")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (identify(), Kind.IDENTIFY),
        (wire("$set"), Kind.SET),
        (wire("$fcm"), Kind.TRIGGER),
        (wire("$opened", source="message"), Kind.REPORT),
        (wire("$opened", source="mobile"), Kind.TRIGGER),
        (wire("anything", source="tracker"), Kind.TRIGGER),
    ],
)
def test_name_and_source_say_what_an_event_does(raw: Any, kind: Kind) -> None:
    """Contract 1.6, row by row."""
    assert event_of(raw).kind is kind


def test_what_is_left_out_has_its_default() -> None:
    """Source custom, an empty payload, the time of receipt."""
    event = event_of(wire())
    assert (event.source, event.payload, event.at) == ("custom", {}, NOW)


def test_an_own_uuid_is_the_events_identity() -> None:
    """Folded like an id, so that the same UUID in another case is the same event; nothing to warn of."""
    entry = accepted(wire(uuid=f" {UUID} "))
    assert (entry.event.uuid, entry.warnings) == (UUID.lower(), ())


def test_identical_twins_are_two_events_and_a_retry_is_none_more() -> None:
    """Two equal events of one batch are counted apart; the same batch sent again has the same two identities."""
    twin = wire(timestamp="2026-11-23T05:00:00Z", payload={"b": 1, "a": 2})
    other = wire(timestamp="2026-11-23T05:00:00Z", payload={"b": 1, "a": 3})
    first = uuids(twin, other, twin)
    assert len(set(first)) == 3
    assert first == uuids(twin, other, twin, request_id="request-2")
    assert uuids(wire(timestamp="2026-11-23T05:00:00Z", payload={"a": 2, "b": 1}))[0] == first[0]


@pytest.mark.parametrize(
    "change",
    [
        {"correlationValue": "device-2"},
        {"correlationKey": "email", "correlationValue": ADA},
        {"event": "sold"},
        {"source": "mobile"},
        {"timestamp": "2026-11-23T05:00:01Z"},
        {"payload": {"a": 1}},
    ],
)
def test_a_derived_identity_changes_with_each_part_of_the_event(change: dict[str, Any]) -> None:
    """Else two events would be taken for one, and one lost."""
    raw = wire(timestamp="2026-11-23T05:00:00Z")
    assert uuids(raw) != uuids(raw | change)
    assert uuids(raw) != uuids(raw, workspace="w2")


def test_without_a_timestamp_an_idempotency_key_makes_events_repeatable() -> None:
    """Then the place in the request tells them apart."""
    first = uuids(wire(), wire(), idempotency_key="k" * 100)
    assert len(set(first)) == 2
    assert first == uuids(wire(), wire(), idempotency_key="k" * 100, request_id="request-2")
    assert first != uuids(wire(), wire(), idempotency_key="l" * 100)


def test_without_either_an_event_is_fresh_and_says_so() -> None:
    """Sending it again would count it twice, so its sender is warned."""
    assert accepted(wire()).warnings == (EventWarning("not-repeatable"),)
    assert uuids(wire()) != uuids(wire(), request_id="request-2")


def test_an_idempotency_key_has_at_most_100_characters() -> None:
    """It is refused as a whole, for no event of the batch could be told from its like."""
    with pytest.raises(RefusedError) as refused:
        parse({"batch": [wire()]}, request_context(idempotency_key="k" * 101))
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [None, 7, "batch", [], [wire()], {}, {"batch": {}}, {"batch": None}, {"Batch": [wire()]}, {"batch": []}])
def test_a_body_without_events_is_refused(body: Any) -> None:
    """400, whatever else it is."""
    with pytest.raises(RefusedError) as refused:
        parse(body, request_context())
    assert refused.value.status == 400


def test_a_batch_has_at_most_1000_events() -> None:
    """The answer to one more names limit and size."""
    assert len(parse({"batch": [wire()] * 1000}, request_context()).results) == 1000
    with pytest.raises(RefusedError) as refused:
        parse({"batch": [wire()] * 1001}, request_context())
    assert (refused.value.status, refused.value.extra) == (413, {"limit": 1000, "size": 1001})


def test_a_bad_event_does_not_touch_its_neighbours() -> None:
    """Entries come in the order of the request."""
    entries = parse({"batch": [wire(), "bad", wire()]}, request_context()).results
    assert [isinstance(entry, Accepted) for entry in entries] == [True, False, True]


@pytest.mark.parametrize(("historical", "taken"), [(True, True), (False, False), (None, False)])
def test_a_batch_says_that_it_is_history(historical: Any, taken: bool) -> None:
    """Only then it triggers nothing."""
    assert parse({"batch": [wire()], "historical": historical}, request_context()).historical is taken


@pytest.mark.parametrize("name", ["sentAt", "sent_at"])
def test_a_clock_that_is_wrong_is_put_right(name: str) -> None:
    """Both spellings are one field; a null is none."""
    raw = wire(timestamp="2030-01-01T00:00:00Z")
    envelope = {"batch": [raw], "sentAt": None, name: "2030-01-01T00:00:02Z"}
    [entry] = parse(envelope, request_context()).results
    assert isinstance(entry, Accepted)
    assert (NOW - entry.event.at).total_seconds() == 2


def test_warnings_point_into_the_request() -> None:
    """With the event's place in the batch."""
    entries = parse({"batch": [wire(), wire(timestamp="soon")]}, request_context()).results
    assert isinstance(entries[1], Accepted)
    assert entries[1].warnings == (EventWarning("bad-timestamp", "/batch/1/timestamp"),)


PLACEHOLDERS = [
    *("0", "-1", "null", "nil", "none", "undefined", "nan", "true", "false", "anonymous", "guest", "user", "id", "email"),
    *("distinct_id", "unknown", "n/a", "[]", "{}", "[object Object]", "00000000-0000-0000-0000-000000000000", "000", "---", "0-0"),
]


@pytest.mark.parametrize("word", PLACEHOLDERS)
def test_an_id_that_names_everybody_names_nobody(word: str) -> None:
    """Whatever its case or the quotes around it: refused as the customer's id, left out as one more id."""
    dresses = ("{}", " {} ", "'{}'", '"{}"', "`{}`", "\"'{}'\"", '" {} "')
    for worn in (dress.replace("{}", case) for dress in dresses for case in (word, word.upper(), word.title())):
        assert rejected(wire(correlationValue=worn)) == ("illegal-id", "/batch/0/correlationValue")
        assert rejected(identify(worn), schema=Schema()) == ("illegal-id", "/batch/0/payload/distinct_id")
        raw = identify(**{"$anon_distinct_id": worn})
        identification = event_of(raw).identification
        assert identification is not None
        assert identification.anonymous_id is None
        assert warned(raw) == {"illegal-id"}


@pytest.mark.parametrize("value", [0, -1, True, False, [], {}])
def test_a_placeholder_need_not_be_a_text(value: Any) -> None:
    """A broken client's distinct_id may have any type."""
    for schema in (Schema(), Schema(primary_key=PrimaryKey(name="number", type="Number"))):
        assert rejected(identify(value), schema=schema)[0] == "illegal-id"


@pytest.mark.parametrize("value", ["0.0", "-0", "0.00", "-1.0", "00", "0e5"])
def test_a_number_that_equals_a_placeholder_is_one(value: str) -> None:
    """Number keys compare by value, so minus one in any spelling is everybody's."""
    schema = Schema(primary_key=PrimaryKey(name="number", type="Number"))
    assert rejected(identify(value), schema=schema)[0] == "illegal-id"
    assert rejected(wire(correlationKey="number", correlationValue=value), schema=schema)[0] == "illegal-id"


@pytest.mark.parametrize("value", ["user-1", "anonymous-7", "0a", "-12", "true-north", "emailed", "idle", "10", "null@example.com"])
def test_an_id_that_only_resembles_a_placeholder_is_accepted(value: str) -> None:
    """Nobody real is locked out."""
    assert event_of(wire(correlationValue=value)).identifier.value == value


def test_a_further_id_comes_with_a_naming() -> None:
    """The iOS SDK sends its anonymous id in upper case."""
    identification = event_of(identify(**{"$anon_distinct_id": UUID})).identification
    assert identification is not None
    assert identification.anonymous_id == Identifier("correlation", UUID.lower())


@pytest.mark.parametrize("value", [5, "", "x" * 256, ["a"]])
def test_a_further_id_that_is_none_is_left_out(value: Any) -> None:
    """With a warning; the customer is named all the same."""
    assert warned(identify(**{"$anon_distinct_id": value})) == {"illegal-id"}
