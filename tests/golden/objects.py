"""The domain objects whose stored forms the golden files hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from waypost.domain.api_keys import Key
from waypost.domain.customers.facts import fact, set_once_stamp, set_stamp
from waypost.domain.customers.identifiers import Identifier
from waypost.domain.customers.rows import Row, correlation_key, head_key, pair_key
from waypost.domain.customers.schema import PrimaryKey, Schema
from waypost.domain.dead_letters import Parked
from waypost.domain.intake.event_log import Page
from waypost.domain.intake.events import Event, Kind, Rejected, RejectedEvent
from waypost.domain.intake.payloads import Identification
from waypost.domain.intake.receipts import JourneyOutcome, Receipt
from waypost.domain.journeys.lifecycle import Lifecycle
from waypost.domain.journeys.published import ActiveJourneys, ActiveVersion
from waypost.domain.messages.message import Attempt, Message, MessageReason, MessageStatus, PreparedMessage
from waypost.domain.messages.workspace_settings import WorkspaceSettings
from waypost.domain.reasons import Reason
from waypost.domain.runs.effects import ArmTimer, DisarmTimer, SendMessage
from waypost.domain.runs.run import Cause, CustomerRuns, KnownMessage, PendingTransition, Run, RunStatus, StepVisit, VersionRow
from waypost.domain.runs.timers import Timer
from waypost.domain.signals import (
    CustomerReleased,
    ErasureContinued,
    EventsArrived,
    JourneyResumed,
    LinkUsed,
    MessageReported,
    MessageSettled,
    Signal,
    TimerDue,
)

NOW = datetime(2026, 11, 23, 5, 17, 13, 1000, tzinfo=UTC)
LATER = NOW + timedelta(minutes=7, milliseconds=250)
ADA = Identifier("primary", "ada@example.com")
LONG = Identifier("primary", "l" * 300 + "@example.com")
DEVICE = Identifier("correlation", "device-1")
OLD_DEVICE = Identifier("correlation", "d" * 255 + "\u00e9")
STRANGER = Identifier("correlation", "device-9")
FACTS = {
    "a:plan": fact(set_stamp(NOW, "e1"), "pro"),
    "a:name": fact(set_stamp(NOW, "e1"), "Zo\u00eb"),
    "a:score": fact(set_stamp(LATER, "e2"), Decimal("10.50")),
    "a:first": fact(set_once_stamp(NOW, "e1"), {"utm": ["x", True, None, 3]}),
    "a:gone": fact(set_stamp(LATER, "e2"), None),
    "t:android": fact(set_stamp(NOW, "e1"), "token-1"),
    "p": fact(set_stamp(NOW, "e1"), "Ada@Example.com"),
}

# Customers, with the revision that the first write of a row stores.
HEAD = Row(head_key("w1", ADA), "c_ada", 1, FACTS, None, 2)
PAIR = Row(pair_key("w1", ADA, DEVICE), "c_ada", 1, {"a:plan": FACTS["a:plan"]}, None, 0, "c_device", True)
SECOND_PAIR = Row(pair_key("w1", ADA, OLD_DEVICE), "c_ada", 1, {}, None, 0, "c_old")
POINTER = Row(correlation_key("w1", DEVICE), "c_ada", 1, {}, ADA)
ANONYMOUS = Row(correlation_key("w1", STRANGER), "c_stranger", 1, {"a:plan": FACTS["a:plan"], "t:android": FACTS["t:android"]})
LONG_POINTER = Row(correlation_key("w1", OLD_DEVICE), "c_long", 1, {}, LONG)
LONG_HEAD = Row(head_key("w1", LONG), "c_long", 1, {"a:score": FACTS["a:score"]}, None, 1, None, False, NOW)
EMPTY_HEAD = Row(head_key("w2", ADA), "c_new", 1, {}, None, 1, None, False, LATER)
ROWS = (HEAD, PAIR, SECOND_PAIR, POINTER, ANONYMOUS, LONG_POINTER, LONG_HEAD, EMPTY_HEAD)
ERASED = (ADA, OLD_DEVICE)

# Runs.
EVENT_SNAPSHOT = {
    "name": "signed_up",
    "payload": {"total": Decimal("10.50"), "note": "Zo\u00eb", "n": 3},
    "uuid": "e1",
    "timestamp": "2026-11-23T05:17:13.001Z",
    "source": "mobile",
}
TIMER = Timer("w1", "c_ada", ADA, "r_1", "wait", 2, 1, LATER)
CAUSES = (
    Cause.ENTERED,
    Cause.NEXT,
    Cause.EVENT,
    Cause.TIMEOUT,
    Cause.ELAPSED,
    Cause.OPENED,
    Cause.QUIET_HOURS,
    Cause.FAILED,
    Cause.BRANCH,
    Cause.OTHERWISE,
    Cause.EXPERIMENT,
    Cause.JUMP,
)
REASONS = (
    Reason.ALREADY_ACTIVE,
    Reason.ALREADY_ENTERED,
    Reason.ATTRIBUTES_FULL,
    Reason.CONDITIONS,
    Reason.COOLDOWN,
    Reason.CORRELATION_CONFLICT,
    Reason.ERASED,
    Reason.EXIT_EVENT,
    Reason.FINISHED,
    Reason.HISTORICAL,
    Reason.LOOP,
    Reason.MERGED,
    Reason.NO_KEY,
    Reason.NO_MESSAGE,
    Reason.PAUSED,
    Reason.REMEMBERED,
    Reason.STOPPED,
    Reason.TOO_MANY_IDS,
    Reason.TOO_MANY_RUNS,
    Reason.WINDOW_OVER,
)
ACTIVE_RUN = Run(
    "r_1",
    "welcome",
    3,
    "order/8#x",
    "wait",
    NOW,
    RunStatus.ACTIVE,
    None,
    {"hello": 1, "wait": 2},
    EVENT_SNAPSHOT,
    LATER,
    ((0, 1), (2, 0)),
    None,
    "e1",
    (StepVisit(NOW, "hello", Cause.ENTERED), StepVisit(LATER, "wait", Cause.NEXT)),
)
HELD_RUN = Run(
    "r_2",
    "welcome",
    2,
    "7",
    "wait",
    NOW,
    RunStatus.ACTIVE,
    None,
    {"wait": 1},
    None,
    None,
    (),
    PendingTransition(LATER, ADA, "thanks", Cause.EVENT, EVENT_SNAPSHOT),
)
HELD_BY_TIME = replace(
    HELD_RUN, id="r_3", key="", pending_transition=PendingTransition(NOW, DEVICE, "thanks", Cause.TIMEOUT), last_event_uuid="e9"
)
LARGE_RUN = Run(
    "r_4",
    "other",
    1,
    "k" * 300,
    "rest",
    NOW,
    RunStatus.ACTIVE,
    None,
    {"rest": 1},
    {**EVENT_SNAPSHOT, "payload": {"text": "long text " * 200}},
    LATER,
    (),
    None,
    "e1",
    (*(StepVisit(NOW, "rest", each) for each in CAUSES), *(StepVisit(LATER, "rest", each) for each in REASONS)),
)
SHORT_RUN = Run("r_5", "short", 1, "", "hello", NOW)
EXITED_RUN = Run(
    "r_6", "gone", 1, "", "hello", NOW, RunStatus.EXITED, Reason.EXIT_EVENT, history=(StepVisit(NOW, "hello", Reason.EXIT_EVENT),)
)
PAST_RUN = Run("r_7", "gone", 1, "", "bye", NOW - timedelta(days=1), RunStatus.EXITED, Reason.FINISHED, last_event_uuid="e0")
EFFECTS = (SendMessage("msg_1"), ArmTimer(TIMER), DisarmTimer("t_1"))
STORED_RUNS = (
    ("c_ada", CustomerRuns(VersionRow(1, EFFECTS), (ACTIVE_RUN, HELD_RUN, HELD_BY_TIME, LARGE_RUN, SHORT_RUN, EXITED_RUN)), (PAST_RUN,)),
    ("c_send", CustomerRuns(VersionRow(1, (SendMessage("msg_1"),)), ()), ()),
    ("c_arm", CustomerRuns(VersionRow(1, (ArmTimer(replace(TIMER, lookup_id=DEVICE, rearm_count=0)),)), ()), ()),
    ("c_disarm", CustomerRuns(VersionRow(1, (DisarmTimer("t_1"),)), ()), ()),
    ("c_none", CustomerRuns(VersionRow(1), ()), ()),
)

REPORTED_RUN = replace(
    SHORT_RUN,
    id="r_8",
    step="wait",
    visits={"hello": 1, "wait": 1},
    history=(StepVisit(NOW, "hello", Cause.ENTERED), StepVisit(LATER, "wait", Cause.REPORT, "opens")),
    pending_transition=PendingTransition(LATER, ADA, "thanks", Cause.REPORT, EVENT_SNAPSHOT, "clicks"),
    known_messages=(KnownMessage("hello", ("failed", "opened", "clicked"), ("https://example.com/cart",)),),
)
REPORTED_RUNS = (("c_ada", CustomerRuns(VersionRow(1), (REPORTED_RUN,)), ()),)

# Events, receipts, pages of the log, rejected events.
TRIGGER = Event("e1", "signed_up", Kind.TRIGGER, DEVICE, "mobile", {"total": Decimal("10.50"), "note": "Zo\u00eb"}, NOW, {})
IDENTIFY = Event(
    "e2", "$identify", Kind.IDENTIFY, DEVICE, "custom", {"distinct_id": "Ada@Example.com"}, NOW, FACTS, Identification(ADA, STRANGER)
)
SHORT_IDENTIFY = replace(IDENTIFY, uuid="e3", facts={}, identification=Identification(ADA, None))
SET = Event("e4", "$set", Kind.SET, ADA, "custom", {"plan": "pro"}, LATER, {"a:plan": FACTS["a:plan"]})
REPORT = Event("e5", "$opened", Kind.REPORT, ADA, "message", {"messageId": "msg_1"}, LATER, {})
LARGE_EVENT = replace(TRIGGER, uuid="e6", payload={"text": "long text " * 200})
PAGES = (
    Page("w1", "c_ada", NOW, "s1", (TRIGGER, IDENTIFY, SHORT_IDENTIFY)),
    Page("w1", "c_ada", LATER, "s2", (SET, REPORT)),
    Page("w1", "c_large", LATER, "s3", (LARGE_EVENT,)),
)
RECEIPTS = (
    Receipt(
        "e1",
        "signed_up",
        NOW,
        "c_ada",
        (
            JourneyOutcome("a", "entered", None, "r_1"),
            JourneyOutcome("b", "advanced", None, "r_2"),
            JourneyOutcome("c", "exited", Reason.EXIT_EVENT, "r_6"),
        ),
        ("msg_1", "msg_2"),
    ),
    Receipt("e2", "page_view", NOW, "c_ada", (), (), Reason.HISTORICAL),
    Receipt("u" * 300, "page_view", LATER, "c_ada", tuple(JourneyOutcome("welcome", "ignored", each) for each in REASONS)),
    Receipt("Zo\u00eb#1", "page_view", LATER, "c_ada"),
)
REJECTED = (
    RejectedEvent(0, {"event": "x", "payload": {"total": Decimal("10.50")}}, Rejected("missing-event", "It is missing.", "/batch/0")),
    RejectedEvent(17, "no object", Rejected("not-an-object", "An event is an object.", "/batch/17")),
    RejectedEvent(18, {"text": "x" * 400_000}, Rejected("event-too-large", "It is too large.", "/batch/18")),
)

# Messages.
MESSAGE = Message("msg_1", "w1", "welcome", 3, "r_1", "hello", "email", "c_ada", ADA, EVENT_SNAPSHOT, NOW, LATER)
FULL_MESSAGE = Message(
    "msg_2",
    "w1",
    "welcome",
    3,
    "r_1",
    "hello",
    "webhook",
    "c_ada",
    DEVICE,
    {**EVENT_SNAPSHOT, "payload": {"text": "long text " * 200}},
    LATER,
    LATER,
    "resend",
    2,
    True,
    MessageStatus.SENDING,
    MessageReason.NO_ANSWER,
    "https://example.com/hook",
    (
        Attempt(NOW, "refused", "HTTP 503"),
        Attempt(NOW, "unknown", "no complete answer"),
        Attempt(NOW, "failed", "HTTP 400"),
        Attempt(NOW, "gone", "HTTP 410"),
        Attempt(NOW, "skipped", "suppressed"),
        Attempt(LATER, "sent", "Zo\u00eb"),
    ),
    "token-1",
    LATER,
    6,
    True,
)
OUTCOMES = (
    (MessageStatus.PENDING, None),
    (MessageStatus.SENT, None),
    (MessageStatus.DELIVERED, None),
    (MessageStatus.OPENED, None),
    (MessageStatus.CLICKED, None),
    (MessageStatus.FAILED, MessageReason.REJECTED),
    (MessageStatus.FAILED, MessageReason.GAVE_UP),
    (MessageStatus.FAILED, MessageReason.ENDPOINT_GONE),
    (MessageStatus.UNKNOWN, MessageReason.NO_ANSWER),
    (MessageStatus.SKIPPED, MessageReason.NO_ADDRESS),
    (MessageStatus.SKIPPED, MessageReason.NO_SENDER),
    (MessageStatus.SKIPPED, MessageReason.QUIET_HOURS),
    (MessageStatus.SKIPPED, MessageReason.STOPPED),
    (MessageStatus.SKIPPED, MessageReason.SUPPRESSED),
    (MessageStatus.SKIPPED, MessageReason.TEMPLATE),
    (MessageStatus.SKIPPED, MessageReason.ERASED),
)
MESSAGES = (
    MESSAGE,
    FULL_MESSAGE,
    *(replace(MESSAGE, id=f"msg_{n}", status=status, reason=reason) for n, (status, reason) in enumerate(OUTCOMES, start=10)),
)
LISTENED_MESSAGE = replace(MESSAGE, id="msg_40", status=MessageStatus.BOUNCED, listened=True)
REPORTED_MESSAGE = replace(
    MESSAGE, id="msg_41", status=MessageStatus.BOUNCED, is_to_other=True, report_detail="Permanent; smtp; 550 5.1.1 user unknown"
)
EMAIL = PreparedMessage(
    "ada@example.com", {"from": "us@example.com", "to": "Ada <ada@example.com>", "subject": "Hi Zo\u00eb", "text": "Hello"}
)
REQUEST = PreparedMessage(
    "https://example.com/hook", {"url": "https://example.com/hook?x=1", "method": "POST", "headers": {}, "body": '{"a":1.50}'}
)
RENDERED = ((MESSAGE, EMAIL), (FULL_MESSAGE, REQUEST))

# Journeys.
LIFECYCLES = (
    Lifecycle("welcome", "Welcome", NOW, LATER, 1, 1, "published", 2),
    Lifecycle("every-step", "", NOW, LATER, 2, None, "draft", 1),
    Lifecycle("paused-one", "Paused", NOW, LATER, 12, 11, "paused", 1),
    Lifecycle("stopped-one", "Stopped", NOW, LATER, 3, 3, "stopped", 1),
)
ACTIVE = ActiveJourneys(1, (ActiveVersion("welcome", 1, "published", ("bought", "left")), ActiveVersion("paused-one", 11, "paused")))

# Keys, workspaces, dead letters.
KEYS = (
    Key("k_1", "w1", "a" * 64, "wp_abcde", "admin", frozenset({"events", "admin"}), NOW, LATER, "2026-11-23"),
    Key("k_2", "w1", "b" * 64, "wp_fghij", "", frozenset({"events"}), LATER),
)
SCHEMA = Schema(
    primary_key=PrimaryKey(name="email", type="Email"), attributes={"plan": "String", "seen": "DateTime"}, timezone="Europe/Berlin"
)
SUPPRESSED = (("email", " Ada@Example.com "), ("webhook", "https://example.com/Hook"))

SETTINGS = WorkspaceSettings(senders=("News@Example.com", "@m\u00fcnchen.example"))

# Signals.
ARRIVED = EventsArrived("w1", "c_ada", ADA, True, NOW, False, (TRIGGER, IDENTIFY, SHORT_IDENTIFY, SET, REPORT))
ANONYMOUS_ARRIVED = EventsArrived("w1", "c_stranger", None, False, LATER, True, (TRIGGER,))
LARGE_ARRIVED = replace(ARRIVED, events=tuple(replace(LARGE_EVENT, uuid=f"e{n}") for n in range(40)))
SIGNALS: tuple[Signal, ...] = (
    ARRIVED,
    ANONYMOUS_ARRIVED,
    LARGE_ARRIVED,
    MessageSettled("w1", "c_ada", ADA, "r_1", "hello", 2, "msg_1", MessageStatus.DELIVERED),
    TimerDue(TIMER),
    JourneyResumed("w1", "welcome", 7),
    JourneyResumed("w1", "welcome", 7, 1, "messages", "held#2026-11-23T05:17:13.001Z#r_1!"),
    CustomerReleased("w1", "c_ada", ADA, "welcome", 7, 1),
    ErasureContinued("w1", "c_ada", 3),
    LinkUsed("w1", "c_ada", "email", "f0e1d2", (), ("news",), False, NOW),
    LinkUsed("w1", "", "sms", "f0e1d2", ("offers",), ("*",), True, LATER),
)
REPORTED = MessageReported("w1", "c_ada", ADA, "r_1", "hello", 2, "msg_1", "clicked", "https://example.com/Zo\u00eb?x=1", NOW)
PARKED = (
    Parked("w1", "signal", "s1", '{"kind":"released","workspace":"w1","customer":"c_ada"}', "ValueError", NOW),
    Parked("w1", "signal", "r-1", "unreadable \ud800", "unreadable", LATER),
    Parked("w1", "message", "msg_1", '{"workspace":"w1","message":"msg_1"}', "poison", LATER),
    Parked("unknown", "signal", "r-2", "no JSON", "unreadable", NOW),
)
