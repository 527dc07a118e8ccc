"""The pairs of activities that the proof interleaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.proof.aws.calls import Call
from tests.proof.aws.providers import Behaviour, Report, answered, failed
from tests.proof.interleavings import Calls, Delivery, Pair
from tests.proof.invariants import Violation
from tests.proof.scenarios import (
    DAY,
    HELLO,
    NEWS,
    NUDGE,
    REPORTS,
    SECOND,
    always,
    email_step,
    event,
    identify,
    journey,
)
from tests.proof.scripts import SCHEMA, Action, Advance, Deliver, Request, Settle, post
from tests.proof.system import System

MATCH: Final = Delivery("SignalsQueue")
SEND: Final = Delivery("SendQueue")
CUSTOMER: Final = Request("GET", "/api/customers?correlationId=device-1", name="customer")
ERASE: Final = Request("DELETE", "/api/customers/{customer[id]}")
AFTER_ERASURE: Final[tuple[Action, ...]] = (
    Settle(),
    Advance(300),
    Settle(),
    Request("GET", "/api/erasures/{customer[id]}", name="erasure"),
)
ERASED_IDENTIFY: Final = identify("e0", email="marker-ada@example.com", name="marker-name")
ANSWERS_LATE: Final = 0.5


def reports(kind: str, seconds: float, **fields: Any) -> Callable[[System], None]:
    """SES reports each e-mail so many seconds after the start of a call of half a second."""

    def set_behaviour(system: System) -> None:
        system.ses.behaviour = always(answered(Report(kind, seconds, fields), seconds=ANSWERS_LATE))

    return set_behaviour


def ses_does(behaviour: Behaviour) -> Callable[[System], None]:
    """SES does the same with each e-mail."""

    def set_behaviour(system: System) -> None:
        system.ses.behaviour = always(behaviour)

    return set_behaviour


def nothing_goes_out_after_a_change_of_the_customer(calls: Calls) -> None:
    """A sender that reads the customer after an unsubscription was written, or an erasure has blocked the rows, sends nothing."""
    positions = range(len(calls))
    sent = [number for number in positions if calls[number][1].operation == "send_email"]
    read = [number for number in positions if sent and number < sent[0] and calls[number][0] == 0 and _is_read(calls[number][1])]
    changed = [number for number in positions if calls[number][0] == 1 and _is_change(calls[number][1])]
    if sent and changed and changed[0] < read[-1]:
        raise Violation("the e-mail went out after the sender could know that it must not")


def _is_read(call: Call) -> bool:
    return call.operation == "batch_get_item" and "CustomersTable" in call.resources


def _is_change(call: Call) -> bool:
    return call.operation in ("put_item", "update_item", "transact_write_items") and "CustomersTable" in call.resources


PAIRS: Final = (
    Pair(
        "signal and erasure",
        (NUDGE,),
        MATCH,
        ERASE,
        before=(
            post(ERASED_IDENTIFY, event("e1", "signed_up", word="marker-word")),
            Settle(),
            CUSTOMER,
            post(event("e3", "purchase", secret="marker-payload")),
        ),
        after=AFTER_ERASURE,
        erases=True,
        outcomes=2,
    ),
    Pair(
        "timer and erasure",
        (NUDGE,),
        MATCH,
        ERASE,
        before=(
            post(ERASED_IDENTIFY, event("e1", "signed_up", word="marker-word")),
            Settle(),
            CUSTOMER,
            Advance(DAY + 120),
        ),
        after=AFTER_ERASURE,
        erases=True,
    ),
    Pair(
        "sender and erasure",
        (HELLO,),
        SEND,
        ERASE,
        before=(post(ERASED_IDENTIFY, event("e1", "signed_up", word="marker-word")), Deliver("SignalsQueue"), CUSTOMER),
        after=AFTER_ERASURE,
        rule=nothing_goes_out_after_a_change_of_the_customer,
        erases=True,
    ),
    Pair(
        "identify and erasure",
        (NUDGE,),
        post(identify("e3", "device-2", "marker-ada@example.com", name="marker-other")),
        ERASE,
        before=(post(ERASED_IDENTIFY, event("e1", "signed_up", word="marker-word")), Settle(), CUSTOMER),
        after=AFTER_ERASURE,
        erases=True,
    ),
    Pair(
        "set and erasure",
        (NUDGE,),
        MATCH,
        ERASE,
        before=(
            post(event("e1", "signed_up", word="marker-word")),
            Settle(),
            CUSTOMER,
            post(event("e3", "$set", secret="marker-payload")),
        ),
        after=AFTER_ERASURE,
        erases=True,
        outcomes=2,
    ),
    Pair(
        "first set and erasure",
        (),
        MATCH,
        ERASE,
        before=(
            post(event("e1", "signed_up", word="marker-word")),
            Settle(),
            CUSTOMER,
            post(event("e3", "$set", secret="marker-payload")),
        ),
        after=AFTER_ERASURE,
        erases=True,
        outcomes=2,
    ),
    Pair(
        "sender and report of delivery",
        (REPORTS,),
        SEND,
        Delivery("ReportsQueue", is_early=False),
        before=(post(identify("e1"), event("e2", "signed_up")), Deliver("SignalsQueue")),
        meanwhile=reports("Delivery", 0.1),
    ),
    Pair(
        "sender and report of a bounce",
        (REPORTS,),
        SEND,
        Delivery("ReportsQueue", is_early=False),
        before=(post(identify("e1"), event("e2", "signed_up")), Deliver("SignalsQueue")),
        meanwhile=reports("Bounce", 0.1),
    ),
    Pair(
        "report and report",
        (REPORTS,),
        Delivery("ReportsQueue"),
        Delivery("ReportsQueue", is_repeated=True),
        before=(post(identify("e1"), event("e2", "signed_up")), Deliver("SignalsQueue"), Deliver("SendQueue")),
        providers=reports("Delivery", 1.0),
    ),
    Pair(
        "sender and unsubscription",
        (NEWS,),
        SEND,
        MATCH,
        before=(
            post(identify("e1"), event("e2", "published")),
            Deliver("SignalsQueue"),
            post(event("e3", "$unsubscribe", topic="general", channel="email")),
        ),
        rule=nothing_goes_out_after_a_change_of_the_customer,
        outcomes=2,
    ),
    Pair(
        "publication and entry",
        (HELLO,),
        MATCH,
        Request("POST", "/api/journeys/hello/publish"),
        before=(
            post(identify("e0"), identify("f0", "device-9", "bob@example.com")),
            Settle(),
            Request("PUT", "/api/journeys/hello", SECOND),
        ),
        warm=(post(event("f1", "signed_up", "device-9")), Settle(), post(event("e1", "signed_up"))),
    ),
    Pair(
        "publication and entry by a new worker",
        (HELLO,),
        MATCH,
        Request("POST", "/api/journeys/hello/publish"),
        before=(post(identify("e0")), Settle(), Request("PUT", "/api/journeys/hello", SECOND), post(event("e1", "signed_up"))),
    ),
    Pair(
        "pause and entry by a new worker",
        (HELLO,),
        MATCH,
        Request("POST", "/api/journeys/hello/pause"),
        before=(post(identify("e0")), Settle(), post(event("e1", "signed_up"))),
        after=(Settle(), Advance(10), Request("POST", "/api/journeys/hello/resume"), Settle()),
        outcomes=2,
    ),
    Pair(
        "pause and sender",
        (HELLO,),
        SEND,
        Request("POST", "/api/journeys/hello/pause"),
        before=(post(identify("e1"), event("e2", "signed_up")), Deliver("SignalsQueue")),
        after=(Settle(), Advance(10), Request("POST", "/api/journeys/hello/resume"), Settle()),
    ),
    Pair(
        "pause and entry",
        (HELLO,),
        MATCH,
        Request("POST", "/api/journeys/hello/pause"),
        before=(post(identify("e0"), identify("f0", "device-9", "bob@example.com")), Settle()),
        warm=(post(event("f1", "signed_up", "device-9")), Settle(), post(event("e1", "signed_up"))),
        after=(Settle(), Advance(10), Request("POST", "/api/journeys/hello/resume"), Settle()),
    ),
    Pair(
        "resume and event",
        (NUDGE,),
        MATCH,
        Request("POST", "/api/journeys/nudge/resume"),
        before=(
            post(identify("e0"), event("e1", "signed_up")),
            Settle(),
            Request("POST", "/api/journeys/nudge/pause"),
            Advance(10),
            post(event("e3", "purchase")),
        ),
        outcomes=2,
    ),
    Pair(
        "resume and event at a worker that knows of the pause",
        (NUDGE,),
        MATCH,
        Request("POST", "/api/journeys/nudge/resume"),
        before=(
            post(identify("e0"), event("e1", "signed_up"), identify("f0", "device-9", "bob@example.com")),
            Settle(),
            Request("POST", "/api/journeys/nudge/pause"),
            Advance(10),
        ),
        warm=(post(event("f1", "signed_up", "device-9")), Settle(), post(event("e3", "purchase"))),
    ),
    Pair(
        "resume and sender",
        (HELLO,),
        SEND,
        Request("POST", "/api/journeys/hello/resume"),
        before=(
            post(identify("e0"), event("e1", "signed_up")),
            Deliver("SignalsQueue"),
            Request("POST", "/api/journeys/hello/pause"),
            Advance(10),
        ),
    ),
    Pair(
        "resumed runs and event",
        (NUDGE,),
        MATCH,
        Delivery("SignalsQueue"),
        before=(
            post(identify("e0"), event("e1", "signed_up")),
            Settle(),
            Request("POST", "/api/journeys/nudge/pause"),
            Advance(10),
            post(event("e3", "purchase")),
            Settle(),
            Request("POST", "/api/journeys/nudge/resume"),
            post(event("e4", "purchase")),
        ),
    ),
    Pair(
        "merge and timer",
        (NUDGE,),
        post(identify("e3", "device-2")),
        MATCH,
        before=(post(identify("e0")), post(event("e1", "signed_up", "device-2")), Settle(), Advance(DAY + 120)),
    ),
    Pair(
        "matched merge and timer",
        (NUDGE,),
        MATCH,
        Delivery("SignalsQueue"),
        before=(
            post(identify("e0")),
            post(event("e1", "signed_up", "device-2")),
            Settle(),
            post(identify("e3", "device-2")),
            Advance(DAY + 120),
        ),
    ),
    Pair(
        "merge and event of the other customer",
        (NUDGE,),
        post(identify("e3", "device-2")),
        MATCH,
        before=(post(identify("e0")), post(event("e1", "signed_up", "device-2")), Settle(), post(event("e4", "signed_up"))),
        outcomes=2,
    ),
    Pair(
        "matched merge and event that is held back",
        (NUDGE,),
        MATCH,
        Delivery("SignalsQueue"),
        before=(
            post(identify("e0")),
            post(event("e1", "signed_up", "device-2")),
            Settle(),
            post(event("e4", "purchase", "device-2")),
            post(identify("e3", "device-2")),
        ),
    ),
    Pair(
        "identify and trigger",
        (NUDGE,),
        post(identify("e3", "device-2")),
        post(event("e4", "purchase", "device-2")),
        before=(post(identify("e0")), Settle(), post(event("e1", "signed_up", "device-2"))),
        outcomes=2,
    ),
    Pair(
        "identify and trigger of a known customer",
        (NUDGE,),
        post(identify("e3", "device-2")),
        post(event("e4", "purchase", "device-2")),
        before=(post(identify("e0"), event("e1", "signed_up")), Settle()),
    ),
    Pair(
        "two identifies of one device for two people",
        (NUDGE,),
        post(identify("e1", "device-2", name="Ada")),
        post(identify("e2", "device-2", "bob@example.com", name="Bob")),
        before=(post(event("e0", "signed_up", "device-2")), Settle()),
        after=(post(event("e4", "purchase", "device-2")), Settle()),
        outcomes=2,
    ),
    Pair(
        "two identifies of one new device for two people",
        (HELLO,),
        post(identify("e1", "device-2", name="Ada")),
        post(identify("e2", "device-2", "bob@example.com", name="Bob")),
        after=(post(event("e4", "signed_up", "device-2")), Settle()),
        outcomes=2,
    ),
    Pair(
        "two matchers of one signal",
        (NUDGE,),
        MATCH,
        Delivery("SignalsQueue", is_repeated=True),
        before=(post(identify("e0")), Settle(), post(event("e1", "signed_up"), event("e2", "purchase"))),
    ),
    Pair(
        "two senders of one message",
        (HELLO,),
        SEND,
        Delivery("SendQueue", is_repeated=True),
        before=(post(identify("e1"), event("e2", "signed_up")), Deliver("SignalsQueue")),
    ),
    Pair(
        "redrive and sender",
        (HELLO,),
        Request("POST", "/api/dead-letters/redrive"),
        Delivery("SendQueue", is_early=False),
        before=(post(identify("e1"), event("e2", "signed_up")), Settle()),
        providers=ses_does(failed("BadRequestException")),
        meanwhile=ses_does(answered()),
    ),
    Pair(
        "redrive and sender that fails again",
        (HELLO,),
        Request("POST", "/api/dead-letters/redrive"),
        Delivery("SendQueue", is_early=False),
        before=(post(identify("e1"), event("e2", "signed_up")), Settle()),
        providers=ses_does(failed("BadRequestException")),
    ),
    Pair(
        "two redrives",
        (HELLO,),
        Request("POST", "/api/dead-letters/redrive"),
        Request("POST", "/api/dead-letters/redrive"),
        before=(post(identify("e1"), event("e2", "signed_up")), Settle()),
        providers=ses_does(failed("BadRequestException")),
        meanwhile=ses_does(answered()),
    ),
    Pair(
        "primary key and first identify",
        (HELLO,),
        Request("PUT", "/api/schema", {**SCHEMA, "primaryKey": {"name": "account", "type": "Email"}}),
        post(identify("e1"), event("e2", "signed_up")),
        outcomes=2,
    ),
    Pair(
        "schema and intake",
        (HELLO,),
        Request("PUT", "/api/schema", {**SCHEMA, "attributes": {"age": "Number"}}),
        post(identify("e1", age="old"), event("e2", "signed_up")),
        outcomes=2,
    ),
    Pair(
        "two messages under a cap",
        (journey("one", "signed_up", {**email_step("mail", "end"), "transactional": False}), NEWS),
        SEND,
        Delivery("SendQueue"),
        before=(
            Request("PUT", "/api/settings", {"caps": [{"messages": 1, "per": "P1D", "otherwise": "skip"}]}),
            Advance(10),
            post(identify("e1"), event("e2", "signed_up"), event("e3", "published")),
            Deliver("SignalsQueue"),
        ),
        outcomes=2,
    ),
)
