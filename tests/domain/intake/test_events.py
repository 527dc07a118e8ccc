"""Parsing batches: which events are accepted, which are rejected, and with which code (docs/events.md#the-event)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.ingest_harness import ADA, NOW, accepted, event_of, identify, rejected, request_context, result_of, warning_codes, wire
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.errors import RefusedError
from waypost.domain.intake.batch_parser import parse
from waypost.domain.intake.events import Accepted, Kind
from waypost.domain.intake.payloads import EventWarning

UUID = "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"


def uuids(*events: Any, **changes: Any) -> list[str]:
    """The uuids of the accepted events of a batch."""
    results = parse({"batch": list(events)}, request_context(**changes)).results
    return [result.event.uuid for result in results if isinstance(result, Accepted)]


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
        (wire(correlationKey=...) | {"correlation_key": "_id"}, "missing-correlation-key", "/correlationKey"),
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
def test_an_invalid_event_is_rejected_with_code_and_pointer(raw: Any, code: str, pointer: str) -> None:
    """An invalid event is rejected with the code of its error and a JSON pointer to the place."""
    assert rejected(raw) == (code, "/batch/0" + pointer)


def test_the_pointers_of_a_bare_event_start_at_the_event() -> None:
    """The pointer of an error in a bare event has no `/batch/0` in front."""
    [result] = parse(wire(event=7), request_context(bare=True)).results
    assert not isinstance(result, Accepted)
    assert result.pointer == "/event"


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
def test_an_event_at_the_limits_of_its_fields_is_accepted(raw: Any) -> None:
    """Limits are inclusive, ids are trimmed before they are measured, null counts as absent, and unknown fields are no error."""
    assert isinstance(result_of(raw), Accepted)


@pytest.mark.parametrize(
    ("given", "normalized"),
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
def test_a_correlation_id_is_trimmed_and_a_uuid_is_lower_cased(given: Any, normalized: str) -> None:
    """A correlation id is trimmed and taken out of an array; only a UUID in the 8-4-4-4-12 form is lower-cased."""
    assert event_of(wire(correlationValue=given)).identifier == Identifier("correlation", normalized)


def test_an_event_may_name_its_customer_by_primary_key() -> None:
    """An event whose correlationKey is the name of the primary key has the normalised primary key value as its identifier."""
    event = event_of(wire(correlationKey="email", correlationValue=" Ada@Example.com "))
    assert event.identifier == Identifier("primary", ADA)


def test_without_a_schema_correlation_key_is_always_id() -> None:
    """Without a schema, a correlationKey other than `_id` is rejected, and `$identify` accepts any string."""
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
def test_the_kind_of_an_event_follows_from_name_and_source(raw: Any, kind: Kind) -> None:
    """`$identify` and `$set` have kinds of their own, events of source `message` are reports, all others are triggers."""
    assert event_of(raw).kind is kind


def test_absent_fields_have_defaults() -> None:
    """Without these fields, the source is `custom`, the payload is empty, and the time is the time of receipt."""
    event = event_of(wire())
    assert (event.source, event.payload, event.at) == ("custom", {}, NOW)


def test_an_event_keeps_its_own_uuid() -> None:
    """An event with a `uuid` has this uuid, normalised like an id, and no warning."""
    result = accepted(wire(uuid=f" {UUID} "))
    assert (result.event.uuid, result.warnings) == (UUID.lower(), ())


def test_identical_events_have_two_uuids_and_a_retry_has_the_same() -> None:
    """Two identical events of one batch have two uuids; the same batch, sent again, has the same ones, whatever the order of keys."""
    event = wire(timestamp="2026-11-23T05:00:00Z", payload={"b": 1, "a": 2})
    other = wire(timestamp="2026-11-23T05:00:00Z", payload={"b": 1, "a": 3})
    first = uuids(event, other, event)
    assert len(set(first)) == 3
    assert first == uuids(event, other, event, invocation_id="request-2")
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
def test_a_derived_uuid_depends_on_each_part_of_the_event(change: dict[str, Any]) -> None:
    """Two events that differ in one field, or in the workspace, have different uuids: otherwise one would be dropped as a duplicate."""
    raw = wire(timestamp="2026-11-23T05:00:00Z")
    assert uuids(raw) != uuids(raw | change)
    assert uuids(raw) != uuids(raw, workspace="w2")


def test_without_a_timestamp_an_idempotency_key_gives_the_uuids() -> None:
    """With an Idempotency-Key, events without timestamp have the same uuids in each request with this key, and others with another."""
    first = uuids(wire(), wire(), idempotency_key="k" * 100)
    assert len(set(first)) == 2
    assert first == uuids(wire(), wire(), idempotency_key="k" * 100, invocation_id="request-2")
    assert not set(first) & set(uuids(wire(), wire(), idempotency_key="l" * 100))
    assert not set(first) & set(uuids(wire(), wire(), idempotency_key="k" * 100, workspace="w2"))


def test_a_part_of_a_batch_with_an_idempotency_key_can_be_sent_again() -> None:
    """Events that are sent again without those in front of them have the uuids that they had: none gets that of another and is lost."""
    events = [wire(payload={"n": number}) for number in range(3)]
    first = uuids(*events, idempotency_key="k")
    assert uuids(*events[1:], idempotency_key="k") == first[1:]
    assert uuids(*reversed(events), idempotency_key="k") == first[::-1]


@pytest.mark.parametrize(
    "change",
    [
        {"correlationValue": "device-2"},
        {"correlationKey": "email", "correlationValue": ADA},
        {"event": "sold"},
        {"source": "mobile"},
        {"payload": {"a": 1}},
        {"timestamp": "2026-11-23T05:00:01Z"},
    ],
)
def test_different_events_under_one_idempotency_key_have_different_uuids(change: dict[str, Any]) -> None:
    """A client that uses one key for two requests loses no event by that, as long as the events differ in anything."""
    assert uuids(wire(), idempotency_key="k") != uuids(wire() | change, idempotency_key="k")


def test_without_either_an_event_gets_a_new_uuid_and_a_warning() -> None:
    """An event without uuid, timestamp and Idempotency-Key gets another uuid in each invocation, and the warning `not-repeatable`."""
    assert accepted(wire()).warnings == (EventWarning("not-repeatable"),)
    assert uuids(wire()) != uuids(wire(), invocation_id="request-2")


def test_an_idempotency_key_has_at_most_100_characters() -> None:
    """A request with a longer Idempotency-Key is refused as a whole with 400."""
    with pytest.raises(RefusedError) as refused:
        parse({"batch": [wire()]}, request_context(idempotency_key="k" * 101))
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [None, 7, "batch", [], [wire()], {}, {"batch": {}}, {"batch": None}, {"Batch": [wire()]}, {"batch": []}])
def test_a_body_without_events_is_refused(body: Any) -> None:
    """A body without an array `batch`, or with an empty one, is refused with 400."""
    with pytest.raises(RefusedError) as refused:
        parse(body, request_context())
    assert refused.value.status == 400


def test_a_batch_has_at_most_1000_events() -> None:
    """1,000 events are accepted; 1,001 are refused with 413, with the limit and the size."""
    assert len(parse({"batch": [wire()] * 1000}, request_context()).results) == 1000
    with pytest.raises(RefusedError) as refused:
        parse({"batch": [wire()] * 1001}, request_context())
    assert (refused.value.status, refused.value.extra) == (413, {"limit": 1000, "size": 1001})


def test_an_invalid_event_does_not_affect_its_neighbours() -> None:
    """An invalid event between two valid ones is rejected alone, and the results are in the order of the request."""
    results = parse({"batch": [wire(), "bad", wire()]}, request_context()).results
    assert [isinstance(result, Accepted) for result in results] == [True, False, True]


@pytest.mark.parametrize(("historical", "expected"), [(True, True), (False, False), (None, False)])
def test_a_batch_may_be_historical(historical: Any, expected: bool) -> None:
    """A batch is historical only if `historical` is true."""
    assert parse({"batch": [wire()], "historical": historical}, request_context()).historical is expected


@pytest.mark.parametrize("historical", ["true", "false", "", 1, 0, [], [True], {}, Decimal("1.0")])
def test_a_batch_whose_historical_is_no_boolean_is_refused(historical: Any) -> None:
    """`historical` of another type is 400 with its pointer: as `false` it would send the messages of every imported event."""
    with pytest.raises(RefusedError) as refused:
        parse({"batch": [wire()], "historical": historical}, request_context())
    assert (refused.value.status, refused.value.code, refused.value.extra["pointer"]) == (400, "bad-historical", "/historical")


@pytest.mark.parametrize("bare", [True, False])
def test_historical_in_an_event_adds_a_warning(bare: bool) -> None:
    """`historical` is a field of the batch. In an event, where it has no effect, it adds the warning `ignored-field`."""
    raw = wire(historical=True, uuid="e1")
    batch = parse(raw if bare else {"batch": [raw]}, request_context(bare=bare))
    [result] = batch.results
    assert isinstance(result, Accepted)
    assert (batch.historical, result.warnings) == (
        False,
        (EventWarning("ignored-field", "/historical" if bare else "/batch/0/historical"),),
    )


@pytest.mark.parametrize("name", ["sentAt", "sent_at"])
@pytest.mark.parametrize("value", ["garbage", "", True, [], {"at": 1}, "2026-11-23T25:00:00Z", Decimal("1E+999999999")])
def test_a_sent_at_that_cannot_be_read_adds_a_warning_to_the_events_that_it_could_correct(name: str, value: Any) -> None:
    """Events with a timestamp keep their own clock, and have the warning `bad-sent-at` with the pointer to the field of the batch."""
    events = [wire(timestamp="Nov 23, 2026, 5:17:13 AM", uuid="e1"), wire(uuid="e2")]
    first, second = parse({"batch": events, name: value}, request_context()).results
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert (first.event.at, first.warnings) == (datetime(2026, 11, 23, 5, 17, 13, tzinfo=UTC), (EventWarning("bad-sent-at", f"/{name}"),))
    assert second.warnings == ()


@pytest.mark.parametrize("value", ["token", 1, True, [], ["token"]])
def test_device_tokens_that_are_no_object_add_a_warning(value: Any) -> None:
    """A `$fcm` that is no object sets no token and adds the warning `wrong-type`."""
    result = accepted(wire(uuid="e1", **{"$fcm": value}))
    assert (result.event.facts, result.warnings) == ({}, (EventWarning("wrong-type", "/batch/0/$fcm"),))


@pytest.mark.parametrize(
    ("body", "code", "pointer"), [({}, "no-batch", "/batch"), ([], "no-batch", ""), ({"batch": []}, "empty-batch", "/batch")]
)
def test_a_body_without_events_is_refused_with_a_pointer(body: Any, code: str, pointer: str) -> None:
    """The problem of a body without events points to `batch`, or to the body where that is no object."""
    with pytest.raises(RefusedError) as refused:
        parse(body, request_context())
    assert (refused.value.code, refused.value.extra["pointer"]) == (code, pointer)


@pytest.mark.parametrize("name", ["sentAt", "sent_at"])
def test_sent_at_has_two_spellings(name: str) -> None:
    """`sentAt` and `sent_at` both correct the time of an event whose clock is years ahead; null counts as absent."""
    raw = wire(timestamp="2030-01-01T00:00:00Z")
    envelope = {"batch": [raw], "sentAt": None, name: "2030-01-01T00:00:02Z"}
    [result] = parse(envelope, request_context()).results
    assert isinstance(result, Accepted)
    assert (NOW - result.event.at).total_seconds() == 2


def test_the_pointers_of_warnings_start_at_the_body() -> None:
    """The pointer of a warning contains the index of the event in the batch."""
    results = parse({"batch": [wire(), wire(timestamp="soon")]}, request_context()).results
    assert isinstance(results[1], Accepted)
    assert results[1].warnings == (EventWarning("bad-timestamp", "/batch/1/timestamp"),)


PLACEHOLDERS = [
    *("0", "-1", "null", "nil", "none", "undefined", "nan", "true", "false", "anonymous", "guest", "user", "id", "email"),
    *("distinct_id", "unknown", "n/a", "[]", "{}", "[object Object]", "00000000-0000-0000-0000-000000000000", "000", "---", "0-0"),
]


@pytest.mark.parametrize("word", PLACEHOLDERS)
def test_a_placeholder_is_no_identifier(word: str) -> None:
    """A placeholder in any case and quotes is rejected as a customer's id, and left out with a warning as `$anon_distinct_id`."""
    patterns = ("{}", " {} ", "'{}'", '"{}"', "`{}`", "\"'{}'\"", '" {} "')
    for spelling in (pattern.replace("{}", case) for pattern in patterns for case in (word, word.upper(), word.title())):
        assert rejected(wire(correlationValue=spelling)) == ("illegal-id", "/batch/0/correlationValue")
        assert rejected(identify(spelling), schema=Schema()) == ("illegal-id", "/batch/0/payload/distinct_id")
        raw = identify(**{"$anon_distinct_id": spelling})
        identification = event_of(raw).identification
        assert identification is not None
        assert identification.anonymous_id is None
        assert warning_codes(raw) == {"illegal-id"}


@pytest.mark.parametrize("value", [0, -1, True, False, [], {}])
def test_a_placeholder_need_not_be_a_string(value: Any) -> None:
    """A `distinct_id` of another type that is a placeholder is rejected with `illegal-id`, with any schema."""
    for schema in (Schema(), Schema(primary_key=PrimaryKey(name="number", type="Number"))):
        assert rejected(identify(value), schema=schema)[0] == "illegal-id"


@pytest.mark.parametrize("value", ["0.0", "-0", "0.00", "-1.0", "00", "0e5"])
def test_a_number_equal_to_a_placeholder_is_one(value: str) -> None:
    """With a primary key of type Number, 0 and -1 are rejected as placeholders in any spelling."""
    schema = Schema(primary_key=PrimaryKey(name="number", type="Number"))
    assert rejected(identify(value), schema=schema)[0] == "illegal-id"
    assert rejected(wire(correlationKey="number", correlationValue=value), schema=schema)[0] == "illegal-id"


@pytest.mark.parametrize("value", ["user-1", "anonymous-7", "0a", "-12", "true-north", "emailed", "idle", "10", "null@example.com"])
def test_an_id_that_resembles_a_placeholder_is_accepted(value: str) -> None:
    """An id that only begins with, ends with or contains a placeholder is accepted."""
    assert event_of(wire(correlationValue=value)).identifier.value == value


def test_an_identify_may_bring_a_second_correlation_id() -> None:
    """`$anon_distinct_id` is a correlation id, normalised: the iOS SDK sends it in upper case."""
    identification = event_of(identify(**{"$anon_distinct_id": UUID})).identification
    assert identification is not None
    assert identification.anonymous_id == Identifier("correlation", UUID.lower())


@pytest.mark.parametrize("value", [5, "", "x" * 256, ["a"]])
def test_an_invalid_second_correlation_id_is_left_out(value: Any) -> None:
    """An invalid `$anon_distinct_id` adds the warning `illegal-id`, and the event is accepted."""
    assert warning_codes(identify(**{"$anon_distinct_id": value})) == {"illegal-id"}
