"""A channel is one class of message steps, one adapter and one line of the wiring: nothing else knows channels by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast, get_args

import pytest

from tests.fakes.journey_harness import CUSTOMER, END, entered
from tests.fakes.journeys import journey, message
from tests.fakes.messages import NOW, pending_message
from waypost.domain.journeys import message_steps
from waypost.domain.journeys.checks.publish_checks import findings
from waypost.domain.journeys.definition import Definition
from waypost.domain.journeys.diagram import mermaid
from waypost.domain.journeys.message_steps import CHANNELS, AnyMessage, MessageStep, step_class
from waypost.domain.messages import delivery
from waypost.domain.messages.message import MessageStatus, ProviderResponse
from waypost.domain.messages.template_scope import message_step, template_of
from waypost.domain.runs.context import NO_EVENT, JourneyVersion, StepContext
from waypost.domain.runs.transition import advance_on_message
from waypost.domain.values.channel_names import CHANNEL_NAMES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core" / "waypost"
STEP_CLASSES = PACKAGE / "domain" / "journeys" / "message_steps.py"
CHANNEL_LIST = PACKAGE / "domain" / "values" / "channel_names.py"
NAMES_FOR_PEOPLE = PACKAGE / "manage" / "link_texts.py"
MAY_NAME_CHANNELS = {STEP_CLASSES, CHANNEL_LIST, NAMES_FOR_PEOPLE, PACKAGE / "wiring.py", *(PACKAGE / "adapters").glob("*.py")}
SOURCES = sorted({*PACKAGE.rglob("*.py"), *(ROOT / "functions").glob("*/*.py")} - {*(ROOT / "functions" / "local").glob("*.py")})


class PagerTemplate(Definition):
    """The template of a channel that does not exist."""

    address: str


class PagerMessage(MessageStep):
    """A message on a channel that does not exist."""

    channel: Literal["pager"]
    template: PagerTemplate
    recognizes_repeats = True
    url_field = "address"


@pytest.fixture
def pager(monkeypatch: pytest.MonkeyPatch) -> PagerMessage:
    """A step of a channel of which only the class of its steps exists."""
    monkeypatch.setitem(cast("dict[str, type[MessageStep]]", message_steps.CHANNELS), "pager", PagerMessage)
    fields = {"type": "message", "channel": "pager", "template": {"address": "http://10.0.0.1/"}, "onFailure": "end", "next": "end"}
    return PagerMessage.model_validate({"id": "page", **fields})


def named_channels(path: Path) -> Iterator[str]:
    """The channels, and the classes of their steps, that a module names in its code."""
    names = {each.__name__ for each in CHANNELS.values()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) if name in names:
                yield name
            case ast.Constant(value=str(text)) if text in CHANNELS:
                yield text
            case _:
                pass


def test_no_other_module_names_a_channel() -> None:
    """Only the classes of message steps, the adapters of providers and the wiring name a channel, so a new one touches nothing else."""
    paths = [each for each in SOURCES if each not in MAY_NAME_CHANNELS]
    assert [f"{path.relative_to(ROOT)}: {name}" for path in paths for name in named_channels(path)] == []


def test_the_check_finds_the_names_of_channels() -> None:
    """The check above finds the names of channels where they are: in the module of the classes and in the wiring."""
    assert {*named_channels(STEP_CLASSES)} == {*CHANNELS, *(each.__name__ for each in CHANNELS.values())}
    assert {*named_channels(PACKAGE / "wiring.py")} == {*CHANNELS}


def test_every_channel_of_a_definition_has_its_class() -> None:
    """The union of message steps and the table of channels have the same classes, each under the name that a definition gives."""
    members = [get_args(member)[0] for member in get_args(get_args(AnyMessage)[0])]
    assert {*CHANNELS.values()} == {*members}
    assert [get_args(each.model_fields["channel"].annotation) for each in CHANNELS.values()] == [(name,) for name in CHANNELS]


def test_the_intake_knows_the_names_of_all_channels() -> None:
    """The list of names, by which the intake checks the channel of a consent, has exactly the channels of message steps."""
    assert {*CHANNELS} == CHANNEL_NAMES


def test_a_run_sends_a_message_of_a_new_channel(pager: PagerMessage) -> None:
    """A run creates the message of a new channel, waits for its outcome and goes on: nothing but the class of the step was added."""
    draft = journey("pages", steps=[message("first", "end"), END])
    pages = draft.model_copy(update={"steps": (pager, draft.steps[1])})
    start = entered(pages)
    [created] = start.messages
    assert (created.channel, created.awaited, start.run.step) == ("pager", True, "page")
    context = StepContext(CUSTOMER, NO_EVENT, NOW, "UTC")
    settled = advance_on_message(JourneyVersion(pages, 3), start.run, "page", 1, MessageStatus.SENT, context)
    assert settled is not None
    assert not settled.run.active
    assert template_of(message_step(pages, "page")) == {"address": "http://10.0.0.1/"}
    assert "pager" in mermaid(pages)


def test_delivery_follows_the_class_of_the_channel(pager: PagerMessage) -> None:
    """A message of a channel whose receivers recognize a repeat is tried again after an unknown outcome, as its class says."""
    claimed = delivery.with_claim(pending_message(channel=pager.channel), NOW, "t1", "x")
    unknown = ProviderResponse("unknown", "no answer")
    assert delivery.after_response(claimed, unknown, NOW).status is MessageStatus.PENDING
    assert delivery.after_response(replace(claimed, channel="no-channel"), unknown, NOW).status is MessageStatus.UNKNOWN


def test_publishing_checks_the_url_of_a_new_channel(pager: PagerMessage) -> None:
    """The field that the class of a channel names as a URL is checked at publish."""
    raw = {"id": "pages", "entry": {"event": "go"}, "steps": [pager.model_dump(by_alias=True), END]}
    found = findings(raw, lambda _: None, lambda _: "this address is not allowed")
    assert [(each.code, each.pointer) for each in found] == [("address-not-allowed", "/steps/0/template/address")]


def test_a_channel_that_does_not_exist_has_the_defaults() -> None:
    """A row or a draft may name a channel that this version does not know: a repeat may reach the customer, and no field is a URL."""
    assert step_class("no-channel") is step_class(None) is MessageStep
    assert (MessageStep.recognizes_repeats, MessageStep.url_field) == (False, None)
    assert MessageStep.comparable_address(" Ada@Example.com ") == "Ada@Example.com"
