"""The scenarios in which every call is made to fail: small scripts, each of one part of what Waypost promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.proof.aws.providers import Behaviour, ProviderCall, Report, answered, http, in_order
from tests.proof.scripts import Action, Advance, Request, Settle, State, post, prepared
from tests.proof.system import System, active

DAY: Final = 86_400.0
END: Final = {"id": "end", "type": "exit"}
ADA: Final = "ada@example.com"


@dataclass(frozen=True)
class Scenario:
    """A script in a workspace with journeys, after the script `before`. `is_reordered`: it has a join or a merge.

    `providers` sets what providers do, and `meanwhile` changes that between the two scripts.
    """

    name: str
    journeys: tuple[Mapping[str, Any], ...]
    script: tuple[Action, ...]
    before: tuple[Action, ...] = ()
    is_reordered: bool = False
    erases: bool = False
    providers: Callable[[System], None] = lambda system: None
    meanwhile: Callable[[System], None] = lambda system: None

    def start(self) -> State:
        """The state at the start of the script."""
        state = prepared(self.script, self.journeys, self.before, self.providers)
        state.erases = self.erases
        self.meanwhile(state.system)
        return state


def event(uuid: str, name: str, device: str = "device-1", /, **payload: Any) -> dict[str, Any]:
    """An event of a device."""
    return {"uuid": uuid, "event": name, "correlationKey": "_id", "correlationValue": device, "payload": payload}


def identify(uuid: str, device: str = "device-1", email: str = ADA, **payload: Any) -> dict[str, Any]:
    """An `$identify` of a device."""
    return event(uuid, "$identify", device, distinct_id=email, **payload)


def email_step(name: str, following: str, **fields: Any) -> dict[str, Any]:
    """A message step that sends an e-mail."""
    template = {"subject": "Hello", "text": "Hello {{ customer.email | default: 'you' }}"}
    return {"id": name, "type": "message", "channel": "email", "transactional": True, "template": template, "next": following, **fields}


def webhook_step(name: str, following: str, **fields: Any) -> dict[str, Any]:
    """A message step that calls a webhook."""
    return {
        "id": name,
        "type": "message",
        "channel": "webhook",
        "template": {"url": "https://hooks.example.com/in"},
        "next": following,
        **fields,
    }


def journey(name: str, entry: str, *steps: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A journey that every customer enters once."""
    return {"id": name, "name": name, "entry": {"event": entry, "reentry": {"mode": "once"}}, "steps": [*steps, END], **fields}


def wait(name: str, event_name: str, following: str, after: str, timeout: str) -> dict[str, Any]:
    """A wait for an event, with a timeout."""
    return {
        "id": name,
        "type": "waitUntil",
        "branches": [{"event": event_name, "next": following}],
        "timeout": {"after": after, "next": timeout},
    }


def always(behaviour: Behaviour) -> Callable[[ProviderCall], Behaviour]:
    """The same behaviour for each call."""
    return lambda call: behaviour


def deliver_report() -> None:
    """Delivers a report while another worker waits for the answer of the provider."""
    active().deliver("ReportsQueue", worker="of reports")


def reports_delivery(seconds: float) -> Callable[[System], None]:
    """SES reports each e-mail as delivered, so many seconds after the start of the call; its answer takes half a second."""

    def set_behaviour(system: System) -> None:
        system.ses.behaviour = always(answered(Report("Delivery", seconds), seconds=0.5))
        system.ses.meanwhile = lambda call: deliver_report()

    return set_behaviour


def receivers_answer(*statuses: int) -> Callable[[System], None]:
    """Receivers of webhooks answer with these statuses, one after the other, and then always with the last one."""

    def set_behaviour(system: System) -> None:
        system.receivers.behaviour = in_order(*(http(status, accepts=status < 300) for status in statuses))

    return set_behaviour


HELLO: Final = journey("hello", "signed_up", email_step("mail", "end"))
JOINED: Final = journey("hello", "signed_up", webhook_step("hook", "end"))
"""It needs no address: whether the message or the address comes first is not promised around a join."""
NUDGE: Final = journey(
    "nudge", "signed_up", wait("paid", "purchase", "thanks", "P1D", "remind"), email_step("thanks", "end"), email_step("remind", "end")
)
RETRIES: Final = journey("retries", "signed_up", webhook_step("hook", "mail", onFailure="end"), email_step("mail", "end"))
REPORTS: Final = journey(
    "reports",
    "signed_up",
    email_step("mail", "read", onFailure="end"),
    {
        "id": "read",
        "type": "waitUntil",
        "branches": [{"message": "mail", "status": "delivered", "next": "more"}],
        "timeout": {"after": "P1D", "next": "end"},
    },
    email_step("more", "end"),
)
SECOND: Final = journey("hello", "signed_up", email_step("mail", "more"), email_step("more", "end"))
NEWS: Final = journey("news", "published", {**email_step("mail", "end"), "transactional": False})

SCENARIOS: Final = (
    Scenario("documented batch", (HELLO,), (post(identify("e1", first_name="Ada"), event("e2", "signed_up")), Settle())),
    Scenario(
        "join",
        (JOINED,),
        (post(event("e1", "signed_up", "device-2")), post(identify("e2", "device-2")), post(event("e3", "seen", "device-2")), Settle()),
        before=(post(identify("e0")), Settle()),
        is_reordered=True,
    ),
    Scenario(
        "merge of two",
        (NUDGE,),
        (post(identify("e3", "device-2")), post(event("e4", "purchase", "device-2")), Settle()),
        before=(post(identify("e0")), post(event("e1", "signed_up", "device-2")), Settle()),
        is_reordered=True,
    ),
    Scenario(
        "wait and timeout",
        (NUDGE,),
        (post(event("e3", "purchase")), Settle(), Advance(DAY + 120), Settle()),
        before=(
            post(
                identify("e0"),
                event("e1", "signed_up"),
                identify("f0", "device-9", "bob@example.com"),
                event("f1", "signed_up", "device-9"),
            ),
            Settle(),
        ),
    ),
    Scenario(
        "message with retries",
        (RETRIES,),
        (post(identify("e1"), event("e2", "signed_up")), Settle()),
        providers=receivers_answer(500, 500, 200),
    ),
    Scenario(
        "report after the answer", (REPORTS,), (post(identify("e1"), event("e2", "signed_up")), Settle()), providers=reports_delivery(2.0)
    ),
    Scenario(
        "report before the answer", (REPORTS,), (post(identify("e1"), event("e2", "signed_up")), Settle()), providers=reports_delivery(0.1)
    ),
    Scenario(
        "pause and resume",
        (NUDGE,),
        (
            Request("POST", "/api/journeys/nudge/pause"),
            Advance(10),
            post(event("e3", "purchase")),
            Settle(),
            Request("POST", "/api/journeys/nudge/resume"),
            Settle(),
        ),
        before=(post(identify("e0"), event("e1", "signed_up")), Settle()),
    ),
    Scenario(
        "new version",
        (HELLO,),
        (
            Request("PUT", "/api/journeys/hello", SECOND),
            Request("POST", "/api/journeys/hello/publish"),
            Advance(10),
            post(event("e1", "signed_up")),
            Settle(),
        ),
        before=(post(identify("e0")), Settle()),
    ),
    Scenario(
        "erasure",
        (NUDGE,),
        (
            post(event("e3", "purchase", secret="marker-payload")),
            Request("DELETE", "/api/customers/{customer[id]}"),
            Settle(),
            Advance(300),
            Settle(),
            Request("GET", "/api/erasures/{customer[id]}", name="erasure"),
            Advance(DAY + 120),
            Settle(),
        ),
        before=(
            post(identify("e0", email="marker-ada@example.com", name="marker-name"), event("e1", "signed_up", word="marker-word")),
            Settle(),
            Request("GET", "/api/customers?correlationId=device-1", name="customer"),
        ),
        erases=True,
    ),
    Scenario(
        "redrive",
        (journey("alert", "signed_up", webhook_step("hook", "end")),),
        (Request("POST", "/api/dead-letters/redrive"), Settle()),
        before=(post(identify("e1"), event("e2", "signed_up")), Settle()),
        providers=receivers_answer(400),
        meanwhile=receivers_answer(200),
    ),
    Scenario(
        "unsubscribe",
        (NEWS,),
        (post(event("e2", "$unsubscribe", topic="general", channel="email")), post(event("e3", "published")), Settle()),
        before=(post(identify("e1")), Settle()),
    ),
)
