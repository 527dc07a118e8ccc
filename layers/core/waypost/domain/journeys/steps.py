"""The step types of a journey: data only, what they do is the transition's (contract 3.1 and 4)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StrictBool, StrictInt, Tag, TypeAdapter, field_validator, model_validator
from pydantic_core import PydanticCustomError

from waypost.domain.journeys.conditions import Condition
from waypost.domain.journeys.definition import Definition, Step, StepId, tagged_by
from waypost.domain.journeys.waits import TimeDelay, TimeWindow, WaitUntil

Template = Annotated[str, Field(description="A Liquid template; it sees customer, event, journey, step and message.id.")]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]

TYPES: Final = frozenset({"message", "timeDelay", "timeWindow", "waitUntil", "multisplit", "experiment", "jumpTo", "exit"})
RESERVED_HEADERS: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})


class EmailTemplate(Definition):
    """What an e-mail says; at least a text or an HTML part."""

    sender: Template | None = Field(default=None, alias="from", description="Liquid; without it the stack's sender address.")
    to: Template | None = Field(default=None, description="Liquid; without it the customer's e-mail address.")
    subject: Template = Field(min_length=1)
    text: Template | None = None
    html: Template | None = None

    @model_validator(mode="after")
    def _has_a_part(self) -> EmailTemplate:
        if not (self.text or self.html):
            raise PydanticCustomError("empty-template", "an e-mail has a text, an html part, or both")
        return self


class WebhookTemplate(Definition):
    """The request that a webhook makes; all texts in it, inside `json` too, are Liquid."""

    url: Template = Field(min_length=1, max_length=2048)
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    headers: dict[HeaderName, Template] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json", description="The body as JSON whose texts are templates.")
    body: Template | None = Field(default=None, description="The body as one template; exclusive with `json`.")

    @model_validator(mode="after")
    def _has_one_body(self) -> WebhookTemplate:
        if self.json_ is not None and self.body is not None:
            raise PydanticCustomError("two-bodies", "a webhook has a json or a body, not both")
        return self

    @model_validator(mode="after")
    def _leaves_our_headers(self) -> WebhookTemplate:
        ours = sorted(name for name in self.headers if name.lower() in RESERVED_HEADERS or name.lower().startswith("webhook-"))
        if ours:
            raise PydanticCustomError("reserved-header", "{names}: set by Waypost alone", {"names": ", ".join(ours)})
        return self


class Message(Step):
    """Sends a message; the run goes on when it is owed or, with `onFailure`, when its outcome is known."""

    type: Literal["message"]
    strict: StrictBool = Field(default=False, description="A value that a template misses skips the message (reason `template`).")
    on_unknown: Literal["hold", "resend"] = Field(
        default="hold", description="After a crash between the provider's call and the record of it."
    )
    on_failure: StepId | None = Field(default=None, description="Where the run goes when the message fails.")
    next: StepId


class EmailMessage(Message):
    """A message by e-mail."""

    channel: Literal["email"]
    template: EmailTemplate


class WebhookMessage(Message):
    """A message by a signed HTTPS request."""

    channel: Literal["webhook"]
    template: WebhookTemplate


AnyMessage = Annotated[
    Annotated[EmailMessage, Tag("<email>")] | Annotated[WebhookMessage, Tag("<webhook>")],
    Discriminator(
        tagged_by("channel", frozenset({"email", "webhook"})),
        custom_error_type="unknown-channel",
        custom_error_message="a message's channel is email or webhook",
    ),
]


class SplitBranch(Definition):
    """One way out of a multisplit."""

    conditions: Condition
    next: StepId


class Multisplit(Step):
    """Sends a run along the first branch whose conditions hold, else along `otherwise`."""

    type: Literal["multisplit"]
    branches: tuple[SplitBranch, ...] = Field(min_length=1)
    otherwise: StepId


class ExperimentBranch(Definition):
    """One way out of an experiment, and the share of customers that takes it in percent."""

    id: StepId
    weight: StrictInt = Field(ge=1, le=100)
    next: StepId


class Experiment(Step):
    """Sends each customer along one branch, by a hash of journey, step and customer: always the same one."""

    type: Literal["experiment"]
    branches: tuple[ExperimentBranch, ...] = Field(min_length=1)

    @field_validator("branches")
    @classmethod
    def _adds_up(cls, branches: tuple[ExperimentBranch, ...]) -> tuple[ExperimentBranch, ...]:
        total = sum(branch.weight for branch in branches)
        if total != 100:
            raise PydanticCustomError("bad-weights", "weights add up to 100, these to {total}", {"total": total})
        return branches


class JumpTo(Step):
    """Goes on with another step."""

    type: Literal["jumpTo"]
    next: StepId


class Exit(Step):
    """Ends the run."""

    type: Literal["exit"]


AnyStep = Annotated[
    Annotated[AnyMessage, Tag("<message>")]
    | Annotated[TimeDelay, Tag("<timeDelay>")]
    | Annotated[TimeWindow, Tag("<timeWindow>")]
    | Annotated[WaitUntil, Tag("<waitUntil>")]
    | Annotated[Multisplit, Tag("<multisplit>")]
    | Annotated[Experiment, Tag("<experiment>")]
    | Annotated[JumpTo, Tag("<jumpTo>")]
    | Annotated[Exit, Tag("<exit>")],
    Discriminator(
        tagged_by("type", TYPES),
        custom_error_type="unknown-step-type",
        custom_error_message="a step's type is message, timeDelay, timeWindow, waitUntil, multisplit, experiment, jumpTo or exit",
    ),
]
STEP: Final[TypeAdapter[AnyStep]] = TypeAdapter(AnyStep)
