"""The publish checks: each fault has a stable code and a pointer, and all faults come in one result."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from tests.fakes.journeys import message
from waypost.domain.journeys.checks.publish_checks import no_fault, publishable
from waypost.domain.journeys.journey import Journey, parse

TEXT = {"subject": "Hi", "text": "Hello."}
END = {"id": "end", "type": "exit"}


def mail(step_id: str, following: str, **changes: Any) -> dict[str, Any]:
    """An e-mail step."""
    return {"id": step_id, "type": "message", "channel": "email", "template": TEXT, "next": following, **changes}


def hook(**template: Any) -> dict[str, Any]:
    """A webhook step that leads to the end."""
    return {
        "id": "hook",
        "type": "message",
        "channel": "webhook",
        "template": {"url": "https://example.com/", **template},
        "next": "end",
    }


def split(*conditions: Any) -> dict[str, Any]:
    """A multisplit all of whose branches lead to the end."""
    branches = [{"conditions": condition, "next": "end"} for condition in conditions]
    return {"id": "split", "type": "multisplit", "branches": branches, "otherwise": "end"}


def on(name: str, operator: str, value: Any = None) -> dict[str, Any]:
    """A condition on a payload property."""
    return {"property": f"payload.{name}", "operator": operator, "value": value}


def definition(*steps: Any, **changes: Any) -> dict[str, Any]:
    """A journey of these steps, as JSON."""
    return {"id": "welcome", "name": "Welcome", "entry": {"event": "hello"}, "steps": [*steps], **changes}


def template_fault(text: str) -> str | None:
    """A stand-in for the check of Liquid: an opened tag must be closed."""
    return "unclosed tag" if text.count("{{") != text.count("}}") else None


def address_fault(url: str) -> str | None:
    """A stand-in for the check of webhook addresses: HTTPS only."""
    return None if url.startswith("https://") else "HTTPS only"


def faults(raw: Any) -> set[tuple[str, str]]:
    """The codes and pointers of the faults of a definition."""
    found = publishable(raw, template_fault, address_fault)
    return set() if isinstance(found, Journey) else {(finding.code, finding.pointer) for finding in found}


def test_a_valid_journey_is_returned() -> None:
    """The result for a definition without faults is the parsed journey."""
    raw = definition(mail("a", "split"), split(on("x", "exist")), {"id": "jump", "type": "jumpTo", "next": "end"}, END)
    raw["steps"][0]["onFailure"] = "jump"
    found = publishable(raw, template_fault, address_fault)
    assert isinstance(found, Journey)
    assert found.first.id == "a"


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"id": "batch"}, "reserved-id", "/id"),
        ({"id": "schema"}, "reserved-id", "/id"),
        ({"id": "a b"}, "bad-id", "/id"),
        ({"id": "a" * 65}, "bad-id", "/id"),
        ({"id": 5}, "wrong-type", "/id"),
        ({"entry": None}, "wrong-type", "/entry"),
        ({"entry": {}}, "missing-field", "/entry/event"),
        ({"entry": {"event": " "}}, "empty-text", "/entry/event"),
        ({"entry": {"event": "x", "source": "message"}}, "message-source", "/entry/source"),
        ({"entry": {"event": "x", "reentry": {"mode": "twice"}}}, "unknown-choice", "/entry/reentry/mode"),
        ({"entry": {"event": "x", "reentry": {"cooldown": "3 days"}}}, "bad-duration", "/entry/reentry/cooldown"),
        ({"entry": {"event": "x", "reentry": {"key": "customer.id"}}}, "bad-property", "/entry/reentry/key"),
        ({"entry": {"event": "x", "conditions": {}}}, "empty-conditions", "/entry/conditions"),
        ({"entry": {"event": "x", "conditions": {"all": []}}}, "empty-conditions", "/entry/conditions/all"),
        ({"entry": {"event": "x", "conditions": {"not": {"any": []}}}}, "empty-conditions", "/entry/conditions/not/any"),
        ({"entry": {"event": "x", "conditions": "yes"}}, "not-a-condition", "/entry/conditions"),
        (
            {"entry": {"event": "x", "conditions": {"all": [on("a", "resembles", 1)]}}},
            "unknown-operator",
            "/entry/conditions/all/0/operator",
        ),
        ({"entry": {"event": "x", "conditions": {"property": "a", "operator": "exist"}}}, "bad-property", "/entry/conditions/property"),
        ({"exit": [{"event": "x", "conditions": {"any": []}}]}, "empty-conditions", "/exit/0/conditions/any"),
        ({"exit": [{"event": "x", "when": 1}]}, "unknown-field", "/exit/0/when"),
        ({"quietHours": {"from": "24:00", "to": "07:00"}}, "bad-format", "/quietHours/from"),
        ({"colour": "red"}, "unknown-field", "/colour"),
        ({"a/b~c": "red"}, "unknown-field", "/a~1b~0c"),
        ({"steps": []}, "empty-list", "/steps"),
        ({"steps": {}}, "wrong-type", "/steps"),
    ],
)
def test_an_invalid_field_is_refused_at_its_place(changes: dict[str, Any], code: str, pointer: str) -> None:
    """An unknown field, operator or choice, an empty condition or a reserved id makes one finding, with a pointer to it."""
    assert faults(definition(END, **changes)) == {(code, pointer)}


@pytest.mark.parametrize(
    ("step", "code", "pointer"),
    [
        ({"id": "x", "type": "teleport"}, "unknown-step-type", "/steps/0/type"),
        ({"id": "x"}, "unknown-step-type", "/steps/0/type"),
        ("exit", "wrong-type", "/steps/0"),
        ({"type": "exit"}, "missing-field", "/steps/0/id"),
        ({"id": "x", "type": "exit", "next": "end"}, "unknown-field", "/steps/0/next"),
        ({"id": "x", "type": "jumpTo"}, "missing-field", "/steps/0/next"),
        (mail("x", "end", channel="pigeon"), "unknown-channel", "/steps/0/channel"),
        (mail("x", "end", template={"subject": "Hi"}), "empty-template", "/steps/0/template"),
        (mail("x", "end", template={"subject": "", "text": "Hi"}), "empty-text", "/steps/0/template/subject"),
        (mail("x", "end", template={"subject": "Hi", "txt": "Hi", "text": "Hi"}), "unknown-field", "/steps/0/template/txt"),
        (mail("x", "end", strict="yes"), "wrong-type", "/steps/0/strict"),
        (mail("x", "end", onUnknown="guess"), "unknown-choice", "/steps/0/onUnknown"),
        (mail("x", "end", template={"subject": "{{ oops", "text": "Hi"}), "bad-template", "/steps/0/template/subject"),
        (hook(json={"a": ["fine", "{{ oops"]}), "bad-template", "/steps/0/template/json/a/1"),
        (hook(json={}, body="x"), "two-bodies", "/steps/0/template"),
        (hook(headers={"Webhook-Id": "1"}), "reserved-header", "/steps/0/template"),
        (hook(headers={"a b": "1"}), "bad-format", "/steps/0/template/headers/a b"),
        (hook(method="TRACE"), "unknown-choice", "/steps/0/template/method"),
        (hook(url="http://example.com/"), "address-not-allowed", "/steps/0/template/url"),
        (hook(url="http://example.com/{{ customer.id }}"), "address-not-allowed", "/steps/0/template/url"),
        (mail("x", "end", template={**TEXT, "to": "Ann, Bob"}), "bad-address", "/steps/0/template/to"),
        (mail("x", "end", template={**TEXT, "to": ""}), "bad-address", "/steps/0/template/to"),
        (mail("x", "end", template={**TEXT, "to": "ann@example.com, bob@example.com"}), "bad-address", "/steps/0/template/to"),
        (mail("x", "end", template={**TEXT, "from": "News <news>"}), "bad-address", "/steps/0/template/from"),
        (mail("x", "end", template={**TEXT, "from": "zoë@example.com"}), "bad-address", "/steps/0/template/from"),
        (hook(headers={"X-Team": "sales\nX-Admin: 1"}), "bad-format", "/steps/0/template/headers/X-Team"),
        (split(), "empty-list", "/steps/0/branches"),
    ],
)
def test_a_step_that_cannot_run_is_refused_at_its_place(step: Any, code: str, pointer: str) -> None:
    """An unknown type or channel, an invalid template or a forbidden address is refused, with a pointer to it."""
    end = END if isinstance(step, dict) and {"next", "branches"} & step.keys() and "id" in step else None
    raw = definition(step, *([END] if end else []))
    assert (code, pointer) in faults(raw)


@pytest.mark.parametrize("url", ["https://example.com/{{ customer.id }}", "https://{{ customer.host }}/", "{{ customer.url }}"])
def test_a_host_that_a_template_fills_in_is_checked_when_it_is_sent(url: str) -> None:
    """A webhook URL whose host is in a template passes the publish checks."""
    assert faults(definition(hook(url=url), END)) == set()


@pytest.mark.parametrize(
    "step",
    [
        mail("x", "end", template={**TEXT, "to": "Zoë, Ann <ann@münchen.example>", "from": " "}),
        mail("x", "end", template={**TEXT, "to": "{{ customer.name }}, {{ customer.mail }}", "from": "{{ event.payload.from }}"}),
        hook(headers={"X-Team": "sales", "X-Name": "{{ customer.name }}\n"}),
    ],
)
def test_addresses_and_headers_that_can_be_sent_are_published(step: Any) -> None:
    """A constant address with a name, a blank `from`, and texts with Liquid, which only the sender can check, are published."""
    assert faults(definition(step, END)) == set()


@pytest.mark.parametrize(
    "step",
    [
        mail("x", "end", template={**TEXT, "to": "Ann, Bob", "from": "zoë@example.com"}),
        mail("x", "end", template={"subject": "Hi {{ first_name }}", "text": "{{ payload.x }}{{ event.total }}"}),
        hook(headers={"X-Team": "sales\nX-Admin: 1"}),
    ],
)
def test_what_was_published_before_a_check_still_parses(step: Any) -> None:
    """Constants and variables that publishing refuses now are no faults of a stored definition: live journeys go on."""
    assert isinstance(parse(definition(step, END)), Journey)


def test_a_step_of_no_known_type_is_not_published() -> None:
    """A step type that differs only in case from a known one is unknown."""
    unknown = {"id": "x", "type": "timedelay", "delay": "P1D", "next": "end"}
    assert ("unknown-step-type", "/steps/0/type") in faults(definition(unknown, END))


def test_unknown_targets_and_duplicate_ids_are_refused() -> None:
    """Every edge to a step that does not exist, and every id that an earlier step has, is one finding."""
    raw = definition(mail("a", "nowhere", onFailure="gone"), split(on("x", "exist")), END, END)
    raw["steps"][1]["branches"][0]["next"] = "lost"
    raw["steps"][1]["otherwise"] = "missing"
    assert faults(raw) == {
        ("unknown-step", "/steps/0/next"),
        ("unknown-step", "/steps/0/onFailure"),
        ("unknown-step", "/steps/1/branches/0/next"),
        ("unknown-step", "/steps/1/otherwise"),
        ("duplicate-step-id", "/steps/3/id"),
        ("unreachable-step", "/steps/1"),
        ("unreachable-step", "/steps/2"),
    }


def mail_with(transactional: bool = True, **template: Any) -> dict[str, Any]:
    """An e-mail step with these further fields in its template."""
    return mail("x", "end", template={**TEXT, **template}, transactional=transactional)


@pytest.mark.parametrize(
    ("step", "code", "pointer"),
    [
        (mail_with(replyTo="Ann, Bob"), "bad-address", "/steps/0/template/replyTo"),
        (mail_with(cc=["ann@example.com", "bob"]), "bad-address", "/steps/0/template/cc/1"),
        (mail_with(bcc=["a@example.com, b@example.com"]), "bad-address", "/steps/0/template/bcc/0"),
        (mail_with(bcc=["{{ customer.boss }}"]), "not-constant", "/steps/0/template/bcc/0"),
        (mail_with(cc=["a{% if true %}b{% endif %}@example.com"]), "not-constant", "/steps/0/template/cc/0"),
        (mail_with(cc=["a@example.com"] * 25, bcc=["b@example.com"] * 25), "too-many-recipients", "/steps/0/template/bcc"),
        (mail_with(transactional=False, cc=["ann@example.com"]), "not-transactional", "/steps/0/template/cc"),
        (mail_with(transactional=False, bcc=["ann@example.com"]), "not-transactional", "/steps/0/template/bcc"),
        (mail_with(cc="ann@example.com"), "wrong-type", "/steps/0/template/cc"),
        (
            mail_with(headers={"List-Unsubscribe": "<mailto:x@example.com>"}),
            "header-not-allowed",
            "/steps/0/template/headers/List-Unsubscribe",
        ),
        (mail_with(headers={"Bcc": "{{ customer.boss }}"}), "header-not-allowed", "/steps/0/template/headers/Bcc"),
        (mail_with(headers={"X-A": "Zoë"}), "bad-format", "/steps/0/template/headers/X-A"),
        (mail_with(headers={"X-A": "a\nb"}), "bad-format", "/steps/0/template/headers/X-A"),
        (mail_with(headers={"X-A": " "}), "bad-format", "/steps/0/template/headers/X-A"),
        (mail_with(headers={"X-A": "a" * 994}), "bad-format", "/steps/0/template/headers/X-A"),
        (mail_with(headers={"X-A": "1", "x-a": "2"}), "duplicate-header", "/steps/0/template/headers/x-a"),
        (mail_with(headers={f"X-{number}": "1" for number in range(14)}), "too-many-headers", "/steps/0/template/headers"),
        (mail_with(headers={"X-A": 1}), "wrong-type", "/steps/0/template/headers/X-A"),
        (mail_with(headers={"X-A": "{{ oops"}), "bad-template", "/steps/0/template/headers/X-A"),
    ],
)
def test_a_field_of_an_email_that_could_not_be_sent_is_refused_at_its_place(step: Any, code: str, pointer: str) -> None:
    """A wrong `replyTo`, copy or header is one finding, with a pointer to it."""
    assert faults(definition(step, END)) == {(code, pointer)}


def test_an_email_with_all_of_its_fields_is_published() -> None:
    """Fixed copies of a transactional step, a `replyTo`, and allowed headers, also with Liquid, have no fault."""
    headers = {"X-Order": "{{ event.payload.order }}", "In-Reply-To": "<1@example.com>", "Feedback-ID": "a:b:c:d"}
    step = mail_with(replyTo="Zoë <{{ customer.contact }}>", cc=["Ann <ann@example.com>"], bcc=["log@example.com"] * 48, headers=headers)
    assert faults(definition(step, END)) == set()


def test_an_unreachable_step_is_refused() -> None:
    """A step is refused where no path from the first step reaches it, also if another unreachable step leads to it."""
    raw = definition(mail("a", "end"), END, mail("b", "c"), mail("c", "b"))
    assert {("unreachable-step", "/steps/2"), ("unreachable-step", "/steps/3")} <= faults(raw)


def test_every_cycle_without_a_wait_is_refused() -> None:
    """Two cycles make two findings, each at the first of its steps; a step that leads to itself is a cycle."""
    raw = definition(
        split(on("x", "exist"), on("y", "exist")), mail("b", "c"), mail("c", "b"), {"id": "d", "type": "jumpTo", "next": "d"}, END
    )
    raw["steps"][0]["branches"][0]["next"] = "b"
    raw["steps"][0]["branches"][1]["next"] = "d"
    assert faults(raw) == {("endless-loop", "/steps/1"), ("endless-loop", "/steps/3")}


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("is equal to", None),
        ("contains", None),
        ("is greater than", "ten"),
        ("is less than", True),
        ("before", "soon"),
        ("after", 5),
        ("during", "2026-11-23"),
        ("during", {"from": "2026-11-23"}),
        ("during", {"from": "2026-11-23", "to": "soon"}),
        ("during", {"from": "2026-11-23", "to": "2026-11-23"}),
        ("during", {"from": "2026-11-24", "to": "2026-11-23"}),
        ("length is greater than", "many"),
        ("length is less than", 0),
        ("length is equal to", -1),
        ("length is equal to", 1.5),
    ],
)
def test_a_value_that_an_operator_cannot_use_is_refused(operator: str, value: Any) -> None:
    """A value of the wrong type is refused wherever in a condition it stands, with a pointer to the value."""
    raw = definition(split({"any": [on("fine", "exist"), {"not": on("x", operator, value)}]}), END)
    assert faults(raw) == {("bad-condition-value", "/steps/0/branches/0/conditions/any/1/not/value")}


@pytest.mark.parametrize(
    "conditions",
    [
        [on("x", "is equal to", 1), on("x", "is equal to", 2)],
        [on("x", "is equal to", "a"), on("x", "is greater than", 2)],
        [on("x", "is equal to", 5), on("x", "is less than", 5)],
        [on("x", "is greater than", 5), on("x", "is less than", "5")],
        [on("x", "after", "2026-11-23"), on("x", "before", "2026-11-23")],
        [on("x", "is equal to", True), on("x", "is not equal to", "true")],
        [on("x", "not exist"), on("x", "exist")],
        [on("x", "contains", "a"), on("x", "doesNotExist")],
        [on("x", "exist"), {"not": on("x", "exist")}],
        [on("x", "exist"), {"all": [on("y", "is equal to", 1), {"all": [on("y", "is equal to", 2)]}]}],
        [{"any": [{"all": [on("y", "is equal to", 1), on("y", "is equal to", 2)]}]}],
    ],
)
def test_conditions_that_exclude_each_other_are_refused(conditions: Any) -> None:
    """A contradiction is refused in a branch and in the entry."""
    assert faults(definition(split({"all": conditions}), END)) == {("never-matches", "/steps/0/branches/0/conditions")}
    raw = definition(END, entry={"event": "x", "conditions": {"all": conditions}})
    assert faults(raw) == {("never-matches", "/entry/conditions")}


@pytest.mark.parametrize(
    "conditions",
    [
        [on("x", "is equal to", 1), on("y", "is equal to", 2)],
        [on("x", "is equal to", 2), on("x", "is equal to", "2.0")],
        [on("x", "is greater than", 5), on("x", "is less than", 6)],
        [on("x", "contains", "a"), on("x", "contains", "b")],
        [on("x", "is equal to", "ab"), on("x", "contains", "a")],
        [on("x", "is equal to", "2"), on("x", "length is equal to", 3)],
        [on("x", "is equal to", 2), on("x", "contains", ".")],
        [on("x", "is equal to", "2026-11-23"), on("x", "is equal to", "2026-11-22T23:00:00Z")],
        [on("x", "not exist"), on("x", "is not equal to", 3)],
        [on("x", "after", "2026-11-23"), on("x", "before", "2026-11-23T05:00:00Z")],
        [{"any": [on("x", "is equal to", 1), on("y", "exist")]}, on("x", "is equal to", 2)],
    ],
)
def test_conditions_that_can_hold_together_are_published(conditions: Any) -> None:
    """Conditions that some event could satisfy are published."""
    assert faults(definition(split({"all": conditions}), END)) == set()


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (on("x", "exist"), on("x", "exist")),
        (on("x", "exist"), on("x", "exists")),
        (on("x", "is greater than", 10), on("x", "is greater than", 20)),
        (on("x", "is greater than", 10), on("x", "is equal to", "11")),
        (on("x", "before", "2026-12-01"), on("x", "before", "2026-11-01")),
        (on("x", "exist"), on("x", "contains", "a")),
        (on("x", "is not equal to", 1), on("x", "not exist")),
        (on("x", "exist"), {"all": [on("y", "exist"), on("x", "exist")]}),
        ({"any": [on("x", "exist"), on("y", "exist")]}, on("y", "exist")),
        ({"all": [on("x", "exist"), on("y", "exist")]}, {"all": [on("y", "exist"), on("z", "exist"), on("x", "exist")]}),
        ({"not": on("x", "is greater than", 20)}, {"not": on("x", "is greater than", 10)}),
    ],
)
def test_a_branch_that_an_earlier_branch_covers_is_refused(earlier: Any, later: Any) -> None:
    """A branch is refused where the first matching branch would always be an earlier one."""
    assert faults(definition(split(on("other", "exist"), earlier, later), END)) == {("never-matches", "/steps/0/branches/2/conditions")}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (on("x", "is greater than", 20), on("x", "is greater than", 10)),
        (on("x", "contains", "a"), on("x", "contains", "ab")),
        ({"all": [on("x", "exist"), on("y", "exist")]}, on("x", "exist")),
        (on("x", "exist"), {"any": [on("x", "exist"), on("y", "exist")]}),
        (on("x", "exist"), {"property": "customer.x", "operator": "exist"}),
        (on("x", "is equal to", 1), {"not": on("x", "is equal to", 1)}),
    ],
)
def test_a_branch_that_an_earlier_branch_does_not_cover_is_published(earlier: Any, later: Any) -> None:
    """A branch is published where some event could take it, such as a wide condition after a narrow one."""
    assert faults(definition(split(earlier, later), END)) == set()


def test_all_faults_come_in_one_result() -> None:
    """Faults of types, the graph, conditions, templates and addresses are reported together."""
    raw = definition(
        mail("a", "nowhere", template={"subject": "{{ oops"}),
        {"id": "b", "type": "teleport"},
        hook(url="http://example.com", json={}, colour=1),
        entry={"event": "x", "conditions": {"all": [on("x", "before", "soon"), on("y", "is equal to", 1)]}},
        shape="round",
    )
    assert faults(raw) == {
        ("bad-condition-value", "/entry/conditions/all/0/value"),
        ("empty-template", "/steps/0/template"),
        ("bad-template", "/steps/0/template/subject"),
        ("unknown-step", "/steps/0/next"),
        ("unknown-step-type", "/steps/1/type"),
        ("unreachable-step", "/steps/1"),
        ("unreachable-step", "/steps/2"),
        ("unknown-field", "/steps/2/template/colour"),
        ("address-not-allowed", "/steps/2/template/url"),
        ("unknown-step", "/steps/2/next"),
        ("unknown-field", "/shape"),
    }


def test_size_depth_and_number_of_steps_are_limited() -> None:
    """A definition over 200 KB, over 200 steps or nested over 48 levels is refused; one at the limit of steps is not."""
    steps = [mail(f"s{index}", f"s{index + 1}") for index in range(199)]
    assert faults(definition(*steps, {**END, "id": "s199"})) == set()
    assert ("too-many-steps", "/steps") in faults(definition(*steps, mail("s199", "s200"), {**END, "id": "s200"}))
    assert faults(definition(mail("a", "end", template={"subject": "Hi", "text": "x" * 205_000}), END)) == {("too-large", "")}
    deep: Any = on("x", "exist")
    for _ in range(20):
        deep = {"not": deep}
    assert faults(definition(END, entry={"event": "x", "conditions": deep})) == set()
    for _ in range(10_000):
        deep = {"not": deep}
    assert faults(definition(END, entry={"event": "x", "conditions": deep})) == {("too-deep", "")}


@pytest.mark.parametrize("raw", [None, [], "journey", 5, {}, {"steps": [[], {}]}, {"exit": 5, "entry": []}])
def test_any_other_json_value_is_refused_without_an_exception(raw: Any) -> None:
    """A JSON value that is no definition has findings."""
    assert faults(copy.deepcopy(raw))


def test_the_largest_splits_are_checked_in_time() -> None:
    """The checks of the deepest and the longest split together take less than 4 seconds, and find a duplicate branch in the longest."""
    nested: Any = on("x0", "exist")
    for index in range(1, 10):
        nested = {"any": [on(f"x{index}", "exist"), {"all": [on(f"y{index}", "exist"), nested]}]}
    deep = [{"all": [on("x", "is not equal to", index), nested]} for index in range(40)]
    long = [on("x", "contains", f"{index}") for index in range(1700)]
    start = time.perf_counter()
    assert faults(definition(split(*deep), END)) == set()
    assert faults(definition(split(*long, long[3]), END)) == {("never-matches", "/steps/0/branches/1700/conditions")}
    assert time.perf_counter() - start < 4


def experiment(*ids: Any) -> dict[str, Any]:
    """An experiment of two branches with these ids."""
    return {"id": "step", "type": "experiment", "branches": [{"id": each, "weight": 50, "next": "end"} for each in ids]}


def wait(*ids: Any) -> dict[str, Any]:
    """A wait for an event for each of these ids; None is a branch without an id."""
    branches = [{"event": f"e{place}", "next": "end"} | ({"id": each} if each else {}) for place, each in enumerate(ids)]
    return {"id": "step", "type": "waitUntil", "branches": branches}


def multisplit(*ids: Any) -> dict[str, Any]:
    """A multisplit with a branch for each of these ids; None is a branch without an id."""
    branches = [{"conditions": on(f"p{place}", "exist"), "next": "end"} | ({"id": each} if each else {}) for place, each in enumerate(ids)]
    return {"id": "step", "type": "multisplit", "branches": branches, "otherwise": "end"}


@pytest.mark.parametrize(
    ("step", "pointers"),
    [
        (experiment("a", "b"), []),
        (experiment("a", "a"), ["/steps/0/branches/1/id"]),
        (wait("a", "b", None), []),
        (wait("a", "b", "a", "a"), ["/steps/0/branches/2/id", "/steps/0/branches/3/id"]),
        (wait("2", None), ["/steps/0/branches/0/id"]),
        (wait(None, "1"), ["/steps/0/branches/1/id"]),
        (wait("1", "2"), []),
        (multisplit("a", None, "a"), ["/steps/0/branches/2/id"]),
    ],
)
def test_two_branches_with_one_name_are_refused(step: dict[str, Any], pointers: list[str]) -> None:
    """Ids of branches are unique in a step; a branch without an id has its position as its name."""
    assert faults(definition(step, END)) == {("duplicate-branch-id", pointer) for pointer in pointers}


def test_a_topic_has_to_be_known_and_a_transactional_step_has_none() -> None:
    """An unknown topic has a pointer to it; a topic that is no id and one of a transactional step are faults of the definition."""
    steps = [message("hello", "end", topic="offers"), message("bye", "end", topic="two words"), END]
    raw = {"id": "welcome", "entry": {"event": "go"}, "steps": steps}
    found = publishable(raw, no_fault, no_fault, no_fault, lambda topic: f"no topic {topic}")
    assert isinstance(found, list)
    assert ("unknown-topic", "/steps/0/topic") in [(each.code, each.pointer) for each in found]
    assert [each.code for each in found if each.pointer == "/steps/1/topic"] == ["bad-format"]
    both = parse({**raw, "steps": [message("hello", "end", topic="news", transactional=True), END]})
    assert isinstance(both, list)
    assert [(each.code, each.pointer) for each in both] == [("transactional-topic", "/steps/0/transactional")]
